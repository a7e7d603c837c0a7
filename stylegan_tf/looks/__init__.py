"""Photographic looks: learned from unpaired portraits, applied by a colour table, local tone and grain. No TensorFlow.

    look = looks.fit_look(ungraded, graded, seed=0)      # lists of uint8 [H, W, 3]; ungraded may be empty
    picture = look.apply(pixels, strength=0.8)
    looks.write_cube('look.cube', look.table)             # for Lightroom, Resolve, OpenCV
"""

from stylegan_tf.looks.cube import CubeError, read_cube, write_cube
from stylegan_tf.looks.description import describe, draw
from stylegan_tf.looks.look import Look, LookError, fit_look, load_look, mix_looks
from stylegan_tf.looks.texture import Texture

__all__ = ['CubeError', 'Look', 'LookError', 'Texture', 'describe', 'draw', 'fit_look', 'load_look', 'mix_looks',
           'read_cube', 'write_cube']
