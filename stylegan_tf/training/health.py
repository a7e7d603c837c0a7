"""Signs of an unhealthy run, with what to do about each: functions of metrics.jsonl's rows."""

import dataclasses
import math

import numpy as np

from stylegan_tf.training import progress, run_folder

ACCURACY_RANGE = (0.55, 0.95)
RECENT_ROWS = 8
STALE_SNAPSHOTS = 6
SIGN_SNAPSHOTS = 2  # in a row that must show a sign of the outputs
LEAST_VARIETY = 0.1  # of the outputs, as a share of the real pictures'
LEAST_CLASS_VARIETY = 0.3  # of the outputs of one class, likewise
LEAST_CONTRAST = 0.1  # likewise
MOST_CLIPPED = 0.4  # share of values at an end of the range, more than in real pictures
LEAST_LIKENESS = -0.2  # correlation of the brightness of content and result
LEAST_STRUCTURE = 0.1  # correlation of the edges of content and result
LEARNT_BY_HEART = 0.2  # of training pictures taken for real, more than of held-out ones
LEAKING_PROBABILITY = 0.8  # of ADA: Karras et al. 2020, section 2.3
MOST_SKIPPED = 0.2  # share of steps
STEEP_PENALTY = 2.0  # of WGAN-GP, weighted by 10: a slope of 1.45 in place of 1
LEAST_DISTANCE, LARGE_DISTANCE = 0.02, 0.2  # of a critic of slope 1, in root mean squares of pictures in [-1, 1]
PENALTIES = ('r1', 'path_length')  # phases whose terms rise as the networks sharpen, and mean no harm


@dataclasses.dataclass(frozen=True)
class Advice:
    """Something odd and its remedy, in plain words; `kind` tells one sign from another."""

    kind: str
    sign: str
    remedy: str


class Announcer:
    """An observer of the loop that prints a line when a sign of trouble first appears.

    Args:
        folder: RunFolder.
        note: Callable that prints one line.
    """

    def __init__(self, folder, note):
        self._folder, self._note, self._told = folder, note, set()

    def tick(self, row):
        """Nothing: signs are looked for at snapshots."""

    def snapshot(self, step, metrics, picture):
        """Prints the signs that were not there before."""
        found = advise_run(run_folder.read_config(self._folder.path) or {}, progress.read_metrics(
            self._folder.metrics_file))
        for advice in found:
            if advice.kind not in self._told:
                self._note(f'sign of trouble: {advice.sign} What to do: {advice.remedy}')
        self._told = {advice.kind for advice in found}

    def finish(self, outcome):
        """Nothing."""


def advise_run(record, rows):
    """`advise` for the dict of config.json and all lines of metrics.jsonl, events included."""
    settings, pictures = record.get('config', {}), record.get('pictures', {})
    counts = pictures.get('style_data') or pictures.get('data') or [None]
    found = advise([row for row in rows if 'event' not in row], best_metric=settings.get('best_metric', ''),
                   augmentation=settings.get('discriminator_augmentation', 'none'), real_pictures=counts[0])
    lacking = [Advice(f'pictures {number}', sign, remedy)
               for number, (sign, remedy) in enumerate(record.get('picture_advice', ()))]
    return [*found, *lacking]


def advise(rows, *, best_metric='', augmentation='none', real_pictures=None):
    """Looks through the rows of metrics.jsonl for known trouble.

    Args:
        rows: Dicts in rising order of step, as `progress.read_metrics` returns them.
        best_metric: The Config's setting, '-name' where higher is better.
        augmentation: The Config's `discriminator_augmentation`.
        real_pictures: Number of pictures that the discriminator learns from; None if unknown.

    Returns:
        List of Advice, the most pressing first; empty for a healthy run.
    """
    return [*_outputs(rows), *_discriminator(rows), *_critic(rows),
            *_learnt_by_heart(rows, augmentation, real_pictures), *_augmentation(rows),
            *_skipped(rows), *_rising_losses(rows), *_stale(rows, best_metric), *_slow(rows)]


def series(rows, name):
    """Returns (steps, values) of one name over the rows that have it."""
    pairs = [(row['step'], row[name]) for row in rows
             if isinstance(row.get(name), (int, float)) and not isinstance(row[name], bool)]
    return [step for step, _ in pairs], [value for _, value in pairs]


def _outputs(rows):
    """Signs in the pictures themselves, seen at each of the last snapshots."""
    def stays(name, is_bad):
        _, values = series(rows, f'held_out/{name}')
        recent = values[-SIGN_SNAPSHOTS:]
        return recent[-1] if len(recent) == SIGN_SNAPSHOTS and all(map(is_bad, recent)) else None

    if (value := stays('variety', lambda v: v < LEAST_VARIETY)) is not None:
        yield Advice('collapse',
                     f'The results differ from each other by only {value:.1%} of what real pictures do: the '
                     'generator has collapsed to nearly one picture.',
                     'Begin anew with --init=WORKDIR/checkpoints/step-N, an earlier checkpoint whose sample is '
                     'varied, at half of generator_optimizer.learning_rate. For style transfer raise style_weight '
                     'or diversity_weight; against a strong discriminator set r1_weight=1.')
    elif (value := stays('class_variety', lambda v: v < LEAST_CLASS_VARIETY)) is not None:
        yield Advice('one picture a class',
                     f'Pictures of one class differ from each other by only {value:.0%} of what real ones do: the '
                     'generator draws nearly one picture for each class.',
                     'Set diversity_weight=0.1 (begin anew with --init=WORKDIR and another --workdir, to keep what was '
                     'learnt), or halve classification_weight and r1_weight.')
    if (value := stays('contrast', lambda v: v < LEAST_CONTRAST)) is not None:
        yield Advice('flat', f'The results are flat or black: {value:.1%} of the contrast of real pictures.',
                     'Look at the newest sample. Lower generator_optimizer.learning_rate, or raise warmup_images, '
                     'and begin anew.')
    if (value := stays('clipped', lambda v: v > MOST_CLIPPED)) is not None:
        yield Advice('clipped',
                     f'{value:.0%} more of the values than in real pictures lie at an end of the range: the '
                     'results are burnt out or of fully saturated colours.',
                     'Lower generator_optimizer.learning_rate or adversarial_weight; raise total_variation_weight '
                     'or l1_weight a little.')
    for name, where in (('luminance_likeness', ''), ('luminance_likeness_back', ' of the way back')):
        if (value := stays(name, lambda v: v < LEAST_LIKENESS)) is not None:
            yield Advice('negative' + name.removeprefix('luminance_likeness'),
                         f'What is bright in the content is dark in the results{where} (correlation {value:.2f}): they '
                         'are negatives.',
                         'Raise identity_weight or structure_weight, or set l1_weight=0.1 (of a translation: '
                         'luminance_weight=5); less channel_shuffle and invert in style_augmentation also helps.')
    if (value := stays('structure_likeness', lambda v: v < LEAST_STRUCTURE)) is not None:
        yield Advice('lost structure',
                     f'The edges of the results are hardly those of the contents (correlation {value:.2f}).',
                     'Raise structure_weight (1 to 5), or cycle_weight or contrastive_weight; a lower '
                     'adversarial_weight also keeps more.')


def _learnt_by_heart(rows, augmentation, real_pictures):
    snapshots = [row for row in rows if 'held_out/discriminator_real_accuracy' in row]
    _, seen = series(snapshots[-RECENT_ROWS:], 'discriminator/real_accuracy')
    _, held_out = series(snapshots[-RECENT_ROWS:], 'held_out/discriminator_real_accuracy')
    if len(seen) < 3 or len(held_out) < 3:
        return
    seen, held_out = float(np.mean(seen)), float(np.mean(held_out))
    if seen - held_out <= LEARNT_BY_HEART:
        return
    of = f'its {real_pictures:,} training pictures' if real_pictures else 'its training pictures'
    remedy = ('Set discriminator_augmentation=ada (begin anew with --init=WORKDIR and another --workdir, to keep what '
              'was learnt), or give it more pictures.' if augmentation == 'none' else
              'Give it more pictures; with discriminator_augmentation=ada lower ada_target or ada_images, so that its '
              'probability rises further or sooner.')
    yield Advice('learnt by heart', f'The discriminator takes {seen:.0%} of {of} for real, but only {held_out:.0%} of '
                 'held-out ones: it knows them by heart, and its judgement of the results becomes worthless.', remedy)


def _augmentation(rows):
    _, values = series(rows, 'augmentation/probability')
    if len(values) >= RECENT_ROWS and min(values[-RECENT_ROWS:]) > LEAKING_PROBABILITY:
        yield Advice('leaking', f'augmentation/probability stays at {values[-1]:.2f}: above {LEAKING_PROBABILITY} the '
                     'changes may leak into the results (turned or discoloured pictures).',
                     'Give it more pictures, or raise ada_target.')


def _skipped(rows):
    for name in sorted({name for row in rows for name in row if name.endswith('/skipped')}):
        _, values = series(rows, name)
        recent = float(np.mean(values[-RECENT_ROWS:]))
        if len(values) >= RECENT_ROWS and recent > MOST_SKIPPED:
            yield Advice(name, f'Half precision skips {recent:.0%} of the steps of phase {name.rpartition("/")[0]!r}.',
                         'Begin anew with --precision=mixed_bfloat16 or float32.')


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
                'strong', f'{label} is {recent:.2f}: the discriminator tells every result from a real '
                'picture, so the generator learns little from it.',
                'Lower discriminator_optimizer.learning_rate, or set r1_weight=1 (where it is above 0 already, double '
                'it), or give it more pictures (few ones: discriminator_augmentation=ada; of digits and letters '
                'diffaugment).')
        elif recent < low:
            yield Advice(
                'weak', f'{label} is {recent:.2f}, hardly better than guessing: its judgement '
                'is of little use.',
                'Raise discriminator_optimizer.learning_rate or its channels, or halve r1_weight. Early in a '
                'run this may pass by itself.')
        return


def _critic(rows):
    """Signs of a critic (WGAN-GP), whose distances have no boundary that an accuracy could tell."""
    _, penalties = series(rows, 'discriminator/penalty')
    _, distances = series(rows, 'discriminator/distance')
    if len(penalties) < RECENT_ROWS or len(distances) < 4 * RECENT_ROWS:
        return
    penalty, recent = (float(np.mean(values[-RECENT_ROWS:])) for values in (penalties, distances))
    if penalty > STEEP_PENALTY:
        yield Advice('steep critic', f"The critic's gradient penalty stays at {penalty:.2g}: its slope is far from 1, "
                     'and what it says of results cannot be trusted.',
                     'Halve discriminator_optimizer.learning_rate, or double gradient_penalty_weight.')
        return
    blocks = [float(np.mean(distances[k:k + RECENT_ROWS]))
              for k in range(0, len(distances) - RECENT_ROWS + 1, RECENT_ROWS)]
    if recent <= 0.1 * max(blocks) and recent < LEAST_DISTANCE:
        yield Advice('blind critic',
                     f"The critic's distance between real pictures and results has fallen to {recent:.3g}: "
                     'either nothing tells them apart any more, or it has given up.',
                     'Look at the newest sample. If the look is not there, raise discriminator_optimizer.learning_rate '
                     'or set discriminator_optimizer.steps_per_round=2.')
    elif len(blocks) >= 6 and recent >= max(blocks) and recent > max(LARGE_DISTANCE, 2 * np.median(blocks)):
        yield Advice('running critic', "The critic's distance between real pictures and results keeps growing (now "
                     f'{recent:.3g}): the generator does not follow it.',
                     'Raise adversarial_weight a little, or halve discriminator_optimizer.learning_rate.')


def _rising_losses(rows):
    names = sorted({name for row in rows for name in row if name.endswith('/total')})
    # A critic's total is a distance, whose sign and size mean nothing by themselves; `_critic` watches it.
    is_critic = any('discriminator/distance' in row for row in rows)
    for name in (name for name in names if not name.startswith(PENALTIES)):
        if is_critic and name == 'discriminator/total':
            continue
        _, values = series(rows, name)
        if len(values) < 4 * RECENT_ROWS:
            continue
        # The first quarter is left out: phases begin there and terms are switched on.
        blocks = [float(np.mean(values[k:k + RECENT_ROWS]))
                  for k in range(len(values) // 4, len(values) - RECENT_ROWS + 1, RECENT_ROWS)]
        recent, lowest = float(np.mean(values[-RECENT_ROWS:])), min(blocks)
        if lowest > 0 and recent > 2 * lowest:
            yield Advice(name, f'{name} has risen to {recent:.3g} from {lowest:.3g}: '
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
        yield Advice('stale', f'{name} was best at step {steps[best]:,} ({values[best]:.4g}) and has not '
                     f'improved for {since} snapshots.',
                     'The best checkpoint is kept. More pictures, stronger augmentation or a lower '
                     'learning rate may help; or stop here.')


def _slow(rows):
    _, values = series(rows, 'images_per_second')
    if len(values) < 3 * RECENT_ROWS:
        return
    recent, usual = float(np.median(values[-RECENT_ROWS:])), float(np.median(values))
    if usual > 0 and recent < 0.5 * usual and math.isfinite(recent):
        yield Advice('slow', f'The speed fell to {recent:.3g} images/s from {usual:.3g}.',
                     'See what else the machine is doing.')
