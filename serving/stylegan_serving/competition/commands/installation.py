"""The installation that a command works on: its flags, its settings, its store and storage."""

import contextlib

from absl import flags

from stylegan_tf import commands

# The flags belong to the command that asks for them, whose help shows them.
flags.disclaim_key_flags()


def define_flags():
    """Defines --data, --database_url and --storage_url for the calling command."""
    flags.DEFINE_string('data', 'competition_data', 'Folder of the installation: database, files, secret.')
    flags.DEFINE_string('database_url', None, 'sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; default: a file '
                        'in --data. Also STYLEGAN_COMPETITION_DATABASE_URL, which shows no password to others.')
    flags.DEFINE_string('storage_url', None, 'Folder, or URL such as s3://bucket/prefix, of the files; default: a '
                        'folder in --data. Also STYLEGAN_COMPETITION_STORAGE_URL.')


def load_settings(**given):
    """The settings that flags and environment give; `settings.SettingsError`."""
    from stylegan_serving.competition import settings
    values = flags.FLAGS
    return settings.load(values.data, database_url=values.database_url, storage_url=values.storage_url, **given)


@contextlib.contextmanager
def opened(tables='upgrade', **given):
    """(store, storage, settings) of the installation; closed at the end.

    Args:
        tables: 'upgrade' brings them up to date, 'check' asks for those of this version, 'any' takes older ones.
        **given: Settings from the command's own flags; None counts as not said.
    """
    from stylegan_serving.competition import storage as storages
    from stylegan_serving.competition import store as stores
    settings = load_settings(**given)
    try:
        engine = stores.make_engine(settings.database_url)
    except ValueError as error:
        raise commands.UsageError(str(error)) from error
    try:
        if tables != 'any':
            (stores.upgrade if tables == 'upgrade' else stores.check_schema)(engine)
        yield stores.Store(engine), storages.Storage(settings.storage_url), settings
    finally:
        engine.dispose()


def require_sandbox(settings):
    """Makes sure that models can be run safely here where the settings ask for it; UsageError."""
    from stylegan_serving.competition import sandbox
    if settings.models == 'on':
        try:
            sandbox.check()
        except sandbox.SandboxUnavailable as error:
            raise commands.UsageError(str(error)) from error


def contest_of(store, slug):
    """The contest of --contest; UsageError that lists what there is."""
    from stylegan_serving.competition.store import NotFound
    try:
        return store.contests.by_slug(slug or '')
    except NotFound:
        known = ', '.join(contest.slug for contest in store.contests.list(viewer='*')) or 'none'
        said = f'There is no contest {slug!r}.' if slug else 'Expected --contest=SLUG.'
        raise commands.UsageError(f'{said} Contests: {known}.') from None


def user_of(store, name):
    """The user of --owner, or the only administrator there is; UsageError."""
    from stylegan_serving.competition.store import NotFound
    if name:
        try:
            return store.accounts.user_by_name(name)
        except NotFound:
            raise commands.UsageError(f'There is no account {name!r}. Make it: account --name={name}') from None
    admins = [user for user in store.accounts.users(limit=10_000) if user.role == 'admin' and not user.is_disabled]
    if len(admins) == 1:
        return admins[0]
    if not admins:
        raise commands.UsageError('There is no account yet that the contest could belong to. Make one first: account '
                                  '--name=NAME --role=admin')
    raise commands.UsageError(f'Say whose contest it is: --owner=NAME. Administrators: '
                              f'{", ".join(user.name for user in admins)}.')


def errors():
    """Exceptions whose message is for the user."""
    import sqlalchemy as sa

    from stylegan_serving.competition import settings, storage, store
    from stylegan_serving.competition.store import schema
    return settings.SettingsError, storage.StorageError, store.StoreError, schema.SchemaError, sa.exc.OperationalError
