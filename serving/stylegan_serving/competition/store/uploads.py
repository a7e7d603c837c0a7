"""Files on their way in; the bytes themselves lie in the storage."""

import time

from stylegan_serving.competition import records, tables
from stylegan_serving.competition.store import database, errors

_uploads = tables.uploads


class Uploads:
    """The part of `Submissions` that resumable uploads use."""

    def __init__(self, base):
        self._base = base

    def add_upload(self, contest_id, user_id, filename, size_bytes, sha256, expires_at, *, now=None):
        """Begins an upload and returns its `records.Upload`."""
        upload = records.Upload(records.new_id(), contest_id, user_id, filename, size_bytes, sha256, 0,
                                time.time() if now is None else now, expires_at)
        with self._base.write() as connection:
            connection.execute(_uploads.insert().values(**database.to_values(upload)))
        return upload

    def upload(self, upload_id):
        """The upload of an id; NotFound."""
        with self._base.read() as connection:
            return database.one(connection, records.Upload, _uploads.select().where(_uploads.c.id == upload_id))

    def uploads_of(self, user_id):
        """A user's unfinished uploads, oldest first: list."""
        with self._base.read() as connection:
            return database.to_records(records.Upload, connection.execute(
                _uploads.select().where(_uploads.c.user_id == user_id).order_by(_uploads.c.created_at)))

    def advance_upload(self, upload_id, offset, n):
        """Notes that `n` bytes arrived at `offset` and returns the upload.

        Raises:
            NotFound: There is no such upload.
            Conflict: `offset` is not where the upload stands ('offset'), or there is more than was announced ('size').
        """
        with self._base.write() as connection:
            chosen = _uploads.select().where(_uploads.c.id == upload_id)
            upload = database.one(connection, records.Upload, chosen.with_for_update())
            if offset != upload.received_bytes:
                raise errors.Conflict(f'Expected bytes from offset {upload.received_bytes} on. Received offset '
                                      f'{offset}.', 'offset')
            if offset + n > upload.size_bytes:
                raise errors.Conflict(f'Expected {upload.size_bytes} bytes in all. Received {offset + n}.', 'size')
            connection.execute(_uploads.update().where(_uploads.c.id == upload_id).values(received_bytes=offset + n))
            return database.one(connection, records.Upload, chosen)

    def delete_upload(self, upload_id):
        """Forgets an upload, if there is one."""
        with self._base.write() as connection:
            connection.execute(_uploads.delete().where(_uploads.c.id == upload_id))

    def expired_uploads(self, now):
        """Uploads whose time is over, whose files can be deleted: list."""
        with self._base.read() as connection:
            return database.to_records(records.Upload, connection.execute(
                _uploads.select().where(_uploads.c.expires_at <= now).order_by(_uploads.c.expires_at)))
