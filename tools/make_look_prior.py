"""Makes the statistics of ungraded portraits that looks are learned against, the file that ships.

    python tools/make_look_prior.py --data=portraits/ --split=docs/looks_split.tsv

Taken are the pictures that the split calls 'reference'. The file holds unordered colours and directions of random
grades; the same command makes the same file.
"""

import pathlib

import numpy as np
from absl import flags

from stylegan_tf import commands

_DATA = flags.DEFINE_string('data', None, 'Folder of ungraded portraits.')
_SPLIT = flags.DEFINE_string('split', 'docs/looks_split.tsv', 'File of lines NAME<TAB>reference|look|unseen.')
_GRADES = flags.DEFINE_integer('grades', 1500, 'Random grades.', 10)
_DIRECTIONS = flags.DEFINE_integer('directions', 32, 'Directions to keep.', 1)
_OUTPUT = flags.DEFINE_string('output', None, "The file; without it the package's own.")


def main():
    """Reads, learns, writes."""
    if not _DATA.value:
        raise commands.UsageError('--data is required; see --help.')
    from judging import looks

    from stylegan_tf import images
    from stylegan_tf.looks import prior, statistics

    names = looks.split(_SPLIT.value)['reference']
    colors = [statistics.sample_colors(images.read(pathlib.Path(_DATA.value) / name), seed=[0, index])
              for index, name in enumerate(names)]
    # In no order: what is stored says nothing of where a colour was.
    colors = np.stack([sample[np.lexsort(sample.T)] for sample in colors])
    learned = prior.learn_prior(colors, grades=_GRADES.value, directions=_DIRECTIONS.value)
    path = pathlib.Path(_OUTPUT.value or prior.SHIPPED)
    prior.save_prior(learned, path)
    print(f'{path}: {len(names)} portraits, {_DIRECTIONS.value} directions, {path.stat().st_size / 1000:.0f} kB')


def _errors():
    from stylegan_tf.images import ImageError

    return ImageError, OSError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
