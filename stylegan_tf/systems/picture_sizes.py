"""Pictures of any size brought to the sizes that networks take, inside an exported graph.

Every function takes and returns float32 [B, H, W, 3] TensorFlow tensors of unknown height and width.
"""

from __future__ import annotations


def bounded(tf, image, side):
    """A copy whose longer side is at most `side`, never enlarged, never below 16 pixels."""
    shape = tf.shape(image)
    size = tf.cast(shape[1:3], tf.float32)
    scale = tf.minimum(1.0, side / tf.reduce_max(size))
    wanted = tf.maximum(tf.cast(tf.round(size * scale), tf.int32), 16)
    return tf.ensure_shape(tf.image.resize(image, wanted, antialias=True), [None, None, None, 3])


def padded(tf, image, multiple, least):
    """Edge-reflected to multiples of `multiple`, sides of `least` at least (itself one); returns the image and its
    true H and W."""
    shape = tf.shape(image)
    height, width = shape[1], shape[2]

    def missing(size):
        return tf.maximum(-(-size // multiple) * multiple, least) - size

    bottom, right = missing(height), missing(width)
    # Reflection needs more pixels than it adds; pictures of a few pixels repeat instead.
    is_enough = tf.logical_and(bottom < height, right < width)
    paddings = [[0, 0], [0, bottom], [0, right], [0, 0]]
    copies = [1, -(-(height + bottom) // height), -(-(width + right) // width), 1]
    result = tf.cond(is_enough, lambda: tf.pad(image, paddings, 'REFLECT'),
                     lambda: tf.tile(image, copies)[:, :height + bottom, :width + right])
    return tf.ensure_shape(result, [None, None, None, 3]), height, width


def covering(tf, image, height, width):
    """The middle of a picture in the shape and size of another, as `images.cover_crop` cuts it.

    A picture of this size already comes back as it is.
    """
    size = tf.shape(image)[1:3]
    wanted = tf.stack([height, width])

    def cut():
        scale = tf.reduce_min(tf.cast(size, tf.float32) / tf.cast(wanted, tf.float32))
        side = tf.cast(tf.round(tf.cast(wanted, tf.float32) * scale), tf.int32)
        side = tf.clip_by_value(side, 1, size)
        first = (size - side) // 2
        middle = image[:, first[0]:first[0] + side[0], first[1]:first[1] + side[1]]
        return tf.image.resize(middle, wanted, antialias=True)

    result = tf.cond(tf.reduce_all(size == wanted), lambda: image, cut)
    return tf.ensure_shape(result, [None, None, None, 3])
