"""Judges drawn pictures by the real ones they were learnt from: classes, distance, variety, copies.

    stylegan-tf generate --model=runs/clothing --what=classes --count=50 --truncation=0.7 --output=drawn/
    python tools/judge_drawings.py --real=clothing/ --judged=drawn/ --judge=vgg16.safetensors --output=judged/

For hundreds of real pictures, too few to keep some away from the model for a classifier of their own
(tools/judge_classes.py). A frozen network looks at all pictures; judge with one that the training did not look
through. Where the pictures have classes (their first folder), a linear classifier of the real ones' vectors reads the
drawn ones, and the real ones by cross-validation. Kernel distance (KID), precision and recall compare the sets; for
scale, two halves of the real ones are compared too. Copies: how near the nearest real picture is, beside how near real
ones are to each other.
Written are report.json and nearest.png, drawn pictures above their nearest real ones.
"""

import json
import pathlib

import numpy as np
from absl import flags
from judging import class_reader, drawn_sets

from stylegan_tf import commands

_REAL = flags.DEFINE_string('real', None, 'SPEC of the real pictures.')
_JUDGED = flags.DEFINE_string('judged', None, 'SPEC of the drawn pictures, of the same classes if any.')
_JUDGE = flags.DEFINE_string('judge', 'efficientnet_lite0', 'Frozen network to judge with, by name or path.')
_SIZE = flags.DEFINE_integer('size', 64, 'Side that all pictures are brought to first, pixels.', lower_bound=16)
_SEED = flags.DEFINE_integer('seed', 0, 'Of folds, halves, subsets and of the bootstrap.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the results.')

SHEET_COLUMNS = 16


def main():
    """Looks, measures, draws."""
    for flag in (_REAL, _JUDGED, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    commands.import_backend()
    from stylegan_tf import files, images, sheets
    from stylegan_tf.networks.onlooker import Onlooker

    output = pathlib.Path(_OUTPUT.value)
    (real, real_classes), (drawn, classes) = _pictures(_REAL.value), _pictures(_JUDGED.value)
    onlooker = Onlooker(_JUDGE.value)
    real_vectors, vectors = _vectors(onlooker, real), _vectors(onlooker, drawn)
    numbers = {**_classes_read(real_vectors, real_classes, vectors, classes), **_distances(real_vectors, vectors)}
    indices, *distances = drawn_sets.nearest(real_vectors, vectors)
    numbers['nearest_real'], numbers['nearest_real_of_real'] = (
        class_reader.mean(values, _SEED.value) for values in distances)
    report = {'real': _REAL.value, 'real_n': len(real), 'judged': _JUDGED.value, 'n': len(drawn), 'size': _SIZE.value,
              'judge': onlooker.name, 'sha256': onlooker.weights_hash, 'resize': onlooker.resize_rule,
              'interval': '95% bootstrap over pictures', 'seed': _SEED.value, **numbers}
    files.write_whole(output / 'report.json', (json.dumps(report, indent=1) + '\n').encode())
    chosen = np.unique(np.linspace(0, len(drawn) - 1, min(SHEET_COLUMNS, len(drawn))).astype(int))
    images.save(output / 'nearest.png', sheets.grid(
        [[drawn[index] for index in chosen], [real[indices[index]] for index in chosen]],
        row_labels=['drawn', 'nearest']))
    for name, value in numbers.items():
        print(f'{name:28} {_told(value)}')


def _pictures(spec):
    """(pictures uint8 [size, size, 3], names of their classes, or None each)."""
    from stylegan_tf import data, images

    source, side = data.load(spec), _SIZE.value
    if len(source) < 8:
        raise commands.UsageError(f'{spec}: expected at least 8 pictures. Received: {len(source)}.')
    return ([images.cover_crop(source.read(index, min_short_side=side).image, (side, side))
             for index in range(len(source))],
            [source.label_names[label] if label >= 0 else None for label in source.labels])


def _vectors(onlooker, pictures, batch=32):
    return np.concatenate([onlooker.vectors(np.stack(pictures[start:start + batch]))
                           for start in range(0, len(pictures), batch)])


def _classes_read(real, real_classes, drawn, classes):
    """Shares that are read as meant, of real and of drawn pictures, and of the drawn ones of each class."""
    if None in real_classes or None in classes:
        return {}
    unknown = set(classes) - set(real_classes)
    if unknown:
        raise commands.UsageError(f'{_JUDGED.value}: the real pictures have no {", ".join(sorted(unknown))}.')
    try:
        real_read, read = drawn_sets.readings(real, real_classes, drawn, _SEED.value)
    except ValueError as error:
        raise commands.UsageError(f'{_REAL.value}: {error}') from error
    is_right = read == np.asarray(classes)
    return {'read_as_meant': class_reader.mean(is_right, _SEED.value),
            'read_as_meant_of_real': class_reader.mean(real_read == np.asarray(real_classes), _SEED.value),
            'read_as_meant_by_class': {name: float(np.mean(is_right[np.asarray(classes) == name]))
                                       for name in sorted(set(classes))}}


def _distances(real, drawn):
    from stylegan_tf.metrics import distribution

    order = np.random.default_rng(_SEED.value).permutation(len(real))
    halves = real[order[:len(real) // 2]], real[order[len(real) // 2:]]
    shares = distribution.neighbourhoods(real, drawn)
    return {'kernel_distance': distribution.unbiased_discrepancy(real, drawn),
            'kernel_distance_of_halves': distribution.unbiased_discrepancy(*halves),
            **{name: class_reader.mean(shares[name], _SEED.value) for name in ('precision', 'recall')}}


def _told(value):
    if not isinstance(value, dict):
        return f'{value:.4f}'
    if 'interval' not in value:
        return ', '.join(f'{name} {share:.0%}' for name, share in value.items())
    low, high = value['interval'] or (value['mean'],) * 2
    return f'{value["mean"]:.3f} [{low:.3f}, {high:.3f}]'


def _errors():
    from stylegan_tf import images
    from stylegan_tf.data import DataError
    from stylegan_tf.networks.feature_weights import FeatureWeightsError

    return images.ImageError, DataError, FeatureWeightsError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
