"""Signs of an unhealthy run, with what to do about each. Pure functions of metrics.jsonl's rows."""

import dataclasses
import math

import numpy as np

ACCURACY_RANGE = (0.55, 0.95)
RECENT_ROWS = 8
STALE_SNAPSHOTS = 6


@dataclasses.dataclass(frozen=True)
class Advice:
    """Something odd and its remedy, in plain words."""

    sign: str
    remedy: str


def advise(rows, *, best_metric=''):
    """Looks through the rows of metrics.jsonl for known trouble.

    Args:
        rows: Dicts in rising order of step, as `progress.read_metrics` returns them.
        best_metric: The Config's setting, '-name' where higher is better.

    Returns:
        List of Advice, the most pressing first; empty for a healthy run.
    """
    found = [*_discriminator(rows), *_rising_losses(rows), *_stale(rows, best_metric),
             *_slow(rows)]
    return found


def series(rows, name):
    """Returns (steps, values) of one name over the rows that have it."""
    pairs = [(row['step'], row[name]) for row in rows
             if isinstance(row.get(name), (int, float)) and not isinstance(row[name], bool)]
    return [step for step, _ in pairs], [value for _, value in pairs]


def _discriminator(rows):
    low, high = ACCURACY_RANGE
    for name in ('held_out/discriminator_accuracy', 'discriminator/accuracy'):
        _, values = series(rows, name)
        if len(values) < 3:
            continue
        recent = float(np.mean(values[-RECENT_ROWS:]))
        label = name.replace('_', ' ')
        if recent > high:
            yield Advice(
                f'{label} is {recent:.2f}: the discriminator tells every result from a painting, '
                'so the generator learns little from it.',
                'Lower discriminator_optimizer.learning_rate, or set r1_weight=1, or give it more '
                'style pictures.')
        elif recent < low:
            yield Advice(
                f'{label} is {recent:.2f}, hardly better than guessing: its judgement '
                'is of little use.',
                'Raise discriminator_optimizer.learning_rate or discriminator_channels. Early in a '
                'run this may pass by itself.')
        return


def _rising_losses(rows):
    names = sorted({name for row in rows for name in row if name.endswith('/total')})
    for name in names:
        _, values = series(rows, name)
        if len(values) < 4 * RECENT_ROWS:
            continue
        # The first quarter is left out: phases begin there and terms are switched on.
        blocks = [float(np.mean(values[k:k + RECENT_ROWS]))
                  for k in range(len(values) // 4, len(values) - RECENT_ROWS + 1, RECENT_ROWS)]
        recent, lowest = float(np.mean(values[-RECENT_ROWS:])), min(blocks)
        if lowest > 0 and recent > 2 * lowest:
            yield Advice(f'{name} has risen to {recent:.3g} from {lowest:.3g}: '
                         'the training may be falling apart.',
                         'Look at the newest sample. If it is worse than the earlier ones, go back '
                         'with --init to an earlier checkpoint at half the learning rate.')


def _stale(rows, best_metric):
    higher = best_metric.startswith('-')
    name = 'held_out/' + best_metric.removeprefix('-')
    steps, values = series(rows, name)
    if not best_metric or len(values) <= STALE_SNAPSHOTS:
        return
    best = int(np.argmax(values) if higher else np.argmin(values))
    since = len(values) - 1 - best
    if since >= STALE_SNAPSHOTS:
        yield Advice(f'{name} was best at step {steps[best]:,} ({values[best]:.4g}) and has not '
                     f'improved for {since} snapshots.',
                     'The best checkpoint is kept. More pictures, stronger augmentation or a lower '
                     'learning rate may help; or stop here.')


def _slow(rows):
    _, values = series(rows, 'images_per_second')
    if len(values) < 3 * RECENT_ROWS:
        return
    recent, usual = float(np.median(values[-RECENT_ROWS:])), float(np.median(values))
    if usual > 0 and recent < 0.5 * usual and math.isfinite(recent):
        yield Advice(f'The speed fell to {recent:.3g} images/s from {usual:.3g}.',
                     'See what else the machine is doing.')
