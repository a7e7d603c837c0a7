"""Scores from pairwise votes: how much more often an entry is preferred, with intervals.

The model says that entry i is preferred to entry j with probability 1 / (1 + exp(s_j - s_i)). A tie counts as half a
vote for each. Scores are centred on 0; a weak pull towards 0 keeps them finite where an entry won or lost every vote,
and joins entries that were never compared. Source: Bradley and Terry 1952; Hunter 2004, "MM algorithms for generalized
Bradley-Terry models"; the pull is the normal prior of Caron and Doucet's discussion in its ridge form. NumPy and SciPy
only.
"""

import dataclasses

import numpy as np
from scipy import optimize, sparse, special
from scipy.sparse import csgraph

PULL = 0.1  # inverse variance of the normal prior on a score: as strong as about half a vote
CONFIDENCE = 1.959963984540054  # deviations of a 95% interval


@dataclasses.dataclass(frozen=True)
class Strength:
    """What the votes say of one entry.

    Attributes:
        name: As in the tallies.
        score: In logits, centred over the entries; 0 is the average entry.
        low, high: 95% interval, by the curvature of the posterior.
        preferred: Expected share of votes won against the average entry, 0..1.
        wins, losses, ties: Votes it was in.
        group: Number of the set of entries that votes connect; scores compare within one group only.
    """

    name: str
    score: float
    low: float
    high: float
    preferred: float
    wins: int
    losses: int
    ties: int
    group: int


def strengths(tallies, names=(), *, pull=PULL):
    """Scores of all entries that were voted on.

    Args:
        tallies: Iterable of (first, second, wins of first, wins of second, ties); a pair may come several times.
        names: Further entries, without votes.
        pull: Inverse variance of the prior; larger means closer to 0.
    Returns:
        List of Strength, best first; equal scores by name.
    Raises:
        ValueError: A count is negative, an entry is compared with itself, or `pull` is not positive.
    """
    if not pull > 0:
        raise ValueError(f'The pull must be positive, else an entry that won every vote has no score. Received: '
                         f'{pull}.')
    tallies = list(tallies)
    for first, second, *counts in tallies:
        if first == second or min(counts) < 0:
            raise ValueError(f'Votes are between two entries and counts not negative. Received: {first}, {second}, '
                             f'{counts}.')
    names = sorted({*names, *(name for tally in tallies for name in tally[:2])})
    if not names:
        return []
    wins = _win_matrix(tallies, names)
    scores = _fit(wins, pull)
    spread = np.sqrt(np.diag(_covariance(scores, wins, pull)))
    group = _groups(wins)
    counts = _counts(tallies)
    rows = [Strength(name, float(scores[i]), float(scores[i] - CONFIDENCE * spread[i]),
                     float(scores[i] + CONFIDENCE * spread[i]), float(special.expit(scores[i])),
                     *counts.get(name, (0, 0, 0)), int(group[i])) for i, name in enumerate(names)]
    return sorted(rows, key=lambda row: (-row.score, row.name))


def _win_matrix(tallies, names):
    """[N, N] float: votes of row over column, ties halved."""
    index = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for first, second, first_wins, second_wins, ties in tallies:
        wins[index[first], index[second]] += first_wins + ties / 2
        wins[index[second], index[first]] += second_wins + ties / 2
    return wins


def _fit(wins, pull):
    """[N] scores of the largest posterior; it is strictly concave, so there is one."""
    winners, losers = np.nonzero(wins)
    votes = wins[winners, losers]

    def loss(scores):
        difference = scores[winners] - scores[losers]
        surprise = votes * special.expit(-difference)
        gradient = pull * scores
        gradient -= np.bincount(winners, surprise, len(scores)) - np.bincount(losers, surprise, len(scores))
        return float(votes @ np.logaddexp(0, -difference) + pull / 2 * scores @ scores), gradient

    found = optimize.minimize(loss, np.zeros(len(wins)), jac=True, method='L-BFGS-B',
                              options={'gtol': 1e-9, 'ftol': 1e-15, 'maxiter': 2000})
    # The likelihood knows differences only, and the prior centres each group by itself.
    return found.x - found.x.mean()


def _covariance(scores, wins, pull):
    """[N, N], of scores centred on 0."""
    chance = special.expit(scores[:, None] - scores[None, :])
    information = (wins + wins.T) * chance * (1 - chance)
    hessian = np.diag(information.sum(1) + pull) - information
    centring = np.eye(len(scores)) - 1 / len(scores)
    return centring @ np.linalg.inv(hessian) @ centring


def _groups(wins):
    """[N] int: the connected component of each entry."""
    return csgraph.connected_components(sparse.csr_array(wins + wins.T > 0), directed=False)[1]


def _counts(tallies):
    counts = {}
    for first, second, first_wins, second_wins, ties in tallies:
        for name, won, lost in ((first, first_wins, second_wins), (second, second_wins, first_wins)):
            before = counts.get(name, (0, 0, 0))
            counts[name] = before[0] + won, before[1] + lost, before[2] + ties
    return counts
