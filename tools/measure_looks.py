"""Measures learned looks on known grades: 20 graded portraits in, colour difference on unseen people out.

    python tools/measure_looks.py --data=portraits/ --split=docs/looks_split.tsv --output=judged/looks

Each of twelve known grades is put on pictures drawn from those called 'look'; a look is learned from them and from the
shipped statistics of ungraded portraits (or from --content of the pictures called 'reference'), and put on those called
'unseen'. Reinhard's, histogram, distribution and AdaIN transfers get the same pictures. Written are table.md,
report.json (a number per picture) and the tables as .cube.
"""

import json
import pathlib

import numpy as np
from absl import flags

from stylegan_tf import commands

_DATA = flags.DEFINE_string('data', None, 'Folder of portraits.')
_SPLIT = flags.DEFINE_string('split', 'docs/looks_split.tsv', 'File of lines NAME<TAB>reference|look|unseen.')
_PICTURES = flags.DEFINE_integer('pictures', 20, 'Graded pictures that a look is learned from.', 1)
_CONTENT = flags.DEFINE_integer('content', 0, 'Ungraded pictures given to the fit; 0: the shipped statistics.', 0)
_UNSEEN = flags.DEFINE_integer('unseen', 0, 'At most so many unseen pictures; 0: all.', 0)
_GRADES = flags.DEFINE_list('grades', [], 'Names of grades; none: all.')
_SIZE = flags.DEFINE_integer('size', 192, 'Longer side of the pictures that are graded, pixels.', 32)
_SEED = flags.DEFINE_integer('seed', 0, 'Which pictures of the look are drawn.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for results.')


def main():
    """Grades, learns, measures."""
    for flag in (_DATA, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    from judging import known_grades, looks

    from stylegan_tf import files
    from stylegan_tf.looks import tables, write_cube
    from stylegan_tf.looks.prior import load_prior

    grades = _GRADES.value or list(known_grades.GRADES)
    if unknown := set(grades) - set(known_grades.GRADES):
        raise commands.UsageError(f'Grades are {", ".join(known_grades.GRADES)}. Received: {", ".join(unknown)}.')
    roles, output = looks.split(_SPLIT.value), pathlib.Path(_OUTPUT.value)
    unseen = _read(roles['unseen'][:_UNSEEN.value or None])
    content = _read(roles['reference'][:_CONTENT.value])
    reference = np.rint(load_prior().reference * 255).astype(np.uint8).reshape(-1, 3)
    results, facts = {}, {}
    for number, grade in enumerate(grades):
        drawn = np.random.default_rng([_SEED.value, number]).choice(roles['look'], _PICTURES.value, replace=False)
        results[grade], look = looks.measure(grade, _read(drawn), unseen, content=content, reference=reference)
        facts[grade] = {'misfit': look.notes['misfit'], 'steepness': tables.steepness(look.table),
                        'roughness': tables.roughness(look.table)}
        write_cube(output / f'{grade}.cube', look.table, title=grade)
        print(grade, {way: round(float(np.mean(values)), 2) for way, values in results[grade].items()}, flush=True)
    ungraded = _CONTENT.value or 'the shipped statistics instead of'
    lines = [*looks.table(results), '',
             f'CIEDE2000, mean over pixels and n = {len(unseen)} unseen portraits ({looks.SIDE} px); {_PICTURES.value} '
             f'pictures of {_SIZE.value} px a look, {ungraded} ungraded ones; seed {_SEED.value}; '
             '95% bootstrap intervals over pictures, in the last row over grades']
    report = {'n': len(unseen), 'seed': _SEED.value, 'side': looks.SIDE, 'size': _SIZE.value,
              'pictures': _PICTURES.value, 'content': _CONTENT.value, 'differences': results, 'tables': facts}
    files.write_whole(output / 'table.md', ('\n'.join(lines) + '\n').encode())
    files.write_whole(output / 'report.json', json.dumps(report, indent=1).encode())
    print('\n'.join(lines))


def _read(names):
    from stylegan_tf import images

    return [images.fit_within(images.read(pathlib.Path(_DATA.value) / name), _SIZE.value) for name in names]


def _errors():
    from stylegan_tf.images import ImageError

    return ImageError, OSError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
