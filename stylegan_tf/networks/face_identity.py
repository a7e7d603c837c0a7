"""Who a face is: 128 numbers whose distances tell one person's pictures from another's.

    network = FaceIdentity()
    distance = identity_distance(network(chips), network(other_chips))      # below SAME_PERSON: probably one person

The network is differentiable in its pictures, so that it serves as a loss as well as a measure. It ships.

Source: dlib's face recognition network (King 2017, dlib_face_recognition_resnet_model_v1, CC0; a ResNet of 29
convolutions, He et al. 2016), as the JavaScript package @vladmandic/face-api (MIT) holds it: 8 bits a weight.
"""

import keras
import numpy as np
from keras import ops

from stylegan_tf.networks.face_identity_weights import shipped_weights, unpacked
from stylegan_tf.networks.frozen import FrozenConvolution

CHIP_SIZE = 150
SAME_PERSON = 0.6  # dlib's threshold
# Top, left and side of dlib's chip in a picture framed as FFHQ is, in sides; for a face of dlib's mean proportions.
FFHQ_CHIP = (0.2532, 0.1504, 0.7086)

# Blocks in order; 'down' halves the map, as the first block of each width but 32 does.
BLOCKS = ('conv32_1', 'conv32_2', 'conv32_3', 'conv64_down', 'conv64_1', 'conv64_2', 'conv64_3', 'conv128_down',
          'conv128_1', 'conv128_2', 'conv256_down', 'conv256_1', 'conv256_2', 'conv256_down_out')
_STEM = 'conv32_down'
_MEAN, _SCALE = (122.782, 117.001, 104.298), 256.0  # of red, green, blue on the scale 0..255


class FaceIdentity(keras.Model):
    """The frozen network.

    Args:
        weights: FrozenWeights of this architecture; None for the ones that ship.

    call(chips):
        chips: float [B, H, W, 3] in [-1, 1], faces cut out as `data.faces.identity_chip` does, or as `ffhq_chips` does
            from FFHQ's frame. Resized to 150 px.
    Returns:
        float32 [B, 128]; lengths are about 1.4.
    Raises:
        FeatureWeightsError: If the weights are missing or damaged.
    """

    def __init__(self, weights=None, **kwargs):
        kwargs.setdefault('dtype', 'float32')
        super().__init__(trainable=False, **kwargs)
        weights = weights or shipped_weights()
        tensors = unpacked(weights.tensors)
        self.weights_hash, self.licence, self.source = weights.sha256, weights.licence, weights.source
        self.stem = self._convolution(tensors, _STEM, strides=2, activation='relu')
        self.blocks = [self._block(tensors, name) for name in BLOCKS]
        # The last map's mean times a matrix: a convolution of one pixel.
        self.head = FrozenConvolution(tensors['fc'][None, None], np.zeros(tensors['fc'].shape[1]), name='fc',
                                      dtype='float32')

    def _block(self, tensors, name):
        is_down = 'down' in name
        return (self._convolution(tensors, f'{name}/conv1', strides=2 if is_down else 1, activation='relu'),
                self._convolution(tensors, f'{name}/conv2', strides=1, activation=None))

    def _convolution(self, tensors, name, *, strides, activation):
        # Batch normalisation is a factor and a summand by now, which go into the convolution.
        factor = tensors[f'{name}/scale/weights']
        return FrozenConvolution(
            tensors[f'{name}/conv/filters'] * factor,
            tensors[f'{name}/conv/bias'] * factor + tensors[f'{name}/scale/biases'],
            strides=strides, padding='same' if strides == 1 else 'valid', activation=activation,
            name=name.replace('/', '_'), dtype=self.dtype_policy)

    def call(self, chips):
        if len(chips.shape) != 4 or chips.shape[-1] != 3:
            raise ValueError(f'Expected faces [B, H, W, 3] in [-1, 1]. Received the shape {tuple(chips.shape)}.')
        if tuple(chips.shape[1:3]) != (CHIP_SIZE, CHIP_SIZE):
            chips = ops.image.resize(chips, (CHIP_SIZE, CHIP_SIZE), interpolation='bilinear', antialias=True,
                                     data_format='channels_last')
        x = (chips * 127.5 + 127.5 - np.array(_MEAN, np.float32)) / _SCALE
        x = ops.max_pool(self.stem(x), 3, strides=2, padding='valid', data_format='channels_last')
        for first, second in self.blocks:
            x = ops.relu(_shortcut(x, second(first(x))))
        return ops.cast(self.head(ops.mean(x, axis=(1, 2), keepdims=True)), 'float32')[:, 0, 0]


def _shortcut(x, result):
    """The block's input plus its result, where it halves: the input's means and zeros for the new channels."""
    if x.shape[1:] == result.shape[1:]:
        return x + result
    pooled = ops.average_pool(x, 2, strides=2, padding='valid', data_format='channels_last')
    # A halving convolution without padding ends a pixel earlier than the means do on even sizes.
    rows, columns = pooled.shape[1] - result.shape[1], pooled.shape[2] - result.shape[2]
    result = ops.pad(result, ((0, 0), (0, rows), (0, columns), (0, 0)))
    return result + ops.pad(pooled, ((0, 0), (0, 0), (0, 0), (0, result.shape[-1] - pooled.shape[-1])))


def identity_distance(one, two):
    """Euclidean distance of embeddings [..., 128] -> [...]; its gradient is finite at zero."""
    return ops.sqrt(ops.sum(ops.square(one - two), axis=-1) + 1e-12)


def ffhq_chips(pictures):
    """Chips float [B, 150, 150, 3] of pictures float [B, S, S, 3] that are framed as FFHQ's are."""
    size = pictures.shape[1]
    top, left, side = (round(share * size) for share in FFHQ_CHIP)
    chips = pictures[:, top:min(top + side, size), left:left + side]
    return ops.image.resize(chips, (CHIP_SIZE, CHIP_SIZE), interpolation='bilinear', antialias=True,
                            data_format='channels_last')
