"""What the portrait system knows before it trains: the look's codes and colours, and where a face is in a portrait."""

from __future__ import annotations

import numpy as np
from keras import ops

from stylegan_tf import images
from stylegan_tf.data import SampleStream
from stylegan_tf.layers.color_table import apply_table
from stylegan_tf.networks.look_memory import identity_table

CODE_VIEWS = 8  # crops of each picture of the look whose codes are taken
FEWEST_CODES, MOST_CODES = 64, 512
CODES_AT_ONCE = 8
TABLE_PICTURES = 50  # of each set, at most, that the table of colours is fitted to
FIT_SEED = 0

# The face from forehead to chin in an aligned portrait (`data.faces.align_face`), as shares of its sides.
FACE_CENTRE, FACE_RADII = (0.58, 0.5), (0.34, 0.27)


def codes_of(system, source) -> np.ndarray:
    """Codes of views of the pictures of a look, float32 [N, D].

    Args:
        system: Has `encode_style` and `config`.
        source: Source of the look's pictures.
    """
    config = system.config
    stream = SampleStream({'style': source}, (config.height, config.width),
                          {'style': config.augmentation('style')}, seed=FIT_SEED)
    count = min(MOST_CODES, max(FEWEST_CODES, CODE_VIEWS * len(source)))
    codes = []
    for start in range(0, count, CODES_AT_ONCE):
        pictures = stream.batch(start, CODES_AT_ONCE)['style'].astype(np.float32) / 127.5 - 1.0
        codes.append(ops.convert_to_numpy(system.encode_style(ops.convert_to_tensor(pictures))))
    return np.concatenate(codes)


def fit_table(sources, config) -> np.ndarray:
    """The table of a look's colours, float32 [n, n, n, 3], fitted to unpaired portraits and pictures of the look.

    Args:
        sources: Dict of the Sources 'content' and 'style'.
        config: `PortraitConfig`.
    """
    from stylegan_tf import looks

    pictures = {role: [images.read(source.read(index).image, min_short_side=config.height)
                       for index in range(min(TABLE_PICTURES, len(source)))] for role, source in sources.items()}
    look = looks.fit_look(pictures['content'], pictures['style'], seed=FIT_SEED, with_texture=False)
    # As many entries as the model has.
    return ops.convert_to_numpy(apply_table(identity_table(config.table_size), look.table))


def color_section(table) -> dict:
    """A table of colours in words and drawn, as a section of `System.explain`."""
    from stylegan_tf import looks

    look = looks.Look(np.asarray(table, np.float32))
    return {'title': "The look's colours", 'lines': looks.describe(look)['words'], 'picture': looks.draw(look)}


def face_prior(height: int, width: int):
    """Where the face is in an aligned portrait: an ellipse with a soft border, float32 [1, height, width, 1]."""
    rows = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    columns = (np.arange(width, dtype=np.float32)[None] + 0.5) / width
    distance = np.hypot((rows - FACE_CENTRE[0]) / FACE_RADII[0], (columns - FACE_CENTRE[1]) / FACE_RADII[1])
    return np.clip((1.15 - distance) / 0.3, 0, 1).astype(np.float32)[None, :, :, None]


def load_identity():
    """The frozen network that embeds faces; see `networks.face_identity`."""
    from stylegan_tf.networks import face_identity
    return face_identity.FaceIdentity()


def identity_distance(network, one, other):
    """Distance [B] of the identities that two batches of aligned portraits [B, H, W, 3] in [-1, 1] show."""
    from stylegan_tf.networks import face_identity
    count = one.shape[0]
    codes = network(face_identity.ffhq_chips(ops.concatenate([one, other], axis=0)))
    return face_identity.identity_distance(codes[:count], codes[count:])
