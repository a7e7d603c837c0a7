"""Workers on a real store, a real storage and the real evaluation: what becomes of good, bad and unlucky entries."""

import dataclasses
import json
import logging
import threading
import time

import pytest

from stylegan_serving.competition import bundle, scoring, settings, storage, worker
from stylegan_tf import evaluator, images
from tests.serving.competition import contest_builder, picture_contest


@pytest.fixture
def files(tmp_path):
    return storage.Storage(tmp_path / 'files')


@pytest.fixture
def quick(tmp_path):
    """Settings of a worker that looks and renews often."""
    return settings.load(tmp_path / 'data', {}, lease_seconds=3.0, poll_seconds=0.05)


@pytest.fixture
def contest(sqlite_store, files):
    return picture_contest.add_contest(sqlite_store, files, pairs=2)


@pytest.fixture
def team(sqlite_store, contest):
    return contest_builder.add_team(sqlite_store, contest)


@pytest.fixture
def one(sqlite_store, files, quick):
    return worker.Worker(sqlite_store, files, quick, name='one')


def entry(share):
    return picture_contest.blend(share, pairs=2)


def state(store, submission):
    return store.submissions.submission(submission.id)


def test_a_good_entry_is_scored_with_everything_beside_it(sqlite_store, files, one):
    contest = picture_contest.add_contest(sqlite_store, files)
    members = picture_contest.blend(0.3) | {'method.md': b'Ours.'}
    submission = picture_contest.submit(sqlite_store, files, contest,
                                        *contest_builder.add_team(sqlite_store, contest), members)
    assert one.work_once() and not one.work_once()
    done = state(sqlite_store, submission)
    assert (done.state, done.progress_done, done.progress_total, done.error) == ('scored', 4, 4, None)
    scores = {(row.split, row.metric): row for row in sqlite_store.scores.of(submission.id)}
    assert {split for split, _ in scores} == {'public', 'private'}
    for split in ('public', 'private'):
        ranked, structure, peaks = (scores[split, name] for name in ('score', 'structure_retention', 'grid_peaks'))
        assert ranked.value == pytest.approx((structure.value - 0.5 * peaks.value) / 1.5)
        assert ranked.low <= ranked.value <= ranked.high
        assert ranked.low == pytest.approx((structure.low - 0.5 * peaks.high) / 1.5)
    rows = sqlite_store.scores.pair_scores(submission.id)
    assert [row.split for row in rows] == ['public', 'private'] * 2
    assert all(set(row.metrics) == {'structure_retention', 'grid_peaks', 'score'} for row in rows)
    assert files.read(rows[2].output_key) == members['002.png']
    assert files.read(f'submissions/{submission.id}/method.md') == b'Ours.'
    report = json.loads(files.read(done.results_key))
    assert report['rows'][1]['split'] == 'private' and report['evaluator_hash'] == done.evaluator_hash
    log = files.read(done.log_key).decode()
    assert '4 pictures scored' in log and str(rows[0].metrics['score'])[:6] not in log


def test_the_same_numbers_as_at_home_to_the_last_bit(sqlite_store, files, one):
    """The evaluation of `stylegan-tf evaluate` on the same files, read from disk, in one go."""
    metrics = (evaluator.DEFAULT_SCORE, 'patch_kernel@efficientnet_lite0', 'ssim')
    own = picture_contest.add_contest(sqlite_store, files, metrics=tuple(
        bundle.Metric(name, 1.0, evaluator.describe(name)['better']) for name in metrics))
    members = picture_contest.blend(0.4)
    submission = picture_contest.submit(sqlite_store, files, own, *contest_builder.add_team(sqlite_store, own), members)
    one.work_once()
    pairs = [evaluator.Pair(name=f'{index:03d}', content=files.read(f'{own.bundle_files}/content/{pair["content"]}'),
                            style=files.read(f'{own.bundle_files}/style/{pair["style"]}'),
                            content_name=pair['content'], style_name=pair['style'])
             for index, pair in enumerate(own.bundle['pairs'])]
    at_home = evaluator.Evaluation(pairs, metrics=metrics)
    result = at_home.evaluate([images.read(data) for data in members.values()])
    for row, found in zip(sqlite_store.scores.pair_scores(submission.id), result.rows, strict=True):
        assert {name: row.metrics[name] for name in metrics} == found['metrics']
    assert at_home.hash == state(sqlite_store, submission).evaluator_hash


def test_a_participants_mistake_is_told_and_costs_no_quota(sqlite_store, files, contest, team, one):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, {'000.png': b'x'})
    one.work_once()
    done = state(sqlite_store, submission)
    assert (done.state, done.counts_for_quota, done.attempts) == ('failed', False, 1)
    assert '001.png is missing (pair 1: c1.png in the style of s1.png)' in done.error
    assert '000.png: is not a picture' in done.error
    assert 'not scored' in files.read(done.log_key).decode()
    assert sqlite_store.scores.board_rows(contest.id, 'development', 'public') == []


def test_a_metric_of_weight_0_is_shown_and_does_not_rank(sqlite_store, files, one):
    contest = picture_contest.add_contest(sqlite_store, files, pairs=2, metrics=(
        bundle.Metric('structure_retention', 2.0, 'higher'), bundle.Metric('grid_peaks', 0.0, 'lower'),
        bundle.Metric('diversity@efficientnet_lite0', 0.0, 'higher')))
    submission = picture_contest.submit(sqlite_store, files, contest,
                                        *contest_builder.add_team(sqlite_store, contest), entry(0.3))
    one.work_once()
    scores = {row.metric: row.value for row in sqlite_store.scores.of(submission.id, 'public')}
    # One picture a split has no diversity, and needs none.
    assert set(scores) == {'score', 'structure_retention', 'grid_peaks'}
    assert scores['score'] == pytest.approx(scores['structure_retention'])


@pytest.mark.parametrize('flag, members', [
    ('copy_of_content', lambda: entry(0)), ('copy_of_style', lambda: entry(1))])
def test_copies_of_the_contests_pictures_are_flagged(sqlite_store, files, one, flag, members):
    contest = picture_contest.add_contest(sqlite_store, files, pairs=2, metrics=(
        bundle.Metric(evaluator.DEFAULT_SCORE, 1.0, 'higher'),))
    submission = picture_contest.submit(sqlite_store, files, contest,
                                        *contest_builder.add_team(sqlite_store, contest), members())
    one.work_once()
    done = state(sqlite_store, submission)
    assert done.state == 'scored' and flag in {row['kind'] for row in done.flags}


def test_a_copy_of_another_teams_entry_is_flagged_and_the_own_one_is_not(sqlite_store, files, one):
    contest = picture_contest.add_contest(sqlite_store, files, pairs=2, metrics=(
        bundle.Metric(evaluator.DEFAULT_SCORE, 1.0, 'higher'),))
    first, second = (contest_builder.add_team(sqlite_store, contest) for _ in range(2))
    entries = [picture_contest.submit(sqlite_store, files, contest, *team, entry(0.5))
               for team in (first, first, second)]
    for _ in entries:
        one.work_once()
    flags = [[row for row in state(sqlite_store, each).flags if row['kind'] == 'copy_of_entry'] for each in entries]
    assert flags[:2] == [[], []]
    assert flags[2][0]['entry'] == entries[0].id and flags[2][0]['pairs'] == [0, 1]
    sqlite_store.submissions.requeue(entries[0].id)
    one.work_once()
    again = state(sqlite_store, entries[0])
    assert again.state == 'scored' and 'copy_of_entry' not in {row['kind'] for row in again.flags}


def test_copies_of_entries_that_stand_on_no_board_are_flagged_too(sqlite_store, files, one):
    contest = picture_contest.add_contest(sqlite_store, files, pairs=2)
    first, *others = (contest_builder.add_team(sqlite_store, contest) for _ in range(4))
    shares = 0.3, 0.6, 0.8
    originals = [picture_contest.submit(sqlite_store, files, contest, *first, entry(share)) for share in shares]
    for _ in originals:
        one.work_once()
    standing, = sqlite_store.scores.board_rows(contest.id, 'development', 'public')
    assert standing[0].submission_id == originals[0].id
    sqlite_store.submissions.disqualify(originals[1].id, 'a reason', None)
    for original, team, share in zip(originals, others, shares, strict=True):
        copy = picture_contest.submit(sqlite_store, files, contest, *team, entry(share))
        one.work_once()
        assert original.id in {row.get('entry') for row in state(sqlite_store, copy).flags
                               if row['kind'] == 'copy_of_entry' and row['pairs'] == [0, 1]}


def test_a_fault_of_the_server_is_tried_again_and_then_told_with_a_reference(
        sqlite_store, files, contest, team, one, monkeypatch, caplog):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    monkeypatch.setattr(scoring.ContestScorer, 'score', lambda *_, **__: 1 / 0)
    now = time.time()
    with caplog.at_level(logging.ERROR):
        for attempt in range(1, worker.MOST_INTERNAL_ERRORS + 1):
            monkeypatch.setattr(worker.time, 'time', lambda later=now + 100 * attempt: later)
            assert one.work_once()
            if attempt < worker.MOST_INTERNAL_ERRORS:
                assert state(sqlite_store, submission).state == 'running'
                assert not one.work_once(), 'claimed again without a pause'
    done = state(sqlite_store, submission)
    assert (done.state, done.counts_for_quota, done.attempts) == ('failed', False, worker.MOST_INTERNAL_ERRORS)
    reference = json.loads(caplog.records[-1].message)['reference']
    assert f'reference {reference}' in done.error and 'ZeroDivision' not in done.error
    assert 'ZeroDivision' in caplog.text and 'ZeroDivision' not in files.read(done.log_key).decode()


def test_a_missing_archive_is_the_servers_fault(sqlite_store, files, contest, team, one, monkeypatch):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    files.delete(submission.archive_key)
    assert one.work_once()
    assert state(sqlite_store, submission).state == 'running'


class HeldWorker(worker.Worker):
    """A worker with the real scorer, which pauses behind the first pair of each run until `go` is set."""

    def __init__(self, *arguments):
        super().__init__(*arguments, name='held', make_scorer=self._held_scorer)
        self.go = threading.Event()

    def _held_scorer(self, contest, place):
        scorer = scoring.ContestScorer(contest.bundle, scoring.contest_reader(contest, place))
        score = scorer.score

        def held(pictures, *, progress=None, is_cancelled=None, others=None):
            def told(done, total):
                progress(done, total)
                wait_for(lambda: self.go.is_set() or is_cancelled())
            return score(pictures, progress=told, is_cancelled=is_cancelled, others=others)
        scorer.score = held
        return scorer


@pytest.fixture
def held(sqlite_store, files, quick):
    """A `HeldWorker` at work in a thread; stopped at the end."""
    made = HeldWorker(sqlite_store, files, quick)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join(60)
    assert not thread.is_alive()


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, 'waited too long'
        time.sleep(0.02)


def test_stopping_puts_the_submission_back_in_its_place(sqlite_store, files, contest, team, held, one):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    wait_for(lambda: state(sqlite_store, submission).progress_done)
    assert [row.id for row in sqlite_store.administration.workers(time.time())] == ['held']
    held.stop()
    wait_for(lambda: state(sqlite_store, submission).state == 'queued')
    assert state(sqlite_store, submission).attempts == 0
    wait_for(lambda: not sqlite_store.administration.workers(time.time()))
    assert one.work_once() and state(sqlite_store, submission).state == 'scored'


def test_what_is_cancelled_while_it_runs_stays_cancelled(sqlite_store, files, contest, team, held):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    wait_for(lambda: state(sqlite_store, submission).progress_done)
    sqlite_store.submissions.cancel(submission.id)
    other = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.6))
    # It goes on because the first one was taken from it: nothing else lets it go yet.
    wait_for(lambda: state(sqlite_store, other).progress_done)
    held.go.set()
    wait_for(lambda: state(sqlite_store, other).state == 'scored')
    assert state(sqlite_store, submission).state == 'cancelled'
    assert sqlite_store.scores.of(submission.id) == []


def test_a_lease_is_kept_alive_for_longer_than_it_lasts(sqlite_store, files, contest, team, held, one):
    """Nobody else gets what is worked at for longer than a lease, and it is scored once."""
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    wait_for(lambda: state(sqlite_store, submission).state == 'running')
    given = state(sqlite_store, submission).lease_until
    while time.time() < given + 0.2:
        assert not one.work_once()
        time.sleep(0.1)
    held.go.set()
    wait_for(lambda: state(sqlite_store, submission).state == 'scored')
    assert state(sqlite_store, submission).attempts == 1


def test_what_a_worker_writes_after_its_lease_is_refused(sqlite_store, files, contest, team, quick, one):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    late = worker.Worker(sqlite_store, files, quick, name='late', make_scorer=_losing(sqlite_store, one))
    late.work_once()
    done = state(sqlite_store, submission)
    assert (done.state, done.attempts) == ('scored', 2)
    assert len([entry for entry in sqlite_store.scores.whole_log(contest.id) if entry.kind != 'final']) == 1


def _losing(store, other):
    """A scorer during whose work the lease runs out and another worker does it all."""
    def make(contest, place):
        scorer = scoring.ContestScorer(contest.bundle, scoring.contest_reader(contest, place))
        score = scorer.score

        def overtaken(*arguments, **options):
            held = store.submissions.list(contest.id, state='running')[0]
            store.submissions.renew(held.id, 'late', time.time() - 100, 1)
            assert other.work_once()
            return score(*arguments, **options | {'is_cancelled': None, 'progress': None})
        scorer.score = overtaken
        return scorer
    return make


def test_two_workers_share_the_queue(sqlite_store, files, contest, quick):
    teams = [contest_builder.add_team(sqlite_store, contest) for _ in range(4)]
    entries = [picture_contest.submit(sqlite_store, files, contest, *team, entry(0.1 * index))
               for index, team in enumerate(teams)]
    workers = [worker.Worker(sqlite_store, files, quick) for _ in range(2)]
    threads = [threading.Thread(target=each.run) for each in workers]
    for thread in threads:
        thread.start()
    wait_for(lambda: all(state(sqlite_store, each).state == 'scored' for each in entries))
    for each, thread in zip(workers, threads):
        each.stop()
        thread.join(60)
    log = list(sqlite_store.scores.whole_log(contest.id))
    assert sorted(entry.submission_id for entry in log) == sorted(each.id for each in entries)
    assert {state(sqlite_store, each).attempts for each in entries} == {1}


def test_a_database_that_is_away_comes_back(sqlite_store, files, contest, team, quick, monkeypatch):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3))
    each = worker.Worker(sqlite_store, files, quick)
    claim, fails = sqlite_store.submissions.claim, iter([True, True])

    def flaky(*arguments, **options):
        if next(fails, False):
            raise OSError('the database is away')
        return claim(*arguments, **options)
    monkeypatch.setattr(sqlite_store.submissions, 'claim', flaky)
    thread = threading.Thread(target=each.run)
    thread.start()
    wait_for(lambda: state(sqlite_store, submission).state == 'scored')
    each.stop()
    thread.join(60)


def test_models_wait_for_a_worker_that_takes_them(sqlite_store, files, contest, team, quick, one, tmp_path):
    submission = picture_contest.submit(sqlite_store, files, contest, *team, entry(0.3), kind='model')
    assert not one.work_once()
    brave = worker.Worker(sqlite_store, files, dataclasses.replace(quick, models='on'))
    assert brave.work_once()
    assert 'takes results only' in state(sqlite_store, submission).error


def test_on_every_database(store, files, quick):
    contest = picture_contest.add_contest(store, files, pairs=2)
    submission = picture_contest.submit(store, files, contest, *contest_builder.add_team(store, contest),
                                        entry(0.3))
    worker.Worker(store, files, quick).work_once()
    assert state(store, submission).state == 'scored'


def test_a_dry_run_tells_what_an_organiser_wants_to_know(tmp_path):
    made = bundle.Bundle(slug='dry', title='Dry', phases=(), size=picture_contest.SIZE, metrics=(
        bundle.Metric(evaluator.DEFAULT_SCORE, 1.0, 'higher'),), pairs=tuple(
        bundle.Pair(index, f'c{index}.png', 's0.png', 'public') for index in range(2)))
    for index in range(2):
        images.save(tmp_path / f'content/c{index}.png', picture_contest.pixels(index))
    with pytest.raises(ValueError, match=r's0\.png: No such file'):
        scoring.dry_run(made, tmp_path)
    images.save(tmp_path / 'style/s0.png', picture_contest.pixels(7))
    seen = []
    told = scoring.dry_run(made, tmp_path, lambda *numbers: seen.append(numbers))
    assert seen == [(1, 2), (2, 2)] and told['seconds'] > 0
    assert told['baselines']['content unchanged'][evaluator.DEFAULT_SCORE][0] == 0
    assert set(told['baselines']) == set(evaluator.BASELINES)

