"""Perceptual path length against the formulas of the papers and of torch-fidelity, and by hand."""

import numpy as np
import pytest

from stylegan_tf.metrics import smoothness


def codes(seed=0, count=50, size=7):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, size)), rng.normal(size=(count, size)), rng.random(count)


def test_lines_and_arcs_agree_with_the_papers():
    starts, ends, shares = codes()
    first, second = smoothness.path_steps(starts, ends, shares, epsilon=0.1)
    t = shares[:, None]
    np.testing.assert_allclose(first, starts + t * (ends - starts), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(second, starts + (t + 0.1) * (ends - starts), rtol=1e-5, atol=1e-6)

    # Karras et al. 2019, slerp of their code: codes of length 1.
    starts, ends = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (starts, ends))
    cosine = np.sum(starts * ends, axis=1, keepdims=True)
    across = ends - cosine * starts
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    for received, share in zip(smoothness.path_steps(starts, ends, shares, epsilon=0.1, is_spherical=True),
                               (t, t + 0.1)):
        angle = share * np.arccos(cosine)
        np.testing.assert_allclose(received, starts * np.cos(angle) + across * np.sin(angle), rtol=1e-5, atol=1e-6)


def test_arcs_keep_the_length_of_noise_and_have_no_holes():
    starts, ends, _ = codes(size=500)
    middle, _ = smoothness.path_steps(starts, ends, 0.5, is_spherical=True)
    assert np.linalg.norm(middle, axis=1) == pytest.approx(np.sqrt(500), rel=0.15)
    straight, _ = smoothness.path_steps(starts, ends, 0.5)
    assert (np.linalg.norm(straight, axis=1) < np.linalg.norm(middle, axis=1)).all()
    for other in (starts, 2 * starts, -starts):  # no arc, or any
        for received in smoothness.path_steps(starts, other, 0.25, is_spherical=True):
            assert np.isfinite(received).all()
    np.testing.assert_allclose(smoothness.path_steps(starts, 2 * starts, 0.25, is_spherical=True)[0], 1.25 * starts,
                               rtol=1e-5)


def test_path_length_agrees_with_the_published_code():
    distances = np.random.default_rng(3).exponential(1e-8, 501)
    # dnnlib's ppl and torch-fidelity's: values between the 1st and the 99th percentile, both of them observed ones.
    lengths = np.sort(distances / 1e-4 ** 2)
    low, high = lengths[int(np.floor(0.01 * 500))], lengths[int(np.ceil(0.99 * 500))]
    mean, kept = smoothness.path_length(distances)
    assert mean == pytest.approx(lengths[(lengths >= low) & (lengths <= high)].mean(), rel=1e-12)
    assert len(kept) == 491
    everything, _ = smoothness.path_length(distances, kept=(0.0, 100.0))
    assert everything == pytest.approx(lengths.mean())


def test_a_linear_generator_has_the_length_of_its_derivative():
    rng = np.random.default_rng(4)
    weights = rng.normal(size=(6, 30))
    starts, ends = rng.normal(size=(2, 40, 6))
    steps = smoothness.path_steps(starts, ends, 0.0)
    pictures = [step.astype(np.float64) @ weights for step in steps]
    mean, _ = smoothness.path_length(np.sum((pictures[1] - pictures[0]) ** 2, axis=1), kept=(0.0, 100.0))
    # d(lerp) / dt = end - start; float32 codes keep three digits of a step of 1e-4
    assert mean == pytest.approx(np.mean(np.sum(((ends - starts) @ weights) ** 2, axis=1)), rel=2e-3)


def test_the_face_crop_is_that_of_the_paper():
    picture = np.arange(64 * 64).reshape(1, 64, 64, 1)
    np.testing.assert_array_equal(smoothness.face_crop(picture), picture[:, 24:56, 16:48])


def test_what_cannot_be_measured_is_named():
    starts, ends, _ = codes()
    with pytest.raises(ValueError, match='one shape'):
        smoothness.path_steps(starts, ends[:-1], 0.0)
    for distances in ([], [1.0, np.nan], [-1.0]):
        with pytest.raises(ValueError, match='finite distances'):
            smoothness.path_length(distances)
