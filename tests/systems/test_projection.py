"""Pictures back into codes."""

import numpy as np
import pytest

from stylegan_tf.systems import projection
from tests import tiny_models
from tests.systems.shrinking import shrunk

QUICK = {'steps': 120, 'learning_rate': 0.2, 'perceptual_weight': 0.0}


def target(layers=1):
    """A picture that a code can draw: float32 [32, 48, 3] in [-1, 1], contrasts within the range."""
    system = tiny_models.generator_system()
    codes = np.random.default_rng(1).normal(size=(1, layers, 8)).astype(np.float32)
    return np.clip(system.decode(codes if layers > 1 else codes[:, 0]).numpy()[0], -1, 1)


def test_a_code_is_found_and_the_sequence_leads_to_it():
    system, told = tiny_models.generator_system(), []
    projector = projection.Projector(system, projection.Settings(**QUICK))
    found = projector.project(target(), label=1, keep_every=40, note=lambda *news: told.append(news))
    assert found.code.shape == (system.generator.num_styles, 8) and not np.ptp(found.code, axis=0).any()
    np.testing.assert_allclose(found.picture, np.clip(system.decode(found.code[None]).numpy()[0], -1, 1), atol=1e-5)
    assert found.distances[1] < 0.3 * found.distances[0]
    assert found.distances[1] == pytest.approx(np.mean((found.picture - target()) ** 2), rel=1e-4)
    assert [step for step, _ in found.sequence] == [0, 40, 80, 120]
    mean = system.style_mean.numpy()[1]
    np.testing.assert_allclose(found.sequence[0][1], np.clip(system.decode(mean[None]).numpy()[0], -1, 1), atol=1e-5)
    assert [step for step, _ in told] == list(range(1, 121)) and [loss for _, loss in told] == found.losses


def test_a_code_for_each_layer_comes_nearer():
    system = tiny_models.generator_system()
    picture = target(layers=system.generator.num_styles)
    distances = {}
    for space in projection.SPACES:
        found = projection.Projector(system, projection.Settings(space=space, **QUICK)).project(picture)
        distances[space] = found.distances[1]
    assert np.ptp(found.code, axis=0).max() > 0.1
    assert distances['w+'] < 0.7 * distances['w']


def test_the_perceptual_network_takes_part():
    projector = projection.Projector(
        tiny_models.generator_system(), projection.Settings(steps=8, pixel_weight=0.0, exploration=0.0))
    found = projector.project(target())
    assert found.losses[-1] < 0.9 * found.losses[0]


def test_what_cannot_be_projected_is_refused():
    with pytest.raises(ValueError, match=r'32x48 pixels. Received: shape \(20, 48, 3\)'):
        projection.Projector(tiny_models.generator_system(), projection.Settings(**QUICK)).project(target()[:20])
    with pytest.raises(ValueError, match='which has none'):
        projection.Projector(shrunk('dcgan_28').build())
    for settings, message in (({'space': 'z'}, 'one of w, w'), ({'steps': 0}, 'at least 1'),
                              ({'pixel_weight': 0.0, 'perceptual_weight': 0.0}, 'one above 0')):
        with pytest.raises(ValueError, match=message):
            projection.Settings(**settings).check()
