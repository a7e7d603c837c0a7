"""A stream of samples as batches that are decoded in parallel and ahead of time, in fixed order."""

import collections
import concurrent.futures

import cv2
import numpy as np

from stylegan_tf import cores
from stylegan_tf.data.sources import DataError


def to_batches(stream, *, start, batch_size, shard=(0, 1), prefetch=4, threads=None):
    """Batches of a SampleStream from a position on, without end, always in the same order.

    Element k of worker r of n holds the r-th of n equal slices of the samples
    [start + k * batch_size, start + (k + 1) * batch_size).

    Args:
        stream: SampleStream.
        start: Position of the first sample: the number of samples the run has used.
        batch_size: Samples of all workers together.
        shard: (r, n): this worker and the number of workers.
        prefetch: Batches made ahead.
        threads: Samples decoded at the same time; by default one a CPU core that this process may use, at most 16.
    Returns:
        Generator of dicts, stacked as by `SampleStream.batch`: each role uint8
        [B, height, width, 3] with B = batch_size / n, 'label' int32 [B], and what else the stream's
        `layout` names.
    Raises:
        DataError: If the batch cannot be divided among the workers; or, from the generator, if
            too many pictures turn out bad.
    """
    worker, workers = shard
    if not 0 <= worker < workers or batch_size < 1 or batch_size % workers:
        raise DataError('The batch size must be a multiple of the number of workers. Received: '
                        f'batch size {batch_size}, worker {worker} of {workers}.')
    return _generate(stream, start + worker * (batch_size // workers), batch_size,
                     batch_size // workers, prefetch, threads)


def _generate(stream, position, stride, batch_size, prefetch, threads):
    threads = threads or min(16, cores.available())
    executor = concurrent.futures.ThreadPoolExecutor(threads, 'stylegan_tf_data')
    waiting = collections.deque()
    # Samples are made side by side; OpenCV's own threads within one would only get in the way.
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        while True:
            while len(waiting) <= prefetch:
                waiting.append(_begin(executor, stream, position, batch_size, threads))
                position += stride
            batch, futures = waiting.popleft()
            for future in futures:
                future.result()
            yield batch
    finally:
        cv2.setNumThreads(before)
        executor.shutdown(wait=False, cancel_futures=True)


def _begin(executor, stream, position, batch_size, threads):
    """An empty batch, and the futures after which it is full."""
    batch = {key: np.empty((batch_size, *shape), kind) for key, (shape, kind) in stream.layout.items()}

    step = max(1, batch_size // (2 * threads))  # samples at a time: handing over costs a tenth of a small one

    def fill(first):
        for offset in range(first, min(first + step, batch_size)):
            for key, value in stream.sample(position + offset).items():
                batch[key][offset] = value

    return batch, [executor.submit(fill, first) for first in range(0, batch_size, step)]


def to_tensors(stream, *, start, batch_size, shard=(0, 1), prefetch=4, threads=None):
    """`to_batches` as tensors, without tf.data in between, which would copy each batch several times.

    Returns:
        Generator of dicts as the elements of `to_tf_dataset`.
    Raises:
        DataError: As `to_batches`.
    """
    import tensorflow as tf

    batches = to_batches(stream, start=start, batch_size=batch_size, shard=shard, prefetch=prefetch, threads=threads)
    return map(tf.function(_to_floats, autograph=False), batches)


def to_tf_dataset(stream, *, start, batch_size, shard=(0, 1), prefetch=4, threads=None):
    """`to_batches` as a tf.data.Dataset; same arguments and order.

    Returns:
        tf.data.Dataset of dicts: each role float32 [B, height, width, 3] in [-1, 1], 'label'
        int32 [B], and what else the stream's `layout` names, as it is.
    Raises:
        DataError: If the batch cannot be divided among the workers. While iterating, TensorFlow
            raises its InvalidArgumentError with the text of any DataError inside.
    """
    import tensorflow as tf

    def generate():
        return to_batches(stream, start=start, batch_size=batch_size, shard=shard,
                          prefetch=prefetch, threads=threads)

    generate().close()  # checks the arguments now
    local = batch_size // shard[1]
    signature = {key: tf.TensorSpec((local, *shape), kind) for key, (shape, kind) in stream.layout.items()}
    # A tf.data thread that calls Python while the interpreter ends kills or hangs the process,
    # so the threads are Python's own, which end in order, and tf.data must not add any.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    # Workers take their slice by arithmetic; TensorFlow must not divide it again.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return dataset.map(_to_floats).with_options(options)


def _to_floats(batch):
    import tensorflow as tf
    return {key: tf.cast(value, tf.float32) / 127.5 - 1.0 if value.dtype == tf.uint8 else value
            for key, value in batch.items()}
