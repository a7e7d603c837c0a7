"""Scores from votes against the textbook's fixed point, closed forms and simulated voters."""

import numpy as np
import pytest

from stylegan_serving.competition import bradley_terry


def hunter_fixed_point(wins, rounds=5000):
    """The maximum of the likelihood by the minorise-maximise iteration of Hunter 2004, eq. 3; scores centred on 0."""
    games, strength = wins + wins.T, np.ones(len(wins))
    for _ in range(rounds):
        strength = wins.sum(1) / (games / (strength[:, None] + strength[None, :])).sum(1)
        strength /= strength.sum()
    scores = np.log(strength)
    return scores - scores.mean()


def by_name(rows):
    return {row.name: row for row in rows}


def test_agrees_with_the_fixed_point_of_hunter_when_the_pull_vanishes():
    rng = np.random.default_rng(0)
    wins = rng.integers(1, 30, (6, 6)).astype(float)
    np.fill_diagonal(wins, 0)
    tallies = [(str(i), str(j), wins[i, j], wins[j, i], 0) for i in range(6) for j in range(i)]
    rows = by_name(bradley_terry.strengths(tallies, pull=1e-9))
    np.testing.assert_allclose([rows[str(i)].score for i in range(6)], hunter_fixed_point(wins), atol=1e-5)


def test_two_entries_have_the_closed_form():
    first, second = bradley_terry.strengths([('a', 'b', 30, 10, 0)], pull=1e-9)
    assert (first.name, second.name) == ('a', 'b')
    assert first.score - second.score == pytest.approx(np.log(3), abs=1e-5)
    # Information of 40 votes at probability 3/4 on the difference; each score is half of it.
    deviation = 1 / np.sqrt(40 * 0.75 * 0.25) / 2
    assert first.high - first.low == pytest.approx(2 * 1.96 * deviation, rel=1e-3)
    assert (first.wins, first.losses, second.wins) == (30, 10, 10)


def test_a_tie_is_half_a_vote_for_each():
    tied = bradley_terry.strengths([('a', 'b', 4, 2, 6)])
    halved = bradley_terry.strengths([('b', 'a', 5, 7, 0)])
    np.testing.assert_allclose([row.score for row in tied], [row.score for row in halved])
    assert tied[0].ties == 6


def test_one_who_won_every_vote_has_a_finite_score_that_grows_with_the_votes():
    few, many = (bradley_terry.strengths([('a', 'b', count, 0, 0)])[0] for count in (3, 300))
    assert few.name == many.name == 'a'
    assert 0 < few.score < many.score < 20
    assert few.low < 0 < many.low


def test_entries_that_no_vote_connects_are_told_and_stay_apart():
    rows = bradley_terry.strengths([('a', 'b', 5, 1, 0), ('c', 'd', 9, 3, 0)], names=['e'])
    groups = {row.name: row.group for row in rows}
    assert groups['a'] == groups['b'] != groups['c'] == groups['d'] != groups['e'] != groups['a']
    joined = bradley_terry.strengths([('a', 'b', 5, 1, 0), ('c', 'b', 0, 0, 1)])
    assert len({row.group for row in joined}) == 1
    nobody = by_name(rows)['e']
    assert nobody.low < -3 and nobody.high > 3 and nobody.wins == 0


def test_intervals_cover_the_truth():
    """Of 100 simulated contests of 5 entries and 300 votes, 95% intervals hold the truth in 91 to 99 of 100 cases."""
    rng, truth, held = np.random.default_rng(1), np.array([-1.0, -0.4, 0.0, 0.5, 0.9]), []
    for _ in range(100):
        tallies = []
        for i in range(5):
            for j in range(i):
                wins = rng.binomial(30, 1 / (1 + np.exp(truth[j] - truth[i])))
                tallies.append((str(i), str(j), wins, 30 - wins, 0))
        rows = by_name(bradley_terry.strengths(tallies))
        held += [rows[str(i)].low <= truth[i] <= rows[str(i)].high for i in range(5)]
    assert 0.91 <= np.mean(held) <= 0.99


def test_no_votes_no_entries():
    assert bradley_terry.strengths([]) == []
    only, = bradley_terry.strengths([], names=['a'])
    assert only.score == 0 and only.preferred == 0.5


@pytest.mark.parametrize('tally', [('a', 'a', 1, 0, 0), ('a', 'b', -1, 0, 0)])
def test_votes_that_are_none(tally):
    with pytest.raises(ValueError, match='between two entries'):
        bradley_terry.strengths([tally])


def test_the_order_of_the_tallies_does_not_matter():
    tallies = [('a', 'b', 5, 3, 1), ('b', 'c', 4, 4, 0), ('a', 'c', 2, 6, 2)]
    assert bradley_terry.strengths(tallies) == bradley_terry.strengths(tallies[::-1])


def test_five_hundred_entries():
    rng = np.random.default_rng(2)
    tallies = [(str(a), str(b), 1, 0, 0) for a, b in rng.integers(0, 500, (5000, 2)) if a != b]
    assert len(bradley_terry.strengths(tallies)) == 500
