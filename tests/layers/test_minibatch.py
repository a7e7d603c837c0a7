import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.layers.minibatch import MinibatchStddev


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize('batch, group', [(8, 4), (6, 3), (5, 1), (2, 2)])
def test_statistics_equal_numpy(batch, group):
    layer = MinibatchStddev(group_size=4, channels=2)
    x = random(batch, 3, 5, 6)
    y = np.array(layer(x))
    np.testing.assert_array_equal(y[..., :6], x)
    for example in range(batch):
        # Groups interleave: members are a stride of batch / group apart.
        members = x[example % (batch // group)::batch // group].astype(np.float64)
        deviation = np.sqrt(members.var(0) + 1e-8)
        for channel in range(2):
            expected = deviation[..., 3 * channel:3 * channel + 3].mean()
            np.testing.assert_allclose(y[example, ..., 6 + channel], expected, rtol=1e-5)


def test_with_labels_the_examples_of_a_class_are_compared():
    label = np.array([2, 0, 2, -1, 0, 2, -1, 1], np.int32)
    x = random(8, 2, 3, 5)
    x[4] = x[1]
    y = np.array(MinibatchStddev()(x, label))
    for example in range(8):
        expected = np.sqrt(x[label == label[example]].astype(np.float64).var(0) + 1e-8).mean()
        np.testing.assert_allclose(y[example, ..., 5], expected, rtol=1e-5)
    assert y[1, 0, 0, 5] < 1.1e-4 < 0.1 < y[0, 0, 0, 5]  # a class that is one picture is seen beside others


def test_equal_images_are_seen_and_gradients_stay_finite():
    x = tf.repeat(tf.constant(random(1, 2, 2, 3)), 4, axis=0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = MinibatchStddev()(x)
            total = tf.reduce_sum(y ** 2)
        gradient = inner.gradient(total, x)
        penalty = tf.reduce_sum(gradient ** 2)
    np.testing.assert_allclose(y[..., -1], 1e-4, rtol=1e-3)
    assert np.isfinite(gradient).all() and np.isfinite(outer.gradient(penalty, x)).all()


def test_what_it_cannot_do_is_said():
    with pytest.raises(ValueError, match=r'multiple.*\(4, 2, 2, 3\)'):
        MinibatchStddev(channels=2)(random(4, 2, 2, 3))
    graph = tf.function(MinibatchStddev(), input_signature=[tf.TensorSpec((None, 2, 2, 3))])
    with pytest.raises(ValueError, match='drop_remainder=True'):
        graph(random(4, 2, 2, 3))


def test_config():
    layer = MinibatchStddev(group_size=3, channels=2, name='statistics')
    assert MinibatchStddev.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.compute_output_shape((4, 2, 2, 6)) == (4, 2, 2, 8)
