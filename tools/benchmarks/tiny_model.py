"""A model of milliseconds for soaks: pictures in, small tinted pictures out, with another tint in each version."""

import os
import pathlib

import tensorflow as tf

SIZE = 32


class Tint(tf.Module):
    """Pictures of SIZE pixels, tinted."""

    def __init__(self, version):
        super().__init__()
        self.tint = tf.Variable([1.0, 1.0 / (version + 1), 0.5], trainable=False)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'image_bytes'),
                                  tf.TensorSpec([None], tf.float32, 'strength')])
    def stylize(self, image_bytes, strength):
        """Files [B] and strengths [B] in; `stylized_bytes`, PNG files [B], out."""
        images = tf.map_fn(_decoded, image_bytes, fn_output_signature=tf.TensorSpec([SIZE, SIZE, 3], tf.float32))
        mixed = images * (1.0 + (self.tint - 1.0) * strength[:, None, None, None])
        files = tf.map_fn(lambda image: tf.io.encode_png(tf.cast(image, tf.uint8)), mixed,
                          fn_output_signature=tf.TensorSpec([], tf.string))
        return {'stylized_bytes': files}


def _decoded(file):
    image = tf.io.decode_image(file, channels=3, expand_animations=False)
    return tf.ensure_shape(tf.image.resize(image, [SIZE, SIZE]), [SIZE, SIZE, 3])


class Version:
    """A version of the model, saved beside the folder that the server watches.

    Args:
        base: The folder of versions.
        number: The version.
        files: Pictures whose answers, at strength 1, are wanted.

    Attributes:
        number: The version.
        expected: Dict picture -> the answer to it.
    """

    def __init__(self, base, number, files):
        self.number, self._final = number, pathlib.Path(base) / str(number)
        self._hidden = self._final.with_name(f'.tmp-{number}')
        model = Tint(number)
        tf.saved_model.save(model, str(self._hidden), signatures=model.stylize)
        answers = tf.saved_model.load(str(self._hidden)).signatures['serving_default'](
            image_bytes=tf.constant(files), strength=tf.ones([len(files)]))['stylized_bytes']
        self.expected = dict(zip(files, answers.numpy().tolist()))

    def publish(self):
        """Puts it where the server sees it, whole."""
        os.rename(self._hidden, self._final)
