"""An older database opens as this version's, with all that was in it."""

import concurrent.futures
import pathlib
import sqlite3

import alembic.autogenerate
import alembic.migration
import pytest

from stylegan_serving.competition import score_log, tables
from stylegan_serving.competition import store as stores
from stylegan_serving.competition.store import schema

_GOLDEN = pathlib.Path(__file__).parent / 'golden' / 'database_0001.sql'


@pytest.fixture
def old_url(tmp_path):
    """URL of a database that version 0001 wrote."""
    with sqlite3.connect(tmp_path / 'old.sqlite') as connection:
        connection.executescript(_GOLDEN.read_text(encoding='utf-8'))
    return f'sqlite:///{tmp_path}/old.sqlite'


def _differences(engine):
    with engine.connect() as connection:
        context = alembic.migration.MigrationContext.configure(connection, opts={'compare_type': True})
        return alembic.autogenerate.compare_metadata(context, tables.metadata)


def test_an_old_database_is_upgraded_with_all_that_is_in_it(old_url):
    engine = stores.make_engine(old_url)
    with pytest.raises(schema.SchemaError, match=r'has schema 0001, this version needs .* upgrade'):
        stores.check_schema(engine)
    assert stores.upgrade(engine) == ('0001', schema.newest())
    stores.check_schema(engine)
    assert _differences(engine) == []
    store = stores.Store(engine)
    ada = store.accounts.user_by_name('ada')
    contest, = store.contests.list()
    assert ada.role == 'admin' and store.accounts.session('session').user_id == ada.id
    assert store.accounts.token_by_hash('hash of a token').name == 'laptop'
    assert store.teams.invitation('hash of an invitation', 5.0).created_at == 4.0
    assert store.contests.announcements(contest.id)[0].text == 'Welcome, 你好'
    rows = store.submissions.list(contest.id)
    assert [(row.number, row.state) for row in rows] == [
        (6, 'queued'), (5, 'failed'), (4, 'disqualified'), (3, 'scored'), (2, 'scored'), (1, 'scored')]
    assert rows[1].error == 'Picture 003.png is missing.'
    assert store.scores.verify_log(contest.id)[0] == 6
    assert score_log.standings(store.scores.whole_log(contest.id), contest.bundle) == store.scores.standings(contest.id)
    assert {name: row.scores['score'] for row, name in store.scores.board_rows(
        contest.id, 'development', 'private')} == {'Fauves': [2.0, 1.75, 2.25], 'Nabis': [4.0, 3.75, 4.25]}
    assert len(store.votes.list(contest.id)) == len(store.administration.reports()) == 1
    assert store.administration.audit_events()[0].detail == {'n': [1]}
    assert store.submissions.claim('w', 1e12, 60).number == 6
    store.close()


def test_new_tables_are_those_of_the_code(empty_url):
    engine = stores.make_engine(empty_url)
    assert stores.upgrade(engine) == (None, schema.newest())
    assert stores.upgrade(engine) == (schema.newest(), schema.newest())
    assert _differences(engine) == []
    engine.dispose()


def test_who_comes_second_waits_for_the_upgrade(empty_url):
    engines = [stores.make_engine(empty_url) for _ in range(3)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        before = [result[0] for result in pool.map(stores.upgrade, engines)]
    assert sorted(before, key=str) == sorted([None, schema.newest(), schema.newest()], key=str)
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(old_url, tmp_path):
    with sqlite3.connect(tmp_path / 'old.sqlite') as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    engine = stores.make_engine(old_url)
    for use in (stores.upgrade, stores.check_schema):
        with pytest.raises(schema.SchemaError, match='has schema 9999, which this version does not know'):
            use(engine)
    engine.dispose()


@pytest.mark.parametrize('url, words', [('mysql://x/y', 'sqlite:/// or postgresql://'), ('sqlite://', 'a file'),
                                        ('nonsense', 'a database URL')])
def test_a_url_of_another_kind_is_refused(url, words):
    with pytest.raises(ValueError, match=words):
        stores.make_engine(url)
