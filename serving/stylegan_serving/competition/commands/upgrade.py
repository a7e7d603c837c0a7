"""Brings the database to this version's tables; `serve` and `worker` do so too when they start.

    python -m stylegan_serving.competition upgrade [--dry_run]

Make a `backup` first. Exit codes: 0 done; 2 bad usage, or a database of a newer version.
"""

from absl import flags

from stylegan_serving.competition.commands import installation

installation.define_flags()
_DRY_RUN = flags.DEFINE_bool('dry_run', False, 'Only say what would be done.')


def main():
    """Reads the flags and upgrades."""
    from stylegan_serving.competition import store as stores
    from stylegan_serving.competition.store import schema
    engine = stores.make_engine(installation.load_settings().database_url)
    try:
        if _DRY_RUN.value:
            with engine.connect() as connection:
                print(f'The database has schema {schema.current(connection) or "none"}, this version '
                      f'{schema.newest()}.')
            return
        before, after = stores.upgrade(engine)
    finally:
        engine.dispose()
    print(f'The tables are up to date: {after}.' if before == after else f'Upgraded from {before or "nothing"} to '
                                                                         f'{after}.')


errors = installation.errors
