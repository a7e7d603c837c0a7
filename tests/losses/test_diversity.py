import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.losses import diversity


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_mode_seeking_by_hand():
    images = np.zeros((2, 2, 2, 1), np.float32), np.full((2, 2, 2, 1), 0.5, np.float32)
    latents = np.zeros((2, 2), np.float32), np.array([[1, 3], [0, 0]], np.float32)
    np.testing.assert_allclose(diversity.mode_seeking_loss(*images, *latents), [4.0, 0.0], rtol=1e-4)


def test_mode_seeking_pushes_equal_images_apart_with_finite_force():
    latents = random(2, 4), random(2, 4, seed=1)
    image = tf.constant(random(2, 4, 4, 3))
    other = tf.constant(image.numpy() + 0.01)
    with tf.GradientTape() as tape:
        tape.watch(other)
        value = diversity.mode_seeking_loss(image, other, *latents)
    assert np.max(tape.gradient(value, other)) < 0  # growing the difference lowers the loss
    collapsed = diversity.mode_seeking_loss(image, image, *latents)
    assert np.isfinite(collapsed).all() and np.min(collapsed) > np.max(value)


def test_energy_score_equals_numpy():
    samples, target = random(3, 4, 5), random(3, 5, seed=1)
    wide = samples.astype(np.float64)
    nearness = np.linalg.norm(wide - target[:, None], axis=-1).mean(1)
    distances = np.linalg.norm(wide[:, :, None] - wide[:, None], axis=-1)
    expected = nearness - 0.5 * distances.sum((1, 2)) / (4 * 3)
    np.testing.assert_allclose(diversity.energy_score(samples, target), expected, rtol=1e-5)


def test_energy_score_by_hand():
    samples = np.array([[[0.0, 0.0], [3.0, 4.0]]], np.float32)
    score = diversity.energy_score(samples, np.zeros((1, 2), np.float32))
    np.testing.assert_allclose(score, [(0 + 5) / 2 - 5 / 2], atol=1e-4)


def test_energy_score_is_best_for_the_true_distribution():
    target = random(20000, 1)
    scores = [float(np.mean(diversity.energy_score(random(20000, 2, 1, seed=1) * scale + shift, target)))
              for scale, shift in ((1, 0), (0, 0), (0.5, 0), (2, 0), (1, 1))]
    assert min(scores) == scores[0]
    assert scores[0] == pytest.approx(1 / np.sqrt(np.pi), abs=0.02)  # E|X - Y| / 2 of normals


def test_energy_score_of_equal_samples_has_a_finite_gradient():
    samples = tf.zeros((2, 3, 4))
    with tf.GradientTape() as tape:
        tape.watch(samples)
        value = diversity.energy_score(samples, tf.zeros((2, 4)))
    assert np.isfinite(tape.gradient(value, samples)).all()


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r'at least 2 samples.*\(2, 1, 3\)'):
        diversity.energy_score(random(2, 1, 3), random(2, 3))
    with pytest.raises(ValueError, match=r'\(2, 3\).*\(2, 4\)'):
        diversity.energy_score(random(2, 2, 3), random(2, 4))
    with pytest.raises(ValueError, match='3 axes'):
        diversity.energy_score(random(2, 3), random(2, 3))
    images, latents = random(2, 4, 4, 3), random(2, 5)
    with pytest.raises(ValueError, match=r'image_a of shape .*image_b of shape \(2, 2, 2, 3\)'):
        diversity.mode_seeking_loss(images, random(2, 2, 2, 3), latents, latents)
    with pytest.raises(ValueError, match=r'latent_a of shape .*latent_b of shape \(2, 6\)'):
        diversity.mode_seeking_loss(images, images, latents, random(2, 6))
