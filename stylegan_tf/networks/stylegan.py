"""StyleGAN2: mapping network, synthesis network and discriminator."""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.equalized import EqualizedDense, leaky_relu
from stylegan_tf.layers.labels import LabelEmbedding
from stylegan_tf.layers.normalization import PixelNorm


def truncate(w, mean, psi):
    """Pulls style codes towards their mean: less variety, fewer failures.

    Args:
        w: Codes [B, D] or [B, L, D].
        mean: Mean code [D].
        psi: 1 keeps w, 0 gives the mean; a number or [B].
    Returns:
        mean + psi (w - mean), the shape of w.
    Source: Karras et al. 2019 (StyleGAN), appendix B.
    """
    psi = ops.convert_to_tensor(psi, dtype=w.dtype)
    if len(psi.shape) == 1:
        psi = ops.reshape(psi, (-1,) + (1,) * (len(w.shape) - 1))
    return mean + psi * (w - mean)


@keras.saving.register_keras_serializable('stylegan_tf')
class MappingNetwork(keras.Model):
    """Turns noise, and a class where there is one, into a style code w.

    Args:
        latent_size: Length of z.
        style_size: Length of w, and of the hidden layers.
        num_labels: Number of classes; 0 ignores labels.
        num_layers: Fully connected layers; 8 in StyleGAN, 2 in StyleGAN2-ADA's small models.
        lr_multiplier: Learning rate of these layers relative to the rest.

    call(z, label=None): z [B, latent_size], label integers [B] with -1 for none (None: all -1)
    -> w float32 [B, style_size]. Always computed in float32.
    Source: Karras et al. 2019, section 2; the embedding as in Karras et al. 2020 (StyleGAN2-ADA).
    """

    def __init__(self, latent_size: int, style_size: int, *, num_labels: int = 0,
                 num_layers: int = 8, lr_multiplier: float = 0.01, **kwargs):
        kwargs.setdefault('dtype', 'float32')
        super().__init__(**kwargs)
        self.latent_size = latent_size
        self.style_size = style_size
        self.num_labels = num_labels
        self.num_layers = num_layers
        self.lr_multiplier = lr_multiplier
        self.latent_norm = PixelNorm(name='latent_norm', dtype='float32')
        self.embedding = None
        if num_labels:
            self.embedding = LabelEmbedding(
                num_labels, latent_size, name='label_embedding', dtype='float32')
            self.label_norm = PixelNorm(name='label_norm', dtype='float32')
        self.dense_layers = [
            EqualizedDense(style_size, activation=leaky_relu, lr_multiplier=lr_multiplier,
                           name=f'dense_{index}', dtype='float32')
            for index in range(num_layers)]

    def build(self, z_shape, label_shape=None):
        size = z_shape[-1]
        if size != self.latent_size:
            raise ValueError(f'MappingNetwork expects z of shape [B, {self.latent_size}]. '
                             f'Received: shape {tuple(z_shape)}.')
        if self.embedding is not None:
            self.embedding.build((z_shape[0],))
            size += self.latent_size
        for layer in self.dense_layers:
            layer.build((z_shape[0], size))
            size = self.style_size

    def call(self, z, label=None):
        x = self.latent_norm(z)
        if self.embedding is not None:
            if label is None:
                label = ops.full((ops.shape(z)[0],), -1, dtype='int32')
            x = ops.concatenate([x, self.label_norm(self.embedding(label))], axis=-1)
        for layer in self.dense_layers:
            x = layer(x)
        return x

    def compute_output_shape(self, z_shape, label_shape=None):
        return (z_shape[0], self.style_size)

    def get_config(self):
        return {**super().get_config(), 'latent_size': self.latent_size,
                'style_size': self.style_size, 'num_labels': self.num_labels,
                'num_layers': self.num_layers, 'lr_multiplier': self.lr_multiplier}
