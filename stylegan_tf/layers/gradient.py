"""The one place that knows which backend differentiates."""

from __future__ import annotations

import contextlib

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
        return _differentiated(lambda value: (ops.sum(function(value)), None), ops.convert_to_tensor(x))[2]
    raise _unknown(backend)


def value_and_gradients(function, variables):
    """Values of `function()` and the gradients of its total with respect to `variables`.

    Args:
        function: Callable without arguments returning (total, extras): a scalar and any
            structure of tensors. What it assigns to other variables stays assigned.
        variables: List of trainable keras Variables.
    Returns:
        (total, extras, gradients): the gradients in the order of `variables`, zeros where the
        total does not depend on a variable.
    Raises:
        NotImplementedError: The Keras backend is neither tensorflow nor jax.
    """
    backend = keras.config.backend()
    if backend == 'jax':
        return _differentiated(lambda values: function(), [v.value for v in variables], variables)
    if backend != 'tensorflow':
        raise _unknown(backend)
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


class Assignments(keras.StatelessScope):
    """Computes on values that stand for variables, and notes which variables are assigned inside.

    Nothing outside changes. Variables have the values given here, else those of the surrounding scope,
    else their own. Losses are computed inside one, so that random states and running statistics neither
    cross a compiled function's border nor differ between replicas unseen.

    Args:
        state_mapping: List of (Variable, tensor).
    Attributes:
        variables: The variables assigned so far; `get_current_value(variable)` tells what.
    """

    def __init__(self, state_mapping=()):
        super().__init__(list(state_mapping), initialize_variables=False)
        self.variables = []

    def __enter__(self):
        super().__enter__()
        if self.original_scope is not None:
            self.state_mapping = {**self.original_scope.state_mapping, **self.state_mapping}
        return self

    def add_update(self, update):
        super().add_update(update)
        if not any(update[0] is variable for variable in self.variables):
            self.variables.append(update[0])


def in_turn(function, count: int) -> None:
    """Calls `function(index)` for each index below `count`; none begins before the one before has ended.

    In a graph nothing else would keep all calls from running at once, and their memory from adding up.

    Args:
        function: Callable from an index to a structure of tensors: what must be done before the next may begin.
        count: Number of calls.
    """
    before = []
    for index in range(count):
        with _after(before):
            before = function(index)


def _after(tensors):
    if keras.config.backend() != 'tensorflow':
        return contextlib.nullcontext()  # XLA orders for memory itself
    import tensorflow as tf
    if tf.executing_eagerly():
        return contextlib.nullcontext()
    return tf.control_dependencies([tensor for tensor in tf.nest.flatten(tensors) if tensor is not None])


def as_function(function, use_xla: bool = False):
    """`function` of tensors as a graph of its own that is traced once, compiled by XLA if wanted.

    Returns it unchanged where that means nothing: eagerly without XLA, and under JAX.
    """
    if keras.config.backend() != 'tensorflow':
        return function
    import tensorflow as tf
    if tf.executing_eagerly() and not use_xla:
        return function
    # Inlined, its calls would be taken apart again and run beside each other.
    return tf.function(function, jit_compile=use_xla or None, autograph=False,
                       experimental_attributes=None if use_xla else {'_noinline': True})


def _sums_in_pairs():
    # A tape adds the gradients of a tensor used three or more times in one AddN, which begins with
    # whichever may be overwritten: the last bits then depend on what runs beside it. A sum of two
    # is the same in either order.
    import tensorflow as tf
    return not tf.executing_eagerly()


def _pairwise_gradients(total, values):
    import tensorflow as tf
    return tf.gradients(total, values, unconnected_gradients=tf.UnconnectedGradients.ZERO,
                        aggregation_method=tf.AggregationMethod.EXPERIMENTAL_TREE)


def _differentiated(function, values, variables=None):
    """(total, extras, gradients) of `function(values)` by JAX; `values` stand for `variables` inside."""
    import jax
    assigned = []

    def traced(values):
        # Without a scope of its own, what is assigned inside would leak out of the derivative.
        with Assignments(zip(variables, values) if variables else ()) as scope:
            total, extras = function(values)
        assigned[:] = scope.variables
        return total, (extras, [scope.get_current_value(variable) for variable in assigned])

    (total, (extras, updates)), gradients = jax.value_and_grad(traced, has_aux=True)(values)
    for variable, value in zip(assigned, updates):
        variable.assign(value)
    return total, extras, gradients


def _unknown(backend):
    return NotImplementedError(f'Gradients need KERAS_BACKEND=tensorflow or jax. Received: {backend!r}.')
