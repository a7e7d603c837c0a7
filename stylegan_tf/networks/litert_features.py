"""Frozen perceptual networks by LiteRT, for measuring results where TensorFlow is not loaded.

graphs/NAME.zip holds a network without its weights, which come from where `features` takes them. tools/make_graphs.py
makes the graphs.
"""

import functools
import pathlib

import numpy as np

from stylegan_tf.litert import runtime, templates
from stylegan_tf.litert.runtime import LiteRTError
from stylegan_tf.networks import features

GRAPHS = pathlib.Path(__file__).parent / 'graphs'
SIGNATURE = 'features'
OFFLINE = ('vgg16_hed', 'efficientnet_lite0')


class LiteRTFeatures:
    """A frozen network; attributes as of `frozen.FeatureExtractor`.

    Args:
        name: A name of `features.NAMES` that has a graph here.
        layers: Names of layers that the graph must return.
        threads: As of `runtime.Runtime`.
    Raises:
        FeatureWeightsError: If the weights are missing; says what to install.
        LiteRTError: If there is no graph, no runtime, or the weights are others than the graph was made for.
    """

    def __init__(self, name, layers=(), *, threads=None):
        weights = frozen_weights(name)
        template = templates.read(GRAPHS / f'{name}.zip')
        self.extractor_name = name
        self.weights_hash = weights.sha256
        self.licence, self.source = weights.licence, weights.source
        self.layer_names = tuple(template.facts['layers'])
        if not set(layers) <= set(self.layer_names):
            raise LiteRTError(f'The graph of {name} returns {", ".join(self.layer_names)}. Asked for: '
                              f'{", ".join(layers)}.')
        if self.weights_hash != template.facts['sha256']:
            raise LiteRTError(f'The graph of {name} was made for other weights. Make it again with '
                              'tools/make_graphs.py.')
        self._runtime = runtime.Runtime(template.fill(weights.tensors), threads=threads, name=name)

    def __call__(self, images):
        """Images float32 [1, H, W, 3] in [-1, 1] -> dict of feature maps [1, h, w, C] by layer name."""
        return self._runtime.run(SIGNATURE, images=np.ascontiguousarray(images, np.float32))


def is_offline(name):
    """Whether a network's weights are read without Keras and without a download."""
    return name in OFFLINE


@functools.cache
def frozen_weights(name):
    """The FrozenWeights of a network, read once a process; raises as `features.read_weights`."""
    return features.read_weights(name)
