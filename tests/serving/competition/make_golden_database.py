"""Writes the database that `test_migrations` upgrades: `python -m tests.serving.competition.make_golden_database`.

Run once, with the version whose newest migration is 0001; its output stays as it is, as old databases do.
"""

import dataclasses
import pathlib
import sqlite3
import sys
import tempfile

from stylegan_serving.competition import records
from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder as build


def main(target):
    """Fills a database with a row of every kind and writes it as SQL text."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'old.sqlite'
        store = stores.Store(stores.make_engine(f'sqlite:///{path}'))
        stores.upgrade(store.engine, '0001')
        _fill(store)
        store.close()
        with sqlite3.connect(path) as connection:
            text = '\n'.join(connection.iterdump())
    pathlib.Path(target).write_text(text + '\n', encoding='utf-8')


def _fill(store):
    admin = build.add_user(store, 'ada', 'admin')
    contest = build.add_contest(store, owner=admin)
    store.accounts.add_session(records.Session('session', admin.id, 'csrf', 1.0, 4e9, 'Firefox'))
    store.accounts.add_token(admin.id, 'laptop', 'hash of a token', now=2.0)
    store.contests.add_announcement(contest.id, admin.id, 'Welcome, 你好', now=3.0)
    teams = [build.add_team(store, contest, name) for name in ('Fauves', 'Nabis')]
    store.teams.invite(teams[0][0].id, 'hash of an invitation', teams[0][1].id, 4e9, now=4.0)
    done = [build.add_scored(store, contest, *team, value, value * 2, width=0.25)
            for team, value in zip(teams * 2, (3.0, 2.0, 1.0, 0.5))]
    store.submissions.disqualify(done[3].id, 'copied', admin.id, now=5.0)
    failed = build.add_submission(store, contest, *teams[0], now=6.0)
    store.submissions.claim('w', 7.0, 60)
    store.submissions.finish_failed(failed.id, 'w', 'Picture 003.png is missing.', now=8.0)
    build.add_submission(store, contest, *teams[1], now=9.0)
    store.submissions.add_upload(contest.id, admin.id, 'a.zip', 10, '0' * 64, 4e9, now=10.0)
    store.votes.add(records.Vote(records.new_id(), contest.id, 'development', 0, done[0].id, done[1].id, 'first',
                                 admin.id, 'key', 11.0))
    store.administration.add_report(done[0].id, admin.id, 'ugly', now=12.0)
    store.administration.audit(admin.id, 'look', 'all', {'n': [1]}, '127.0.0.1', now=13.0)
    store.administration.heartbeat(records.Worker('w', 'host', 7, 14.0, 15.0, None))
    assert dataclasses.asdict(contest)['state'] == 'open'


if __name__ == '__main__':
    main(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / 'golden' / 'database_0001.sql')
