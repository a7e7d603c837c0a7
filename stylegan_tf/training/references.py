"""What a frozen network sees of the pictures that outputs are compared with: looked at once, then kept.

The files lie in the user's cache folder ($STYLEGAN_TF_CACHE/references) and can be deleted at any time.
"""

import io
import zipfile

import numpy as np

from stylegan_tf import files
from stylegan_tf.data.sources import fingerprint_of

EDITION = 1  # raised whenever the same key would stand for other numbers


def vectors(stream, role, count, onlooker, *, batch_size, note=print):
    """Vectors of the first pictures of a role.

    Args:
        stream: `data.SampleStream` without augmentation.
        role: Batch key.
        count: Number of pictures.
        onlooker: `networks.onlooker.Onlooker`.
        batch_size: Pictures that the network sees at a time.
        note: Callable that prints one line.
    Returns:
        float32 [count, D], from the cache where they are there and whole.
    Raises:
        DataError: Too many pictures turned out bad.
    """
    key = key_of(stream, role, count, onlooker)
    path = files.cache_folder('references') / f'{key}.npz'
    kept = _read(path, count, note)
    if kept is not None:
        return kept
    note(f'{onlooker.name} looks at {count:,} training pictures once')
    seen = np.concatenate([onlooker.vectors(stream.batch(start, batch_size)[role])
                           for start in range(0, count, batch_size)])[:count]
    content = io.BytesIO()
    np.savez(content, vectors=seen)
    try:
        files.write_whole(path, content.getvalue())
    except OSError as error:
        note(f'what it saw could not be kept in {path} ({error.strerror or error}); the next run looks again')
    return seen


def key_of(stream, role, count, onlooker):
    """Hexadecimal name that changes with the pictures, their order and size, the network and how it is used."""
    names = stream.names(0, count)[role]
    return fingerprint_of(EDITION, stream.sources[role].fingerprint, *stream.size, onlooker.weights_hash,
                          onlooker.resize_rule, *onlooker.layers['vector'], count, *names)


def _read(path, count, note):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kept = arrays['vectors']  # the archive checks its sums
        if kept.ndim == 2 and len(kept) == count and np.isfinite(kept).all():
            return kept
        reason = f'it holds {kept.shape}'
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error)
    note(f'{path} is damaged ({reason}) and is made anew')
    return None
