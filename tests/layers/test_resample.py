import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import tensorflow as tf

from stylegan_tf.layers import resample
from tests.layers.oracles import relative_error

KERNELS = [(2, (1, 3, 3, 1)), (2, (1, 1)), (2, (1, 2, 1)), (2, (1, 5, 10, 10, 5, 1)), (2, (1, 2, 4)),
           (3, (1, 2, 3, 2, 1)), (4, (1, 2, 3, 4, 4, 3, 2, 1))]


@pytest.fixture(params=resample.IMPLEMENTATIONS)
def form(request):
    with resample.implementation(request.param):
        yield request.param


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def fir(x, axis, taps, factor, *, up):
    """One axis by scipy: repeated border, zero insertion or decimation, correlation."""
    taps = np.asarray(taps, np.float64) / np.sum(taps)
    size, count, margin = x.shape[axis], len(taps), 8
    if not up:
        pad_to = -size % factor
        size += pad_to
        x = np.pad(x, [(0, pad_to if a == axis else 0) for a in range(4)], 'edge')
    x = np.pad(x, [(margin, margin) if a == axis else (0, 0) for a in range(4)], 'edge')
    if up:
        y = scipy.signal.upfirdn(taps[::-1] * factor, x, up=factor, axis=axis)
        first = count - 1 - ((count - factor + 1) // 2 + factor - 1) + factor * margin
        return np.take(y, range(first, first + size * factor), axis)
    y = scipy.signal.upfirdn(taps[::-1], x, axis=axis)
    first = count - 1 - (count - factor + 1) // 2 + margin
    return np.take(y, range(first, first + size, factor), axis)


@pytest.mark.parametrize('factor, kernel', KERNELS)
@pytest.mark.parametrize('size', [(6, 8), (5, 7), (1, 2)])
def test_resampling_equals_scipy(form, factor, kernel, size):
    x = random(2, *size, 3)
    for function, up in ((resample.upsample_2d, True), (resample.downsample_2d, False)):
        expected = fir(fir(x.astype(np.float64), 1, kernel, factor, up=up), 2, kernel, factor, up=up)
        actual = np.array(function(x, factor, kernel))
        assert relative_error(actual, expected) < 1e-6, function.__name__


def test_numbers_by_hand(form):
    a, b = 4.0, 8.0
    column = np.array([a, b], np.float32)[None, :, None, None] * np.ones((1, 1, 2, 1), np.float32)
    doubled = np.array(resample.upsample_2d(column))[0, :, 0, 0]
    np.testing.assert_allclose(doubled, [a, 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b, b])
    column = np.array([8, 16, 24, 80], np.float32)[None, :, None, None] * np.ones((1, 1, 2, 1), 'f')
    halved = np.array(resample.downsample_2d(column))[0, :, 0, 0]
    np.testing.assert_allclose(halved, [1 + 3 + 6 + 3, 2 + 9 + 30 + 10])


def test_default_doubling_is_bilinear_interpolation(form):
    x = random(1, 5, 4, 2)
    expected = scipy.ndimage.zoom(x.astype(np.float64), (1, 2, 2, 1), order=1, grid_mode=True,
                                  mode='nearest')
    assert relative_error(resample.upsample_2d(x), expected) < 1e-6


def test_filter_equals_scipy_and_keeps_constants(form):
    x = random(1, 6, 5, 2)
    taps = np.array([1, 3, 3, 1]) / 8
    padded = np.pad(x.astype(np.float64), ((0, 0), (2, 2), (2, 2), (0, 0)), 'edge')
    expected = np.stack([scipy.signal.convolve2d(padded[0, :, :, c], np.outer(taps, taps), 'valid')
                         for c in range(2)], axis=-1)[None]
    assert relative_error(resample.filter_2d(x, margin=2), expected) < 1e-6
    np.testing.assert_allclose(resample.filter_2d(np.ones_like(x), margin=2), 1.0, atol=1e-6)


def linear_map(function, shape):
    """The matrix of a linear function of maps [1, *shape], in float64."""
    size = int(np.prod(shape))
    return np.stack([np.ravel(function(unit.reshape(1, *shape)))
                     for unit in np.eye(size)], axis=1)


@pytest.mark.parametrize('up', [True, False])
def test_first_and_second_gradients_are_exact(form, up):
    """TensorFlow's own bilinear resize has a silently wrong second gradient; ours must not."""
    shape = (4, 6, 1)
    matrix = linear_map(
        lambda x: fir(fir(x, 1, (1, 3, 3, 1), 2, up=up), 2, (1, 3, 3, 1), 2, up=up), shape)
    function = resample.upsample_2d if up else resample.downsample_2d
    x = tf.constant(random(1, *shape))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            energy = tf.reduce_sum(function(x) ** 3) / 3
        gradient = inner.gradient(energy, x)
        penalty = tf.reduce_sum(gradient ** 2)
    second = outer.gradient(penalty, x)
    vector = x.numpy().astype(np.float64).ravel()
    image = matrix @ vector
    expected = matrix.T @ image ** 2
    hessian = matrix.T @ np.diag(2 * image) @ matrix
    assert relative_error(np.ravel(gradient), expected) < 1e-5
    assert relative_error(np.ravel(second), 2 * hessian @ expected) < 1e-5


def test_third_gradient_exists(form):
    x = tf.constant(random(1, 4, 4, 1))
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                energy = tf.reduce_sum(resample.downsample_2d(resample.upsample_2d(x)) ** 4)
            size = tf.reduce_sum(first.gradient(energy, x) ** 2)
        total = tf.reduce_sum(second.gradient(size, x) ** 2)
    # The total is a polynomial of degree 10 in x, so Euler's identity gives its gradient along x.
    along = tf.reduce_sum(third.gradient(total, x) * x)
    assert float(along) == pytest.approx(10 * float(total), rel=1e-4)


@pytest.mark.parametrize('size', [(6, 8), (5, 7), (1, 3)])
def test_sizes_known_only_to_the_graph(form, size):
    x = random(2, *size, 3)
    for function in (resample.upsample_2d, resample.downsample_2d):
        for factor, kernel in ((2, (1, 3, 3, 1)), (3, (1, 2, 3, 2, 1))):
            graph = tf.function(lambda x, f=function, k=kernel, n=factor: f(x, n, k),
                                input_signature=[tf.TensorSpec((None, None, None, 3))])
            np.testing.assert_allclose(graph(x), function(x, factor, kernel), atol=1e-6)


def test_half_precision_stays_half_precision(form):
    x = tf.cast(random(1, 4, 4, 2), 'float16')
    for function in (resample.upsample_2d, resample.downsample_2d):
        y = function(x)
        assert y.dtype == tf.float16
        np.testing.assert_allclose(y, function(tf.cast(x, 'float32')), atol=4e-3)


def test_layers_equal_the_functions_and_survive_their_config():
    x = random(1, 4, 6, 2)
    for layer, function in ((resample.Upsample2D(2, (1, 1)), resample.upsample_2d),
                            (resample.Downsample2D(2, (1, 1)), resample.downsample_2d)):
        again = type(layer).from_config(layer.get_config())
        np.testing.assert_array_equal(again(x), function(x, 2, (1, 1)))


def test_implementation_is_restored_and_bad_requests_are_named():
    before = resample.current_implementation()
    with pytest.raises(ZeroDivisionError), resample.implementation('slices'):
        assert resample.current_implementation() == 'slices'
        raise ZeroDivisionError
    assert resample.current_implementation() == before == 'convolution'
    with pytest.raises(ValueError, match='nearest'):
        resample.implementation('nearest')
    x = random(1, 4, 4, 1)
    for factor, kernel in ((0, (1, 1)), (1.5, (1, 1)), (3, (1, 1)), (2, (1, -1))):
        with pytest.raises(ValueError, match='Resampling'):
            resample.upsample_2d(x, factor, kernel)
