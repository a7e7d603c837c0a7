"""Many at once, on both databases: nobody's work is done twice, no quota is passed, no number is given twice."""

import concurrent.futures
import time

import pytest

from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder as build

_WORKERS = 4


def _together(function, count):
    """The results of function(0..count-1) in threads of their own; an exception is a result."""
    def attempt(index):
        try:
            return function(index)
        except stores.StoreError as error:
            return error
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))


def test_each_submission_is_scored_once_by_many_workers(store):
    contest = build.add_contest(store)
    teams = [build.add_team(store, contest) for _ in range(3)]
    names = {build.add_submission(store, contest, *team).id for team in teams for _ in range(5)}

    def work(index):
        done = []
        while held := store.submissions.claim(f'w{index}', time.time(), 60):
            build.finish(store, held, f'w{index}', float(held.number))
            done.append(held.id)
        return done

    done = [name for own in _together(work, _WORKERS) for name in own]
    assert sorted(done) == sorted(names)
    entries = store.scores.log(contest.id)
    assert sorted(entry.submission_id for entry in entries) == sorted(names)
    assert store.scores.verify_log(contest.id)[0] == len(names)
    best = {row.team_id: row.number for row, _ in store.scores.board_rows(contest.id, 'development', 'public')}
    assert best == {team.id: 1 + 5 * index for index, (team, _) in enumerate(teams)}


def test_quotas_and_numbers_hold_when_all_submit_at_once(store):
    contest = build.add_contest(store)
    team = build.add_team(store, contest)
    made = _together(lambda _: build.add_submission(store, contest, *team, limits={'total': 3}), 8)
    numbers = sorted(row.number for row in made if not isinstance(row, Exception))
    assert numbers == [1, 2, 3]
    assert {row.reason for row in made if isinstance(row, Exception)} == {'total'}


def test_an_invitation_works_once_and_a_name_is_given_once(store):
    contest = build.add_contest(store)
    team, leader = build.add_team(store, contest)
    users = [build.add_user(store) for _ in range(6)]
    store.teams.invite(team.id, 'hash', leader.id, time.time() + 60)
    joined = _together(lambda index: store.teams.accept('hash', users[index].id, time.time()), 6)
    assert sum(not isinstance(row, Exception) for row in joined) == 1
    assert len(store.teams.members(team.id)) == 2

    made = _together(lambda index: store.accounts.add_user('Ada' if index % 2 else 'ADA', None, 'x'), 6)
    assert sum(isinstance(row, stores.Conflict) for row in made) == 5


def test_an_upload_moves_on_once_for_each_offset(store):
    contest, user = build.add_contest(store), build.add_user(store)
    upload = store.submissions.add_upload(contest.id, user.id, 'a.zip', 100, '0' * 64, time.time() + 60)
    moved = _together(lambda _: store.submissions.advance_upload(upload.id, 0, 10), 5)
    assert sum(not isinstance(row, Exception) for row in moved) == 1
    assert store.submissions.upload(upload.id).received_bytes == 10
    with pytest.raises(stores.Conflict) as refused:
        store.submissions.advance_upload(upload.id, 10, 91)
    assert refused.value.reason == 'size'


def test_runs_end_while_their_teams_change(store):
    contest = build.add_contest(store)
    teams = [build.add_team(store, contest) for _ in range(2)]
    for team in teams * 6:
        build.add_submission(store, contest, *team)

    def act(index):
        if index < 2:
            while held := store.submissions.claim(f'w{index}', time.time(), 60):
                build.finish(store, held, f'w{index}', 1.0)
            return
        team, leader = teams[index % 2]
        for turn in range(6):
            store.teams.rename(team.id, f'{team.name} {turn}')
            store.teams.invite(team.id, f'{team.id} {turn}', leader.id, time.time() + 60)
            store.teams.accept(f'{team.id} {turn}', build.add_user(store).id, time.time())

    assert _together(act, 4) == [None] * 4
    assert len(store.scores.log(contest.id)) == 12
    assert [len(store.teams.members(team.id)) for team, _ in teams] == [7, 7]
