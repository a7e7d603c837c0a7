"""InceptionV3 of keras.applications as a frozen feature extractor.

Its numbers differ from those of the original FID code, which uses an older graph with other weights.
"""

from keras import ops

from stylegan_tf.networks.frozen import FeatureExtractor, in_order

LAYERS = (*(f'mixed{index}' for index in range(11)), 'pooled')


class InceptionFeatures(FeatureExtractor):
    """The ends of the blocks 'mixed0' ... 'mixed10' and 'pooled', the embedding [B, 2048] of FID.

    Args:
        weights: FrozenWeights; the tensors only feed the hash.
        network: keras.applications.InceptionV3(include_top=False), which holds them.
        layers: Layers to return; None for all.
        dtype: Keras dtype policy of the features; the network computes in its own.
    """

    def __init__(self, weights, network, layers=None, *, dtype='float32'):
        import keras

        super().__init__(weights, in_order(layers, LAYERS, weights.name), dtype=dtype)
        ends = ['mixed10' if name == 'pooled' else name for name in self.layer_names]
        outputs = [network.get_layer(name).output for name in ends]
        self.channels = {name: int(output.shape[-1]) for name, output in zip(self.layer_names, outputs)}
        self.smallest_size = 75
        self._means = {name: weights.mean_activations.get(name, 1.0) for name in self.layer_names}
        cut = keras.Model(network.inputs, outputs, trainable=False, name='inception')
        # Behind a function, so that Keras does not save somebody else's 22 million weights with a model.
        self._run = lambda x: cut(x, training=False)
        self.built = True

    def _layers_of(self, x):
        outputs = self._run(x)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        for name, value in zip(self.layer_names, outputs):
            value = ops.mean(value, axis=(1, 2)) if name == 'pooled' else value
            yield name, value / self._means[name]
