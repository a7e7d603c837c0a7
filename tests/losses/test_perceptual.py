import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.losses import perceptual, reconstruction

LAYERS = ('relu1_1', 'relu2_1')


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def features(seed, batch=2, size=4):
    return {'relu1_1': np.abs(random(batch, size, size, 3, seed=seed)),
            'relu2_1': np.abs(random(batch, size // 2, size // 2, 5, seed=seed + 1)),
            'unused': random(batch, 1, 1, 1)}


def test_gram_matrix_by_hand():
    x = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], np.float32).reshape(1, 2, 2, 2)
    # Products: 1+9+25+49 = 84, 2+12+30+56 = 100, 4+16+36+64 = 120; 4 positions, 2 channels.
    np.testing.assert_allclose(perceptual.gram_matrix(x), [[[84, 100], [100, 120]]] / np.float32(8))
    mask = np.array([1, 0, 0, 1], np.float32).reshape(1, 2, 2, 1)
    expected = (np.outer([1, 2], [1, 2]) + np.outer([7, 8], [7, 8])) / 4
    np.testing.assert_allclose(perceptual.gram_matrix(x, mask)[0], expected, rtol=1e-6)
    assert np.isfinite(perceptual.gram_matrix(x, np.zeros_like(mask))).all()


def test_gram_matrix_equals_numpy_and_ignores_place_and_size():
    x = random(2, 6, 4, 5)
    expected = np.einsum('bhwc,bhwd->bcd', x.astype(float), x.astype(float)) / (24 * 5)
    np.testing.assert_allclose(perceptual.gram_matrix(x), expected, rtol=1e-5, atol=1e-6)
    tiled = np.tile(x[:, ::-1], (1, 2, 3, 1))
    np.testing.assert_allclose(perceptual.gram_matrix(tiled), expected, rtol=1e-5, atol=1e-6)
    half = perceptual.gram_matrix(tf.cast(x * 300, 'float16'))
    assert half.dtype == tf.float32 and np.isfinite(half).all()
    graph = tf.function(perceptual.gram_matrix, input_signature=[tf.TensorSpec((None, None, None, 5))])
    np.testing.assert_allclose(graph(x), expected, rtol=1e-5, atol=1e-6)


def test_content_loss_by_hand():
    a, b = features(0), features(10)
    expected = np.mean([np.mean((a[name] - b[name]) ** 2, axis=(1, 2, 3)) for name in LAYERS], axis=0)
    np.testing.assert_allclose(perceptual.content_loss(a, b, LAYERS), expected, rtol=1e-5)


def test_gram_style_loss_equals_numpy():
    a, b = features(0), features(10, size=8)
    expected = []
    for name in LAYERS:
        gram_a, gram_b = (np.einsum('bhwc,bhwd->bcd', x[name], x[name]).astype(float)
                          / np.prod(x[name].shape[1:3]) for x in (a, b))
        expected.append(np.sum((gram_a - gram_b) ** 2, axis=(1, 2)) / np.sum(gram_b ** 2, axis=(1, 2)))
    np.testing.assert_allclose(perceptual.gram_style_loss(a, b, LAYERS), np.mean(expected, axis=0),
                               rtol=1e-5)
    nothing = {name: np.zeros_like(value) for name, value in a.items()}
    np.testing.assert_allclose(perceptual.gram_style_loss(nothing, b, LAYERS), 1.0, rtol=1e-5)


def test_mean_variance_style_loss_equals_numpy():
    a, b = features(0), features(10, size=8)
    expected = []
    for name in LAYERS:
        moments = [np.concatenate([x[name].mean((1, 2)), np.sqrt(x[name].var((1, 2)) + 1e-5)], axis=1)
                   for x in (a, b)]
        expected.append(np.sum((moments[0] - moments[1]) ** 2, 1) / np.sum(moments[1] ** 2, 1))
    np.testing.assert_allclose(perceptual.mean_variance_style_loss(a, b, LAYERS),
                               np.mean(expected, axis=0), rtol=1e-4)


STYLE_LOSSES = (perceptual.gram_style_loss, perceptual.mean_variance_style_loss)


@pytest.mark.parametrize('loss', STYLE_LOSSES)
def test_style_is_what_shuffling_positions_keeps(loss):
    a = features(0)
    order = np.random.default_rng(1).permutation(16)
    shuffled = {**a, 'relu1_1': a['relu1_1'].reshape(2, 16, 3)[:, order].reshape(2, 4, 4, 3)}
    np.testing.assert_allclose(loss(a, shuffled, LAYERS), 0, atol=1e-6)
    assert np.min(perceptual.content_loss(a, shuffled, LAYERS)) > 0.1


@pytest.mark.parametrize('loss', STYLE_LOSSES)
def test_one_style_serves_a_batch(loss):
    a, b = features(0, batch=3), features(10, batch=1)
    repeated = {name: np.repeat(value, 3, axis=0) for name, value in b.items()}
    np.testing.assert_allclose(loss(a, b, LAYERS), loss(a, repeated, LAYERS), rtol=1e-6)


@pytest.mark.parametrize('loss', [*STYLE_LOSSES, perceptual.content_loss])
def test_gradients_are_finite_even_at_the_target_and_for_empty_features(loss):
    for target in (features(0), {name: np.zeros_like(v) for name, v in features(0).items()}):
        x = {name: tf.constant(target[name]) for name in LAYERS}
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x, target, LAYERS)
        np.testing.assert_allclose(value, 0, atol=1e-6)
        assert all(np.isfinite(g).all() for g in tf.nest.flatten(tape.gradient(value, x)))


def test_errors_name_layers_and_shapes():
    a, b = features(0), features(10)
    for loss in (*STYLE_LOSSES, perceptual.content_loss):
        with pytest.raises(ValueError, match=r"features_b must hold.*relu9_1"):
            loss({**a, 'relu9_1': a['relu1_1']}, b, ('relu9_1',))
        with pytest.raises(ValueError, match='at least one'):
            loss(a, b, ())
        wrong = {**b, 'relu1_1': random(2, 4, 4, 7)}
        with pytest.raises(ValueError, match=r'\(2, 4, 4, 3\).*\(2, 4, 4, 7\)'):
            loss(a, wrong, LAYERS)
    with pytest.raises(ValueError, match=r'\(2, 4, 4, 3\).*\(3, 4, 4, 3\)'):
        perceptual.gram_style_loss(a, features(0, batch=3), LAYERS)
    with pytest.raises(ValueError, match=r'\(2, 3, 3\).*\(2, 4, 4\)'):
        perceptual.relative_gram_distance(random(2, 3, 3), random(2, 4, 4))
    with pytest.raises(ValueError, match='4 axes'):
        perceptual.gram_matrix(random(2, 3))


def test_multi_scale_weighs_the_levels_of_a_pyramid():
    a, b = random(2, 8, 8, 3), random(2, 8, 8, 3, seed=1)
    sizes = []

    def loss(x, y):
        sizes.append(tuple(x.shape[1:3]))
        return reconstruction.l1_loss(x, y)

    value = perceptual.multi_scale(loss, a, b, levels=3, weights=(1, 2, 1))
    assert sizes == [(8, 8), (4, 4), (2, 2)]
    levels = [loss(x, y) for x, y in zip(perceptual.image_pyramid(a, 3), perceptual.image_pyramid(b, 3))]
    np.testing.assert_allclose(value, (levels[0] + 2 * levels[1] + levels[2]) / 4, rtol=1e-5)
    with pytest.raises(ValueError, match='2 levels'):
        perceptual.multi_scale(loss, a, b, levels=2, weights=(1,))
    with pytest.raises(ValueError, match='at least 1 level'):
        perceptual.image_pyramid(a, 0)
