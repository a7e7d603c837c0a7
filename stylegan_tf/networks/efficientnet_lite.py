"""EfficientNet-Lite0 as a frozen feature extractor.

Source: Tan & Le 2019, table 1, without squeeze-and-excitation and with ReLU6 (the Lite variant: Liu 2020).
"""

from keras import ops

from stylegan_tf.networks.efficientnet_lite_weights import STAGES
from stylegan_tf.networks.frozen import FeatureExtractor, FrozenConvolution, in_order

LAYERS = ('stem', *(f'stage{index}' for index in range(1, len(STAGES) + 1)), 'head', 'pooled')
CHANNELS = dict(zip(LAYERS, (32, *(stage.channels for stage in STAGES), 1280, 1280)))


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
