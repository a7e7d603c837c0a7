"""A set of drawn pictures against the real ones it was learnt from, by vectors of a frozen network."""

import numpy as np

FOLDS = 5
REGULARIZATION = 0.01  # C of the logistic regression: hundreds of pictures, thousands of numbers each


def classifier():
    """A linear classifier of vectors: logistic regression after standardisation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=REGULARIZATION, max_iter=2000))


def readings(real, real_classes, drawn, seed=0):
    """What a classifier of the real pictures reads.

    Args:
        real: float [N, D].
        real_classes: list of N names.
        drawn: float [M, D].
        seed: Of the folds.
    Returns:
        (read classes of the real pictures, each by a classifier that did not see it; those of the drawn ones): arrays.
    Raises:
        ValueError: If a class has fewer than FOLDS pictures.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    real_classes = np.asarray(real_classes)
    names, counts = np.unique(real_classes, return_counts=True)
    if counts.min() < FOLDS:
        raise ValueError(f'Expected at least {FOLDS} real pictures of each class. Received: {counts.min()} of '
                         f'{names[counts.argmin()]}.')
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return (cross_val_predict(classifier(), real, real_classes, cv=folds),
            classifier().fit(real, real_classes).predict(drawn))


def nearest(real, drawn):
    """The real picture nearest to each drawn one, by the angle between vectors; and how near real ones are.

    Args:
        real: float [N, D], N >= 2.
        drawn: float [M, D].
    Returns:
        (indices [M], distances [M], distances of each real picture to the nearest other one [N]); 1 - cosine.
    """
    real, drawn = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (np.asarray(real, np.float64),
                                                                                  np.asarray(drawn, np.float64)))
    to_real, among = 1 - drawn @ real.T, 1 - real @ real.T
    np.fill_diagonal(among, np.inf)
    return to_real.argmin(axis=1), to_real.min(axis=1), among.min(axis=1)
