"""A small classifier that reads the classes of pictures, and what it makes of a set of them."""

import cv2
import numpy as np

BATCH_SIZE = 64
LEARNING_RATE = 1e-3
PAINTED_SHARE = 0.5  # of the pictures of each epoch
MOST_DEGREES, MOST_SCALE, MOST_SHIFT = 10.0, 0.1, 0.08  # of the changes in training; shift as a share of the side
CLEAR_SHARE = 0.9  # of bright deviations from the ground, from which on a set is bright on dark


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
    is_negative = looks_negative(pixels, record)
    is_inverted = polarity == 'inverted' or (polarity == 'auto' and is_negative)
    seen = 255 - pixels if is_inverted else pixels
    read, confidence = read_classes(network, seen)
    places = np.array([record['classes'].index(name) for name in meant])
    is_right, confusion = read == places, np.zeros((len(record['classes']),) * 2, int)
    np.add.at(confusion, (places, read), 1)
    numbers = {'n': len(pixels), 'fingerprint': source.fingerprint, 'looks_negative': is_negative,
               'is_inverted': is_inverted, 'agreement': mean(is_right, seed),
               'by_class': {name: {'n': int(row.sum()), 'agreement': round(float(row[place] / row.sum()), 4)}
                            for place, (name, row) in enumerate(zip(record['classes'], confusion)) if row.sum()},
               'mean_confidence': round(float(confidence.mean()), 4), 'confusion': confusion.tolist(),
               'misread': [{'name': names[index], 'meant': meant[index], 'read': record['classes'][read[index]],
                            'confidence': round(float(confidence[index]), 4)} for index in np.flatnonzero(~is_right)]}
    if is_inverted:
        numbers['agreement_as_they_are'] = mean(read_classes(network, pixels)[0] == places, seed)
    return numbers, [(seen[index], meant[index]) for index in np.flatnonzero(~is_right)]


def looks_negative(pixels, record):
    """Whether shapes are dark on bright where those of real pictures are bright on dark, or the reverse.

    Both must be clear: bright strokes with dark outlines, as paintings have, are no negative.
    """
    shares = record['bright_share'], float(np.median(brightness_shares(pixels)))
    return max(shares) > CLEAR_SHARE and min(shares) < 1 - CLEAR_SHARE


def mean(values, seed):
    """Dict of the mean of numbers, its bootstrap interval and n."""
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    values = np.asarray(values, float)
    return {'mean': float(values.mean()), 'interval': bootstrap_interval(values, seed=seed), 'n': len(values)}
