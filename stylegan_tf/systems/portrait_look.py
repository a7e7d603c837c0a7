"""What the portrait system knows before it trains: the look's codes and colours, and where a face is in a portrait."""

from __future__ import annotations

import numpy as np
from keras import ops

from stylegan_tf.data import SampleStream
from stylegan_tf.layers.color_table import apply_table
from stylegan_tf.networks.look_memory import identity_table

CODE_VIEWS = 8  # crops of each picture of the look whose codes are taken
FEWEST_CODES, MOST_CODES = 64, 512
CODES_AT_ONCE = 8
TABLE_PICTURES = 50  # of each set, at most, that the table of colours is fitted to
FIT_SEED = 0

# Of an aligned portrait (`data.faces.align_face`), as shares of its sides. The face from forehead to chin:
FACE_CENTRE, FACE_RADII = (0.58, 0.5), (0.34, 0.27)
# The square that dlib's alignment cuts out for identity: top, left, side.
CHIP = (0.253, 0.150, 0.709)
CHIP_PIXELS = 150


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

    pictures = {role: [source.read(index, min_short_side=config.height).image
                       for index in range(min(TABLE_PICTURES, len(source)))] for role, source in sources.items()}
    look = looks.fit_look(pictures['content'], pictures['style'], seed=FIT_SEED)
    # As many entries as the model has.
    return ops.convert_to_numpy(apply_table(identity_table(config.table_size), look.table))


def face_prior(height: int, width: int):
    """Where the face is in an aligned portrait: an ellipse with a soft border, float32 [1, height, width, 1]."""
    rows = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    columns = (np.arange(width, dtype=np.float32)[None] + 0.5) / width
    distance = np.hypot((rows - FACE_CENTRE[0]) / FACE_RADII[0], (columns - FACE_CENTRE[1]) / FACE_RADII[1])
    return np.clip((1.15 - distance) / 0.3, 0, 1).astype(np.float32)[None, :, :, None]


def load_identity(name: str):
    """The frozen network that embeds faces; see `networks.face_identity`."""
    from stylegan_tf.networks import face_identity
    return face_identity.load(name)


def identity_distance(network, one, other):
    """Distance [B] of the identities that two batches of aligned portraits [B, H, W, 3] in [-1, 1] show."""
    count = one.shape[0]
    codes = network(ops.concatenate([_chip(one), _chip(other)], axis=0))
    return ops.sqrt(ops.sum(ops.square(codes[:count] - codes[count:]), axis=-1) + 1e-8)


def _chip(image):
    height, width = image.shape[1:3]
    top, left, side = CHIP
    rows = slice(round(top * height), round((top + side) * height))
    columns = slice(round(left * width), round((left + side) * width))
    return ops.image.resize(image[:, rows, columns], (CHIP_PIXELS, CHIP_PIXELS), interpolation='bilinear',
                            data_format='channels_last')
