"""Gradients in graphs: the tape's values, summed in pairs."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from stylegan_tf.layers.gradient import input_gradient, value_and_gradients


def thrice(x):
    return ops.sum(ops.square(x)) + ops.sum(ops.sin(x)) * ops.sum(x) + ops.max(x)


def test_graph_gradients_equal_the_tapes_and_sum_no_more_than_two_at_once():
    x = keras.Variable(np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32))
    unused = keras.Variable(np.ones(3, np.float32))

    def step():
        def total():
            penalty = ops.sum(ops.square(input_gradient(thrice, ops.tanh(x.value))))
            return thrice(x.value * 1.0) + penalty, {}
        return value_and_gradients(total, [x, unused])

    compiled = tf.function(step)
    eager, graph = step(), compiled()
    np.testing.assert_allclose(graph[0], eager[0], rtol=1e-5)
    np.testing.assert_allclose(graph[2][0], eager[2][0], rtol=1e-4, atol=1e-5)
    assert not np.any(graph[2][1])
    sums = [op for op in compiled.get_concrete_function().graph.get_operations()
            if op.type == 'AddN']
    assert sums and all(len(op.inputs) == 2 for op in sums)
