"""Judges a look of portraits: how far results have come to the look, and whether they still show the same person.

    python tools/judge_portraits.py --model=runs/mine --content=portraits/ --names=held_out.txt --look=my_look/ \\
        --output=judged/

Faces of --content and of --look are found and cut out upright as for training. Style distance is to the mean Gram
matrices of the look, by a network that took no part in training. Written are report.json and sheet.png: before, the
colours alone, after.
"""

import json
import pathlib

import numpy as np
from absl import flags
from judging import portraits

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', None, 'Folder or name of the model.')
_CONTENT = flags.DEFINE_string('content', None, 'SPEC of portraits.')
_NAMES = flags.DEFINE_string('names', None, 'Text file: names of those of --content that are judged.')
_LOOK = flags.DEFINE_string('look', None, 'SPEC of pictures of the look.')
_STRENGTH = flags.DEFINE_float('strength', 1.0, 'As of stylize.', 0.0, 1.0)
_DIALS = flags.DEFINE_list('dials', [], 'As of stylize.')
_STYLE = flags.DEFINE_string('style', None, 'A style picture for a model that takes one, to compare with.')
_JUDGE = flags.DEFINE_string('judge', 'efficientnet_lite0', 'Frozen network to judge the style with, by name or path.')
_IDENTITY = flags.DEFINE_bool('identity', True, 'Compare who the portraits show.')
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the portraits, pixels.')
_SHEET_ROWS = flags.DEFINE_integer('sheet_rows', 10, 'Portraits on the sheet, spread over all.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the results.')


def main():
    """Repaints, measures, draws."""
    for flag in (_MODEL, _CONTENT, _LOOK, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    dials = commands.named_numbers(_DIALS.value, 'dials')
    commands.import_tensorflow()
    import stylegan_tf as sg
    from stylegan_tf import files, images, sheets
    from stylegan_tf.networks.onlooker import Onlooker

    model, output = sg.load(_MODEL.value), pathlib.Path(_OUTPUT.value)
    model.check_dials(dials)
    contents, look = _portraits(_CONTENT.value, _NAMES.value), _portraits(_LOOK.value, None)
    results = [model.stylize(content, _STYLE.value, strength=_STRENGTH.value, **dials) for content in contents]
    onlooker = Onlooker(_JUDGE.value, ('style',))
    numbers = portraits.measure(onlooker, contents, results, look, _identity())
    report = {'model': _MODEL.value, 'weights_hash': model.hash, 'strength': _STRENGTH.value, 'dials': dials,
              'n': len(contents), 'look_n': len(look), 'size': _SIZE.value, 'judge': onlooker.name,
              'sha256': onlooker.weights_hash, 'resize': onlooker.resize_rule,
              'identity': 'face_identity' if _IDENTITY.value else '',
              'interval': '95% bootstrap over portraits', 'seed': portraits.SEED, **numbers}
    files.write_whole(output / 'report.json', (json.dumps(report, indent=1) + '\n').encode())
    columns = {'before': contents, 'after': results}
    if model.dials:
        columns = {'before': contents, 'colours': [model.stylize(content, texture=0.0) for content in contents],
                   'after': results}
    chosen = np.unique(np.linspace(0, len(contents) - 1, min(_SHEET_ROWS.value, len(contents))).astype(int))
    rows = [[pictures[index] for pictures in columns.values()] for index in chosen]
    images.save(output / 'sheet.png', sheets.grid(rows, column_labels=list(columns)))
    for name, value in numbers.items():
        print(f'{name:36} {_told(value)}')
    print(f'n = {len(contents)}, {len(look)} of the look; pictures: {output / "sheet.png"}')


def _portraits(spec, names):
    from stylegan_tf import data, images
    from stylegan_tf.data.aligned_faces import AlignedFaces

    source = data.load(spec)
    if names:
        known = {form for name in source.names for form in (name, name.rsplit('/', 1)[-1])}
        source = source.split(set(pathlib.Path(names).read_text(encoding='utf-8').split()) & known)[1]
    source, side = AlignedFaces(source, _SIZE.value), _SIZE.value
    return [images.cover_crop(source.read(index).image, (side, side)) for index in range(len(source))]


def _identity():
    if not _IDENTITY.value:
        return None
    from stylegan_tf import images
    from stylegan_tf.systems import portrait_look

    network = portrait_look.load_identity()
    return lambda one, other: [
        float(portrait_look.identity_distance(network, images.to_float(a[None]), images.to_float(b[None]))[0])
        for a, b in zip(one, other)]


def _told(value):
    if not isinstance(value, dict):
        return f'{value:.3f}'
    low, high = value['interval'] or (value['mean'],) * 2
    return f'{value["mean"]:.3f} [{low:.3f}, {high:.3f}]'


def _errors():
    from stylegan_tf import images
    from stylegan_tf.data import DataError
    from stylegan_tf.loaded_models import ModelError
    from stylegan_tf.networks.feature_weights import FeatureWeightsError

    return ModelError, images.ImageError, DataError, FeatureWeightsError, OSError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
