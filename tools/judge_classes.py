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

import cv2
import numpy as np
from absl import flags

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
BATCH_SIZE = 64
LEARNING_RATE = 1e-3
PAINTED_SHARE = 0.5  # of the pictures of each epoch
MOST_DEGREES, MOST_SCALE, MOST_SHIFT = 10.0, 0.1, 0.08  # of the changes in training; shift as a share of the side
CLEAR_SHARE = 0.9  # of bright deviations from the ground, from which on a set is bright on dark
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
        judged[spec], sheet[spec] = judge(network, record, source, polarity=_POLARITY.value, seed=_SEED.value)
        print('\n'.join(['', *_lines(spec, judged[spec], record['classes'])]))
    report = {'method': 'GAN-test (Shmelkov et al. 2018): a classifier of real pictures reads the judged ones',
              'interval': '95% bootstrap over pictures', 'seed': _SEED.value, 'resize': 'middle square, area or cubic',
              'classifier': record, 'judged': judged}
    files.write_whole(output / 'report.json', (json.dumps(report, indent=1) + '\n').encode())
    _draw_misread(output / 'misread.png', sheet)


# Pictures

def read_set(source, size, is_grey):
    """The pictures of a source that have a class.

    Args:
        source: data.Source.
        size: Side, pixels.
        is_grey: Whether they become luminance.
    Returns:
        (pixels uint8 [N, size, size, 1 or 3], classes as list of str, names as list of str).
    """
    from stylegan_tf import images

    chosen = [index for index in range(len(source)) if source.labels[index] >= 0]
    pictures = [images.cover_crop(source.read(index, min_short_side=size).image, (size, size)) for index in chosen]
    pixels = np.stack([luminance(picture) if is_grey else picture for picture in pictures])
    return pixels, [source.label_names[source.labels[index]] for index in chosen], [source.names[i] for i in chosen]


def luminance(picture):
    """uint8 [H, W, 3] to uint8 [H, W, 1], ITU-R BT.601."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None]


def brightness_shares(pixels):
    """Share of the bright ones among deviations from each picture's ground, float [N]: 1 bright on dark, 0 the reverse.

    The ground is the median of the edge; cubed, so that strokes outweigh their shades.
    """
    values, side = pixels.mean(axis=-1) / 255, pixels.shape[1]
    edge, quarter = max(1, side // 14), side // 4
    is_edge = np.ones((side, side), bool)
    is_edge[edge:-edge, edge:-edge] = False
    ground = np.median(values[:, is_edge], axis=1)[:, None, None]
    deviations = (values[:, quarter:-quarter, quarter:-quarter] - ground) ** 3
    bright, dark = np.maximum(deviations, 0).mean(axis=(1, 2)), np.maximum(-deviations, 0).mean(axis=(1, 2))
    return np.divide(bright, bright + dark, out=np.full(len(pixels), 0.5), where=bright + dark > 0)


def varied(pixels, random):
    """The pictures changed a little, each in its own way: turned, scaled and shifted, and half of them painted over.

    Args:
        pixels: uint8 [N, S, S, C].
        random: np.random.Generator.
    Returns:
        As `pixels`; edges are repeated.
    """
    results = [_moved(picture, random) for picture in pixels]
    return np.stack([_painted_over(picture, random) if random.random() < PAINTED_SHARE else picture
                     for picture in results]).reshape(pixels.shape)


def _moved(picture, random):
    side = picture.shape[0]
    turn, scale, *shift = random.uniform(-1, 1, 4)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), MOST_DEGREES * turn, 1 + MOST_SCALE * scale)
    matrix[:, 2] += MOST_SHIFT * side * np.array(shift)
    return cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE).reshape(picture.shape)


def _painted_over(picture, random):
    """What a painting does to a picture whose shapes are to be read all the same: a lighter and uneven ground, less
    contrast, dark outlines, softer strokes, grain."""
    side, values = picture.shape[0], picture.astype(np.float32) / 255
    ground, faintness, halo, softness, unevenness, grain = random.uniform(0, 1, 6) * (0.6, 0.5, 1.5, 0.8, 0.15, 0.06)
    values = ground + (1 - ground) * (1 - faintness) * values
    wide = cv2.GaussianBlur(values, (0, 0), side * random.uniform(0.05, 0.12)).reshape(values.shape)
    values = values + halo * (values - wide)
    values = cv2.GaussianBlur(values, (0, 0), 0.01 + softness * side / 28).reshape(values.shape)
    coarse = random.normal(size=(4, 4)).astype(np.float32)
    values += unevenness * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)[:, :, None]
    values += grain * random.normal(size=values.shape)
    return np.uint8(np.clip(np.rint(255 * values), 0, 255))


# The classifier

def build(size, channels, classes):
    """A small network, pixels [B, size, size, channels] in [0, 255] to logits [B, classes]."""
    import keras
    from keras import layers

    return keras.Sequential([
        keras.Input((size, size, channels)), layers.Rescaling(1 / 255),
        # Each picture less its mean, over its deviation: neither brightness nor contrast decides. A negative stays one.
        layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False),
        layers.Conv2D(32, 3, padding='same', activation='relu'), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding='same', activation='relu'), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding='same', activation='relu'), layers.MaxPooling2D(padding='same'),
        layers.Flatten(), layers.Dropout(0.3), layers.Dense(128, activation='relu'), layers.Dropout(0.3),
        layers.Dense(classes)])


def train(pixels, numbers, classes, *, epochs, seed, progress=iter):
    """Trains a classifier; the same arguments give the same one.

    Args:
        pixels: uint8 [N, S, S, C].
        numbers: Integers [N], classes by number.
        classes: How many there are.
        epochs: Times that each picture is seen, changed a little.
        seed: Of everything random.
        progress: Callable that wraps the range of epochs.
    Returns:
        keras.Model from pixels in [0, 255] to logits.
    """
    import keras

    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    network = build(pixels.shape[1], pixels.shape[3], classes)
    steps = epochs * -(-len(pixels) // BATCH_SIZE)
    network.compile(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
                    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    for _ in progress(range(epochs)):
        network.fit(varied(pixels, random).astype(np.float32), np.asarray(numbers), batch_size=BATCH_SIZE, verbose=0)
    return network


def read_classes(network, pixels):
    """(classes by number [N], their probabilities [N]) that the network reads."""
    logits = network.predict(pixels.astype(np.float32), batch_size=256, verbose=0).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return logits.argmax(axis=1), (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)


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
    pixels, classes, _ = read_set(pictures, wanted['size'], is_grey)
    if wanted['asked_colors'] == 'auto' and (pixels == pixels[..., :1]).all():
        pixels, is_grey = pixels[..., :1], True
    absent = set(wanted['classes']) - set(classes)
    if absent:
        raise commands.UsageError(f'{source.spec}: no picture to learn from is left of {", ".join(sorted(absent))}. '
                                  'Give it more, or lower --holdout.')
    network = train(pixels, [wanted['classes'].index(name) for name in classes], len(wanted['classes']),
                    epochs=wanted['epochs'], seed=wanted['seed'], progress=_progress)
    record = {**wanted, 'is_grey': is_grey, 'n': len(pixels), 'parameters': network.count_params(),
              'bright_share': round(float(np.median(brightness_shares(pixels))), 4)}
    kept, meant, _ = read_set(held_out, wanted['size'], is_grey)
    read, _ = read_classes(network, kept)
    return network, {**record, 'held_out_n': len(kept), 'held_out_accuracy': _mean(
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


# Judging

def judge(network, record, source, *, polarity='kept', seed=0):
    """Reads the pictures of a source.

    Args:
        network: From `train`.
        record: Dict of what is known of it (classifier.json).
        source: data.Source whose classes are among the classifier's.
        polarity: kept | inverted | auto, see --polarity.
        seed: Of the bootstrap.
    Returns:
        (dict of numbers for the report, list of (picture as it was read, class that was meant) of the misread ones).
    """
    pixels, meant, names = read_set(source, record['size'], record['is_grey'])
    looks_negative = _looks_negative(pixels, record)
    is_inverted = polarity == 'inverted' or (polarity == 'auto' and looks_negative)
    seen = 255 - pixels if is_inverted else pixels
    read, confidence = read_classes(network, seen)
    places = np.array([record['classes'].index(name) for name in meant])
    is_right, confusion = read == places, np.zeros((len(record['classes']),) * 2, int)
    np.add.at(confusion, (places, read), 1)
    numbers = {'n': len(pixels), 'fingerprint': source.fingerprint, 'looks_negative': looks_negative,
               'is_inverted': is_inverted, 'agreement': _mean(is_right, seed),
               'by_class': {name: {'n': int(row.sum()), 'agreement': round(float(row[place] / row.sum()), 4)}
                            for place, (name, row) in enumerate(zip(record['classes'], confusion)) if row.sum()},
               'mean_confidence': round(float(confidence.mean()), 4), 'confusion': confusion.tolist(),
               'misread': [{'name': names[index], 'meant': meant[index], 'read': record['classes'][read[index]],
                            'confidence': round(float(confidence[index]), 4)} for index in np.flatnonzero(~is_right)]}
    if is_inverted:
        numbers['agreement_as_they_are'] = _mean(read_classes(network, pixels)[0] == places, seed)
    return numbers, [(seen[index], meant[index]) for index in np.flatnonzero(~is_right)]


def _looks_negative(pixels, record):
    """Whether shapes are dark on bright where those of real pictures are bright on dark, or the reverse.

    Both must be clear: bright strokes with dark outlines, as paintings have, are no negative.
    """
    shares = record['bright_share'], float(np.median(brightness_shares(pixels)))
    return max(shares) > CLEAR_SHARE and min(shares) < 1 - CLEAR_SHARE


def _mean(values, seed):
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    values = np.asarray(values, float)
    return {'mean': float(values.mean()), 'interval': bootstrap_interval(values, seed=seed), 'n': len(values)}


# What is told

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
