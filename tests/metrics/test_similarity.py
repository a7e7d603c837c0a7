"""Similarity metrics against hand-computed numbers and scikit-image."""

import numpy as np
import pytest
from skimage import data, metrics

from stylegan_tf.metrics import similarity


def random_features(seed, shape=(2, 4, 5, 3)):
    return np.random.default_rng(seed).random(shape)


@pytest.fixture(scope='module')
def photographs():
    return data.chelsea()[:120, :160], data.coffee()[:120, :160]


def test_relative_distance_by_hand():
    a = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0], [2.0, 2.0]])
    b = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0], [-2.0, -2.0]])
    np.testing.assert_allclose(similarity.relative_distance(a, b), [0.0, 1.0, 0.0, 2.0])
    np.testing.assert_allclose(similarity.relative_distance([[1.0, 2.0]], [[3.0, 0.0]]), [8.0 / 14.0])
    with pytest.raises(ValueError, match='one shape'):
        similarity.relative_distance(a, b[:1])


def test_gram_matrix_by_hand():
    features = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])  # two positions, two channels
    np.testing.assert_allclose(similarity.gram_matrix(features), [[[5.0, 7.0], [7.0, 10.0]]])


def test_style_distance_sees_texture_and_not_places():
    features = {'a': random_features(0), 'b': random_features(1)}
    shuffled = {name: value[:, ::-1, ::-1] for name, value in features.items()}
    np.testing.assert_allclose(similarity.style_distance(features, shuffled, ('a', 'b')), 0.0, atol=1e-15)
    assert (similarity.content_distance(features, shuffled, ('a', 'b')) > 0.1).all()


def test_style_distance_by_hand_and_averaged_over_layers():
    one, two = np.ones((1, 2, 2, 1)), np.full((1, 3, 1, 1), 2.0)  # Gram 1 and 4: 9 / 17
    a, b = {'x': one, 'y': one}, {'x': two, 'y': one}
    np.testing.assert_allclose(similarity.style_distance(a, b, ('x',)), 9 / 17)
    np.testing.assert_allclose(similarity.style_distance(a, b, ('x', 'y')), 9 / 34)
    np.testing.assert_allclose(similarity.style_distance(b, a, ('x',)), 9 / 17)


def test_content_distance_by_hand():
    a, b = {'x': np.array([[[[1.0, 0.0], [2.0, 0.0]]]])}, {'x': np.array([[[[0.0, 1.0], [2.0, 0.0]]]])}
    np.testing.assert_allclose(similarity.content_distance(a, b, ('x',)), 2.0 / 10.0)


def test_lpips_by_hand_with_and_without_heads():
    a = {'x': np.array([[[[3.0, 4.0], [1.0, 0.0]]]]), 'y': np.array([[[[5.0, 0.0]]]])}
    b = {'x': np.array([[[[4.0, 3.0], [9.0, 0.0]]]]), 'y': np.array([[[[0.0, 2.0]]]])}
    # unit vectors: (.6, .8) against (.8, .6) and equal ones; then (1, 0) against (0, 1)
    np.testing.assert_allclose(similarity.lpips(a, b, ('x', 'y')), [(0.08 / 2 + 2.0) / 2], rtol=1e-6)
    heads = {'x': [1.0, 10.0], 'y': [0.5, 0.25]}
    np.testing.assert_allclose(similarity.lpips(a, b, ('x', 'y'), heads), [0.44 / 2 + 0.75], rtol=1e-6)


def test_missing_layers_are_named():
    features = {'a': random_features(0)}
    for function in (similarity.style_distance, similarity.content_distance, similarity.lpips):
        with pytest.raises(ValueError, match=r"Missing: \['b'\]"):
            function(features, features, ('a', 'b'))


def test_structure_retention_ignores_light_and_sees_other_pictures(photographs):
    cat, cup = photographs
    assert similarity.structure_retention(cat, cat) == pytest.approx(1.0)
    assert similarity.structure_retention(cat, 255 - cat) == pytest.approx(1.0, abs=1e-6)
    assert similarity.structure_retention(cat, (cat * 0.5 + 60).astype(np.uint8)) > 0.98
    assert abs(similarity.structure_retention(cat, cup)) < 0.3
    moved = np.roll(cat, 12, axis=1)
    assert similarity.structure_retention(cat, moved) < 0.3
    assert similarity.structure_retention(cat, np.roll(cat, 1, axis=1)) > 0.7
    assert similarity.structure_retention(cat, np.full_like(cat, 9)) == 0.0


def test_psnr_agrees_with_scikit_image(photographs):
    cat, cup = photographs
    assert similarity.psnr(cat, cup) == pytest.approx(metrics.peak_signal_noise_ratio(cat, cup))
    assert similarity.psnr(cat, cat) == float('inf')


def test_ssim_agrees_with_scikit_image(photographs):
    cat, _ = photographs
    noise = np.random.default_rng(0).normal(0, 12, cat.shape)
    noisy = np.clip(cat + noise, 0, 255).astype(np.uint8)
    expected = metrics.structural_similarity(cat, noisy, channel_axis=-1, gaussian_weights=True, sigma=1.5,
                                             use_sample_covariance=False)
    assert similarity.ssim(cat, noisy) == pytest.approx(expected, abs=1e-4)
    assert similarity.ssim(cat, cat) == pytest.approx(1.0)


@pytest.mark.parametrize('function', [similarity.ssim, similarity.psnr, similarity.structure_retention])
def test_pictures_must_fit(function, photographs):
    cat, _ = photographs
    with pytest.raises(ValueError, match='uint8'):
        function(cat, cat[:-1])
    with pytest.raises(ValueError, match='uint8'):
        function(cat.astype(np.float32), cat.astype(np.float32))
    with pytest.raises(ValueError, match='11 x 11'):
        similarity.ssim(cat[:8], cat[:8])


def test_moments_distance_by_hand():
    a = np.array([[[[0.0], [2.0]]]])  # mean 1, deviation 1
    b = np.array([[[[2.0], [4.0]], [[2.0], [4.0]]]])  # mean 3, deviation 1, another size
    assert similarity.moments_distance({'x': a}, {'x': b}, ('x',)) == pytest.approx([4 / (2 + 10)])
    assert similarity.moments_distance({'x': a}, {'x': a}, ('x',)) == [0.0]
    with pytest.raises(ValueError, match='Missing'):
        similarity.moments_distance({'x': a}, {}, ('x',))
