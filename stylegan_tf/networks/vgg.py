"""VGG16 and VGG19 as frozen feature extractors."""

from keras import ops

from stylegan_tf.networks import feature_weights
from stylegan_tf.networks.frozen import FeatureExtractor, FrozenConvolution, in_order


class VGGFeatures(FeatureExtractor):
    """VGG16 or VGG19 up to the deepest asked layer: 'relu1_1' ... 'relu5_3' (or 'relu5_4').

    ReLU and max pooling are positively homogeneous, so the division of each layer by its mean activation is done
    in the kernels: a layer costs nothing extra and low precision sees numbers near 1.
    """

    def __init__(self, weights, layers=None, *, dtype='float32'):
        table = feature_weights.vgg_convolutions(weights.architecture)
        every_layer = tuple('relu' + name.removeprefix('conv') for name, _ in table)
        super().__init__(weights, in_order(layers, every_layer, weights.name), dtype=dtype)
        self._pool_padding = weights.pool_padding
        self._steps = []
        scale_before, block_before = 1.0, '1'
        for (convolution, shape), layer in zip(table, every_layer):
            kernel, bias = weights.tensors[f'{convolution}/kernel'], weights.tensors[f'{convolution}/bias']
            if not self._steps:
                kernel = self._first_kernel(kernel)
            scale = weights.mean_activations.get(layer, 1.0)
            pools = layer[4] != block_before
            self._steps.append((layer, pools, FrozenConvolution(
                kernel * (scale_before / scale), bias / scale, activation='relu', dtype=dtype, name=convolution)))
            scale_before, block_before = scale, layer[4]
            if layer in self.layer_names:
                self.channels[layer] = shape[-1]
            if layer == self.layer_names[-1]:
                break
        if weights.pool_padding == 'valid':
            self.smallest_size = 2 ** (int(block_before) - 1)
        self.built = True

    def _layers_of(self, x):
        for layer, pools, convolution in self._steps:
            if pools:
                x = ops.max_pool(x, 2, strides=2, padding=self._pool_padding, data_format='channels_last')
            x = convolution(x)
            if layer in self.layer_names:
                yield layer, x
