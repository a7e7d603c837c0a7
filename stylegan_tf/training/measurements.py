"""The metrics of a run: sets of outputs against the training pictures, steps through the codes, held-out pairs.

Measured at snapshots on the averaged weights, with the same noise and the same pictures each time, so that numbers
compare over a run and between runs.
"""

import dataclasses
import time

import numpy as np

from stylegan_tf import configs, images
from stylegan_tf.metrics import distribution, similarity, smoothness
from stylegan_tf.metrics.bootstrap import bootstrap_interval
from stylegan_tf.networks.feature_weights import FeatureWeightsError
from stylegan_tf.networks.onlooker import Onlooker
from stylegan_tf.training import engines, progress, references, snapshots

SEED = 0
SETS = ('frechet', 'kernel', 'precision', 'recall', 'density', 'coverage')
PAIRS = {'content_distance': 'content', 'style_distance': 'style'}  # metric -> role, and kind of layers
FEWEST_FOR_FRECHET = 1000  # with fewer its bias outweighs what it measures
_NEEDS = {'path_length': 'codes drawn from noise', **dict.fromkeys(SETS, 'pictures that its outputs should be like'),
          **dict.fromkeys(PAIRS, 'a content and a style picture for each output')}


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A metric's value and its 95% interval, (low, high) or None."""

    value: float
    interval: tuple[float, float] | None = None


class Measurements:
    """Measures a system.

    Args:
        config: With `metrics` and `metric_images`.
        system: The System; its `reference_role`, `noise_space` and `roles` say what can be measured of it.
        training: SampleStream of the training pictures, without augmentation.
        held_out: The same of the held-out pictures.
        batch_size: Pictures at a time.
        compiled: Makes a method of the system quick to call: an engine's `compiled`, where it has one.
        note: Callable that prints one line.
    Attributes:
        conditions: What a report must say beside the numbers, as plain values.
    Raises:
        ConfigError: The system does not offer what a metric compares, there are too few pictures, or a network's
            weights are missing.
        DataError: Too many pictures turned out bad.
    """

    def __init__(self, config, system, training, held_out, *, batch_size, compiled=lambda function: function,
                 note=print):
        self._metrics = [name.split('@', 1) for name in config.metrics]
        self._training, self._held_out, self._batch_size = training, held_out, batch_size
        self._noise_size, self._is_spherical = system.noise_size, system.noise_space == 'z'
        self._note, self._has_measured = note, False
        self._check(system, config)
        self._encode, self._draw = compiled(system.encode_noise), compiled(system.draw_batch)
        self._onlookers = {network: self._onlooker(network) for network in self._networks()}
        self._counts = self._count(config.metric_images, system.reference_role)
        self.conditions = {
            'n': self._counts, 'seed': SEED, 'interval': '95%: of kernel by subsets, of the others by bootstrap',
            'networks': {configs.metric_label(name): {
                'sha256': seen.weights_hash, 'licence': seen.licence, 'source': seen.source,
                'resize': seen.resize_rule} for name, seen in self._onlookers.items()}}
        note(self._summary())
        self._references = {network: references.vectors(
            training, system.reference_role, self._counts['references'], self._onlookers[network],
            batch_size=batch_size, note=note) for network in self._networks(SETS)}

    def measure(self):
        """Dict of metric names, with the short names of their networks, to Measurement; nan for broken outputs."""
        found, begin = {}, time.monotonic()
        try:
            found.update(self._of_sets())
            with engines.exact_products():
                found.update(self._of_paths())
            found.update(self._of_pairs())
        except FloatingPointError:
            found = dict.fromkeys(map(tuple, self._metrics), Measurement(float('nan')))
        if not self._has_measured:
            self._note(f'measuring the metrics took {progress.duration(time.monotonic() - begin)}')
            self._has_measured = True
        return {configs.metric_label(f'{base}@{network}'): found[base, network] for base, network in self._metrics}

    # What can be measured.

    def _check(self, system, config):
        offered = [*(SETS if system.reference_role else ()), *(['path_length'] if system.noise_space else ()),
                   *(PAIRS if {'content', 'style'} <= set(system.roles) else ())]
        for base, _ in self._metrics:
            if base not in offered:
                raise configs.ConfigError(
                    f"Setting 'metrics': {base} needs {_NEEDS[base]}, which {config.preset or 'this system'} does not "
                    f'have. It can measure: {", ".join(offered) or "none"}.')
        if self._networks(('path_length',)) and config.precision != 'float32':
            raise configs.ConfigError("Setting 'metrics': path_length needs precision=float32, because its small steps "
                                      f'vanish in rounding otherwise. Received: {config.precision}.')

    def _onlooker(self, network):
        kinds = {PAIRS.get(base, 'lpips' if base == 'path_length' else 'vector'): None
                 for base, other in self._metrics if other == network}
        try:
            return Onlooker(network, tuple(kinds))
        except FeatureWeightsError as error:
            raise configs.ConfigError(f"Setting 'metrics': {error}") from error

    def _networks(self, bases=None):
        """Names of the networks that these metrics ask for, each once."""
        return list(dict.fromkeys(network for base, network in self._metrics if bases is None or base in bases))

    def _wanted(self, network, bases):
        return [base for base, other in self._metrics if other == network and base in bases]

    def _count(self, wanted, reference_role):
        """How many pictures there are of each kind, up to the wanted number."""
        counts = {}
        if self._networks(SETS):
            counts['references'] = _distinct(self._training, reference_role, wanted)
            counts['outputs'] = wanted if self._noise_size else _distinct(self._training, 'content', wanted)
        if self._networks(('path_length',)):
            counts['steps'] = wanted
        if self._networks(PAIRS):
            counts['pairs'] = _distinct(self._held_out, 'content', wanted)
        few = [count for kind, count in counts.items() if kind != 'pairs' and count < configs.LEAST_METRIC_IMAGES]
        if few:
            raise configs.ConfigError(f"Setting 'metrics' needs at least {configs.LEAST_METRIC_IMAGES} training "
                                      f'pictures of each kind. There are {min(few)}.')
        return counts

    def _summary(self):
        names = ', '.join(configs.metric_label('@'.join(metric)) for metric in self._metrics)
        counts = ', '.join(f'{count:,} {kind}' for kind, count in self._counts.items())
        networks = '; '.join(f'{name} sha256 {facts["sha256"][:12]}, {facts["resize"]}'
                             for name, facts in self.conditions['networks'].items())
        text = f'metrics at each snapshot: {names} ({counts}; {networks}; seed {SEED})'
        fewest = min(self._counts.get(kind, FEWEST_FOR_FRECHET) for kind in ('outputs', 'references'))
        if self._networks(('frechet',)) and fewest < FEWEST_FOR_FRECHET:
            text += (f'\nfrechet of {fewest:,} pictures is too large by an amount that differs between models: below '
                     f'{FEWEST_FOR_FRECHET:,} compare by kernel')
        return text

    # How.

    def _batches(self, stream, count):
        for start in range(0, count, self._batch_size):
            yield start, snapshots.to_floats(stream.batch(start, self._batch_size))

    def _outputs(self, batch, *codes):
        outputs = np.asarray(self._draw(batch, *codes), np.float32)
        if not np.isfinite(outputs).all():
            raise FloatingPointError('outputs are not finite')
        return outputs

    def _codes(self, batch, start, draw=0):
        # Of NumPy and by position, so that they are the same under each backend and at each snapshot.
        noise = np.random.default_rng([SEED, draw, start]).standard_normal((self._batch_size, self._noise_size))
        return self._encode(batch, noise.astype(np.float32))

    def _of_sets(self):
        networks = self._networks(SETS)
        seen = {network: [] for network in networks}
        for start, batch in self._batches(self._training, self._counts.get('outputs', 0)):
            codes = (self._codes(batch, start),) if self._noise_size else ()
            pictures = images.to_uint8(self._outputs(batch, *codes))  # as they are saved, and as the references are
            for network in networks:
                seen[network].append(self._onlookers[network].vectors(pictures))
        for network in networks:
            outputs = np.concatenate(seen[network])[:self._counts['outputs']]
            found = compare_sets(self._wanted(network, SETS), self._references[network], outputs)
            for base, measurement in found.items():
                yield (base, network), measurement

    def _of_paths(self):
        networks = self._networks(('path_length',))
        distances = {network: [] for network in networks}
        for start, batch in self._batches(self._training, self._counts.get('steps', 0)):
            ends = [np.asarray(self._codes(batch, start, draw)) for draw in (0, 1)]
            # At the drawn codes themselves, as StyleGAN2 does: what lies between may be drawn by no noise.
            steps = smoothness.path_steps(*ends, 0.0, is_spherical=self._is_spherical)
            pictures = [self._outputs(batch, codes) for codes in steps]
            for network in networks:
                onlooker = self._onlookers[network]
                maps = [onlooker.maps(picture, 'lpips') for picture in pictures]
                distances[network].append(similarity.lpips(*maps, onlooker.layers['lpips']))
        for network in networks:
            mean, lengths = smoothness.path_length(np.concatenate(distances[network])[:self._counts['steps']])
            yield ('path_length', network), Measurement(mean, bootstrap_interval(lengths, seed=SEED))

    def _of_pairs(self):
        networks = self._networks(PAIRS)
        values = {(base, network): [] for network in networks for base in self._wanted(network, PAIRS)}
        for _, batch in self._batches(self._held_out, self._counts.get('pairs', 0)):
            outputs = images.to_uint8(self._outputs(batch))
            for (base, network), parts in values.items():
                onlooker, role = self._onlookers[network], PAIRS[base]
                maps = [onlooker.maps(pictures, role) for pictures in (outputs, images.to_uint8(batch[role]))]
                parts.append(getattr(similarity, base)(*maps, onlooker.layers[role]))
        for metric, parts in values.items():
            numbers = np.concatenate(parts)[:self._counts['pairs']]
            yield metric, Measurement(float(numbers.mean()), bootstrap_interval(numbers, seed=SEED))


def compare_sets(wanted, references, outputs):
    """Metrics of two sets of vectors.

    Args:
        wanted: Names from SETS.
        references: Float [N, D], of the training pictures.
        outputs: Float [M, D].
    Returns:
        Dict name -> Measurement.
    """
    found = {}
    if 'frechet' in wanted:
        found['frechet'] = Measurement(distribution.frechet_distance(references, outputs))
    if 'kernel' in wanted:
        kernel = distribution.kernel_distance(references, outputs, seed=SEED)
        found['kernel'] = Measurement(kernel.value, kernel.interval)
    rest = [name for name in wanted if name not in found]
    if rest:
        numbers = distribution.neighbourhoods(references, outputs)
        found.update({name: Measurement(float(numbers[name].mean()), bootstrap_interval(numbers[name], seed=SEED))
                      for name in rest})
    return found


def _distinct(stream, role, wanted):
    return len(set(stream.names(0, wanted)[role]))
