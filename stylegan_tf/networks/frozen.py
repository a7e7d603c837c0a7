"""What every frozen perceptual network is made of: fixed convolutions, and a model that names its layers.

Frozen weights are constants of a method, like its equations: they are never trained and never saved with a
model, they come from their source each time.
"""

import keras
import numpy as np
from keras import ops

from stylegan_tf.networks import feature_weights
from stylegan_tf.networks.feature_weights import FrozenWeights


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


def in_order(layers, every_layer, name):
    """The asked layers in order of execution; all when None.

    Raises:
        ValueError: If one of them is not in `every_layer`; `name` is the network's, for the message.
    """
    if layers is None:
        return every_layer
    if isinstance(layers, str):
        layers = (layers,)
    unknown = [layer for layer in layers if layer not in every_layer]
    if unknown or not layers:
        raise ValueError(f"Expected layers of {name}: {', '.join(every_layer)}. Received: {list(layers)}.")
    return tuple(layer for layer in every_layer if layer in layers)
