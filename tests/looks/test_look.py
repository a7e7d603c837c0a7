"""Looks: what is learned from unpaired pictures, applied, saved, mixed and described."""

import functools
import json

import cv2
import numpy as np
import pytest

from stylegan_tf import looks
from stylegan_tf.looks import fitting, prior, statistics, tables, texture
from tools.judging import known_grades, palette_transfers
from tools.judging.looks import color_difference


def flat_pictures(count, first=0):
    """Pictures of colours of the shipped portraits, from portrait `first` on, uint8 [16, 24, 3]."""
    rows = np.rint(prior.load_prior().reference[first:first + count] * 255).astype(np.uint8)
    return [row.reshape(16, 24, 3) for row in rows]


@functools.cache
def fitted(grade):
    """(look, unseen pictures, the same in the grade): learned from portraits that are neither reference nor unseen."""
    learned = prior.load_prior()
    seen = np.stack([known_grades.grade(picture, grade) for picture in flat_pictures(20, 64)]) / np.float32(255)
    table, _ = fitting.fit_table(seen.reshape(20, -1, 3), learned, reference=learned.reference[:48],
                                 options=fitting.Options(steps=2))
    unseen = flat_pictures(20, 100)
    return looks.Look(table), unseen, [known_grades.grade(picture, grade) for picture in unseen]


@pytest.mark.parametrize('grade', ['sepia', 'teal_orange'])
def test_a_grade_is_learned_from_other_pictures(grade):
    look, unseen, wanted = fitted(grade)
    nothing = np.mean([color_difference(a, b) for a, b in zip(unseen, wanted)])
    learned = np.mean([color_difference(look.apply(a), b) for a, b in zip(unseen, wanted)])
    pooled = np.concatenate([known_grades.grade(p, grade).reshape(-1, 3) for p in flat_pictures(20, 64)])
    reference = np.concatenate([p.reshape(-1, 3) for p in flat_pictures(48)])
    reinhard = palette_transfers.reinhard(reference, pooled)
    assert learned < 0.5 * nothing
    assert learned < np.mean([color_difference(reinhard(a), b) for a, b in zip(unseen, wanted)])


@pytest.mark.parametrize('grade', ['sepia', 'teal_orange'])
def test_a_learned_table_is_smooth_and_monotone(grade):
    table = fitted(grade)[0].table
    assert table.shape == (33, 33, 33, 3) and table.dtype == np.float32
    assert table.min() >= 0 and table.max() <= 1
    assert tables.steepness(table) >= -1e-5
    # Within the range, where clipping makes no corner, slopes turn by less than a third of the identity's in a step.
    assert tables.roughness(table[4:-4, 4:-4, 4:-4]) < 0.33


def test_ungraded_pictures_make_nearly_nothing():
    learned = prior.load_prior()
    table, misfit = fitting.fit_table(learned.reference[64:84], learned, reference=learned.reference[:48],
                                      options=fitting.Options(steps=2))
    unseen = flat_pictures(20, 100)
    assert np.mean([color_difference(looks.Look(table).apply(p), p) for p in unseen]) < 4
    assert 0 < misfit < 4


def test_statistics_do_not_depend_on_the_order_of_colours():
    colors = prior.load_prior().reference[:3]
    turned = colors[:, np.random.default_rng(0).permutation(colors.shape[1])]
    a, b = statistics.picture_statistics(colors), statistics.picture_statistics(turned)
    # Ties in rank may fall on either side of a part.
    np.testing.assert_allclose(a, b, atol=0.02)
    assert np.abs(statistics.picture_statistics(colors * 0.8) - a).max() > 0.1


def test_samples_come_from_the_mask():
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, 15:] = 200
    mask = np.zeros((20, 30, 1), np.float32)
    mask[:, 15:] = 1
    assert statistics.sample_colors(pixels, seed=1, mask=mask).min() == pytest.approx(200 / 255)
    assert statistics.sample_colors(pixels, seed=1).min() == 0
    with pytest.raises(ValueError, match='something in it'):
        statistics.sample_colors(pixels, seed=1, mask=mask * 0)


def bright_look(**options):
    return looks.Look((tables.identity_table(5) ** 0.5).astype(np.float32), looks.Texture(**options))


def test_strength_and_protection():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    look = bright_look()
    np.testing.assert_array_equal(look.apply(pixels, 0), pixels)
    protect = np.zeros((20, 30), np.float32)
    protect[:10] = 1
    kept = look.apply(pixels, protect=protect)
    np.testing.assert_array_equal(kept[:10], pixels[:10])
    np.testing.assert_array_equal(kept[10:], look.apply(pixels)[10:])
    half, whole = (look.apply(pixels, strength).astype(int) - pixels for strength in (0.5, 1.0))
    assert np.abs(2 * half - whole).max() <= 2
    with pytest.raises(ValueError, match='Expected a mask'):
        look.apply(pixels, protect=protect[:5])
    with pytest.raises(ValueError, match='at least 0'):
        look.apply(pixels, -1)
    with pytest.raises(ValueError, match='uint8'):
        look.apply(pixels / 255)


def test_saved_looks_come_back(tmp_path):
    look = looks.Look(bright_look().table, looks.Texture(1.3, (0, 0.01, 0.02, 0.01, 0), 0.8), {'look_pictures': 20})
    look.save(tmp_path / 'look.npz')
    again = looks.load_look(tmp_path / 'look.npz')
    np.testing.assert_array_equal(again.table, look.table)
    assert again.texture == look.texture and again.notes == look.notes
    (tmp_path / 'bad.npz').write_bytes(b'PK\x03\x04 no archive')
    for name in ('bad.npz', 'absent.npz'):
        with pytest.raises(looks.LookError, match=name):
            looks.load_look(tmp_path / name)


def test_mixed_looks_lie_between():
    dark = looks.Look((tables.identity_table(5) ** 2).astype(np.float32), looks.Texture(2.0))
    mixed = looks.mix_looks([bright_look(), dark], [3, 1])
    np.testing.assert_allclose(mixed.table, 0.75 * bright_look().table + 0.25 * dark.table, atol=1e-6)
    assert mixed.texture.detail_gain == pytest.approx(2 ** 0.25)
    with pytest.raises(ValueError, match='one weight'):
        looks.mix_looks([dark], [0])


def test_nothing_to_learn_from_is_said():
    with pytest.raises(looks.LookError, match='5 to 50'):
        looks.fit_look([], [])
    with pytest.raises(looks.LookError, match='one mask a picture'):
        looks.fit_look([], flat_pictures(2), look_masks=[None])


def scene(seed, detail=1.0, grain=0.0, size=0.8):
    """Smooth areas with soft-edged detail of a known amount, then grain."""
    rng = np.random.default_rng(seed)
    broad = cv2.GaussianBlur(rng.random((160, 160)).astype(np.float32), (0, 0), 30)
    broad = (broad - broad.min()) / np.ptp(broad) * 0.6 + 0.2
    fine = cv2.GaussianBlur(rng.normal(size=(160, 160)).astype(np.float32), (0, 0), 2.5)
    fine = fine / fine.std() * 0.02 * np.float32(np.indices((160, 160))[1] > 80)
    picture = np.repeat((broad + detail * fine)[..., None], 3, 2)
    picture = texture.apply_texture(picture.astype(np.float32), texture.Texture(1.0, (grain,) * 5, size), seed=seed)
    return np.rint(picture * 255).astype(np.uint8)


def test_grain_and_detail_are_measured():
    plain = [scene(seed) for seed in range(6)]
    nothing = texture.measure_texture(plain, [scene(seed) for seed in range(10, 16)])
    assert nothing.grain == (0,) * 5 and nothing.detail_gain == pytest.approx(1, abs=0.15)
    grainy = texture.measure_texture(plain, [scene(seed, grain=0.03) for seed in range(10, 16)])
    assert grainy.grain[2] == pytest.approx(0.03, rel=0.3)
    assert grainy.grain_size == pytest.approx(0.8, abs=0.3)
    clear = texture.measure_texture(plain, [scene(seed, detail=1.7) for seed in range(10, 16)])
    assert 1.25 < clear.detail_gain < 2.2
    assert max(clear.grain) < 0.01


def face_like(seed, gain=1.0):
    """A crop whose detail differs from person to person, and where it counts."""
    rng = np.random.default_rng(seed)
    planes = [cv2.GaussianBlur(rng.normal(size=(192, 192)).astype(np.float32), (0, 0), size) for size in (2.0, 24.0)]
    fine, broad = (plane / plane.std() for plane in planes)
    luma = 0.5 + 0.1 * broad + 0.02 * np.exp(0.1 * rng.normal()) * fine
    pixels = texture.apply_texture(np.repeat(luma[..., None], 3, 2).astype(np.float32), texture.Texture(gain))
    mask = np.zeros((192, 192), np.float32)
    mask[40:160, 50:150] = 1
    return np.rint(pixels * 255).astype(np.uint8), mask


def test_local_tone_is_told_from_faces_and_doubted_where_they_are_few():
    plain = [face_like(seed) for seed in range(16)]
    assert texture.face_gain(plain, [face_like(seed) for seed in range(20, 36)]) == pytest.approx(1, abs=0.15)
    gains = [[texture.face_gain(plain[:count], [face_like(seed, gain) for seed in range(20, 20 + count)])
              for count in (16, 4)] for gain in (0.6, 1.6)]
    assert gains[0][0] < gains[0][1] < 0.95 and gains[1][0] > gains[1][1] > 1.05
    outside = [(face.copy(), mask) for face, mask in plain]
    for face, _ in outside:
        face[:, 170:] = 255 - face[:, 170:]
    assert texture.face_gain(plain, outside) == pytest.approx(1, abs=0.1)  # only the face counts
    pictures = [face for face, _ in plain]
    clear = [face_like(seed, 1.6) for seed in range(20, 36)]
    learned = texture.measure_texture(pictures, [face for face, _ in clear], content_faces=plain, look_faces=clear)
    assert learned.detail_gain == gains[1][0]


def test_detail_gain_raises_detail_and_grain_raises_noise():
    pixels = scene(1)
    assert looks.Look(tables.identity_table(3)).apply(pixels) is not pixels
    clear = looks.Look(tables.identity_table(3), looks.Texture(1.8)).apply(pixels)
    assert clear[:, 90:].astype(float).std() > pixels[:, 90:].astype(float).std()
    grainy = looks.Look(tables.identity_table(3), looks.Texture(1.0, (0.05,) * 5, 0.5))
    noise = grainy.apply(pixels).astype(float) - pixels
    assert noise.std() == pytest.approx(0.05 * 255, rel=0.1)
    np.testing.assert_array_equal(grainy.apply(pixels), grainy.apply(pixels))


def test_description_tells_what_was_done():
    table = tables.identity_table(17)
    luma = table @ statistics.LUMA
    pale = luma[..., None] + 0.5 * (table - luma[..., None])
    table = np.clip(0.1 + 0.9 * pale + np.float32([0.04, 0, -0.06]), 0, 1)
    facts = looks.describe(looks.Look(table.astype(np.float32), looks.Texture(1.3)))
    json.dumps(facts)
    assert facts['black'] > 5 and facts['saturation'] == pytest.approx(0.45, abs=0.1)
    words = ' '.join(facts['words'])
    assert 'Blacks are raised' in words and 'paler' in words and 'clearer' in words
    assert 'Midtones turn orange' in words or 'Midtones turn yellow' in words
    plain = looks.describe(looks.Look(tables.identity_table(9)))
    assert plain['words'] == ['Next to nothing changes.'] and plain['saturation'] == pytest.approx(1, abs=0.02)


def test_drawing_shows_the_curves():
    plain, bright = looks.draw(looks.Look(tables.identity_table(9))), looks.draw(bright_look())
    assert plain.shape == bright.shape and plain.dtype == np.uint8
    assert (plain != bright).any(-1).mean() > 0.1


@pytest.mark.parametrize('name', known_grades.GRADES)
def test_known_grades_are_monotone(name):
    table = known_grades.GRADES[name](tables.identity_table(17).astype(np.float64))
    assert tables.steepness(np.clip(table, 0, 1)) >= -1e-9


def test_palette_transfers_reach_the_look_of_their_own_content():
    rng = np.random.default_rng(0)
    content = rng.integers(40, 200, (4000, 3)).astype(np.uint8)
    look = np.uint8(content * 0.6 + np.array([50, 20, 30]))
    picture = content.reshape(40, 100, 3)
    for name, make in palette_transfers.TRANSFERS.items():
        assert color_difference(make(content, look)(picture), look.reshape(40, 100, 3)) < 3, name
