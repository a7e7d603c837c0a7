"""Whole contests as bundles: making one, changing it, copying it, and giving it out again."""

import contextlib
import re

from stylegan_serving.competition import bundle as bundle_module
from stylegan_serving.competition import bundle_export, bundle_files, bundle_yaml, organising, score_log, starter_kit
from stylegan_serving.competition.services import errors, permissions

_TEXT = re.compile(r'competition\.yaml|pairs\.csv|(description|rules)(\.[a-z]{2})?\.md')
_TEXT_BYTES = 1 << 20


def create(platform, caller, *, path, slug=None):
    """Makes a draft of a bundle; for organisers.

    Args:
        platform: `Platform`.
        caller: `Caller`.
        path: The bundle as a zip in a local file.
        slug: Instead of the bundle's own.
    Returns:
        `records.Contest`.
    Raises:
        Invalid: The bundle has problems; `problems` has them with their lines.
        Conflict: The slug is taken.
    """
    permissions.require_creator(caller)
    platform.take('bundles', caller.user_id, 'contests')
    with _telling(), bundle_files.open_files(path) as files:
        contest = organising.create(platform.store, platform.storage, files, caller.user_id, slug=slug or None,
                                    describe=_describe(), now=platform.now())
    platform.audit(caller, 'create_contest', f'contest:{contest.id}', slug=contest.slug)
    return contest


def replace(scene, *, path):
    """Puts another bundle (a zip in a local file) into the place of the contest's; for organisers.

    Returns:
        `records.Contest`.
    Raises:
        Invalid: As `create`; or it changes what submissions were scored by.
    """
    permissions.require_staff(scene)
    with _telling(), bundle_files.open_files(path) as files:
        return _edit(scene, files)


def texts(scene):
    """The text files of the contest's bundle, for organisers: dict of competition.yaml and others -> str."""
    permissions.require_staff(scene)
    return bundle_yaml.files_of(bundle_module.from_dict(scene.contest.bundle))


def change_texts(scene, *, changes):
    """Changes text files of the contest's bundle; for organisers.

    Args:
        scene: `Scene` with a contest.
        changes: dict name -> str: competition.yaml, pairs.csv, description.md, rules.md, also with a language as in
            description.zh.md.
    Returns:
        `records.Contest`.
    Raises:
        Invalid: A name is another, a text is over a MiB; or as `replace`.
    """
    permissions.require_staff(scene)
    for name, text in changes.items():
        if not _TEXT.fullmatch(name) or len(text.encode()) > _TEXT_BYTES:
            raise errors.Invalid('Expected competition.yaml, pairs.csv, description.md and rules.md, of up to a MiB '
                                 f'each. Received: {name[:80]!r}, {len(text):,} characters.', 'files')
    stored = organising.StoredFiles(scene.platform.storage, scene.contest.bundle_files)
    with _telling():
        return _edit(scene, _ChangedFiles(stored, texts(scene) | changes))


def clone(scene, *, slug, title=None):
    """Makes a draft of the contest's bundle under another slug, owned by the caller; for its organisers.

    Raises:
        Invalid: The slug is none.
        Conflict: The slug is taken.
    """
    permissions.require_staff(scene)
    platform = scene.platform
    platform.take('bundles', scene.caller.user_id, 'contests')
    with _telling('slug'):
        contest = organising.clone(platform.store, platform.storage, scene.contest, str(slug), scene.caller.user_id,
                                   title=title or None, now=platform.now())
    platform.audit(scene.caller, 'clone_contest', f'contest:{contest.id}', source=scene.contest.slug)
    return contest


def export(scene, target, *, archives='counting'):
    """Writes the reproduction bundle, private scores with it; for organisers.

    Args:
        scene: `Scene` with a contest.
        target: Path of the zip.
        archives: 'none', 'counting' or 'all': whose archives go along.
    Raises:
        Invalid: `archives` is another word.
        NotNow: The score log does not verify.
    """
    permissions.require_staff(scene)
    if archives not in bundle_export.ARCHIVES:
        raise errors.Invalid(f'Expected one of {", ".join(bundle_export.ARCHIVES)}. Received: {archives!r}.',
                             'archives')
    platform = scene.platform
    platform.take('bundles', scene.caller.user_id, 'exports')
    try:
        bundle_export.write(platform.store, platform.storage, scene.contest, target, archives=archives)
    except score_log.BrokenLog as error:
        raise errors.NotNow(f'The score log does not verify: {error}') from error
    platform.audit(scene.caller, 'export', f'contest:{scene.contest.id}', archives=archives)


def starter_kit_key(scene):
    """The storage key of what participants start with; made when it is first asked for after a change."""
    contest, storage = scene.contest, scene.platform.storage
    key = f'contests/{contest.id}/starter_kit_{contest.bundle_hash[:16] or "none"}.zip'
    if not storage.exists(key):
        with storage.writer(key) as file:
            starter_kit.write(contest.bundle, starter_kit.contest_file_opener(contest, storage), file)
    return key


class _ChangedFiles:
    """The files of a stored bundle, some texts replaced; as `bundle_files.open_files` gives those of a folder."""

    def __init__(self, stored, changes):
        self._stored, self._changes = stored, {name: text.encode() for name, text in changes.items()}

    def names(self):
        return sorted({*self._stored.names(), *self._changes})

    def read(self, name, most_bytes=None):
        if name in self._changes:
            return self._changes[name]
        return self._stored.read(name, most_bytes)


def _edit(scene, files):
    platform = scene.platform
    contest = organising.edit(platform.store, platform.storage, scene.contest, files, describe=_describe())
    platform.audit(scene.caller, 'edit_contest', f'contest:{contest.id}', bundle_hash=contest.bundle_hash)
    return contest


@contextlib.contextmanager
def _telling(field='bundle'):
    try:
        yield
    except bundle_files.BundleError as error:
        refusal = errors.Invalid(str(error), field)
        refusal.problems = error.problems
        raise refusal from None


def _describe():
    # Late, since it brings NumPy along.
    from stylegan_tf import evaluator

    return evaluator.describe
