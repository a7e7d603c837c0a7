"""Colour keeping against the statistics it promises."""

import numpy as np
import pytest
from skimage import color

from stylegan_tf import colors


def cloud(mean, deviations, seed, size=(40, 50)):
    """A picture whose colours scatter around `mean` with correlated channels."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((*size, 3)) * deviations
    values[..., 1] += 0.6 * values[..., 0]
    return np.clip(np.rint(values + mean), 0, 255).astype(np.uint8)


def statistics(pixels):
    lab = color.rgb2lab(pixels).reshape(-1, 3)
    return lab.mean(axis=0), np.cov(lab, rowvar=False)


def test_lab_agrees_with_scikit_image_and_back():
    pixels = cloud((120, 100, 140), (20, 25, 30), 0)
    np.testing.assert_allclose(colors.to_lab(pixels), color.rgb2lab(pixels), atol=0.5)
    assert np.abs(colors.from_lab(colors.to_lab(pixels)).astype(int) - pixels).max() <= 1


def test_match_palette_moves_mean_and_covariance():
    pixels, reference = cloud((90, 120, 160), (12, 8, 15), 1), cloud((150, 110, 90), (15, 10, 8), 2)
    mean, covariance = statistics(colors.match_palette(pixels, reference))
    wanted_mean, wanted_covariance = statistics(reference)
    np.testing.assert_allclose(mean, wanted_mean, atol=0.3)
    np.testing.assert_allclose(covariance, wanted_covariance, atol=0.03 * np.abs(wanted_covariance).max())


def test_match_palette_of_itself_changes_nothing():
    pixels = cloud((120, 120, 120), (20, 25, 30), 3)
    assert np.abs(colors.match_palette(pixels, pixels).astype(int) - pixels).max() <= 1


def test_match_palette_with_a_grey_reference_gives_grey():
    grey = np.repeat(np.random.default_rng(0).integers(40, 200, (30, 30, 1), np.uint8), 3, axis=2)
    result = colors.match_palette(cloud((120, 100, 140), (20, 25, 30), 0), grey).astype(int)
    assert np.ptp(result, axis=2).mean() < 6


def test_keep_luminance_takes_light_from_one_and_colour_from_the_other():
    stylized, content = cloud((120, 120, 120), (10, 10, 10), 4), cloud((130, 110, 100), (10, 10, 10), 5)
    lab = color.rgb2lab(colors.keep_luminance(stylized, content))
    np.testing.assert_allclose(lab[..., 0], color.rgb2lab(stylized)[..., 0], atol=0.6)
    np.testing.assert_allclose(lab[..., 1:], color.rgb2lab(content)[..., 1:], atol=1.5)


def test_rules_are_applied_before_or_after():
    content, style = cloud((130, 110, 100), (10, 10, 10), 5), cloud((90, 120, 160), (12, 8, 15), 1)
    assert colors.prepare_style(style, content, 'none') is style
    assert colors.prepare_style(style, content, 'luminance') is style
    np.testing.assert_array_equal(colors.prepare_style(style, content, 'palette'), colors.match_palette(style, content))
    assert colors.finish(style, content, 'palette') is style
    np.testing.assert_array_equal(colors.finish(style, content, 'luminance'), colors.keep_luminance(style, content))


def test_bad_arguments_are_named():
    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="'keep_colors' must be one of none, luminance, palette"):
        colors.finish(picture, picture, 'hue')
    with pytest.raises(ValueError, match='one size'):
        colors.keep_luminance(np.zeros((5, 4, 3), np.uint8), picture)
    with pytest.raises(ValueError, match='uint8'):
        colors.match_palette(picture.astype(np.float32), picture)
