"""Exported functions of a generator: noise, classes and codes in, pictures in [0, 1] out."""

from __future__ import annotations

import math

from stylegan_tf.systems.signature import Signature


def generation_signatures(system) -> dict[str, Signature]:
    """The functions of a `StyleGAN`: `generate`; with a mapping network also its halves `code_from_noise` and
    `generate_from_code`, whose code holds the style of every layer, one behind the other.

    A label below 0 stands for a class that the noise decides, each as often as any other.
    """
    functions = _Functions(system)
    config = system.config
    inputs = {'latent': config.latent_size, **({'label': 'label'} if config.num_labels else {}), 'truncation': 'scalar'}
    signatures = {'generate': Signature(functions.generate, inputs, {'image': 'image'})}
    if system.mapping is not None:
        code = system.generator.num_styles * config.style_size
        signatures['code_from_noise'] = Signature(functions.code_from_noise, inputs, {'code': code})
        signatures['generate_from_code'] = Signature(functions.generate_from_code, {'code': code}, {'image': 'image'})
    return signatures


class _Functions:
    def __init__(self, system):
        import tensorflow as tf

        self.tf, self.system, self.classes = tf, system, system.config.num_labels

    def generate(self, latent, truncation, label=None):
        return self._pictures(self.system.generate(latent, self._classes(latent, label), truncation))

    def code_from_noise(self, latent, truncation, label=None):
        code = self.system.encode(latent, self._classes(latent, label), truncation)
        return {'code': self.tf.tile(code, [1, self.system.generator.num_styles])}

    def generate_from_code(self, code):
        config, layers = self.system.config, self.system.generator.num_styles
        return self._pictures(self.system.decode(self.tf.reshape(code, [-1, layers, config.style_size])))

    def _classes(self, latent, label):
        if label is None:
            return None
        tf = self.tf
        # The first number of the noise, as its place among all such numbers, is uniform in [0, 1].
        place = 0.5 * (1.0 + tf.math.erf(latent[:, 0] / math.sqrt(2.0)))
        drawn = tf.cast(tf.floor(place * self.classes), tf.int32)
        return tf.clip_by_value(tf.where(label < 0, drawn, label), 0, self.classes - 1)

    def _pictures(self, pictures):
        return {'image': self.tf.clip_by_value(pictures * 0.5 + 0.5, 0.0, 1.0)}
