"""Variety of the outputs beside real pictures, from held-out batches."""

import numpy as np
import pytest

from stylegan_tf.training import snapshots
from tests.systems.shrinking import shrunk

from . import tiny


class Echo(tiny.TinySystem):
    """Its outputs are the real pictures, pulled towards their first one by `pull`."""

    pull = 0.0

    def variety_batch(self, batch):
        real = batch['style']
        return (1 - self.pull) * real + self.pull * real[:1], real


@pytest.mark.parametrize('pull', [0.0, 0.75])
def test_variety_measures_how_far_the_outputs_have_collapsed(pull):
    system = Echo(tiny.TinyConfig())
    system.pull = pull
    found = snapshots.HeldOut(tiny.TinyStream(), 16, 2).variety(system)
    assert found['variety'] == pytest.approx(1 - pull, abs=1e-5)
    assert (found['contrast'] == pytest.approx(1.0)) == (pull == 0.0)
    assert found['clipped'] == 0.0


def test_one_picture_for_each_class_is_no_variety_of_its_class():
    class Classes(Echo):
        def variety_batch(self, batch):
            real = batch['style']
            labels = np.arange(len(real)) % 3
            return real[labels], real, labels

    found = snapshots.HeldOut(tiny.TinyStream(), 16, 2).variety(Classes(tiny.TinyConfig()))
    assert found['class_variety'] == 0.0 and found['variety'] > 0.3

    class Alone(Echo):
        def variety_batch(self, batch):
            return *super().variety_batch(batch), np.arange(len(batch['style']))

    found = snapshots.HeldOut(tiny.TinyStream(), 16, 2).variety(Alone(tiny.TinyConfig()))
    assert set(found) == {'variety', 'contrast', 'clipped'}


def test_there_is_nothing_to_compare_where_a_system_or_the_pictures_offer_nothing():
    assert snapshots.HeldOut(tiny.TinyStream(), 16, 2).variety(tiny.TinySystem(tiny.TinyConfig())) == {}

    class Same(tiny.TinyStream):
        def batch(self, position, batch_size):
            return {name: np.repeat(value[:1], batch_size, axis=0)
                    for name, value in super().batch(0, batch_size).items()}

    assert snapshots.HeldOut(Same(), 8, 2).variety(Echo(tiny.TinyConfig())) == {}


def test_style_transfer_paints_one_photograph_in_all_styles_once_it_paints():
    system = shrunk('style_transfer_28', 'resolution=16').build()

    class Stream:
        def batch(self, position, batch_size):
            rng = np.random.default_rng(position)
            return {role: rng.integers(0, 256, (batch_size, 16, 16, 3)).astype(np.uint8)
                    for role in ('content', 'style')}

    held_out = snapshots.HeldOut(Stream(), 4, 4)
    assert held_out.variety(system) == {}  # still in its warm-up
    system.step.assign(system.first_painting_step)
    for variable in system.style_encoder_ema.weights:
        variable.assign(0.0 * variable)
    collapsed = held_out.variety(system)['variety']
    assert collapsed == pytest.approx(0.0, abs=1e-3)
    outputs, reals = system.variety_batch(snapshots.to_floats(Stream().batch(0, 4)))
    assert outputs.shape == (4, 16, 16, 3) == reals.shape
    features = system.variety_features(reals)
    assert [len(part) for part in features] == [4] * len(system.config.style_layers)
