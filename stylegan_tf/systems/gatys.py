"""Style transfer by optimisation: the picture itself is what is trained.

Nothing needs training beforehand, the quality is high and a picture takes about a minute. Source: Gatys et al.
2016, "Image Style Transfer Using Convolutional Neural Networks"; coarse to fine and guided Gram matrices: Gatys et
al. 2017, "Controlling Perceptual Factors in Neural Style Transfer". Differences: each layer has mean activation 1
and every distance is relative to its target, so that the weights mean the same for every picture and network; the
style is matched at several scales of the result, which gives larger strokes at less cost than deeper layers.
"""

import contextlib
import dataclasses
import time

import keras
import numpy as np
from keras import ops

from stylegan_tf import colors, images
from stylegan_tf.losses import perceptual, reconstruction
from stylegan_tf.networks import features

OPTIMIZERS = ('lbfgs', 'adam')
SMALLEST_LEVEL = 96  # long side in pixels under which a pyramid level shows too little to be worth its time
SMALLEST_SCALE = 32  # short side in pixels under which the style is not matched
RANGE_WEIGHT = 10.0  # of the penalty for values outside [-1, 1]
START_NOISE = 0.02  # deviation, in units of the range [-1, 1]; flat areas need something to grow strokes from
CONTRAST_WINDOW = 7  # pixels at half size
CONTRAST_FLOOR = 0.002  # variance in units of [-1, 1] below which a place counts as flat
MASK_FLOOR = 1e-3  # a masked Gram matrix needs some pixels to be about


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a picture is painted; weights have the paper's symbols."""

    size: int = 256  # long side of the result, pixels; a smaller content is not enlarged
    iterations: int = 160  # evaluations of the objective over all pyramid levels
    optimizer: str = 'lbfgs'  # lbfgs | adam (slower, smoother)
    levels: int = 0  # pyramid levels, each twice as large as the one before; 0 = as many as make sense
    content_weight: float = 1.0  # alpha
    style_weight: float = 10.0  # beta
    structure_weight: float = 1.0  # local contrast of the luminance: faces, which the network hardly notices
    tv_weight: float = 0.1  # total variation of the luminance, against grain
    color_tv_weight: float = 0.5  # total variation of the colours, against iridescence
    strength: float = 1.0  # 0 = the content, 1 = the full style; between, the target statistics are mixed
    style_scale: float = 1.0  # size of the style pictures relative to the result: larger gives larger strokes
    style_scales: int = 3  # sizes of the result (full, half, quarter, ...) at which the style is matched
    style_layers: tuple = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')
    content_layers: tuple = ('relu3_1', 'relu4_1')
    keep_colors: str = 'none'  # none | luminance | palette; see stylegan_tf.colors
    extractor: str = 'vgg16_hed'  # name or path for features.load
    seed: int = 0  # of the start's noise; the same seed gives the same picture

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"Setting 'optimizer' must be one of {', '.join(OPTIMIZERS)}. "
                             f'Received: {self.optimizer!r}.')
        if self.keep_colors not in colors.KEEP_COLORS:
            raise ValueError(f"Setting 'keep_colors' must be one of {', '.join(colors.KEEP_COLORS)}. "
                             f'Received: {self.keep_colors!r}.')
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"Setting 'strength' must lie in 0..1. Received: {self.strength}.")
        for name, least in (('size', 32), ('iterations', 1), ('style_scales', 1), ('levels', 0)):
            if getattr(self, name) < least:
                raise ValueError(f"Setting '{name}' must be at least {least}. Received: {getattr(self, name)}.")


@dataclasses.dataclass(frozen=True)
class Progress:
    """What `progress` is told after each evaluation."""

    evaluation: int  # evaluations done, of all levels
    evaluations: int  # evaluations planned
    level: int  # 1 is the coarsest
    levels: int
    losses: dict  # unweighted 'content', 'style', 'structure', 'total_variation', weighted 'total' of this evaluation


@dataclasses.dataclass(frozen=True)
class Result:
    """What came out of a transfer."""

    pixels: np.ndarray  # uint8 [H, W, 3]
    losses: dict  # the terms of `Progress.losses` for the best picture of the last level
    start_losses: dict  # and for that level's start
    evaluations: int
    seconds: float  # wall clock
    was_interrupted: bool = False  # by Ctrl-C; `pixels` is then the best so far


def stylize(content, styles, **options):
    """`transfer` for those who only want the picture: the same arguments, returns uint8 [H, W, 3]."""
    return transfer(content, styles, **options).pixels


def transfer(content, styles, *, style_weights=None, masks=None, progress=None, preview=None, preview_every=10,
             **settings):
    """Paints `content` in the manner of `styles`.

    Args:
        content: uint8 [H, W, 3].
        styles: One style picture uint8 [h, w, 3], or a list of several.
        style_weights: Weight of each style; None for equal ones. Only their ratios count.
        masks: None, one mask, or one a style: [H, W] bool, uint8 or float in [0, 1] at the content's size, where that
            style applies (one mask for several styles: where their blend does). The rest of the picture stays.
        progress: None, or called with a Progress after every evaluation.
        preview: None, or called with the best picture so far, uint8 at the level's size.
        preview_every: Evaluations between two previews.
        **settings: Fields of Settings.
    Returns:
        A Result; its picture has the content's aspect and at most the long side `size`. Ctrl-C ends the transfer
        early and returns the best picture so far.
    Raises:
        ValueError: If arguments contradict each other; says what was expected.
        FeatureWeightsError: If the extractor is not available.
    """
    settings = Settings(**settings)
    styles = [styles] if isinstance(styles, np.ndarray) else list(styles)
    weights = _style_weights(style_weights, len(styles))
    content = images.fit_within(content, settings.size)
    masks = _masks(masks, content.shape[:2], len(styles))
    styles = [colors.prepare_style(style, content, settings.keep_colors) for style in styles]
    layers = (*settings.style_layers, *settings.content_layers)
    network = features.load(settings.extractor, tuple(dict.fromkeys(layers)))
    painting = _Painting(settings, progress, preview, preview_every)
    painting.paint(network, content, styles, weights, masks)
    pixels = images.to_uint8(painting.best)
    if pixels.shape != content.shape:  # interrupted at a coarse level
        pixels = images.resize(pixels, content.shape[:2])
    pixels = colors.finish(pixels, content, settings.keep_colors)
    if masks:
        union = np.minimum(sum(masks), 1.0)[..., None]
        pixels = np.rint(pixels * union + content * (1.0 - union)).astype(np.uint8)
    return Result(pixels, painting.best_losses, painting.start_losses, painting.evaluation, painting.seconds,
                  painting.was_interrupted)


def _style_weights(weights, count):
    if count == 0:
        raise ValueError('Expected at least one style picture. Received none.')
    weights = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (count,) or weights.min() < 0 or weights.sum() <= 0:
        raise ValueError(f'Expected {count} style weights of at least 0, one a style, not all 0. '
                         f'Received: {weights.tolist()}.')
    return weights / weights.sum()


def _masks(masks, size, styles):
    """Masks as a list of float32 arrays in [0, 1] of `size`."""
    if masks is None:
        return []
    masks = [masks] if isinstance(masks, np.ndarray) and masks.ndim == 2 else list(masks)
    if len(masks) not in (1, styles) or any(np.ndim(mask) != 2 for mask in masks):
        raise ValueError(f'Expected one mask [H, W], or one for each of the {styles} styles. Received: '
                         f'{[np.shape(mask) for mask in masks]}.')
    result = []
    for mask in masks:
        values = np.asarray(mask, np.float32) / (255.0 if np.asarray(mask).dtype == np.uint8 else 1.0)
        result.append(np.clip(images.resize(values, size), 0.0, 1.0))
    if not sum(mask.sum() for mask in result):
        raise ValueError('The masks are empty: no pixel of the content is to be styled.')
    return result


class _Painting:
    """The state of one transfer: the best picture so far and what has been spent."""

    def __init__(self, settings, progress, preview, preview_every):
        self.settings = settings
        self.best, self.best_losses, self.start_losses = None, {}, {}
        self.evaluation, self.was_interrupted, self.seconds = 0, False, 0.0
        self._progress, self._preview, self._preview_every = progress, preview, preview_every

    def paint(self, network, content, styles, weights, masks):
        """Runs all levels; KeyboardInterrupt ends it quietly once there is a picture."""
        start_time = time.monotonic()
        sides = level_sides(content.shape, self.settings)
        budgets = level_budgets(len(sides), self.settings.iterations)
        picture = None
        self.best = images.to_float(content)
        try:
            for level, (side, budget) in enumerate(zip(sides, budgets), start=1):
                base = images.to_float(images.fit_within(content, side))
                picture = base + self._start(picture, base)
                objective = _Objective(network, base, styles, weights, masks, self.settings)
                self._minimise(objective, picture, budget, level, len(sides))
                picture = self.best
        except KeyboardInterrupt:
            self.was_interrupted = True
        self.seconds = time.monotonic() - start_time

    def _start(self, coarser, base):
        """What is added to the content at the start of a level: noise, or the coarser level's change of it."""
        if coarser is None:
            noise = np.random.default_rng(self.settings.seed).standard_normal(base.shape)
            return START_NOISE * noise.astype(np.float32)
        change = coarser - images.resize(base, coarser.shape[:2])
        return images.resize(change, base.shape[:2])

    def _minimise(self, objective, start, budget, level, levels):
        self.best_losses, stop = {'total': np.inf}, self.evaluation + budget

        def evaluate(flat):
            picture = flat.reshape(start.shape).astype(np.float32)
            losses, gradient = objective(picture)
            self.evaluation += 1
            if 'content' not in self.best_losses:
                self.start_losses = losses
            if losses['total'] < self.best_losses['total']:
                self.best, self.best_losses = np.clip(picture, -1.0, 1.0), losses
            if self._progress:
                self._progress(Progress(self.evaluation, self.settings.iterations, level, levels, losses))
            if self._preview and self.evaluation % self._preview_every == 0:
                self._preview(images.to_uint8(self.best))
            if self.evaluation >= stop:
                raise _BudgetSpentError
            return losses['total'], gradient.reshape(-1).astype(np.float64)

        with contextlib.suppress(_BudgetSpentError):
            {'lbfgs': _lbfgs, 'adam': _adam}[self.settings.optimizer](evaluate, start.reshape(-1), budget)


class _BudgetSpentError(Exception):
    """Ends an optimizer at the exact number of evaluations."""


def _lbfgs(evaluate, start, budget, first_step=0.03):
    """L-BFGS from `start`; its first step changes the picture by about `first_step` in units of [-1, 1].

    SciPy makes the first step of length 1 whatever the number of variables, so the unit of the variables is chosen.
    """
    import scipy.optimize

    unit = first_step * np.sqrt(start.size)

    def evaluate_scaled(scaled):
        value, gradient = evaluate(scaled * unit)
        return value, gradient * unit

    scipy.optimize.minimize(
        evaluate_scaled, start.astype(np.float64) / unit, jac=True, method='L-BFGS-B',
        options={'maxfun': 2 * budget, 'maxiter': 2 * budget, 'maxcor': 20, 'ftol': 0.0, 'gtol': 0.0})


def _adam(evaluate, start, budget, rate=0.05):
    """Adam (Kingma & Ba 2015) with a cosine decay of the learning rate from `rate` in units of [-1, 1]."""
    picture = start.astype(np.float64)
    first, second = np.zeros_like(picture), np.zeros_like(picture)
    for step in range(1, budget + 1):
        _, gradient = evaluate(picture)
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient ** 2 - second)
        update = (first / (1 - 0.9 ** step)) / (np.sqrt(second / (1 - 0.99 ** step)) + 1e-12)
        picture = picture - rate * 0.5 * (1.05 + np.cos(np.pi * step / budget)) * update


def level_sides(shape, settings):
    """Long sides of the pyramid's levels in pixels, coarse to fine."""
    side = max(shape[:2])
    possible = 1
    while side / 2 ** possible >= SMALLEST_LEVEL and min(shape[:2]) / 2 ** possible >= SMALLEST_SCALE:
        possible += 1
    count = min(settings.levels or possible, possible)
    return [round(side / 2 ** (count - 1 - index)) for index in range(count)]


def level_budgets(levels, iterations):
    """Evaluations at each level: the same share for each but half as much again for the coarsest.

    A coarse evaluation costs a quarter and decides where the large strokes go.
    """
    shares = np.array([1.5] + [1.0] * (levels - 1))
    ends = np.rint(np.cumsum(shares) / shares.sum() * iterations).astype(int)
    return np.diff(ends, prepend=0).tolist()


class _Objective:
    """The loss of a picture at one pyramid level, compiled, with its gradient."""

    def __init__(self, network, content, styles, weights, masks, settings):
        self._network, self._settings = network, settings
        content = content[None]
        short_side = min(content.shape[1:3])
        self._scales = 1 + max((scale for scale in range(settings.style_scales)
                                if short_side / 2 ** scale >= SMALLEST_SCALE), default=0)
        self._content_features = {name: value for name, value in network(content).items()
                                  if name in settings.content_layers}
        self._local_contrast = _local_contrast(content)
        side = round(max(content.shape[1:3]) * settings.style_scale)
        styles = [images.to_float(images.fit_within(style, side))[None] for style in styles]
        self._regions = _regions(masks, weights, content.shape[1:3])
        self._targets = self._style_targets(content, styles)
        self._mask = np.minimum(sum(mask for mask, _ in self._regions), 1.0) if masks else None
        self._compiled = _compile(self._terms, content.shape)

    def __call__(self, picture):
        """(losses by name, gradient of the total) of a picture float32 [h, w, 3]."""
        terms, gradient = self._compiled(picture[None])
        losses = dict(zip(('total', 'content', 'style', 'structure', 'total_variation'), np.asarray(terms).tolist()))
        gradient = np.asarray(gradient)[0]
        return losses, gradient if self._mask is None else gradient * self._mask[0]

    def _style_targets(self, content, styles):
        """Target Gram matrices: [scale][region] -> {layer: [1, C, C]}."""
        strength = self._settings.strength
        own = self._grams(content)
        foreign = [self._grams(style, has_masks=False) for style in styles]
        targets = []
        for scale in range(self._scales):
            regions = []
            for index, (_, weights) in enumerate(self._regions):
                regions.append({layer: (1.0 - strength) * own[scale][index][layer] + strength * sum(
                    weight * grams[scale][0][layer] for weight, grams in zip(weights, foreign))
                    for layer in self._settings.style_layers})
            targets.append(regions)
        return targets

    def _grams(self, picture, *, has_masks=True, first_features=None):
        """Gram matrices of a picture [1, h, w, 3]: [scale][region] -> {layer: [1, C, C]}."""
        result = []
        for scale, smaller in enumerate(perceptual.image_pyramid(picture, self._scales)):
            maps = first_features if scale == 0 and first_features else self._network(smaller)
            regions = self._regions if has_masks else [(None, None)]
            result.append([{layer: perceptual.gram_matrix(maps[layer], _fitted(mask, maps[layer].shape))
                            for layer in self._settings.style_layers} for mask, _ in regions])
        return result

    def _terms(self, picture):
        """[total, content, style, structure, total variation] of a picture [1, h, w, 3]."""
        settings = self._settings
        maps = self._network(picture)
        content = sum(ops.mean(ops.square(maps[name] - wanted)) / ops.mean(ops.square(wanted))
                      for name, wanted in self._content_features.items()) / len(self._content_features)
        distances = [ops.mean(perceptual.relative_gram_distance(gram[layer], target[layer]))
                     for grams, targets in zip(self._grams(picture, first_features=maps), self._targets)
                     for gram, target in zip(grams, targets) for layer in settings.style_layers]
        style = sum(distances) / len(distances)
        structure = ops.mean(ops.square(_local_contrast(picture) - self._local_contrast)) / 2.0
        luminance = reconstruction.luminance(picture)
        variation = ops.mean(reconstruction.total_variation_loss(luminance))
        color_variation = ops.mean(reconstruction.total_variation_loss(picture - luminance))
        excess = ops.mean(ops.square(ops.relu(ops.abs(picture) - 1.0)))
        total = (settings.content_weight * content + settings.style_weight * style
                 + settings.structure_weight * structure + settings.tv_weight * variation
                 + settings.color_tv_weight * color_variation + RANGE_WEIGHT * excess)
        return ops.stack([total, content, style, structure, variation])


def _local_contrast(picture):
    """Luminance at half size less its local mean, over its local deviation: [1, h, w, 3] -> [1, h/2, w/2, 1]."""
    def local_mean(x):
        return ops.average_pool(x, CONTRAST_WINDOW, strides=1, padding='same', data_format='channels_last')

    luminance = ops.average_pool(reconstruction.luminance(picture), 2, strides=2, data_format='channels_last')
    mean = local_mean(luminance)
    variance = ops.relu(local_mean(ops.square(luminance)) - ops.square(mean))
    return (luminance - mean) / ops.sqrt(variance + CONTRAST_FLOOR)


def _regions(masks, weights, size):
    """[(mask [1, h, w, 1] or None, weight of each style in it)]."""
    fitted = [images.resize(mask, size)[None, :, :, None] for mask in masks]
    if not fitted:
        return [(None, weights)]
    if len(fitted) == 1:
        return [(fitted[0], weights)]
    return list(zip(fitted, np.eye(len(fitted))))


def _fitted(mask, shape):
    """A mask averaged down to the size of a feature map; constant under compilation."""
    if mask is None:
        return None
    return images.resize(mask[0, :, :, 0], shape[1:3])[None, :, :, None] + MASK_FLOOR


def _compile(terms, shape):
    """Function from a picture to (terms, gradient of the first term), compiled for one shape."""
    backend = keras.config.backend()
    if backend == 'jax':
        import jax

        def first_with_all(picture):
            values = terms(picture)
            return values[0], values

        function = jax.jit(jax.value_and_grad(first_with_all, has_aux=True))

        def evaluate(picture):
            (_, values), gradient = function(picture)
            return values, gradient

        return evaluate
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def evaluate(picture):
        with tf.GradientTape() as tape:
            tape.watch(picture)
            values = terms(picture)
            total = values[0]
        return values, tape.gradient(total, picture)

    return evaluate
