"""What each number is evidence of: planted damage moves it, by the amount that was planted where it has a unit."""

import numpy as np
import pytest
from keras import ops

from stylegan_tf.data import defects
from stylegan_tf.networks import evidence
from stylegan_tf.networks.evidence import summary

SIZE = 96


def scene(seed=0):
    """Smooth colours with edges, uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((SIZE, SIZE)) / SIZE
    picture = np.stack([np.sin(rows * a + columns * b + c) for a, b, c in rng.uniform(2, 14, (3, 3))], axis=-1)
    return defects.to_levels(0.5 + 0.18 * picture + 0.12 * ((rows + columns) * 6 % 2 > 1)[..., None])


def as_batch(*pictures):
    return np.stack(pictures).astype(np.float32) / 127.5 - 1


def damaged(name, severity=0.5, **options):
    return defects.plant(scene(), name, severity, seed=3, **options)[0]


def parts(picture, *references):
    return {name: float(value[0]) for name, value in summary(as_batch(picture), *map(as_batch, references)).items()}


def test_maps_have_the_depths_they_tell_and_are_finite_on_flat_pictures():
    flat = np.zeros((1, 40, 64, 3), np.float32)
    assert tuple(evidence.own_maps(flat).shape) == (1, 10, 16, evidence.OWN_MAPS)
    assert tuple(evidence.joint_maps(flat, flat).shape) == (1, 10, 16, evidence.JOINT_MAPS)
    assert tuple(evidence.color_moments(flat).shape) == (1, evidence.MOMENTS)
    assert tuple(evidence.grid_profile(flat).shape) == (1, evidence.PROFILE)
    for values in (evidence.own_maps(flat), evidence.joint_maps(flat, flat), evidence.color_moments(flat),
                   evidence.grid_profile(flat), *summary(flat, flat, flat).values()):
        assert np.isfinite(ops.convert_to_numpy(values)).all()


def test_parts_need_their_references():
    for references, known in (((), set()), ((scene(),), {'content'}), ((scene(), scene(1)), {'content', 'style'})):
        assert set(parts(scene(), *references)) == {name for name, needed in evidence.PARTS.items()
                                                    if set(needed) <= known}


def test_a_picture_beside_itself_lacks_nothing():
    found = parts(scene(), scene(), scene())
    assert found['structure_kept'] > 0.9 and found['structure_inverted'] == 0
    assert found['color_drift'] == pytest.approx(0, abs=1e-4)
    assert found['sharpness_ratio'] == pytest.approx(1) == found['contrast_ratio']


@pytest.mark.parametrize('period', [2, 4])
def test_amplitude_of_a_grid_is_found_wherever_it_begins(period):
    rows, columns = (np.indices((SIZE, SIZE)) + 1) // (period // 2)
    board = ((rows + columns) % 2 * 2.0 - 1)[..., None]
    picture = np.uint8(np.rint(np.clip(scene() + 8 * board, 0, 255)))
    assert parts(picture)['grid_peak'] == pytest.approx(8, abs=1.2)
    assert parts(scene())['grid_peak'] < 1.2  # its edges are hard and regular


def test_each_damage_moves_its_part():
    clean = parts(scene(), scene(), scene())
    assert parts(damaged('blur'), scene(), scene())['sharpness_ratio'] < 0.8
    assert parts(damaged('noise'), scene(), scene())['sharpness_ratio'] > 1.5
    assert parts(damaged('contrast'), scene(), scene())['contrast_ratio'] == pytest.approx(0.65, abs=0.08)
    warm = np.uint8(scene() * [1.0, 0.8, 0.5])
    cold = defects.plant(warm, 'color_cast', 1.0, seed=3)[0]
    assert parts(cold, warm, warm)['color_drift'] > 10
    assert parts(damaged('jpeg'))['block_steps'] > clean['block_steps'] + 0.2
    assert parts(damaged('clipping'))['clipped_share'] > clean['clipped_share'] + 0.1
    assert parts(255 - scene(), scene())['structure_inverted'] > 0.9
    assert parts(damaged('geometric_distortion', 1.0), scene())['structure_kept'] < clean['structure_kept'] - 0.05


def test_a_displaced_picture_correlates_at_its_displacement():
    wide = np.pad(scene(), ((0, 0), (8, 0), (0, 0)), mode='edge')[:, :SIZE]
    joint = ops.convert_to_numpy(evidence.joint_maps(as_batch(wide), as_batch(scene())))[0]
    far = joint[3:-3, 5:-3, 29:45].mean((0, 1))  # in steps of four pixels
    # What was at x is at x + 8 now: the photograph's map must be moved back by two.
    assert evidence.FAR_SHIFTS[int(far.argmax())] == (0, -2)
    down, right = joint[3:-3, 5:-3, 47:49].mean((0, 1))
    assert right < -0.5 and abs(right) > abs(down)  # along its edges a scene can slide


def test_a_ghost_is_an_echo():
    def echoes(picture):
        return ops.convert_to_numpy(evidence.echoes(as_batch(picture), as_batch(scene())))[0]

    doubled = np.uint8(0.6 * scene() + 0.4 * np.roll(scene(), 8, axis=0))
    assert evidence.ECHO_SHIFTS[int(echoes(scene()).argmax())] == (0, 0)
    assert evidence.ECHO_SHIFTS[int((echoes(doubled) - echoes(scene())).argmax())] == (-2, 0)


@pytest.mark.parametrize('severity', [0.5, 1.0])
def test_a_turn_of_all_hues_is_found_in_degrees(severity):
    rows = np.indices((SIZE, SIZE))[0]
    colored = np.where((rows % 24 < 12)[..., None], [200, 60, 40], [60, 90, 190]).astype(np.uint8)
    turned, _ = defects.plant(colored, 'color_cast', severity, seed=3)
    agreement = ops.convert_to_numpy(evidence.hue_agreement(*(
        evidence.hue_profile(as_batch(picture)) for picture in (turned, colored))))[0]
    found = abs(evidence.TURNS[int(agreement.argmax())]) * 360 / evidence.HUES
    assert found == pytest.approx(defects.DEFECTS['color_cast'].amount(severity), abs=15)


def test_lines_and_seams_stand_out_where_they_are():
    flat = np.full((SIZE, SIZE, 3), 90, np.uint8)
    line, seam = flat.copy(), flat.copy()
    line[40:42, 10:60] = 200
    seam[:, 50:] = 100
    maps = {name: ops.convert_to_numpy(evidence.own_maps(as_batch(picture)))[0]
            for name, picture in (('flat', flat), ('line', line), ('seam', seam))}
    bright, dark, upright, level = range(19, 23)
    rise = maps['line'] - maps['flat']
    assert rise[10, 5, bright] > 1 and abs(rise[10, 20, bright]) < 1e-3 and np.abs(rise[..., dark]).max() < 1e-3
    rise = maps['seam'] - maps['flat']
    assert rise[12, 12, upright] > 1 and abs(rise[12, 6, upright]) < 1e-3 and np.abs(rise[..., level]).max() < 1e-3
