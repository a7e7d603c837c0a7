"""The rules of a contest, at the edges of its dates."""

import dataclasses

import pytest

from stylegan_serving.competition import bundle, records, rules
from tests.serving.competition import contest_builder as build

_DAY = 86_400.0
_START = 20_000 * _DAY


def _contest(state='open', **changes):
    phases = (bundle.Phase('late', _START + 2 * _DAY, _START + 3 * _DAY, 'The end', final_selection='chosen'),
              bundle.Phase('early', _START, _START + _DAY, board='hidden'))
    made = build.make_bundle(phases=phases, **changes)
    return records.Contest('c', 'slug', 'Title', 'owner', state, made, '', '', 0.0, None, None)


@pytest.mark.parametrize('day, open_name, shown', [
    (-1, None, 'early'), (0, 'early', 'early'), (0.999, 'early', 'early'), (1, None, 'early'), (2, 'late', 'late'),
    (3, None, 'late')])
def test_phases_follow_their_dates(day, open_name, shown):
    made = _contest().bundle
    found = rules.open_phase(made, _START + day * _DAY)
    assert (found and found['name']) == open_name
    assert rules.shown_phase(made, _START + day * _DAY)['name'] == shown


def test_quotas():
    limits = {'per_day': 2, 'total': 5, 'concurrent': None}
    used = {'per_day': 2, 'total': 4, 'concurrent': 9}
    assert rules.exhausted(limits, used) == 'per_day'
    assert rules.quota_left(limits, used) == {'concurrent': None, 'per_day': 0, 'total': 1}
    assert rules.exhausted({}, used) is None
    assert rules.exhausted({'total': 4, 'per_day': None}, used) == 'total'
    assert rules.day_start(_START + 5.5) == _START


@pytest.mark.parametrize('state, day, member, role, words', [
    ('open', 0, True, None, None), ('draft', 0, True, 'organiser', None),
    ('open', 0, False, None, 'Join the contest first'), ('closed', 0, True, None, 'is closed'),
    ('draft', 0, True, None, 'not been opened'), ('open', -1, True, None, 'No phase is open'),
    ('open', 1.5, True, None, 'The end begins at 2024-10-06 00:00 UTC'),
    ('open', 4, True, None, 'last phase has ended')])
def test_why_somebody_may_not_submit(state, day, member, role, words):
    reason = rules.why_not_submit(_contest(state), _START + day * _DAY, is_member=member, role=role)
    assert reason is None if words is None else words in reason


@pytest.mark.parametrize('phase, split, day, role, expected', [
    ('late', 'public', 2.5, None, True), ('late', 'private', 2.5, None, False), ('late', 'private', 3, None, True),
    ('late', 'private', 2.5, 'judge', False), ('late', 'private', 2.5, 'organiser', True),
    ('early', 'public', 0.5, None, False), ('early', 'public', 1, None, True), ('none', 'public', 0.5, None, False)])
def test_private_scores_and_hidden_boards_open_with_the_end(phase, split, day, role, expected):
    assert rules.may_see_split(_contest(), phase, split, _START + day * _DAY, role=role) is expected


def test_a_closed_contest_has_ended_in_all_phases():
    contest = _contest('closed')
    assert rules.may_see_split(contest, 'late', 'private', _START)
    assert rules.ranking_split(contest.bundle, 'late', _START, 'closed') == 'private'
    assert rules.ranking_split(contest.bundle, 'late', _START + 2.5 * _DAY) == 'public'
    public = [pair | {'split': 'public'} for pair in contest.bundle['pairs']]
    assert rules.ranking_split(contest.bundle | {'pairs': public}, 'late', _START, 'closed') == 'public'


def _submission(**changes):
    row = records.Submission('s', 1, 'c', 'late', 'team', 'u', 'results', '', '', '', '', 0, 'scored', True, 0.0, None,
                             None, 1, None, None, 0, 0, None, None, None, None, False, False, [])
    return dataclasses.replace(row, **changes)


def test_choosing_is_for_scored_entries_of_an_open_phase_that_asks_for_it():
    contest, now = _contest(), _START + 2.5 * _DAY
    assert rules.may_choose(contest, _submission(), now)
    assert not rules.may_choose(contest, _submission(), _START + 3 * _DAY)
    assert not rules.may_choose(contest, _submission(phase='early'), _START + 0.5 * _DAY)
    assert not rules.may_choose(contest, _submission(state='failed'), now)


def test_submissions_are_for_their_team_and_entries_for_all():
    contest, now = _contest(), _START + 2.5 * _DAY
    assert rules.may_see_submission(_submission(), team_id='team')
    assert rules.may_see_submission(_submission(), role='judge')
    assert rules.may_see_submission(_submission(), is_admin=True)
    assert not rules.may_see_submission(_submission(), team_id='other') and not rules.may_see_submission(_submission())
    assert rules.may_see_entry(contest, _submission(), now)
    assert not rules.may_see_entry(contest, _submission(is_hidden=True), now)
    assert rules.may_see_entry(contest, _submission(is_hidden=True), now, role='organiser')
    assert not rules.may_see_entry(contest, _submission(state='disqualified'), now)
    assert not rules.may_see_entry(contest, _submission(phase='early'), _START + 0.5 * _DAY)
