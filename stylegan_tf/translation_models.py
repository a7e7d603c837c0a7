"""Loaded translations: pictures of one domain made into those of another, in one or both directions, at any size."""

import functools

import numpy as np

from stylegan_tf.loaded_models import ModelError
from stylegan_tf.restoration_models import RestorationModel, is_restoration

DIRECTIONS = {'forward': '', 'back': '_back'}  # -> ending of the signatures' names


class TranslationModel(RestorationModel):
    """The signatures that `systems.translation_signatures` describes."""

    bytes_per_pixel = 3_000  # of the widest maps of a ResNet of 64 channels and their neighbours

    def check_direction(self, direction):
        if direction not in DIRECTIONS:
            raise ModelError(f'A direction is one of {", ".join(DIRECTIONS)}. Received: {direction!r}.')
        if self._signature_of(direction) not in self.offers:
            raise ModelError(f'The model {self.name} was trained for one direction only: leave direction={direction!r} '
                             'away, or train it with method=cycle.')

    def _signature_of(self, direction):
        return f'stylize{DIRECTIONS[direction]}'

    @property
    def _needs_statistics(self):
        return 'encode_content' in self.offers

    @property
    def _has_tiles(self):
        return self._needs_statistics or super()._has_tiles

    @functools.cached_property
    def _geometry(self):
        if not self._needs_statistics:
            return super()._geometry
        told = self._run('encode_content', content=np.zeros((1, 16, 16, 3), np.float32))
        return {'scale': 1, **{name: int(told[name][0]) for name in ('tile_margin', 'tile_multiple')}}

    def _of_tiles(self, signature, content, whole):
        if not self._needs_statistics:
            return signature, whole
        ending = signature.removeprefix('stylize')
        return f'stylize_tile{ending}', {**whole, 'statistics': self._statistics(f'encode_content{ending}', content)}


def is_translation(functions):
    """Whether signatures, dict name -> concrete tf function, are of a translation that is more than a restoration."""
    return is_restoration(functions) and bool({'encode_content', 'stylize_back'} & set(functions))
