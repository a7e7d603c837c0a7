"""What boards, galleries and comparisons are asked for by their address: a phase, a metric, a split."""

import dataclasses

from stylegan_serving.competition import ranking, rules
from stylegan_serving.competition.pages import frame, rendering
from stylegan_serving.competition.services import boards


@dataclasses.dataclass(frozen=True)
class View:
    """A choice among boards, and what else could be chosen.

    Attributes:
        phase, metric, split: Names.
        phases, metrics, splits: lists of (name, label).
        metric_label: What the metric is called on a page.
        better: 'lower' or 'higher': which value of one picture wins; `Board.better` says it of whole boards.
        hidden: Whether the caller may not see this board yet.
    """

    phase: str
    metric: str
    split: str
    phases: list
    metrics: list
    splits: list
    metric_label: str
    better: str
    hidden: bool

    def query(self, **more):
        """The view as dict of a query."""
        return {'phase': self.phase, 'metric': self.metric, 'split': self.split, **more}


def chosen(request, scene, phase=None, metric=None, split=None):
    """The `View` of an address; what is unknown in it becomes what is shown when nothing is asked for."""
    bundle, now = scene.contest.bundle, scene.platform.now()
    phases = [(row['name'], frame.phase_title(row)) for row in rules.phases(bundle)]
    metrics = [(ranking.SCORE, frame.say(request, 'score')), *((row['name'], row['name']) for row in bundle['metrics'])]
    if len(metrics) == 2 and bundle['ranking'] == 'weighted':
        metrics = metrics[:1]  # the score is that metric
    phase = phase if phase in dict(phases) else rules.shown_phase(bundle, now)['name']
    metric = metric if metric in dict(metrics) else ranking.SCORE
    present = {pair['split'] for pair in bundle['pairs']}
    splits = [(name, frame.say(request, f'split_{name}')) for name in boards.SPLITS
              if name in present and boards.may_see(scene, phase, name)]
    if split not in dict(splits):
        split = rules.ranking_split(bundle, phase, now, scene.contest.state)
    return View(phase, metric, split, phases, metrics, splits, dict(metrics)[metric], ranking.better_of(bundle, metric),
                not boards.may_see(scene, phase, split))


def signed(value):
    """A difference as it is shown, always with its sign."""
    text = rendering.score_text(value)
    return f'+{text}' if value > 0 else text.replace('-', '\u2212')


def scale(rows):
    """(lowest, highest) of values with their intervals: the axis on which they are drawn."""
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)
