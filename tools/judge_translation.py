"""Judges a translation: how far its results have come to the other domain, and what is left of the content.

    python tools/judge_translation.py --model=runs/painter --content=photos/ --domain=paintings/ --output=judged/

With --holdout, of --content those are taken that a run with the same holdout has held out. Style distance is measured
from each picture to every picture of --domain and averaged; its fall is from the unchanged picture to the result, a
picture at a time, so that one picture is one example of the interval. How far the pictures of the domain are from
each other bounds what can be reached; the distance to the mean of their Gram matrices (`to_mean`) leaves their own
variety out. Content distance stands beside that of results to other pictures, at which
nothing would be left. Judge with a network that trained none of the models. Written are report.json and sheet.png.
"""

import json
import pathlib

import numpy as np
from absl import flags
from judging import translation

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', None, 'Folder or name of the model.')
_CONTENT = flags.DEFINE_string('content', None, 'SPEC of pictures of the domain that is translated.')
_DOMAIN = flags.DEFINE_string('domain', None, 'SPEC of pictures of the domain that results should belong to.')
_HOLDOUT = flags.DEFINE_float('holdout', 0.0, 'Share of --content that the run held out; 0 judges all.', 0.0, 0.99)
_DIRECTION = flags.DEFINE_enum('direction', 'forward', ['forward', 'back'], 'Of a model that knows both.')
_JUDGE = flags.DEFINE_string('judge', 'efficientnet_lite0', 'Frozen network to judge with, by name or path.')
_LIMIT = flags.DEFINE_integer('limit', 0, 'Only the first so many pictures of each; 0 = all.')
_SIZE = flags.DEFINE_integer('size', 192, 'Side of the pictures that are translated, pixels.')
_SHEET_ROWS = flags.DEFINE_integer('sheet_rows', 12, 'Pictures on the sheet, spread over all.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the results.')


def main():
    """Translates, measures, draws."""
    for flag in (_MODEL, _CONTENT, _DOMAIN, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    commands.import_tensorflow()
    import stylegan_tf as sg
    from stylegan_tf import files, images, sheets
    from stylegan_tf.networks.onlooker import Onlooker

    model, output = sg.load(_MODEL.value), pathlib.Path(_OUTPUT.value)
    contents, domain = _pictures(_CONTENT.value, _HOLDOUT.value), _pictures(_DOMAIN.value)
    options = {'direction': _DIRECTION.value} if _DIRECTION.value != 'forward' else {}
    results = [model.stylize(content, **options) for content in contents]
    onlooker = Onlooker(_JUDGE.value, ('style', 'content'))
    numbers = translation.measure(onlooker, contents, results, domain)
    report = {'model': _MODEL.value, 'weights_hash': model.hash, 'n': len(contents), 'domain_n': len(domain),
              'size': _SIZE.value, 'judge': onlooker.name, 'sha256': onlooker.weights_hash,
              'resize': onlooker.resize_rule, 'interval': '95% bootstrap over pictures', 'seed': translation.SEED,
              **numbers}
    files.write_whole(output / 'report.json', (json.dumps(report, indent=1) + '\n').encode())
    chosen = np.unique(np.linspace(0, len(contents) - 1, min(_SHEET_ROWS.value, len(contents))).astype(int))
    rows = [[contents[index], results[index]] for index in chosen]
    images.save(output / 'sheet.png', sheets.grid(rows, column_labels=['content', 'result']))
    for name, value in numbers.items():
        print(f'{name:40} {_told(value)}')
    print(f'n = {len(contents)}, {len(domain)} of the domain; pictures: {output / "sheet.png"}')


def _pictures(spec, holdout=0.0):
    from stylegan_tf import data, images

    source = data.load(spec)
    source = source.split(holdout)[1] if holdout else source
    side = _SIZE.value
    return [images.cover_crop(source.read(index, min_short_side=side).image, (side, side))
            for index in range(min(len(source), _LIMIT.value or len(source)))]


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

    return ModelError, images.ImageError, DataError, FeatureWeightsError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
