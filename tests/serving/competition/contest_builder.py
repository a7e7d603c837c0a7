"""Makes users, a contest, teams and scored submissions for tests, without pictures."""

import dataclasses
import itertools
import time

from stylegan_serving.competition import bundle, records

METRIC = 'artfid@efficientnet_lite0'
_numbers = itertools.count()


def make_bundle(**changes):
    """A bundle as dict: one open phase 'development', one metric (lower is better), pairs 0..3, odd ones private."""
    now = time.time()
    made = bundle.Bundle(
        slug='test', title='A test', phases=(bundle.Phase('development', now - 3600, now + 3600),),
        metrics=(bundle.Metric(METRIC),),
        pairs=tuple(bundle.Pair(index, f'content{index}.png', f'style{index}.png', 'private' if index % 2 else 'public')
                    for index in range(4)))
    return dataclasses.asdict(dataclasses.replace(made, **changes))


def add_user(store, name=None, role='user'):
    """A user of a fresh name, without a usable password."""
    name = name or f'user{next(_numbers)}'
    return store.accounts.add_user(name, f'{name}@example.org', 'x', role)


def add_contest(store, *, state='open', owner=None, **changes):
    """A contest of `make_bundle(**changes)` with a fresh slug."""
    made = make_bundle(**changes)
    owner = owner or add_user(store, role='organiser')
    contest = store.contests.add(f'contest{next(_numbers)}', made['title'], owner.id, made,
                                 bundle_files='contests/none')
    return contest if state == 'draft' else store.contests.set_state(contest.id, state)


def add_team(store, contest, name=None):
    """(team, its leader)."""
    leader = add_user(store)
    return store.teams.add(contest.id, name or f'team of {leader.name}', leader.id), leader


def add_submission(store, contest, team, leader, *, phase='development', **options):
    """A queued submission."""
    return store.submissions.add(contest.id, phase, team.id, leader.id, archive_key='submissions/none/archive.zip',
                                 archive_sha256='0' * 64, archive_bytes=1, **options)


def scores_of(submission_id, public, private=None, *, width=0.0):
    """Rows of scores as a run of one metric gives them."""
    values = {'public': public, 'private': public if private is None else private}
    return [records.Score(submission_id, split, metric, value, value - width, value + width)
            for split, value in values.items() for metric in ('score', METRIC)]


def pair_scores_of(submission_id, public, private=None):
    """Rows of scores of the four pictures."""
    values = {'public': public, 'private': public if private is None else private}
    splits = ['private' if pair % 2 else 'public' for pair in range(4)]
    return [records.PairScore(submission_id, pair, split, {METRIC: values[split], 'score': values[split]},
                              f'submissions/none/{pair}.png', None) for pair, split in enumerate(splits)]


def finish(store, submission, worker, public, private=None, *, width=0.0, **options):
    """Ends a claimed run with scores."""
    return store.submissions.finish_scored(
        submission.id, worker, scores_of(submission.id, public, private, width=width),
        pair_scores_of(submission.id, public, private), 'evaluator', f'submissions/{submission.id}/report.json', None,
        **options)


def add_scored(store, contest, team, leader, public, private=None, *, width=0.0, **options):
    """A submission that a worker has scored."""
    submission = add_submission(store, contest, team, leader, **options)
    claimed = store.submissions.claim('builder', time.time(), 60)
    assert claimed.id == submission.id, 'another submission waits'
    return finish(store, claimed, 'builder', public, private, width=width)
