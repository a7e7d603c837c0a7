"""Which submission counts, who stands where, and who ties: by hand-made numbers."""

import dataclasses

import pytest

from stylegan_serving.competition import bundle, ranking, records
from tests.serving.competition import contest_builder as build


def _entry(number, public, private=None, *, is_final=False):
    return ranking.Entry(f's{number}', 't', 'p', number, is_final, False, {
        'public': {'score': [public, None, None]},
        'private': {'score': [public if private is None else private, None, None]}})


def _standing(team, **scores):
    return records.Standing('c', 'p', 'public', team, f's-{team}', 1, 1, scores, 0.0)


def _shown(places):
    return [(place.team_id, place.rank, place.tied) for place in places]


def _bundle(*metrics, **changes):
    return build.make_bundle(metrics=tuple(bundle.Metric(*metric) for metric in metrics), **changes)


@pytest.mark.parametrize('rule, better, split, number', [
    ('best', 'lower', 'public', 2), ('best', 'higher', 'public', 1),
    ('best', 'lower', 'private', 2),  # not 3, whose private score is best: that would fit to it
    ('last', 'lower', 'public', 4), ('last', 'higher', 'private', 4)])
def test_the_counting_entry(rule, better, split, number):
    entries = [_entry(1, 9.0, 5.0), _entry(2, 1.0, 6.0), _entry(3, 2.0, 1.0), _entry(4, 3.0, 7.0)]
    assert ranking.counting(entries, rule, better, split).number == number


def test_chosen_entries_count_and_the_best_where_none_is_chosen():
    entries = [_entry(1, 1.0), _entry(2, 2.0, 9.0, is_final=True), _entry(3, 3.0, 8.0, is_final=True)]
    assert ranking.counting(entries, 'chosen', 'lower', 'public').number == 2
    assert ranking.counting(entries, 'chosen', 'lower', 'private').number == 3
    assert ranking.counting(entries[:1], 'chosen', 'lower', 'public').number == 1
    assert ranking.counting(entries, 'best', 'lower', 'public').number == 1


def test_equal_scores_go_to_the_earlier_entry_and_nothing_counts_of_nothing():
    assert ranking.counting([_entry(2, 1.0), _entry(1, 1.0)], 'best', 'lower', 'public').number == 1
    assert ranking.counting([], 'best', 'lower', 'public') is None


def test_a_score_that_is_no_number_never_beats_one():
    entries = [_entry(1, float('nan')), _entry(2, 1e9), _entry(3, float('inf'))]
    for better in ('lower', 'higher'):
        assert ranking.counting(entries, 'best', better, 'public').number == 2
    rows = [_standing('a', score=[float('nan'), None, None]), _standing('b', score=[1.0, None, None])]
    assert _shown(ranking.places(rows, _bundle(('m',)))) == [('b', 1, False)]


@pytest.mark.parametrize('better, order', [('lower', 'abcd'), ('higher', 'dcba')])
def test_teams_stand_by_their_scores_and_intervals_that_overlap_tie(better, order):
    made = _bundle(('m', 1.0, better))
    rows = [_standing('a', score=[1.0, 0.5, 1.5]), _standing('b', score=[1.4, 0.9, 1.9]),
            _standing('c', score=[3.0, 2.9, 3.1]), _standing('d', score=[5.0, 4.9, 5.1])]
    places = ranking.places(rows, made)
    assert ''.join(place.team_id for place in places) == order
    expected = [(1, True), (1, True), (3, False), (4, False)]
    if better == 'higher':
        expected = [(1, False), (2, False), (3, True), (3, True)]
    assert [(place.rank, place.tied) for place in places] == expected
    assert [place.value for place in places] == sorted((1.0, 1.4, 3.0, 5.0), reverse=better == 'higher')


def test_a_tie_is_with_the_best_of_its_group_so_that_ties_do_not_chain():
    rows = [_standing(name, score=[value, value - 0.6, value + 0.6]) for name, value in zip('abc', (1.0, 2.0, 3.0))]
    assert _shown(ranking.places(rows, _bundle(('m',)))) == [('a', 1, True), ('b', 1, True), ('c', 3, False)]


def test_without_intervals_only_equal_scores_tie():
    rows = [_standing(name, score=[value, None, None]) for name, value in zip('abc', (1.0, 1.0, 1.1))]
    assert _shown(ranking.places(rows, _bundle(('m',)))) == [('a', 1, True), ('b', 1, True), ('c', 3, False)]


def test_a_board_of_one_metric_has_its_direction():
    made = _bundle(('m', 1.0, 'lower'), ('n', 1.0, 'higher'))
    rows = [_standing('a', m=[1.0, 1.0, 1.0], n=[1.0, 1.0, 1.0]), _standing('b', m=[2.0, 2.0, 2.0], n=[2.0, 2.0, 2.0]),
            _standing('c', m=[3.0, 3.0, 3.0])]
    assert [place.team_id for place in ranking.places(rows, made, 'm')] == ['a', 'b', 'c']
    assert [place.team_id for place in ranking.places(rows, made, 'n')] == ['b', 'a']
    with pytest.raises(KeyError):
        ranking.places(rows, made, 'nothing')


def test_the_ranked_score_is_the_weighted_mean():
    assert ranking.combined(_bundle(('m', 3.0), ('n', 1.0)), {'m': 1.0, 'n': 5.0}) == 2.0
    mixed = _bundle(('m', 1.0, 'lower'), ('n', 1.0, 'higher'))
    assert ranking.combined(mixed, {'m': 2.0, 'n': 6.0}) == 2.0
    assert (ranking.score_better(mixed), ranking.score_better(_bundle(('m',)))) == ('higher', 'lower')
    with pytest.raises(KeyError):
        ranking.combined(mixed, {'m': 1.0})
    shown = _bundle(('m', 2.0, 'lower'), ('n', 0.0, 'higher'))
    assert ranking.combined(shown, {'m': 3.0}) == 3.0 and ranking.score_better(shown) == 'lower'


def test_mean_rank_shows_what_it_ranks_by():
    made = _bundle(('m', 1.0, 'lower'), ('n', 1.0, 'higher'), ranking='mean_rank')
    exact = {'a': (1.0, 9.0), 'b': (2.0, 8.0), 'c': (3.0, 10.0)}
    rows = [_standing(team, m=[m] * 3, n=[n] * 3, score=[0.0] * 3) for team, (m, n) in exact.items()]
    places = ranking.places(rows, made)
    assert [(place.team_id, place.value) for place in places] == [('a', 1.5), ('c', 2.0), ('b', 2.5)]
    assert all(place.low == place.value == place.high for place in places)
    # Where m leaves the order of a and b open, their mean ranks are open too, and they tie.
    rows[0] = dataclasses.replace(rows[0], scores=rows[0].scores | {'m': [1.0, 0.0, 2.5]})
    first = ranking.places(rows, made)[0]
    assert (first.team_id, first.low, first.high, first.tied) == ('a', 1.5, 2.0, True)
