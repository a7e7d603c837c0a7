"""The one place that knows which backend differentiates."""

from __future__ import annotations

import keras
from keras import ops


def input_gradient(function, x):
    """Gradient of `sum(function(x))` with respect to `x`, itself differentiable.

    Args:
        function: Callable from `x` to a tensor of any shape.
        x: Float tensor [B, ...].
    Returns:
        Tensor of x's shape. Where examples do not interact in `function`, row b is the gradient
        of example b alone.
    Raises:
        NotImplementedError: The Keras backend is neither tensorflow nor jax.
    """
    backend = keras.config.backend()
    if backend == 'tensorflow':
        import tensorflow as tf
        x = tf.convert_to_tensor(x)
        if _sums_in_pairs():
            return _pairwise_gradients(tf.reduce_sum(function(x)), [x])[0]
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(function(x))
        return tape.gradient(total, x)
    if backend == 'jax':
        import jax
        return jax.grad(lambda value: ops.sum(function(value)))(x)
    raise NotImplementedError(
        f'Gradients need KERAS_BACKEND=tensorflow or jax. Received: {backend!r}.')


def value_and_gradients(function, variables):
    """Values of `function()` and the gradients of its total with respect to `variables`.

    Args:
        function: Callable without arguments returning (total, extras): a scalar and any
            structure of tensors.
        variables: List of trainable keras Variables. TensorFlow backend only: under JAX the
            engine differentiates stateless calls instead.
    Returns:
        (total, extras, gradients): the gradients in the order of `variables`, zeros where the
        total does not depend on a variable.
    """
    import tensorflow as tf
    values = [variable.value for variable in variables]
    if _sums_in_pairs():
        total, extras = function()
        return total, extras, _pairwise_gradients(total, values)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        total, extras = function()
    gradients = tape.gradient(total, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return total, extras, gradients


def _sums_in_pairs():
    # A tape adds the gradients of a tensor used three or more times in one AddN, which begins with
    # whichever may be overwritten: the last bits then depend on what runs beside it. A sum of two
    # is the same in either order.
    import tensorflow as tf
    return not tf.executing_eagerly() and not tf.distribute.has_strategy()


def _pairwise_gradients(total, values):
    import tensorflow as tf
    return tf.gradients(total, values, unconnected_gradients=tf.UnconnectedGradients.ZERO,
                        aggregation_method=tf.AggregationMethod.EXPERIMENTAL_TREE)
