"""A frozen network that looks at pictures of one size: what it sees of a set, and of single pictures."""

from __future__ import annotations

import numpy as np

from stylegan_tf import images
from stylegan_tf.networks import features
from stylegan_tf.networks.feature_layers import LAYERS

# Near what each was trained on. A VGG costs 15 times the work of EfficientNet-Lite0 at the same size.
SIDES = {'vgg16': 128, 'vgg19': 128, 'efficientnet_lite0': 224, 'inception_v3': 299}
# What the numbers of a vector are in the mean over photographs: as in EfficientNet-Lite0's own embedding. The cubic
# kernel of KID is made for numbers below 1; of those with mean 1 a few odd pictures rule it.
VECTOR_MEAN = 0.14


class Onlooker:
    """Pictures of any size -> vectors and feature maps of a frozen network, whatever the Keras backend.

    Args:
        network: As of `features.load`.
        kinds: Which rows of `feature_layers.LAYERS` will be asked for.
    Attributes:
        name: As of `frozen.FeatureExtractor.extractor_name`.
        resize_rule: How pictures are brought to the network's size, in words.
        weights_hash, licence, source: Of the network.
        layers: Kind -> names of its layers.
    Raises:
        FeatureWeightsError: As `features.load`.
    """

    def __init__(self, network, kinds=('vector',)):
        architecture = features.architecture(network)
        self.side = SIDES[architecture]
        self.layers = {kind: LAYERS[architecture][kind] for kind in kinds}
        self._network = features.load(network, tuple(dict.fromkeys(
            layer for names in self.layers.values() for layer in names)))
        # Keras compiles `predict_on_batch` under each backend; XLA would cost minutes on a CPU and gain nothing.
        self._network.compile(optimizer=None, jit_compile=False)
        self.name = self._network.extractor_name
        self.weights_hash, self.licence = self._network.weights_hash, self._network.licence
        self.source = self._network.source

    @property
    def resize_rule(self) -> str:
        return f'to {self.side}x{self.side}, area averaging down, cubic up'

    def vectors(self, pictures) -> np.ndarray:
        """float32 [B, D], one vector a picture: the means of the layers of 'vector' over the picture, scaled.

        Args:
            pictures: uint8 [B, H, W, 3], or floats of that shape in [-1, 1].
        """
        maps = self.maps(pictures, 'vector')
        means = [value.mean(axis=tuple(range(1, value.ndim - 1))) for value in maps.values()]
        return np.float32(VECTOR_MEAN) * np.concatenate(means, axis=-1)

    def maps(self, pictures, kind) -> dict[str, np.ndarray]:
        """Feature maps float32 [B, h, w, C] of a kind's layers by name; arguments as `vectors`."""
        seen = self._network.predict_on_batch(self._fitted(pictures))
        return {layer: np.asarray(seen[layer]) for layer in self.layers[kind]}

    def _fitted(self, pictures):
        pictures = np.asarray(pictures)
        fitted = np.stack([images.resize(picture, (self.side, self.side)) for picture in pictures])
        return images.to_float(fitted) if fitted.dtype == np.uint8 else fitted
