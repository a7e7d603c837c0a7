"""Judges whether pictures show the class they are meant to show, by a small classifier trained apart.

    python tools/judge_classes.py --real=digits/ --judged=drawn/ --output=judged/
    python tools/judge_classes.py --classifier=judged/ --judged=painted/ --polarity=auto --output=judged_painted/

A picture's class is its first folder (drawn/7/00001.png). The classifier learns from --real, but for a held-out part on
which its own accuracy is told beside every other number. Half of what it learns from is painted over (ground, contrast,
outlines, blur, grain), so that it reads shapes rather than levels. Give it pictures that the judged model has not seen:
nothing here can know. It is kept in --output and used again; --classifier names a folder that holds one. Written are
report.json (numbers, confusion tables, conditions, what was misread) and misread.png. Intervals are 95% bootstraps.

This is GAN-test of Shmelkov et al. 2018 ("How good is my GAN?"): trained on real, judged on generated pictures. It says
that classes can be told, not that pictures are varied or pretty: one good picture of each class, again and again, reads
perfectly. The opposite, trained on generated and judged on real pictures (GAN-train there; the classification accuracy
score of Ravuri and Vinyals 2019), falls where variety is missing: give the two folders the other way round.
"""

import json
import pathlib
import sys
import zipfile

import numpy as np
from absl import flags
from judging import class_reader

from stylegan_tf import commands

_REAL = flags.DEFINE_string('real', None, 'SPEC of the pictures to learn from, with classes.')
_JUDGED = flags.DEFINE_list('judged', None, 'SPECs of the pictures to judge, of the same classes.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the results, and for the classifier.')
_CLASSIFIER = flags.DEFINE_string('classifier', None, 'Folder of the classifier; --output when not given.')
_SIZE = flags.DEFINE_integer('size', 0, 'Side of what it sees, pixels; 0 = of the first real picture, at most 64.')
_COLORS = flags.DEFINE_enum('colors', 'auto', ['auto', 'rgb', 'luminance'],
                            'auto: luminance where all real pictures are grey, so that colours alone mislead nobody.')
_POLARITY = flags.DEFINE_enum(
    'polarity', 'kept', ['kept', 'inverted', 'auto'], 'Of the judged pictures. auto: a set that is clearly dark on '
    'bright where real pictures are bright on dark (or the reverse) is inverted, and the report says so.')
_HOLDOUT = flags.DEFINE_float('holdout', 0.2, 'Share of the real pictures that tells its accuracy.', 0.01, 0.9)
_EPOCHS = flags.DEFINE_integer('epochs', 15, 'Times that each real picture is seen.', lower_bound=1)
_SEED = flags.DEFINE_integer('seed', 0, 'Of weights, order, small turns and shifts, and of the bootstrap.')

RECIPE = 2  # raised when training changes, so that kept classifiers are not taken for those of today
RECORD_FILE, NETWORK_FILE = 'classifier.json', 'classifier.keras'
LARGEST_SIDE = 64
MOST_COLUMNS = 20  # of a printed confusion table
SHEET_COLUMNS = 12


def main():
    """Trains or loads the classifier, then judges."""
    for flag in (_JUDGED, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    from stylegan_tf import data, files

    output = pathlib.Path(_OUTPUT.value)
    sets = {spec: data.load(spec) for spec in _JUDGED.value}
    network, record = _classifier(pathlib.Path(_CLASSIFIER.value or output), sets.values())
    print(_told_of(record))
    judged, sheet = {}, {}
    for spec, source in sets.items():
        judged[spec], sheet[spec] = class_reader.judge(
            network, record, source, polarity=_POLARITY.value, seed=_SEED.value)
        print('\n'.join(['', *_lines(spec, judged[spec], record['classes'])]))
    report = {'method': 'GAN-test (Shmelkov et al. 2018): a classifier of real pictures reads the judged ones',
              'interval': '95% bootstrap over pictures', 'seed': _SEED.value, 'resize': 'middle square, area or cubic',
              'classifier': record, 'judged': judged}
    files.write_whole(output / 'report.json', (json.dumps(report, indent=1) + '\n').encode())
    _draw_misread(output / 'misread.png', sheet)


def _classifier(folder, judged):
    """(network, record), loaded where the folder holds the one that is asked for, else trained and kept there."""
    from stylegan_tf import files

    record, source = _read_record(folder), None
    if _REAL.value:
        source, wanted = _asked_for()
        if record is None or any(record.get(name) != value for name, value in wanted.items() if name != 'real'):
            record = None
    elif record is None:
        raise commands.UsageError(f'{folder} holds no classifier: --real=FOLDER trains one.')
    for one in judged:
        _check_classes(one, (record or wanted)['classes'])
    commands.import_backend()
    if record is not None:
        return _load(folder), record
    network, record = _trained(source, wanted)
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / NETWORK_FILE)
    files.write_whole(folder / RECORD_FILE, (json.dumps(record, indent=1) + '\n').encode())
    return network, record


def _asked_for():
    """(the real pictures, what decides how a classifier of them turns out)."""
    from stylegan_tf import data

    source = data.load(_REAL.value)
    if len(source.label_names) < 2:
        raise commands.UsageError(f'{_REAL.value}: a classifier needs pictures of two classes at least, in a folder '
                                  f'each. Received: {", ".join(source.label_names) or "none"}.')
    size = _SIZE.value or min(LARGEST_SIDE, *source.read(0).image.shape[:2])
    return source, {
        'recipe': RECIPE, 'real': source.spec, 'fingerprint': source.fingerprint, 'classes': list(source.label_names),
        'size': size, 'asked_colors': _COLORS.value, 'holdout': _HOLDOUT.value, 'epochs': _EPOCHS.value,
        'seed': _SEED.value}


def _check_classes(source, classes):
    unknown = set(source.label_names) - set(classes)
    if unknown:
        raise commands.UsageError(f'{source.spec}: the classifier does not know {", ".join(sorted(unknown))}. It '
                                  f'knows: {", ".join(classes)}.')
    if not source.label_names:
        raise commands.UsageError(f'{source.spec}: no picture has a class. Expected a folder for each, such as '
                                  f'{source.spec}/{classes[0]}/00001.png.')


def _trained(source, wanted):
    pictures, held_out = source.split(wanted['holdout'])
    is_grey = wanted['asked_colors'] == 'luminance'
    pixels, classes, _ = class_reader.read_set(pictures, wanted['size'], is_grey)
    if wanted['asked_colors'] == 'auto' and (pixels == pixels[..., :1]).all():
        pixels, is_grey = pixels[..., :1], True
    absent = set(wanted['classes']) - set(classes)
    if absent:
        raise commands.UsageError(f'{source.spec}: no picture to learn from is left of {", ".join(sorted(absent))}. '
                                  'Give it more, or lower --holdout.')
    network = class_reader.train(pixels, [wanted['classes'].index(name) for name in classes], len(wanted['classes']),
                    epochs=wanted['epochs'], seed=wanted['seed'], progress=_progress)
    record = {**wanted, 'is_grey': is_grey, 'n': len(pixels), 'parameters': network.count_params(),
              'bright_share': round(float(np.median(class_reader.brightness_shares(pixels))), 4)}
    kept, meant, _ = class_reader.read_set(held_out, wanted['size'], is_grey)
    read, _ = class_reader.read_classes(network, kept)
    return network, {**record, 'held_out_n': len(kept), 'held_out_accuracy': class_reader.mean(
        [wanted['classes'][number] == name for number, name in zip(read, meant)], wanted['seed'])}


def _progress(epochs):
    import tqdm
    return tqdm.tqdm(epochs, desc='classifier', unit='epoch', mininterval=0.1 if sys.stderr.isatty() else 30)


def _read_record(folder):
    if not (folder / NETWORK_FILE).is_file():
        return None
    try:
        return json.loads((folder / RECORD_FILE).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None


def _load(folder):
    import keras

    try:
        return keras.models.load_model(folder / NETWORK_FILE, compile=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise commands.UsageError(f'{folder / NETWORK_FILE} cannot be read. Delete it, and --real=FOLDER trains '
                                  'another.') from error


def _told_of(record):
    return (f'classifier: {record["n"]:,} pictures of {record["real"]}, {record["size"]}x{record["size"]} '
            f'{"grey" if record["is_grey"] else "RGB"}, {record["epochs"]} epochs, seed {record["seed"]}; reads '
            f'{_share(record["held_out_accuracy"])} of {record["held_out_n"]:,} held-out ones right')


def _share(score):
    interval = score['interval']
    return f'{score["mean"]:.1%}' + (f' [{interval[0]:.1%}, {interval[1]:.1%}]' if interval else '')


def _lines(spec, numbers, classes):
    yield f'{spec}: {_share(numbers["agreement"])} of {numbers["n"]:,} pictures are read as what they are meant to be'
    if numbers['is_inverted']:
        yield f'  inverted before they were read; as they are: {_share(numbers["agreement_as_they_are"])}'
    elif numbers['looks_negative']:
        yield '  they look like negatives of the real pictures, and were read as they are; --polarity=auto inverts them'
    if len(classes) > MOST_COLUMNS:
        return
    width = max(5, *(len(name) + 1 for name in classes))
    yield 'meant, read:'.ljust(12) + ''.join(name.rjust(width) for name in classes)
    for name, row in zip(classes, numbers['confusion']):
        if sum(row):
            yield name.ljust(12) + ''.join((str(count) if count else '.').rjust(width) for count in row)


def _draw_misread(path, sheet):
    """A row for each set and class with pictures that were misread, as the classifier saw them."""
    from stylegan_tf import images

    rows = {}
    for spec, misread in sheet.items():
        for picture, meant in misread:
            rows.setdefault(f'{pathlib.PurePath(spec).name}: {meant}', []).append(picture)
    if not rows:
        path.unlink(missing_ok=True)  # of an earlier judgement
        return
    times = max(1, -(-56 // next(iter(rows.values()))[0].shape[0]))
    cells = [[np.repeat(np.repeat(np.broadcast_to(picture, (*picture.shape[:2], 3)), times, axis=0), times, axis=1)
              for picture in row[:SHEET_COLUMNS]] for row in rows.values()]
    images.save(path, images.grid(cells, row_labels=list(rows), caption='Misread, by the class that was meant'))


def _errors():
    from stylegan_tf import images
    from stylegan_tf.data import DataError

    return DataError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
