"""A SavedModel that stylises, scores and corrects by rules one can check by hand, with the signatures of the contract.

Stylised: the negative of the content. Score: the mean brightness; black pictures are refused. Corrected: the negative,
accepted where the score is above 0.5.
"""

import tensorflow as tf


class JudgingModel(tf.Module):
    """See the module."""

    def signatures(self):
        """Dict name -> concrete function."""
        image = tf.TensorSpec([None, None, None, 3], tf.float32)
        files, numbers = tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.float32)
        return {
            'serving_default': self.stylize_bytes.get_concrete_function(
                content_bytes=files, style_bytes=files, strength=numbers),
            'stylize': self.stylize.get_concrete_function(content=image, style=image, strength=numbers),
            'score_bytes': self.score.get_concrete_function(image_bytes=files),
            'correct_bytes': self.correct.get_concrete_function(image_bytes=files, false_alarm_rate=numbers)}

    @tf.function
    def stylize(self, content, style, strength):
        return {'stylized': content + strength * (1 - 2 * content) + 0 * tf.reduce_mean(style)}

    @tf.function
    def stylize_bytes(self, content_bytes, style_bytes, strength):
        return {'stylized_bytes': tf.map_fn(_negative, content_bytes), 'anomaly_score': 0 * strength + 0.125}

    @tf.function
    def score(self, image_bytes):
        brightness = tf.map_fn(_brightness, image_bytes, fn_output_signature=tf.float32)
        with tf.control_dependencies([tf.debugging.assert_positive(brightness, 'black picture')]):
            return {'anomaly_score': tf.identity(brightness), 'p_value': 1 - brightness,
                    'defect_scores': tf.stack([brightness, 0 * brightness], 1), 'anomaly_map_bytes': image_bytes}

    @tf.function
    def correct(self, image_bytes, false_alarm_rate):
        before = tf.map_fn(_brightness, image_bytes, fn_output_signature=tf.float32)
        return {'corrected_bytes': tf.map_fn(_negative, image_bytes), 'score_before': before,
                'score_after': 1 - before, 'accepted': (before > 0.5) & (false_alarm_rate > 0)}


def _negative(file):
    return tf.io.encode_png(255 - tf.io.decode_image(file, channels=3, expand_animations=False))


def _brightness(file):
    pixels = tf.io.decode_image(file, channels=3, expand_animations=False)
    return tf.reduce_mean(tf.cast(pixels, tf.float32)) / 255


def save(folder):
    """Writes version 1 below a folder; returns the folder."""
    model = JudgingModel()
    tf.saved_model.save(model, str(folder / '1'), signatures=model.signatures())
    return folder
