"""The machine's matrix-multiply peak, as a subject that takes its turn beside the others."""

from benchmarks import turns

SUBJECT = turns.Subject('matrix multiplication', 'benchmarks.peak:matrix_multiplication')


def matrix_multiplication(size=1536, seconds=0.5):
    """Work: single-precision products of square matrices for about `seconds`, by the fastest library at hand.

    Each turn tells `flops` of it; flops / cpu_seconds is the peak of a core.
    """
    import time

    import numpy as np

    generator = np.random.default_rng(0)
    first, second = (generator.standard_normal((size, size), np.float32) for _ in range(2))
    multiply = _fastest(first, second)

    def work(_):
        count, start = 0, time.perf_counter()
        while time.perf_counter() < start + seconds:
            multiply()
            count += 1
        return {'flops': 2 * size ** 3 * count}
    return work


def _fastest(first, second):
    """Function without arguments, of NumPy's BLAS or TensorFlow's, whichever is quicker here."""
    import timeit

    import numpy as np
    import tensorflow as tf

    tensors = tf.constant(first), tf.constant(second)
    candidates = (lambda: np.matmul(first, second), lambda: tf.matmul(*tensors).numpy())
    for candidate in candidates:
        candidate()
    return min(candidates, key=lambda candidate: min(timeit.repeat(candidate, number=1, repeat=3)))
