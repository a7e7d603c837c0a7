"""What an exported corrector promises: what it does not repair comes back as it went in, whatever the size."""

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.systems import anomaly_signatures, correction, correction_signatures
from tests import tiny_models

SIZE = (37, 45)  # no multiple of anything


@pytest.fixture(scope='module')
def correcting():
    return correction_signatures.Correcting(tiny_models.anomaly_system())


@pytest.fixture(scope='module')
def pictures():
    return {'image': np.stack([tiny_models.picture(*SIZE, seed=seed) for seed in (0, 1)]) / np.float32(255),
            'content': np.stack([tiny_models.picture(50, 60, seed=seed) for seed in (2, 3)]) / np.float32(255),
            'style': np.stack([tiny_models.picture(40, 33, seed=seed) for seed in (4, 5)]) / np.float32(255)}


def corrected(function, pictures, rates):
    inputs = {name: tf.constant(value) for name, value in pictures.items()}
    return {name: value.numpy() for name, value in function(
        **inputs, false_alarm_rate=tf.constant(rates, tf.float32)).items()}


@pytest.mark.slow
def test_what_is_not_flagged_comes_back_bit_for_bit(correcting, pictures):
    # Nothing is calibrated with references: no picture is an alarm at any rate below 1.
    found = corrected(correcting.correct_with_references, pictures, [0.999, 0.05])
    np.testing.assert_array_equal(found['corrected'], pictures['image'])
    assert not found['accepted'].any() and (found['p_value'] == 1).all() and (found['changed'] == 0).all()
    np.testing.assert_array_equal(found['score_after'], found['score_before'])
    assert set(found['reason'].ravel()) == {b'not flagged'} and set(found['repair'].ravel()) == {b''}


@pytest.mark.slow
def test_each_row_has_its_rate_and_keeps_its_promises(correcting, pictures, monkeypatch):
    monkeypatch.setattr(correction, 'CLEAR_FALL', 1e-4)  # so that a network that knows nothing accepts something
    monkeypatch.setattr(correction, 'STRUCTURE_LOSS', 2.0)
    monkeypatch.setattr(anomaly_signatures, 'LARGEST_SIDE', 40)  # judged reduced, repaired at its own size
    pictures = {name: pictures[name] for name in ('image', 'content')}
    correcting = correction_signatures.Correcting(correcting.system)
    found = corrected(correcting.correct_with_content, pictures, [1.0, 1e-6])
    told = correcting.score_with_content(
        *(tf.constant(pictures[name]) for name in ('image', 'content')))
    np.testing.assert_allclose(found['score_before'], told['anomaly_score'], atol=0.02)
    assert found['corrected'].shape == pictures['image'].shape and found['reason'][1, 0] == b'not flagged'
    np.testing.assert_array_equal(found['corrected'][1], pictures['image'][1])
    assert found['accepted'].tolist() == [True, False] and found['reason'][0, 0] == b'accepted'
    assert found['repair'][0, 0].decode() in correction.REPAIRS and found['score_after'][0] < found['score_before'][0]
    assert found['changed'][0] == pytest.approx(np.abs(found['corrected'] - pictures['image'])[0].mean(), rel=0.2)
