"""What an exported detector says: probabilities at the picture's own size, p-values as those of `metrics.conformal`."""

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.data import defects
from stylegan_tf.metrics import conformal
from stylegan_tf.systems import anomaly_signatures
from tests import tiny_models
from tests.systems.shrinking import random_batch


@pytest.fixture(scope='module')
def system():
    return tiny_models.anomaly_system()


@pytest.fixture(scope='module')
def scoring(system):
    """Kept, because it traces what it judges with."""
    return anomaly_signatures.Scoring(system)


def pictures(*sizes):
    return [tf.constant(tiny_models.picture(*size, seed=seed)[None] / np.float32(255))
            for seed, size in enumerate(sizes)]


@pytest.mark.parametrize('size', [(32, 48), (37, 45), (5, 90)])
def test_any_size_gives_probabilities_of_that_size(scoring, size):
    image, content, style = pictures(size, (64, 96), (41, 33))
    result = scoring.score_with_references(image, content, style)
    assert result['anomaly_map'].shape == (1, *size, 1)
    for name in ('anomaly_score', 'p_value', 'defect_scores', 'anomaly_map'):
        assert np.min(result[name]) >= 0 and np.max(result[name]) <= 1, name
    assert [name.decode() for name in result['defect_names'].numpy()[0]] == list(defects.DEFECTS)
    assert result['evidence'].shape == result['evidence_names'].shape == (1, 8)


def test_it_is_what_the_networks_say(system, scoring):
    """At a size that needs no padding, with references of the same size."""
    image, content, style = pictures((48, 64), (48, 64), (40, 40))
    result = scoring.score_with_content(image, content)
    logits = system.average('discriminator')(image * 2 - 1, content * 2 - 1)
    np.testing.assert_allclose(result['anomaly_score'], tf.sigmoid(logits['anomaly']), rtol=1e-5)
    np.testing.assert_allclose(result['defect_scores'], tf.sigmoid(logits['defects']), rtol=1e-5)
    # A quarter of the size: an even region keeps its mean.
    np.testing.assert_allclose(np.mean(result['anomaly_map']), np.mean(tf.sigmoid(logits['damage'])), rtol=0.02)
    both = scoring.score_with_references(image, content, style)
    assert abs(float(both['anomaly_score'][0] - result['anomaly_score'][0])) > 1e-6  # the style counts


def test_p_values_are_conformal_and_each_has_its_references(system, scoring):
    kept = system.calibration.numpy()
    generator, logits = np.random.default_rng(0), tf.linspace(-3.0, 3.0, 25)
    values = anomaly_signatures.empty_calibration()
    values[0, :100] = generator.permutation(np.linspace(-2, 2, 100))  # with ties
    values[1, :7] = generator.normal(size=7)
    values[1, 3] = logits[20]
    try:
        system.calibration.assign(values)
        np.testing.assert_allclose(scoring.p_values(logits, 0), conformal.p_values(logits, values[0, :100]), rtol=1e-6)
        np.testing.assert_allclose(scoring.p_values(logits, 1), conformal.p_values(logits, values[1, :7]), rtol=1e-6)
        np.testing.assert_array_equal(scoring.p_values(logits, 2), 1.0)  # not calibrated: nothing is an alarm
        card = system.model_card()
        assert card['calibration_pictures'] == {'score': 100, 'score_with_content': 7, 'score_with_references': 0}
        assert 'score_with_references' in card['warning'] and 'score_with_content,' not in card['warning']
    finally:
        system.calibration.assign(kept)


def test_training_on_forgets_the_calibration():
    system = tiny_models.anomaly_system.__wrapped__()
    assert sum(anomaly_signatures.calibration_counts(system).values()) > 0
    system.train_step(random_batch(system.config), due=('detector',))
    assert sum(anomaly_signatures.calibration_counts(system).values()) == 0


class BrightPlaces:
    """Stands for a detector: what is bright is damaged."""

    def judge(self, batch, average):
        mean = tf.reduce_mean(batch['image'], axis=(1, 2, 3))
        bright = tf.nn.avg_pool2d(batch['image'][..., :1], 4, 4, 'VALID')
        return {'anomaly': mean, 'defects': tf.tile(mean[:, None], [1, len(defects.DEFECTS)]), 'damage': 20.0 * bright}


@pytest.mark.parametrize('size, count', [((320, 40), 1), ((328, 256), 2), ((512, 1024), 8), ((704, 336), 6)])
def test_large_pictures_are_judged_by_their_worst_window(size, count):
    image = np.zeros((1, *size, 3), np.float32)
    corner = image[:, -64:, -32:]
    corner += 1.0
    system = BrightPlaces()
    system.calibration = tf.constant(np.full((3, 99), -0.99, np.float32))
    scoring = anomaly_signatures.Scoring(system)
    batch, height, width = scoring.prepared(tf.constant(image))
    anomaly, _, damage, windows = scoring.judged(batch)
    assert int(windows) == count and (height, width) == size
    window = [min(256, side) if side > 320 else side for side in size]
    assert float(anomaly[0]) == pytest.approx(2 * 64 * 32 / np.prod(window) - 1, abs=1e-4)  # one has the whole corner
    result = scoring.score(tf.constant(image))
    where = result['anomaly_map'].numpy()[0, :, :, 0]
    assert where.shape == size and where[-32:, -16:].min() > 0.9 and where[:-80, :-48].max(initial=0.0) < 0.1
    # One of 99 clean pictures would be worse still, and so many windows had the chance.
    assert float(scoring.p_values(tf.constant([0.0]), 0, windows)[0]) == pytest.approx(
        min(1.0, count / 100))


def test_beyond_the_largest_side_pictures_are_reduced():
    image = np.zeros((1, 40, 2100, 3), np.float32)
    image[:, :, 1500:] = 1.0
    system = BrightPlaces()
    system.calibration = tf.constant(np.full((3, 99), -0.99, np.float32))
    where = anomaly_signatures.Scoring(system).score(tf.constant(image))['anomaly_map'].numpy()[0, :, :, 0]
    assert where.shape == (40, 2100) and where[:, 1520:].min() > 0.9 and where[:, :1480].max() < 0.1
