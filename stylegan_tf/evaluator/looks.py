"""What the metrics see of a picture: its resized pixels, and its feature maps in frozen networks."""

import dataclasses
import functools
import threading

import numpy as np

from stylegan_tf.metrics import distribution, similarity

_extractors = {}
_lock = threading.Lock()


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """A picture as the metrics see it; what is derived of it is computed once.

    Attributes:
        pixels: uint8 [S, S, 3].
        features: Feature maps {(network, layer): float32 [1, h, w, C]}.
    """

    pixels: np.ndarray
    features: dict

    @property
    def size_bytes(self):
        """Memory of the pixels and feature maps."""
        return self.pixels.nbytes + sum(feature_map.nbytes for feature_map in self.features.values())

    @functools.cached_property
    def _derived(self):
        return {}

    def gram(self, layer):
        """`similarity.gram_matrix` of a layer, float64 [1, C, C]."""
        return self._once(similarity.gram_matrix, layer)

    def moments(self, layer):
        """`similarity.moments` of a layer, float64 [1, 2 C]."""
        return self._once(similarity.moments, layer)

    def places(self, layer):
        """`distribution.local_features` of a layer, float64 [n, C]."""
        return self._once(_places, layer)

    def within(self, layer):
        """`distribution.within` of the places of a layer: a style picture's serves all results in its style."""
        return self._once(_within, layer)

    def _once(self, function, layer):
        key = (function, layer)
        if key not in self._derived:
            self._derived[key] = function(self.features[layer])
        return self._derived[key]


def extractor(name, layers, engine='tensorflow'):
    """The frozen network `name` with at least `layers`: one a process and engine, loaded when first asked for."""
    from stylegan_tf.networks import features, litert_features

    with _lock:
        loaded = _extractors.get((name, engine))
        if loaded is None or not set(layers) <= set(loaded.layer_names):
            known = loaded.layer_names if loaded else ()
            make = litert_features.LiteRTFeatures if engine == 'litert' else features.load
            loaded = _extractors[(name, engine)] = make(name, tuple(dict.fromkeys((*known, *layers))))
        return loaded


def _places(feature_map):
    return distribution.local_features(feature_map[0], distribution.PLACES)


def _within(feature_map):
    return distribution.within(_places(feature_map))
