"""Submissions on both databases: quotas, leases, and that what ends is on the board once."""

import time

import pytest

from stylegan_serving.competition import score_log
from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder as build


@pytest.fixture
def contest(store):
    return build.add_contest(store)


@pytest.fixture
def team(store, contest):
    return build.add_team(store, contest)


def test_runs_from_the_queue_to_the_board(store, contest, team):
    waiting = build.add_submission(store, contest, *team, title='first')
    assert (waiting.state, waiting.number) == ('queued', 1)
    assert store.submissions.queue_position(waiting.id) == (1, 0)

    held = store.submissions.claim('w1', 100.0, 60)
    assert (held.state, held.attempts, held.lease_owner, held.lease_until) == ('running', 1, 'w1', 160.0)
    assert store.submissions.claim('w2', 101.0, 60) is None
    store.submissions.progress(held.id, 'w1', 2, 4)
    assert store.submissions.queue_position(held.id) == (0, 1)

    done = build.finish(store, held, 'w1', 2.0, 3.0, now=130.0)
    assert (done.state, done.lease_owner, done.finished_at) == ('scored', None, 130.0)
    assert store.submissions.durations(contest.id) == [30.0]
    for split, value in (('public', 2.0), ('private', 3.0)):
        (standing, name), = store.scores.board_rows(contest.id, 'development', split)
        assert (standing.submission_id, name, standing.entries) == (done.id, team[0].name, 1)
        assert standing.scores == {'score': [value] * 3, build.METRIC: [value] * 3}
    assert [entry.kind for entry in store.scores.log(contest.id)] == ['scored']
    assert store.scores.verify_log(contest.id)[0] == 1


def test_only_the_holder_of_the_lease_writes(store, contest, team):
    build.add_submission(store, contest, *team)
    held = store.submissions.claim('w1', 100.0, 60)
    assert store.submissions.claim('w2', 160.0, 60) is None
    taken = store.submissions.claim('w2', 161.0, 60)
    assert (taken.id, taken.attempts) == (held.id, 2)
    for write in (lambda: store.submissions.renew(held.id, 'w1', 162.0, 60),
                  lambda: store.submissions.progress(held.id, 'w1', 1, 4),
                  lambda: store.submissions.release(held.id, 'w1'),
                  lambda: store.submissions.finish_failed(held.id, 'w1', 'no'),
                  lambda: build.finish(store, held, 'w1', 1.0)):
        with pytest.raises(stores.StaleLease):
            write()
    assert store.scores.of(held.id) == [] and store.scores.log(contest.id) == []
    build.finish(store, held, 'w2', 2.0)
    with pytest.raises(stores.StaleLease):
        build.finish(store, held, 'w2', 1.0)
    assert store.scores.of(held.id, 'public')[1].value == 2.0
    assert len(store.scores.log(contest.id)) == 1


def test_a_submission_whose_workers_die_fails_in_the_end(store, contest, team):
    waiting = build.add_submission(store, contest, *team)
    for attempt in range(3):
        assert store.submissions.claim(f'w{attempt}', 100.0 * attempt, 60, maximum_attempts=3).id == waiting.id
    behind = build.add_submission(store, contest, *build.add_team(store, contest))
    assert store.submissions.claim('w9', 1000.0, 60, maximum_attempts=3).id == behind.id
    failed = store.submissions.submission(waiting.id)
    assert (failed.state, failed.counts_for_quota) == ('failed', False)
    assert '3 times' in failed.error


def test_quotas_count_in_the_transaction_that_adds(store, contest, team):
    limits = {'per_day': 2, 'total': 3, 'concurrent': 1}
    day = 86_400.0 * 20_000
    first = build.add_submission(store, contest, *team, limits=limits, now=day)
    with pytest.raises(stores.Conflict) as refused:
        build.add_submission(store, contest, *team, limits=limits, now=day)
    assert refused.value.reason == 'concurrent'

    store.submissions.claim('w', day, 60)
    store.submissions.finish_failed(first.id, 'w', 'The archive is empty.')
    assert store.submissions.used(contest.id, 'development', team[0].id, day) == {
        'per_day': 0, 'total': 0, 'concurrent': 0}
    for _ in range(2):
        build.add_scored(store, contest, *team, 1.0, limits=limits, now=day + 86_399)
    with pytest.raises(stores.Conflict, match=r'2 submissions of today.*next day begins at 2024') as refused:
        build.add_submission(store, contest, *team, limits=limits, now=day + 86_399)
    assert refused.value.reason == 'per_day'
    cancelled = build.add_submission(store, contest, *team, limits=limits, now=day + 86_400)
    store.submissions.cancel(cancelled.id)
    build.add_scored(store, contest, *team, 1.0, limits=limits, now=day + 86_401)
    with pytest.raises(stores.Conflict) as refused:
        build.add_submission(store, contest, *team, limits=limits, now=day + 10 * 86_400)
    assert refused.value.reason == 'total'


def test_scores_that_are_no_numbers_are_refused(store, contest, team):
    build.add_submission(store, contest, *team)
    held = store.submissions.claim('w', time.time(), 60)
    with pytest.raises(ValueError, match='finite'):
        build.finish(store, held, 'w', float('nan'))
    with pytest.raises(ValueError, match="'score'"):
        store.submissions.finish_scored(held.id, 'w', build.scores_of(held.id, 1.0)[1:], [], 'e', 'k', None)
    assert store.submissions.submission(held.id).state == 'running'


def test_disqualifying_takes_the_next_best_and_reinstating_gives_back(store, contest, team):
    worse, best = (build.add_scored(store, contest, *team, value) for value in (3.0, 1.0))

    def counting():
        return [row.submission_id for row, _ in store.scores.board_rows(contest.id, 'development', 'public')]

    assert counting() == [best.id]
    store.submissions.disqualify(best.id, 'copied', 'admin')
    assert counting() == [worse.id]
    store.submissions.hide(worse.id)
    assert counting() == []
    assert store.submissions.reinstate(best.id, 'an error', 'admin').state == 'scored'
    store.submissions.show(worse.id)
    assert counting() == [best.id]
    assert [entry.kind for entry in store.scores.log(contest.id)] == [
        'scored', 'scored', 'disqualified', 'hidden', 'reinstated', 'hidden']
    assert score_log.standings(store.scores.log(contest.id), contest.bundle) == store.scores.standings(contest.id)


def test_a_run_again_replaces_the_scores(store, contest, team):
    done = build.add_scored(store, contest, *team, 3.0)
    store.submissions.requeue(done.id, actor='admin')
    assert store.scores.board_rows(contest.id, 'development', 'public') == []
    held = store.submissions.claim('w', time.time(), 60)
    build.finish(store, held, 'w', 2.0)
    (standing, _), = store.scores.board_rows(contest.id, 'development', 'public')
    assert standing.scores['score'][0] == 2.0
    assert [entry.kind for entry in store.scores.log(contest.id)] == ['scored', 'requeued', 'rescored']
