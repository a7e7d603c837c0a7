"""augmentation: hand-computed colours, and crops that can be read off the picture."""

import dataclasses

import numpy as np
import pytest

from stylegan_tf import configs, images
from stylegan_tf.data import augmentation as augmentations
from stylegan_tf.data.augmentation import Augmentation

STILL = Augmentation(flip=False)


def draws(number=0):
    return augmentations.draw(np.random.default_rng(number))


def coordinates(height=60, width=80):
    """Red tells the row, green the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)


def flat(color, size=(4, 4)):
    return np.broadcast_to(np.array(color, np.uint8), (*size, 3))


def colors_of(image, count=200, **settings):
    """The colours that a one-colour picture takes on."""
    augmentation = Augmentation(**settings)
    return np.array([augmentations.apply(image, (2, 2), draws(i), augmentation)[0, 0]
                     for i in range(count)]).astype(int)


def test_fields_are_those_of_the_config():
    assert {field.name for field in dataclasses.fields(Augmentation)} == {
        field.name for field in dataclasses.fields(configs.AugmentationConfig)}


def test_without_augmentation_the_centre_is_taken():
    image = coordinates()
    np.testing.assert_array_equal(augmentations.apply(image, (60, 60), draws(), None),
                                  image[:, 10:70])


def test_equal_generators_give_equal_views():
    settings = Augmentation(crop_scale=(0.3, 1), aspect=0.3, hue=0.5, saturation=0.5, contrast=0.5,
                            brightness=0.2, gamma=1, channel_shuffle=0.5, grey=0.2, invert=0.3)
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    views = [augmentations.apply(image, (32, 24), draws(i), settings) for i in (1, 1, 2)]
    assert views[0].shape == (32, 24, 3) and views[0].dtype == np.uint8
    np.testing.assert_array_equal(views[0], views[1])
    assert not np.array_equal(views[0], views[2])


def test_full_size_crops_lie_anywhere_and_stay_inside():
    image = coordinates()
    lefts = set()
    for number in range(200):
        view = augmentations.apply(image, (60, 60), draws(number), STILL)
        left = int(view[0, 0, 1])
        np.testing.assert_array_equal(view, image[:, left:left + 60])
        lefts.add(left)
    assert lefts == set(range(21))


@pytest.mark.parametrize('size', [(30, 30), (20, 40), (40, 20)])
def test_crop_scale_is_the_share_of_the_largest_window(size):
    settings = dataclasses.replace(STILL, crop_scale=(0.5, 0.5))
    largest = min(60 / size[0], 80 / size[1])
    for number in range(20):
        view = augmentations.apply(coordinates(), size, draws(number), settings).astype(float)
        height = (view[-1, 0, 0] - view[0, 0, 0]) * size[0] / (size[0] - 1)
        width = (view[0, -1, 1] - view[0, 0, 1]) * size[1] / (size[1] - 1)
        assert height == pytest.approx(size[0] * largest / 2, abs=2)
        assert width == pytest.approx(size[1] * largest / 2, abs=2)


def test_aspect_stretches_up_to_its_limit():
    settings = dataclasses.replace(STILL, crop_scale=(0.5, 0.5), aspect=0.5)
    ratios = []
    for number in range(100):
        view = augmentations.apply(coordinates(), (40, 40), draws(number), settings).astype(float)
        ratios.append((view[0, -1, 1] - view[0, 0, 1]) / (view[-1, 0, 0] - view[0, 0, 0]))
    assert 0.6 < min(ratios) < 0.75 and 1.35 < max(ratios) < 1.6


def test_small_pictures_are_enlarged():
    view = augmentations.apply(flat([9, 8, 7], (3, 5)), (64, 32), draws(), Augmentation())
    np.testing.assert_array_equal(view, flat([9, 8, 7], (64, 32)))


def test_flip_mirrors_half_of_the_views():
    image = coordinates(20, 20)
    flipped = 0
    for number in range(200):
        view = augmentations.apply(image, (20, 20), draws(number), Augmentation())
        is_flipped = view[0, 0, 1] == 19
        np.testing.assert_array_equal(view, image[:, ::-1] if is_flipped else image)
        flipped += is_flipped
    assert 70 < flipped < 130


def test_colours_leave_the_crop_as_it_was():
    gentle = Augmentation(crop_scale=(0.5, 1))
    strong = dataclasses.replace(gentle, brightness=0.1)
    image = coordinates() + np.uint8(60)
    for number in range(20):
        difference = (augmentations.apply(image, (16, 16), draws(number), strong).astype(int)
                      - augmentations.apply(image, (16, 16), draws(number), gentle))
        assert np.ptp(difference[:, :, :2]) <= 1  # one shift for the whole picture


def test_hue_keeps_grey_and_the_sum_and_turns_red_into_green():
    np.testing.assert_array_equal(colors_of(flat([90] * 3), hue=0.5), np.full((200, 3), 90))
    turned = colors_of(flat([120, 100, 90]), hue=0.5)
    np.testing.assert_allclose(turned.sum(axis=1), 310, atol=2)
    assert np.ptp(turned, axis=0).min() > 30
    assert np.abs(colors_of(flat([120, 100, 90]), hue=0.02) - [120, 100, 90]).max() < 5
    third = augmentations._hue_rotation(2 * np.pi / 3)
    np.testing.assert_allclose(third @ [1, 0, 0], [0, 1, 0], atol=1e-6)


def test_saturation_moves_along_the_line_to_grey():
    changed = colors_of(flat([150, 100, 50]), saturation=0.5)
    luminance = 0.299 * 150 + 0.587 * 100 + 0.114 * 50
    np.testing.assert_allclose(changed @ [0.299, 0.587, 0.114], luminance, atol=1)
    factors = (changed[:, 0] - luminance) / (150 - luminance)
    assert 0.45 < factors.min() < 0.6 and 1.4 < factors.max() < 1.55


def test_contrast_brightness_and_gamma_bounds():
    contrast = colors_of(flat([27] * 3), contrast=0.5)[:, 0]
    assert 77 <= contrast.max() <= 78 and contrast.min() == 0  # 127.5 -+ 100.5 * [0.5, 1.5]
    brightness = colors_of(flat([100] * 3), brightness=0.1)[:, 0]
    assert 74 <= brightness.min() <= 77 and 123 <= brightness.max() <= 126
    gamma = colors_of(flat([64] * 3), gamma=1.0)[:, 0]
    assert 16 <= gamma.min() <= 19 and 123 <= gamma.max() <= 128  # 64^2/255, sqrt(64 * 255)


def test_probabilities_of_shuffle_grey_and_invert():
    shuffled = colors_of(flat([10, 20, 30]), count=600, channel_shuffle=0.5)
    orders, counts = np.unique(shuffled, axis=0, return_counts=True)
    assert len(orders) == 6
    assert 250 < counts[(orders == [10, 20, 30]).all(axis=1)][0] < 350
    grey = colors_of(flat([10, 200, 30]), grey=0.3)
    is_grey = np.ptp(grey, axis=1) == 0
    assert 40 < is_grey.sum() < 80
    assert set(grey[is_grey][:, 0]) == {124}  # .299 * 10 + .587 * 200 + .114 * 30
    inverted = colors_of(flat([10, 20, 30]), invert=0.5)
    assert {tuple(color) for color in inverted} == {(10, 20, 30), (245, 235, 225)}


def test_needed_short_side_of_one_view_is_what_its_crop_needs():
    settings = Augmentation(crop_scale=(0.25, 1), aspect=0.5)
    assert augmentations.needed_short_side((64, 48), draws(), None) == 64
    assert augmentations.needed_short_side((64, 48), draws(), STILL) == 64
    sides = [augmentations.needed_short_side((24, 24), draws(number), settings) for number in range(50)]
    assert 24 <= min(sides) < 40 and 90 < max(sides) <= 24 * 1.5 / 0.25
    for number, side in enumerate(sides):
        view = augmentations.apply(coordinates(side, side), (24, 24), draws(number), settings).astype(int)
        spans = view[-1, 0, 0] - view[0, 0, 0], abs(view[0, -1, 1] - view[0, 0, 1])
        assert 22 <= min(spans) <= 24  # the tighter side shows each of its pixels once


def test_views_that_get_smaller_are_averages_of_all_their_pixels():
    image = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)
    for side in (149, 120, 75, 70, 50, 33):
        view = augmentations.apply(image, (side, side), draws(), STILL).astype(float)
        exact = images.resize(image, (side, side))
        assert np.abs(view - exact).mean() < 8 and view.std() == pytest.approx(exact.std(), rel=0.2)


def test_views_of_a_reduced_picture_look_the_same():
    settings = Augmentation(crop_scale=(0.5, 1))
    large = images.resize(coordinates(), (600, 800))
    for number in range(5):
        side = augmentations.needed_short_side((32, 32), draws(number), settings)
        small = images.open_picture(large, min_short_side=side).pixels
        assert 32 <= small.shape[0] == side < 64
        views = [augmentations.apply(image, (32, 32), draws(number), settings).astype(int)
                 for image in (large, small)]
        assert np.abs(views[0] - views[1]).max() <= 3
