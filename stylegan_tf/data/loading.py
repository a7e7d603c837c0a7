"""From a data SPEC, as people type it, to a Source."""

import importlib.util
import os

from stylegan_tf.data import folders, sources


def load(spec, *, holdout=None, max_bad_share=0.05, cache_folder=None,
         cache_bytes=sources.CACHE_BYTES):
    """Opens a set of pictures.

    Args:
        spec: A folder (pictures anywhere below it; class = first folder level),
            'tfds:NAME[/CONFIG][:SPLIT]', 'tfrecord:GLOB', 'pack:FOLDER', 'sample:NAME', or
            'table:FILE.csv' of pictures with their references.
        holdout: Pictures to leave out, as in `Source.split`, whose first part this then returns.
        max_bad_share: Largest tolerated share of bad pictures, which are skipped by name.
        cache_folder: Folder in which the index of TFRecord files may be kept between runs.
        cache_bytes: Largest number of bytes of decoded pictures kept in memory.
    Returns:
        A Source.
    Raises:
        DataError: If the SPEC leads to no pictures, or too many of them are bad.
    """
    text = os.fspath(spec)
    kind, _, rest = text.partition(':')
    options = {'spec': text, 'max_bad_share': max_bad_share, 'cache_bytes': cache_bytes}
    if kind == 'sample':
        from stylegan_tf.data import samples
        source = folders.FolderSource(samples.sample_source(rest), **options)
    elif kind == 'table':
        from stylegan_tf.data import tables
        source = tables.TableSource(rest, **options)
    elif kind == 'pack':
        from stylegan_tf.data import packs
        source = packs.PackSource(rest, **options)
    elif kind in ('tfrecord', 'tfds') and not _has_tensorflow():
        raise sources.DataError(
            f'{text}: needs TensorFlow, which is not installed here. Where it is, make a pack that needs none: '
            f'python tools/make_dataset.py --format=pack --data={text} --output=FOLDER; then use pack:FOLDER.')
    elif kind == 'tfrecord':
        from stylegan_tf.data import tfrecords
        source = tfrecords.load(rest, cache_folder=cache_folder, **options)
    elif kind == 'tfds':
        from stylegan_tf.data import builders
        source = builders.load(rest, cache_folder=cache_folder, **options)
    else:
        source = folders.FolderSource(text, **options)
    return source if holdout is None else source.split(holdout)[0]


def _has_tensorflow():
    try:
        return importlib.util.find_spec('tensorflow') is not None
    except ImportError:
        return False
