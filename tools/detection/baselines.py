"""Simpler detectors than a trained discriminator, fitted on planted defects of other pictures and on clean ones.

    patch memory bank                 PatchCore type (Roth et al. 2022): distance of Lite0 patches to clean ones
    pooled Mahalanobis                of Lite0's channel means (Lee et al. 2018, without classes)
    natural-scene statistics          BRISQUE's features, distance to clean pictures' as in NIQE (Mittal et al. 2013)
    LPIPS to the content              mean distance of Lite0's unit feature vectors, no learned heads
    trees                             gradient-boosted trees on hand-made features
    trees with references             the same, beside content and style
    deep moments with references      gradient-boosted trees on Lite0's moments beside content and style
"""

import dataclasses

import numpy as np

from detection import feature_files, measure, pictures
from stylegan_tf.data import defects

BANK = 2000  # patches
TOP = 3  # patches of a picture that count
FOLDS = 6  # groups of defects that are left out of training in turn
SCENE = slice(0, 36)  # natural-scene statistics among the hand-made features


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Scores of the planted pictures by one detector: [N], its maps, and those by versions that knew no such defect."""

    values: np.ndarray
    maps: dict | None = None
    left_out: np.ndarray | None = None


def bank_of(patches, seed=0):
    """BANK patches drawn from those of clean pictures [N, h, w, D]."""
    flat = patches.reshape(-1, patches.shape[-1])
    chosen = np.random.default_rng(seed).permutation(len(flat))[:BANK]
    return np.ascontiguousarray(flat[np.sort(chosen)], np.float32)


def fit(training, training_rows, planted, planted_rows, *, seed=0, folds=FOLDS, note=print):
    """All detectors' scores of the planted pictures.

    Args:
        training, planted: Features, as `feature_files.collect` returns them.
        training_rows, planted_rows: Their rows.
        seed: Of the trees.
        folds: Groups of defects that supervised detectors with references are tried without; 0 for none.
        note: Callable that prints a line.
    Returns:
        dict name -> Fitted.
    """
    is_clean = np.array([not row['defect'] for row in training_rows])
    maps = planted['patch_map']
    pooled = _channel_means(training['deep']), _channel_means(planted['deep'])
    found = {
        'patch memory bank': Fitted(
            np.sort(maps.reshape(len(maps), -1), axis=1)[:, -TOP:].mean(axis=1),
            {index: maps[index] for index, row in enumerate(planted_rows) if row['is_local']}),
        'pooled Mahalanobis': Fitted(_mahalanobis(pooled[0][is_clean], pooled[1])),
        'natural-scene statistics': Fitted(_mahalanobis(training['hand'][is_clean, SCENE], planted['hand'][:, SCENE])),
        'LPIPS to the content': Fitted(planted['distances'][:, 0])}
    groups = _folds(folds)
    for name, make, tried in (('trees', _hand, []), ('trees with references', _hand_with_references, groups),
                              ('deep moments with references', _deep_with_references, groups)):
        note(f'fitting {name}')
        found[name] = _supervised(make(training), training_rows, make(planted), planted_rows, tried, seed)
    return found


def _channel_means(deep):
    """Of `deep_features.moments`, the means of the two deepest layers' channels."""
    stem, one, two, three, five = np.split(deep, np.cumsum([64, 32, 48, 80]), axis=1)
    return np.concatenate([three[:, :40], five[:, :112]], axis=1)


def _mahalanobis(clean, values):
    from sklearn.covariance import LedoitWolf

    mean, deviation = clean.mean(axis=0), clean.std(axis=0) + 1e-6
    model = LedoitWolf().fit((clean - mean) / deviation)
    return np.sqrt(model.mahalanobis((values - mean) / deviation))


def _hand(features):
    return features['hand']


def _hand_with_references(features):
    hand = features['hand']
    return np.concatenate([hand, hand - features['content_hand'], hand - features['style_hand'], features['compare']],
                          axis=1)


def _deep_with_references(features):
    deep = features['deep']
    return np.concatenate([deep, deep - features['content_deep'], deep - features['style_deep'],
                           features['distances']], axis=1)


def _folds(count):
    """The defects in groups, neighbours of the table apart."""
    names = list(defects.DEFECTS)
    return [set(names[start::count]) for start in range(count)]


def _supervised(inputs, rows, planted, planted_rows, groups, seed):
    kinds = np.array([row['defect'] for row in rows])
    planted_kinds = np.array([row['defect'] for row in planted_rows])
    values, left_out = _trees(inputs, kinds != '', planted, seed), None
    if groups:
        left_out = np.full((len(groups), len(planted)), np.nan)
        for number, group in enumerate(groups):
            known = ~np.isin(kinds, list(group))
            seen = np.isin(planted_kinds, ['', *group])
            left_out[number, seen] = _trees(inputs[known], kinds[known] != '', planted[seen], seed)
    return Fitted(values, left_out=left_out)


def _trees(inputs, is_damaged, planted, seed):
    """Log-odds of damage by gradient-boosted trees; classes weigh alike."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.08, max_leaf_nodes=12, min_samples_leaf=15,
                                           l2_regularization=1.0, max_features=0.3, class_weight='balanced',
                                           early_stopping=False, random_state=seed)
    return model.fit(inputs, is_damaged).decision_function(planted)


def reports(fitted, rows, *, folds=FOLDS, resamples=1000, seed=0, least_region=1):
    """dict name -> what `measure.detection_report` returns; with 'left_out' for detectors tried without kinds."""
    found = {}
    for name, one in fitted.items():
        found[name] = measure.detection_report(one.values, rows, maps=one.maps, resamples=resamples, seed=seed,
                                               least_region=least_region)
        if one.left_out is not None:
            found[name]['left_out'] = _left_out(one.left_out, rows, _folds(folds), resamples, seed)
    return found


def _left_out(values, rows, groups, resamples, seed):
    """Mean AUROC of each defect, by the version that was trained without it; and over all of them."""
    from detection import tables

    found, resampled = {}, []
    for scores, group in zip(values, groups):
        chosen = [index for index, row in enumerate(rows) if row['defect'] in ('', *group)]
        cells = tables.Cells(scores[chosen], [rows[index] for index in chosen], resamples=resamples, seed=seed)
        for defect in cells.defects:
            found[defect] = cells.mean(defects=[defect])
            resampled.append(np.mean([cells.resampled[defect, severity] for severity in cells.severities], axis=0))
    return {'mean': {'value': float(np.mean([mean['value'] for mean in found.values()])), 'cells': len(resampled),
                     'interval': tables.interval(np.mean(resampled, axis=0))}, 'defects': found}


def collect(folder, table, kept, *, sources, training_sources, seed, note):
    """Features of the training pictures and of the planted ones, computed where they are not kept yet.

    Args:
        folder: Of the sets.
        table: CSV table of pictures to fit on, none of them in the sets.
        kept: Folder of the features.
        sources: Of planted pictures; None for all.
        training_sources: Pictures to fit on, each clean and with three defects.
        seed: Of the planted training defects.
        note: Callable that prints a line.
    Returns:
        (training features, training rows, planted features, planted rows, facts of the network).
    """
    from detection import deep_features, scorers, sets

    network = deep_features.Network()
    good = [row for row in sets.read_table(table) if row.content and row.style]
    rows = feature_files.training_rows(good, training_sources, seed)
    training = feature_files.collect(
        feature_files.Features(network), rows, lambda row: feature_files.read_training(row, seed), kept / 'training',
        progress=scorers.Eta('features, training', len(rows), note))
    is_clean = np.array([not row['defect'] for row in rows])
    bank_path = kept / 'bank.npy'
    if not bank_path.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        np.save(bank_path, bank_of(training['patches'][is_clean], seed))
    planted_rows = pictures.planted(folder, sources)
    planted = feature_files.collect(
        feature_files.Features(network, np.load(bank_path)), planted_rows, pictures.read_planted, kept / 'planted',
        progress=scorers.Eta('features, planted', len(planted_rows), note))
    return training, rows, planted, planted_rows, network.facts
