"""A stream of samples as a tf.data.Dataset that decodes in parallel and ahead of time."""

import os

import numpy as np

from stylegan_tf.data.sources import DataError


def to_tf_dataset(stream, *, start, batch_size, shard=(0, 1), prefetch=4, threads=None):
    """Batches of a SampleStream from a position on, without end, always in the same order.

    Element k of worker r of n holds the r-th of n equal slices of the samples
    [start + k * batch_size, start + (k + 1) * batch_size).

    Args:
        stream: SampleStream.
        start: Position of the first sample: the number of samples the run has used.
        batch_size: Samples of all workers together.
        shard: (r, n): this worker and the number of workers.
        prefetch: Batches made ahead.
        threads: Samples decoded at the same time; by default one a CPU core, at most 16.
    Returns:
        tf.data.Dataset of dicts: each role float32 [B, height, width, 3] in [-1, 1], with B =
        batch_size / n, and 'label' int32 [B].
    Raises:
        DataError: If the batch cannot be divided among the workers.
    """
    import tensorflow as tf
    worker, workers = shard
    if not 0 <= worker < workers or batch_size < 1 or batch_size % workers:
        raise DataError('The batch size must be a multiple of the number of workers. Received: '
                        f'batch size {batch_size}, worker {worker} of {workers}.')
    local = batch_size // workers
    height, width = stream.size
    keys = (*stream.roles, 'label')

    def load(number):
        batch_number, offset = divmod(int(number), local)
        sample = stream.sample(start + batch_number * batch_size + worker * local + offset)
        return tuple(np.asarray(sample[key]) for key in keys)

    def to_sample(number):
        types = [tf.uint8] * len(stream.roles) + [tf.int32]
        sample = dict(zip(keys, tf.numpy_function(load, [number], types), strict=True))
        for role in stream.roles:
            sample[role].set_shape([height, width, 3])
        sample['label'].set_shape([])
        return sample

    def to_floats(batch):
        return {key: value if key == 'label' else tf.cast(value, tf.float32) / 127.5 - 1.0
                for key, value in batch.items()}

    threads = threads or min(16, os.cpu_count() or 1)
    options = tf.data.Options()
    options.deterministic = True
    # Workers take their slice by arithmetic above; TensorFlow must not divide it again.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = tf.data.Dataset.counter(step=1)
    dataset = dataset.map(to_sample, num_parallel_calls=threads, deterministic=True)
    dataset = dataset.batch(local, drop_remainder=True).map(to_floats)
    return dataset.prefetch(prefetch).with_options(options)
