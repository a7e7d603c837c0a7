import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import skimage.metrics
import tensorflow as tf

from stylegan_tf.losses import reconstruction

PAIRWISE = (reconstruction.l1_loss, reconstruction.l2_loss, reconstruction.charbonnier_loss, reconstruction.ssim_loss,
            reconstruction.edge_loss, reconstruction.identity_loss)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def photograph(size=48):
    image = skimage.data.astronaut()[30:30 + size, 180:180 + size]
    return image[None].astype(np.float32) / 127.5 - 1.0


def test_pixel_losses_by_hand():
    a, b = np.zeros((2, 1, 2, 1), np.float32), np.array([[1, -3], [0, 2]], 'f').reshape(2, 1, 2, 1)
    np.testing.assert_allclose(reconstruction.l1_loss(a, b), [2, 1])
    np.testing.assert_allclose(reconstruction.identity_loss(a, b), [2, 1])
    np.testing.assert_allclose(reconstruction.l2_loss(a, b), [5, 2])
    np.testing.assert_allclose(reconstruction.charbonnier_loss(a, b, epsilon=1.0),
                               [(2 ** 0.5 + 10 ** 0.5) / 2 - 1, (1 + 5 ** 0.5) / 2 - 1], rtol=1e-6)


def test_luminance_likeness_tells_negatives():
    image = photograph()
    flat = np.full_like(image, 0.3)
    for other, expected in ((image, 1.0), (0.5 * image + 0.2, 1.0), (-image, -1.0), (flat, 0.0)):
        assert float(reconstruction.luminance_likeness(image, other)[0]) == pytest.approx(expected, abs=1e-3)
    assert abs(float(reconstruction.luminance_likeness(image, random(1, 48, 48, 3))[0])) < 0.3


@pytest.mark.parametrize('value_range', [1.0, 2.0])
def test_ssim_equals_scikit_image(value_range):
    a = photograph() if value_range == 2.0 else (photograph() + 1) / 2
    for noise in (0.02, 0.2, 1.0):
        b = np.clip(a + noise * random(*a.shape), a.min(), a.max()).astype(np.float32)
        expected = skimage.metrics.structural_similarity(
            a[0].astype(np.float64), b[0].astype(np.float64), channel_axis=-1, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False, data_range=value_range)
        actual = reconstruction.ssim(a, b, value_range=value_range)
        np.testing.assert_allclose(actual, [expected], atol=2e-5)
        np.testing.assert_allclose(
            reconstruction.ssim_loss(a, b, value_range=value_range), [1 - expected], atol=2e-5)


def test_ssim_of_the_smallest_image_and_of_smaller_ones():
    a = photograph(11)
    np.testing.assert_allclose(reconstruction.ssim(a, a), 1.0, atol=1e-6)
    with pytest.raises(ValueError, match=r'at least 11 pixels.*\(1, 10, 10, 3\)'):
        reconstruction.ssim_loss(photograph(10), photograph(10))


def test_edge_strength_equals_scipy_sobel():
    image = photograph(16)
    grey = image[0].astype(np.float64) @ [0.299, 0.587, 0.114]
    slopes = [scipy.ndimage.sobel(grey, axis)[1:-1, 1:-1] / 8 for axis in (0, 1)]
    expected = np.sqrt(slopes[0] ** 2 + slopes[1] ** 2 + 1e-6)
    np.testing.assert_allclose(reconstruction.edge_strength(image)[0, ..., 0], expected, atol=1e-5)


def test_edge_loss_sees_moved_edges_and_not_inverted_colours():
    image = photograph(32)
    np.testing.assert_allclose(reconstruction.edge_loss(image, -image), 0, atol=1e-6)
    assert reconstruction.edge_loss(image, np.roll(image, 4, axis=2))[0] > 0.02
    ramp = np.arange(5, dtype=np.float32)[None, None, :, None] * np.ones((1, 5, 1, 1), 'f')
    # Slope 1 everywhere against slope 3 everywhere.
    np.testing.assert_allclose(reconstruction.edge_loss(ramp, 3 * ramp), [2.0], rtol=1e-5)


def test_total_variation_by_hand():
    image = np.array([[0, 1, 3], [0, 5, 3]], np.float32).reshape(1, 2, 3, 1)
    # Vertical |0|, |4|, |0| of 3; horizontal |1|, |2|, |5|, |-2| of 4.
    np.testing.assert_allclose(reconstruction.total_variation_loss(image), [4 / 3 + 10 / 4])
    np.testing.assert_array_equal(reconstruction.total_variation_loss(np.ones((2, 4, 4, 3), 'f')), [0, 0])


@pytest.mark.parametrize('loss', PAIRWISE)
def test_each_example_counts_for_itself_and_gradients_are_finite(loss):
    a, b = photograph(24), photograph(24)[:, ::-1]
    batch_a, batch_b = np.concatenate([a, a]), np.concatenate([b, a])
    x = tf.constant(batch_a)
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = loss(x, batch_b)
    assert values.shape == (2,) and values.dtype == tf.float32
    np.testing.assert_allclose(values, [loss(a, b)[0], 0], atol=1e-6)
    gradient = tape.gradient(values, x)
    assert np.isfinite(gradient).all() and np.abs(gradient[0]).max() > 0


@pytest.mark.parametrize('loss', PAIRWISE)
def test_shapes_must_agree(loss):
    with pytest.raises(ValueError, match=r'\(1, 16, 16, 3\).*\(1, 16, 12, 3\)'):
        loss(random(1, 16, 16, 3), random(1, 16, 12, 3))


def test_channels_and_axes_are_checked():
    with pytest.raises(ValueError, match=r'1 or 3 channels.*\(1, 4, 4, 2\)'):
        reconstruction.luminance(random(1, 4, 4, 2))
    with pytest.raises(ValueError, match='4 axes'):
        reconstruction.total_variation_loss(random(4, 4))
