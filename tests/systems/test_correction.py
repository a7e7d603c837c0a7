"""Repairs are taken where everything speaks for them, and nowhere else."""

import numpy as np
import pytest
from keras import ops

from stylegan_tf.data.damage import optics
from stylegan_tf.data.defects import DEFECTS
from stylegan_tf.systems import correction

SIZE = 48


class KnowingSystem:
    """A detector that knows the clean pictures, and a corrector that paints what it is told.

    Attributes:
        clean: [B, H, W, 3].
        named: The defect it names; damage: [B, H, W, 1] in [0, 1].
        painted: What the corrector answers.
        blind_to: A picture that it takes for perfect.
    """

    def __init__(self, clean, named, damage=None, painted=None, blind_to=None):
        self.clean, self.named, self.blind_to = clean, named, blind_to
        self.damage = np.ones_like(clean[..., :1]) if damage is None else damage
        self.painted = -clean if painted is None else painted

    def judge(self, batch):
        image = batch['image']
        error = ops.mean(ops.abs(image - self.clean), axis=(1, 2, 3))
        if self.blind_to is not None:
            error = ops.minimum(error, ops.mean(ops.abs(image - self.blind_to), axis=(1, 2, 3)))
        defects = np.full((len(self.clean), len(DEFECTS)), -9.0, np.float32)
        defects[:, list(DEFECTS).index(self.named)] = 9.0
        return {'anomaly': 60.0 * error - 3.0, 'damage': self.damage[:, ::4, ::4] * 40.0 - 20.0, 'defects': defects}

    def correct(self, batch, damage, *, average=False):
        return ops.convert_to_tensor(self.painted), None


@pytest.fixture(scope='module')
def clean():
    """Two pictures of smooth colours and edges, float32 [2, H, W, 3]."""
    rows, columns = np.indices((SIZE, SIZE)) / SIZE
    smooth = np.stack([np.sin(5 * rows + 1), np.cos(4 * columns), np.sin(3 * rows + 6 * columns)], axis=-1)
    picture = np.float32(smooth * 0.5 + 0.25 * ((rows + columns) > 0.9)[..., None])
    return np.stack([picture, picture[::-1]])


@pytest.fixture(scope='module')
def gridded(clean):
    rng = np.random.default_rng(0)
    return np.stack([optics.checkerboard(picture, 0.16, rng)[0] for picture in clean])


def batch_of(image, content=None, style=None):
    known = {f'has_{role}': np.full(len(image), given is not None, np.float32)
             for role, given in (('content', content), ('style', style))}
    return {'image': image, 'content': np.zeros_like(image) if content is None else content,
            'style': np.zeros_like(image) if style is None else style, **known}


def corrected(system, image, flagged=(True, True), content=None, style=None):
    batch = batch_of(image, content, style)
    found = correction.correct(system.correct, system.judge, batch, system.judge(batch),
                               ops.convert_to_tensor(list(flagged)))
    found = {name: ops.convert_to_numpy(value) for name, value in found.items()}
    names = [None, *correction.REPAIRS]
    return {**found, 'repair': [names[index + 1] for index in found['repair']],
            'reason': [correction.REASONS[index] for index in found['reason']]}


def test_the_fitting_repair_is_taken_where_the_picture_was_flagged(clean, gridded):
    found = corrected(KnowingSystem(clean, 'checkerboard'), gridded, flagged=(True, False), content=clean, style=clean)
    assert found['accepted'].tolist() == [True, False]
    assert found['repair'] == ['grid taken out', None] and found['reason'] == ['accepted', 'not flagged']
    assert np.abs(found['image'][0] - clean[0]).mean() < 0.1 * np.abs(gridded[0] - clean[0]).mean()
    np.testing.assert_array_equal(found['image'][1], gridded[1])
    assert found['changed'][1] == 0 and found['changed'][0] == pytest.approx(0.16, abs=0.05)
    assert found['after'][0] < -2


@pytest.mark.parametrize(('named', 'reason'), [('geometric_distortion', 'no repair fits the damage found'),
                                               ('contrast', 'no repair lowers the score clearly')])
def test_abstains_bit_for_bit_where_no_repair_helps(clean, gridded, named, reason):
    found = corrected(KnowingSystem(clean, named), gridded)
    assert not found['accepted'].any() and found['reason'] == [reason] * 2 and found['repair'] == [None] * 2
    np.testing.assert_array_equal(found['image'], gridded)
    assert (found['changed'] == 0).all()


@pytest.mark.parametrize('has_content', [True, False])
def test_a_detector_that_is_fooled_is_overruled(clean, gridded, has_content):
    other = np.float32(gridded[:, :, ::-1] * 0.3)
    system = KnowingSystem(clean, 'geometric_distortion', painted=other, blind_to=other)
    found = corrected(system, gridded, content=clean if has_content else None)
    assert not found['accepted'].any()
    assert found['reason'] == ['repairs that lower the score lose structure or colours'] * 2
    np.testing.assert_array_equal(found['image'], gridded)


def test_the_colors_bear_witness_too(clean, gridded):
    tinted = clean + np.float32([0.235, -0.12, 0.0])  # of the same brightness
    system = KnowingSystem(clean, 'geometric_distortion', painted=tinted, blind_to=tinted)
    assert corrected(system, gridded, content=clean)['accepted'].all()  # nothing tells its colours are wrong
    assert not corrected(system, gridded, content=clean, style=clean)['accepted'].any()


def test_local_repairs_stay_in_the_damage_and_all_keep_their_limits(clean):
    damage = np.zeros((2, SIZE, SIZE, 1), np.float32)
    damage[:, 12:24, 12:24] = 1
    broken = np.where(damage > 0, np.float32(-1), clean)
    system = KnowingSystem(clean, 'missing_region', damage, painted=broken)
    found = corrected(system, broken, content=np.float32(clean[..., ::-1] * 0.5))
    assert found['repair'] == ['painted over from the photograph'] * 2
    near = np.zeros((SIZE, SIZE), bool)
    near[0:36, 0:36] = True
    assert np.abs(found['image'] - broken)[:, ~near].max() < 1e-5
    pictures, is_allowed = correction.propose(system.correct, batch_of(clean), system.judge(batch_of(clean))['damage'])
    changed = ops.convert_to_numpy(ops.mean(ops.abs(pictures - clean), axis=(2, 3, 4)))
    expected = [(row <= repair.limit) & (not repair.needs) for row, repair in zip(changed, correction.REPAIRS.values())]
    np.testing.assert_array_equal(ops.convert_to_numpy(is_allowed), expected)


def test_too_large_a_change_is_no_repair(clean):
    night = np.full_like(clean, -1)
    system = KnowingSystem(clean, 'geometric_distortion', painted=clean)
    found = corrected(system, night)
    assert found['reason'] == ['no repair fits the damage found'] * 2 and not found['accepted'].any()
