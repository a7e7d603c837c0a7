"""Whether results are taken for real style pictures, and whether they differ as those do. NumPy and scikit-learn."""

import numpy as np

from stylegan_tf.metrics.bootstrap import bootstrap_interval

WINDOWS = 3  # across and down: a picture is looked at in 9 parts, so that few style pictures are many examples
FOLDS = 5
INVERSE_PENALTY = 0.01  # C of the logistic regression: few examples of many features
MOST_DISTANCES = 20_000  # pairs of pictures that diversity looks at
RESAMPLES = 500


def describe(feature_maps):
    """What the classifier sees of a picture.

    Args:
        feature_maps: List of float [1, h, w, C], h and w at least WINDOWS.
    Returns:
        float32 [WINDOWS ** 2, F]: means and deviations of the channels in each window, side by side.
    """
    columns = []
    for feature_map in feature_maps:
        rows = []
        for band in np.array_split(np.asarray(feature_map[0], np.float64), WINDOWS, axis=0):
            for window in np.array_split(band, WINDOWS, axis=1):
                rows.append(np.concatenate([window.mean(axis=(0, 1)), window.std(axis=(0, 1))]))
        columns.append(np.stack(rows))
    return np.concatenate(columns, axis=1).astype(np.float32)


def held_out_probabilities(reals, fakes, *, seed=0):
    """Trains a classifier of real style pictures against results and asks it about those it has not seen.

    A style picture and the results in its style are always held out together: the classifier must know what makes a
    real one, not this one.

    Args:
        reals: {style: float [W, F]} of `describe`.
        fakes: List of (style, float [W, F]).
        seed: Of the split into folds.
    Returns:
        ({style: probability}, [probability]) of being real, by classifiers that saw neither; None for fewer than two
        styles.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    styles = sorted(reals)
    if len(styles) < 2 or not fakes:
        return None
    order = np.random.default_rng(seed).permutation(len(styles))
    fold_of = {styles[index]: rank % min(FOLDS, len(styles)) for rank, index in enumerate(order)}
    real_found, fake_found = {}, [0.5] * len(fakes)
    for fold in range(min(FOLDS, len(styles))):
        real_kept = [reals[style] for style in styles if fold_of[style] != fold]
        fake_kept = [rows for style, rows in fakes if fold_of[style] != fold]
        if not fake_kept:
            continue
        examples = np.concatenate([*real_kept, *fake_kept]).astype(np.float64)
        labels = np.repeat([1, 0], [sum(map(len, real_kept)), sum(map(len, fake_kept))])
        classifier = make_pipeline(StandardScaler(), LogisticRegression(
            C=INVERSE_PENALTY, class_weight='balanced', max_iter=1000)).fit(examples, labels)

        def probability(rows, classifier=classifier):
            return float(classifier.predict_proba(np.asarray(rows, np.float64))[:, 1].mean())

        real_found.update({style: probability(reals[style]) for style in styles if fold_of[style] == fold})
        for index, (style, rows) in enumerate(fakes):
            if fold_of[style] == fold:
                fake_found[index] = probability(rows)
    return real_found, fake_found


def balanced_accuracy(real_probabilities, fake_probabilities, *, seed=0):
    """Share of pictures that are told rightly, real and fake weighing the same, a half where undecided.

    Returns:
        (accuracy, (low, high)): the interval is a bootstrap over the pictures of both kinds; None for fewer than two
        of either.
    """
    right = [np.sign(np.asarray(real_probabilities, np.float64) - 0.5) / 2 + 0.5,
             np.sign(0.5 - np.asarray(fake_probabilities, np.float64)) / 2 + 0.5]
    accuracy = float(np.mean([part.mean() for part in right]))
    if min(map(len, right)) < 2:
        return accuracy, None
    rng = np.random.default_rng(seed)
    means = np.mean([part[rng.integers(0, len(part), (RESAMPLES, len(part)))].mean(axis=1) for part in right], axis=0)
    low, high = np.quantile(means, [0.025, 0.975])
    return accuracy, (float(low), float(high))


def realism(fake_probabilities, *, seed=0):
    """(mean probability of being real, its bootstrap interval or None)."""
    return float(np.mean(fake_probabilities)), bootstrap_interval(fake_probabilities, seed=seed)


def diversity(outputs, styles, *, seed=0):
    """How much results differ in look from each other, as a share of how much their style pictures do.

    Args:
        outputs: float [N, F], a description of each result's look.
        styles: float [N, F], of the style picture of each.
        seed: Of the choice of pairs of pictures, where there are more than MOST_DISTANCES, and of the interval.
    Returns:
        (share, (low, high)): 0 where all results look alike, about 1 where they differ as their styles do; None where
        the styles do not differ. The interval is a bootstrap over pictures.
    """
    outputs, styles = np.asarray(outputs, np.float64), np.asarray(styles, np.float64)
    count = len(outputs)
    if count < 2:
        return None
    rng = np.random.default_rng(seed)
    if count * (count - 1) // 2 <= MOST_DISTANCES:
        first, second = np.triu_indices(count, 1)
    else:
        first = rng.integers(0, count, MOST_DISTANCES)
        second = (first + rng.integers(1, count, MOST_DISTANCES)) % count
    apart = np.stack([np.sqrt(np.mean((rows[first] - rows[second]) ** 2, axis=1)) for rows in (outputs, styles)])
    if not apart[1].any():
        return None
    shares = []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        weights = times[first] * times[second]
        ours, theirs = apart @ weights
        if theirs > 0:
            shares.append(ours / theirs)
    value = float(apart[0].sum() / apart[1].sum())
    if count < 3 or not shares:
        return value, None
    low, high = np.quantile(shares, [0.025, 0.975])
    return value, (float(low), float(high))
