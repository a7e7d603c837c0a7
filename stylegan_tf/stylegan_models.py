"""Models that draw pictures from noise, and of a class where they have learned classes.

    model = load('runs/digits')
    pictures = model.generate(8, seed=1, label='7', truncation=0.7)     # list of uint8 [H, W, 3]
    codes = model.codes(2, seed=1)                                      # a style for each layer, float32 [2, L, D]
    halfway = model.draw(codes.mean(axis=0, keepdims=True))

`stylegan_tf.api.load` makes them of exports and run folders with the signature `generate`.
"""

import numpy as np

from stylegan_tf import images
from stylegan_tf.loaded_models import ModelError, NetworkModel

AT_ONCE_PIXELS = 1 << 20  # of the pictures drawn in one call


class GeneratorModel(NetworkModel):
    """The signatures that `systems.generation_signatures` describes.

    Attributes:
        label_names: Classes, in the order of their numbers; empty where the model has none.
        latent_size: Z, length of the noise.
        has_codes: Whether pictures have codes (StyleGAN), for `codes` and `draw`.
    """

    takes_style = False

    @property
    def label_names(self):
        return tuple(self.card.get('label_names', ())) if 'label' in self.inputs_of('generate') else ()

    @property
    def latent_size(self):
        return self._functions['generate'].structured_input_signature[1]['latent'].shape[1]

    @property
    def has_codes(self):
        return {'code_from_noise', 'generate_from_code'} <= set(self.offers) and 'style_layers' in self.card

    def noise(self, count, seed=0):
        """Noise float32 [count, Z]; row i depends on (seed, i) alone. The clients draw the same.

        Raises:
            ModelError: `count` is no whole number from 1 on.
        """
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ModelError(f'The count must be a whole number from 1 on. Received: {count!r}.')
        return np.random.default_rng(seed).normal(size=(count, self.latent_size)).astype(np.float32)

    def generate(self, count=1, *, seed=0, latent=None, label=None, truncation=1.0):
        """Draws pictures.

        Args:
            count: Number of pictures.
            seed: Whole number; picture i depends on the seed and i alone.
            latent: Instead of both: noise float [B, Z] of the normal distribution.
            label: Name of a class or its number, or a list of one for each; None leaves it to the noise.
            truncation: From 0 (the mean picture of the class) to 1 (all there is), or a list of one for each.
        Returns:
            List of uint8 arrays [H, W, 3].
        Raises:
            ModelError: If a value is out of range, or the model does not know the class.
        """
        return self._pictures('generate', self._inputs(count, seed, latent, label, truncation))

    def codes(self, count=1, *, seed=0, latent=None, label=None, truncation=1.0):
        """Styles of every layer of such pictures, float32 [B, L, D]: to be mixed, averaged, moved, and drawn by `draw`.

        Arguments and errors as `generate`.
        """
        self._require_codes()
        inputs = self._inputs(count, seed, latent, label, truncation)
        flat = self._run('code_from_noise', **inputs)['code']
        return flat.reshape(len(flat), self.card['style_layers'], -1)

    def draw(self, codes):
        """The pictures of codes.

        Args:
            codes: Float [B, L, D], or [B, D] for the same style in all layers.
        Returns:
            List of uint8 arrays [H, W, 3].
        Raises:
            ModelError: If the model has no codes, or they are of another shape.
        """
        self._require_codes()
        codes, shape = np.asarray(codes, np.float32), (self.card['style_layers'], self.card['style_size'])
        if codes.ndim == 2:
            codes = np.repeat(codes[:, None], shape[0], axis=1)
        if codes.shape[1:] != shape:
            raise ModelError(f'Codes of the model {self.name} are [B, {shape[1]}] or [B, {shape[0]}, {shape[1]}]. '
                             f'Received: {list(codes.shape)}.')
        return self._pictures('generate_from_code', {'code': codes.reshape(len(codes), -1)})

    def _require_codes(self):
        if not self.has_codes:
            raise ModelError(f'The model {self.name} has no style codes: they come with the architecture stylegan2.')

    def _inputs(self, count, seed, latent, label, truncation):
        latent = self.noise(count, seed) if latent is None else np.asarray(latent, np.float32)
        if latent.ndim != 2 or latent.shape[1] != self.latent_size:
            raise ModelError(f'The noise of the model {self.name} is [B, {self.latent_size}]. '
                             f'Received: {list(latent.shape)}.')
        truncations = np.asarray(_one_each('truncation', truncation, len(latent)), np.float32)
        if not ((truncations >= 0) & (truncations <= 1)).all():
            raise ModelError(f'The truncation must lie between 0 and 1. Received: {truncation}.')
        inputs = {'latent': latent, 'truncation': truncations}
        labels = [self.label_index(one) for one in _one_each('label', label, len(latent))]
        if self.label_names:
            inputs['label'] = np.array(labels, np.int32)
        return inputs

    def label_index(self, label):
        """Number of a class by its name or number; -1 for None.

        Raises:
            ModelError: If the model does not know it.
        """
        names = self.label_names
        if label is None:
            return -1
        if label in names:
            return names.index(label)
        if isinstance(label, int | np.integer) and 0 <= label < len(names):
            return int(label)
        raise ModelError(f'The model {self.name} does not know the class {label!r}. It knows: '
                         f'{", ".join(names) or "none"}.')

    def _pictures(self, signature, inputs):
        height, width = self.card.get('resolution', (256, 256))
        count, size = len(next(iter(inputs.values()))), max(1, AT_ONCE_PIXELS // (height * width))
        pictures = []
        for start in range(0, count, size):
            part = {name: value[start:start + size] for name, value in inputs.items()}
            pictures += list(images.to_uint8(self._run(signature, **part)['image'] * 2 - 1))
        return pictures


def _one_each(what, given, count):
    if not isinstance(given, list | tuple | np.ndarray):
        return [given] * count
    if len(given) != count:
        raise ModelError(f'Expected one {what} for all pictures, or one for each of {count}. Received: {len(given)}.')
    return given
