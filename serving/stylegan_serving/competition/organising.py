"""What organisers do with whole contests: make one of a bundle, change it, copy it. Web and commands call these."""

import dataclasses

from stylegan_serving.competition import bundle as bundles
from stylegan_serving.competition import bundle_reader, bundle_yaml, records, rules
from stylegan_serving.competition.bundle_files import BundleError
from stylegan_serving.competition.store import Conflict


def create(store, storage, files, owner_id, *, slug=None, describe=None, now=None):
    """Makes a draft of a bundle and keeps its files.

    Args:
        files: Of `bundle_files.open_files`.
        owner_id: Who organises it.
        slug: Instead of the bundle's own.
        describe: As in `bundle_reader.read`.
    Returns:
        `records.Contest`.
    Raises:
        BundleError: The bundle has problems.
        Conflict: The slug is taken ('slug').
    """
    bundle = bundle_reader.read(files, describe)
    if slug:
        bundle = dataclasses.replace(bundle, slug=checked_slug(slug))
    return _add(store, storage, files, bundle, owner_id, now)


def edit(store, storage, contest, files, *, describe=None):
    """Replaces the bundle of a contest by another one; what is scored already must keep its meaning.

    Returns:
        The changed `records.Contest`.
    Raises:
        BundleError: The bundle has problems, or changes what submissions were scored by.
    """
    bundle = dataclasses.replace(bundle_reader.read(files, describe), slug=contest.slug)
    digest = bundle_reader.hash_of(bundle, files)
    has_submissions = bool(store.submissions.list(contest.id, limit=1))
    problems = rules.edit_problems(contest.bundle, dataclasses.asdict(bundle), has_submissions)
    if has_submissions and not problems and bundle_reader.pictures_hash(bundle, files) != bundle_reader.pictures_hash(
            bundles.from_dict(contest.bundle), StoredFiles(storage, contest.bundle_files)):
        problems.append('pictures: a content or style picture differs from the one that submissions were scored with.')
    if problems:
        raise BundleError(problems)
    # A worker may be reading; what it reads does not change once there are submissions.
    place = contest.bundle_files if has_submissions else f'contests/{contest.id}/bundle-{records.new_id()}'
    _keep(storage, place, files, bundle)
    changed = store.contests.update(contest.id, title=bundle.title, bundle=dataclasses.asdict(bundle),
                                    bundle_files=place, bundle_hash=digest)
    if place != contest.bundle_files:
        storage.delete_all(contest.bundle_files)
    return changed


def clone(store, storage, contest, slug, owner_id, *, title=None, now=None):
    """Makes a draft of a contest's bundle under another slug, without its teams and submissions.

    Raises:
        Conflict: The slug is taken ('slug').
    """
    files = StoredFiles(storage, contest.bundle_files)
    bundle = dataclasses.replace(bundles.from_dict(contest.bundle), slug=checked_slug(slug),
                                 title=title or contest.title)
    return _add(store, storage, files, bundle, owner_id, now)


def checked_slug(slug):
    """The slug, where it is one; BundleError."""
    if not bundle_reader.SLUG.fullmatch(slug) or len(slug) > 60:
        raise BundleError([f'slug: expected lower-case letters, digits and single hyphens, 60 at most. Received: '
                           f'{slug!r}.'])
    return slug


class StoredFiles:
    """The files of a bundle in the storage, as `bundle_files.open_files` gives those of a folder."""

    def __init__(self, storage, place):
        self._storage, self._place = storage, place

    def names(self):
        """Relative paths of all files, sorted: list of str."""
        return [key[len(self._place) + 1:] for key in self._storage.list(self._place)]

    def read(self, name, most_bytes=None):
        """The bytes of a file; FileNotFoundError."""
        return self._storage.read(f'{self._place}/{name}', end=most_bytes)


def _add(store, storage, files, bundle, owner_id, now):
    if any(contest.slug == bundle.slug for contest in store.contests.list(viewer='*')):
        raise Conflict(f'There is a contest {bundle.slug!r}. Choose another slug.', 'slug')
    contest_id = records.new_id()
    place = f'contests/{contest_id}/bundle'
    try:
        _keep(storage, place, files, bundle)
        return store.contests.add(
            bundle.slug, bundle.title, owner_id, dataclasses.asdict(bundle), bundle_files=place,
            bundle_hash=bundle_reader.hash_of(bundle, files), contest_id=contest_id, now=now)
    except BaseException:
        storage.delete_all(place)
        raise


def _keep(storage, place, files, bundle):
    for name in bundle_reader.pictures(bundle):
        storage.write(f'{place}/{name}', files.read(name))
    # Written anew, so that what an export, a clone or an import gives is a bundle again.
    for name, text in bundle_yaml.files_of(bundle).items():
        storage.write(f'{place}/{name}', text.encode())
