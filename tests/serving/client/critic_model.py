"""A small model with the signatures of a scorer and corrector, in real arithmetic.

The score of a picture is its mean distance from its own mean colour, or from the content it was made from; the
p-value is 1 minus that; the correction moves it half way. `generate` paints even colours.
"""

import tensorflow as tf

DEFECTS = ['red', 'green', 'blue']
STRING = tf.TensorSpec([None], tf.string)
FLOAT = tf.TensorSpec([None], tf.float32)


def decoded(file):
    picture = tf.io.decode_image(file, channels=3, expand_animations=False)
    picture.set_shape([None, None, 3])
    return tf.cast(picture, tf.float32) / 255.0


def encoded(picture):
    return tf.io.encode_png(tf.cast(tf.round(tf.clip_by_value(picture, 0.0, 1.0) * 255.0), tf.uint8))


def reference(picture, content):
    if content is None:
        return tf.reduce_mean(picture, [0, 1], keepdims=True) + tf.zeros_like(picture)
    return tf.image.resize(decoded(content), tf.shape(picture)[:2])


def score(file, content=None):
    picture = decoded(file)
    distance = tf.abs(picture - reference(picture, content))
    anomaly = tf.reduce_mean(distance)
    return {'anomaly_score': anomaly, 'p_value': 1.0 - anomaly, 'defect_scores': tf.reduce_mean(distance, [0, 1]),
            'defect_names': tf.constant(DEFECTS),
            'anomaly_map_bytes': encoded(tf.reduce_mean(distance, -1, keepdims=True))}


def correct(file, rate, content=None):
    picture = decoded(file)
    goal = reference(picture, content)
    before = tf.reduce_mean(tf.abs(picture - goal))
    accepted = 1.0 - before <= rate
    corrected = tf.where(accepted, (picture + goal) / 2.0, picture)
    return {'corrected_bytes': encoded(corrected), 'accepted': accepted, 'score_before': before,
            'score_after': tf.reduce_mean(tf.abs(corrected - goal))}


SCORE = {'anomaly_score': tf.float32, 'p_value': tf.float32, 'defect_scores': tf.TensorSpec([3], tf.float32),
         'defect_names': tf.TensorSpec([3], tf.string), 'anomaly_map_bytes': tf.string}
CORRECT = {'corrected_bytes': tf.string, 'accepted': tf.bool, 'score_before': tf.float32, 'score_after': tf.float32}


class Critic(tf.Module):
    @tf.function(input_signature=[STRING])
    def score_bytes(self, image_bytes):
        return tf.map_fn(score, image_bytes, fn_output_signature=SCORE)

    @tf.function(input_signature=[STRING, STRING])
    def score_with_content_bytes(self, image_bytes, content_bytes):
        return tf.map_fn(lambda row: score(*row), (image_bytes, content_bytes), fn_output_signature=SCORE)

    @tf.function(input_signature=[STRING, FLOAT])
    def correct_bytes(self, image_bytes, false_alarm_rate):
        return tf.map_fn(lambda row: correct(*row), (image_bytes, false_alarm_rate), fn_output_signature=CORRECT)

    @tf.function(input_signature=[STRING, STRING, FLOAT])
    def correct_with_content_bytes(self, image_bytes, content_bytes, false_alarm_rate):
        return tf.map_fn(lambda row: correct(row[0], row[2], row[1]), (image_bytes, content_bytes, false_alarm_rate),
                         fn_output_signature=CORRECT)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32), tf.TensorSpec([None], tf.int32), FLOAT])
    def generate(self, latent, label, truncation):
        color = tf.sigmoid(latent[:, :3] * truncation[:, None]) + tf.cast(label, tf.float32)[:, None] / 10.0
        return {'image': tf.tile(color[:, None, None, :], [1, 6, 8, 1])}


def export(folder):
    """Writes the SavedModel."""
    model = Critic()
    names = ('score_bytes', 'score_with_content_bytes', 'correct_bytes', 'correct_with_content_bytes', 'generate')
    tf.saved_model.save(model, str(folder), signatures={name: getattr(model, name) for name in names})
