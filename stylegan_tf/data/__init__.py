"""From files to batches: sources of pictures, their order, augmentation, and tf.data.

    train, heldout = data.load('photos').split(0.05)
    stream = data.SampleStream({'image': train}, (128, 128), {'image': data.Augmentation()}, seed=1)
    dataset = data.to_tf_dataset(stream, start=0, batch_size=8)
"""

from stylegan_tf.data.augmentation import Augmentation
from stylegan_tf.data.loading import load
from stylegan_tf.data.pipeline import to_batches, to_tensors, to_tf_dataset
from stylegan_tf.data.sources import DataError, Record, Source
from stylegan_tf.data.stream import SampleStream

__all__ = ['Augmentation', 'DataError', 'Record', 'SampleStream', 'Source', 'load',
           'to_batches', 'to_tensors', 'to_tf_dataset']
