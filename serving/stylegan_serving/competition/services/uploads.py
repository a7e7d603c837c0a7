"""Uploads that can be resumed: announced with size and SHA-256, sent in parts, put together when they are submitted.

Each part is an object of its own below uploads/ID/, so that storage which cannot append (S3 and the like) serves, too.
"""

import hashlib
import re

from stylegan_serving.competition.services import errors, permissions

_SHA256 = re.compile(r'[0-9a-f]{64}')


def begin(scene, *, filename, size_bytes, sha256):
    """Announces a file.

    Args:
        scene: `Scene` of a participant.
        filename: Its name, such as results.zip; the ending says what kind of archive it is.
        size_bytes: Its size.
        sha256: Its SHA-256, 64 hexadecimal characters; checked when everything is there.
    Returns:
        `records.Upload`.
    Raises:
        Invalid: A part is not as described.
        TooLarge: The contest takes no file of this size.
        NotNow: Too many unfinished uploads, or the contest is not open.
    """
    permissions.require_team(scene)
    platform = scene.platform
    if scene.contest.state != 'open':
        raise errors.NotNow('This contest is not open.')
    filename = re.sub(r'[^\w.\- ]', '_', str(filename or '').replace('\\', '/').rsplit('/', 1)[-1])[-120:].strip('. ')
    if not filename.lower().endswith(('.zip', '.tar.gz', '.tgz')):
        raise errors.Invalid(f'Expected a file that ends in .zip, .tar.gz or .tgz. Received: {filename!r}.', 'filename')
    sha256 = str(sha256 or '').lower()
    if not _SHA256.fullmatch(sha256):
        raise errors.Invalid('Expected the SHA-256 of the file as 64 hexadecimal characters.', 'sha256')
    limit = maximum_bytes(scene.contest)
    if not isinstance(size_bytes, int) or size_bytes < 1:
        raise errors.Invalid(f'Expected the size of the file in bytes. Received: {size_bytes!r}.', 'size_bytes')
    if size_bytes > limit:
        raise errors.TooLarge(f'Expected at most {limit:,} bytes in this contest. Received: {size_bytes:,}.')
    if len(platform.store.submissions.uploads_of(scene.caller.user_id)) >= platform.settings.unfinished_uploads:
        raise errors.NotNow(f'Expected at most {platform.settings.unfinished_uploads} unfinished uploads. Submit or '
                            'delete one first.')
    now = platform.now()
    return platform.store.submissions.add_upload(
        scene.contest.id, scene.caller.user_id, filename, size_bytes, sha256,
        now + platform.settings.upload_seconds, now=now)


def state(scene):
    """The scene's upload, for who began it: `records.Upload`."""
    permissions.require_uploader(scene)
    return scene.upload


def receive(scene, *, offset, data, sha256=None):
    """Takes the next part of the scene's upload.

    Args:
        scene: `Scene` of the uploader.
        offset: Where the part begins; must be what has been received so far.
        data: bytes.
        sha256: The SHA-256 of this part, or None.
    Returns:
        `records.Upload` as it is now.
    Raises:
        NotNow: Another offset is next; ask for the upload's state and go on from there.
        ChecksumMismatch: The part does not have this SHA-256.
        TooLarge: The part goes beyond the announced size.
    """
    permissions.require_uploader(scene)
    upload, platform = scene.upload, scene.platform
    if offset != upload.received_bytes:
        raise errors.NotNow(f'Expected Upload-Offset: {upload.received_bytes}. Received: {offset}. Go on from there.')
    if not data:
        raise errors.Invalid('Expected some bytes. Received none.')
    if offset + len(data) > upload.size_bytes:
        raise errors.TooLarge(f'Expected {upload.size_bytes:,} bytes in all, as announced. Received '
                              f'{offset + len(data):,}.')
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise errors.ChecksumMismatch(f'The part at {offset} arrived damaged. Send it again.')
    # Written first: a part that was written and not counted is written again, one counted and not written is lost.
    platform.storage.write(_part_key(upload, offset), data)
    return platform.store.submissions.advance_upload(upload.id, offset, len(data))


def assemble(platform, upload, key):
    """Puts the parts of a complete upload together as one object `key` and checks it.

    Raises:
        NotNow: Parts are missing.
        ChecksumMismatch: The whole does not have the announced SHA-256; the upload is dropped.
    """
    if upload.received_bytes != upload.size_bytes:
        raise errors.NotNow(f'{upload.received_bytes:,} of {upload.size_bytes:,} bytes have arrived. Send the rest '
                            'first.')
    digest, size = hashlib.sha256(), 0
    with platform.storage.writer(key) as file:
        for part in platform.storage.list(_folder(upload)):
            for block in platform.storage.blocks(part):
                digest.update(block)
                size += len(block)
                file.write(block)
    if digest.hexdigest() != upload.sha256 or size != upload.size_bytes:
        platform.storage.delete(key)
        drop(platform, upload)
        raise errors.ChecksumMismatch(f'The file arrived with SHA-256 {digest.hexdigest()}, expected {upload.sha256}. '
                                      'Upload it again.')


def give_up(scene):
    """Drops the scene's upload, by who began it."""
    permissions.require_uploader(scene)
    drop(scene.platform, scene.upload)


def drop(platform, upload):
    """Forgets an upload and its parts."""
    platform.store.submissions.delete_upload(upload.id)
    platform.storage.delete_all(_folder(upload))


def purge_expired(platform):
    """Drops uploads that were never finished in time; returns how many."""
    expired = platform.store.submissions.expired_uploads(platform.now())
    for upload in expired:
        drop(platform, upload)
    return len(expired)


def maximum_bytes(contest):
    """The largest archive that the contest takes."""
    return contest.bundle['maximum_megabytes'] << 20


def _folder(upload):
    return f'uploads/{upload.id}'


def _part_key(upload, offset):
    return f'{_folder(upload)}/{offset:015d}'
