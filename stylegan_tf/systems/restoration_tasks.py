"""What each task of restoration gives to its U-Net, and how the U-Net's answer becomes a picture.

A batch holds 'image' [B, h, w, 3] in [-1, 1], and of 'inpaint' 'mask', of 'colorize' 'hints' and 'palette_code' (or, in
training, 'clean' and 'has_palette').
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from keras import ops

from stylegan_tf.layers.lab import lab_to_rgb, rgb_to_lab
from stylegan_tf.layers.resample import upsample_2d

GAIN = 10.0  # a U-Net's answers start small
COLOR_SCALE = 50.0  # a and b of Lab are about 1 in this unit
PALETTE_SIZE = 5


class Task:
    """A picture that is good but for errors, which are added up.

    Attributes:
        channels: Of the U-Net's answer.
        factor: How much larger H and W of the result are.
        extra: Inputs besides the picture, by the name in a batch -> kind as of `systems.signature.Signature`.
    """

    channels, factor = 3, 1
    extra: ClassVar[dict] = {}

    def inputs(self, batch) -> tuple:
        """(picture, condition or None) for the U-Net."""
        return batch['image'], None

    def start(self, batch):
        """What the result is where the U-Net answers 0, [B, H, W, 3]."""
        return batch['image']

    def finish(self, change, batch):
        """The U-Net's answer [B, h, w, channels] as a picture [B, H, W, 3], not clipped."""
        return self.start(batch) + GAIN * change

    def compared(self, change, batch) -> tuple:
        """(made, wanted): what the reconstruction loss compares, in training."""
        return self.finish(change, batch), batch['clean']


class Inpainting(Task):
    """Pixels under the mask are made up, the others stay."""

    extra: ClassVar[dict] = {'mask': 'map'}

    def inputs(self, batch):
        return self.start(batch), batch['mask']

    def start(self, batch):
        return batch['image'] * (1.0 - batch['mask'])

    def finish(self, change, batch):
        return self.start(batch) + GAIN * change * batch['mask']


class Colorization(Task):
    """Lightness stays, a and b of Lab are made up from it, from dots of colour and from a palette."""

    channels = 2
    extra: ClassVar[dict] = {'hints': 'overlay', 'palette_code': PALETTE_SIZE}

    def inputs(self, batch):
        light = _lightness(batch['image'])
        hints = batch['hints']
        alpha = hints[..., 3:] * 0.5 + 0.5
        hinted = rgb_to_lab(hints[..., :3])[..., 1:] * (alpha / COLOR_SCALE)
        code = batch.get('palette_code')
        if code is None:
            code = palette_code(batch['clean']) * batch['has_palette'][:, None]
        palette = ops.ones_like(light) * code[:, None, None, :]
        return light / 50.0 - 1.0, ops.concatenate([hinted, alpha, palette], axis=-1)

    def start(self, batch):
        light = _lightness(batch['image'])
        return lab_to_rgb(ops.concatenate([light, ops.zeros_like(light), ops.zeros_like(light)], axis=-1))

    def finish(self, change, batch):
        return lab_to_rgb(ops.concatenate([_lightness(batch['image']), COLOR_SCALE * GAIN * change], axis=-1))

    def compared(self, change, batch):
        return GAIN * change, rgb_to_lab(batch['clean'])[..., 1:] / COLOR_SCALE


class SuperResolution(Task):
    """Each pixel becomes factor x factor ones, added to a smooth enlargement.

    Source: Shi et al. 2016 (sub-pixel convolution).
    """

    def __init__(self, factor: int):
        self.factor, self.channels = factor, 3 * factor ** 2
        self.taps = cubic_taps(factor)

    def start(self, batch):
        return upsample_2d(batch['image'], self.factor, self.taps)

    def finish(self, change, batch):
        batch_size, height, width = ops.shape(change)[:3]
        pixels = ops.reshape(change, (batch_size, height, width, self.factor, self.factor, 3))
        pixels = ops.reshape(ops.transpose(pixels, (0, 1, 3, 2, 4, 5)),
                             (batch_size, height * self.factor, width * self.factor, 3))
        return self.start(batch) + GAIN * pixels


def make_task(name: str, factor: int = 1) -> Task:
    """The Task of a name of `data.degradations.TASKS`; `factor` is that of 'super_resolution'."""
    if name == 'super_resolution':
        return SuperResolution(factor)
    return {'inpaint': Inpainting, 'colorize': Colorization}.get(name, Task)()


def palette_code(image):
    """How colourful pictures [B, H, W, 3] in [-1, 1] are and in what: float32 [B, PALETTE_SIZE].

    Means and deviations of a and b of Lab, in units of COLOR_SCALE, and a 1 that says they are known; all 0 stands for
    no palette.
    """
    ab = rgb_to_lab(image)[..., 1:] / COLOR_SCALE
    mean = ops.mean(ab, axis=(1, 2))
    deviation = ops.sqrt(ops.mean(ops.square(ab - mean[:, None, None, :]), axis=(1, 2)) + 1e-6)
    return ops.concatenate([mean, deviation, ops.ones_like(mean[:, :1])], axis=-1)


def cubic_taps(factor: int) -> tuple[float, ...]:
    """Taps of `upsample_2d` by which it enlarges as bicubic interpolation does; `factor` is even.

    Source: Keys 1981, a = -1/2.
    """
    distances = np.abs((np.arange(4 * factor) + 0.5) / factor - 2.0)
    near = 1.5 * distances ** 3 - 2.5 * distances ** 2 + 1.0
    far = -0.5 * distances ** 3 + 2.5 * distances ** 2 - 4.0 * distances + 2.0
    weights = np.where(distances < 1.0, near, far)
    return tuple(float(weight) for weight in weights / math.fsum(weights))


def _lightness(image):
    return rgb_to_lab(image)[..., :1]
