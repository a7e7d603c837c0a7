"""Numbers for styled pictures, and the table of metric names.

    evaluator = Evaluator(['style_distance@vgg16_hed', 'content_retention@vgg16_hed', 'structure_retention'])
    report = evaluator.evaluate(outputs, contents, styles)
    print(report.table())

A name carries the network it looks through: `style_distance@efficientnet_lite0`, or `style_distance@PATH` for a
converted file. Judge a model with a network that was not used to train it. Every report says n, the networks'
hashes, how pictures were resized, the seed and a 95% bootstrap interval, and always holds two baselines: the content
left unchanged and the style picture pasted in its place.
"""

from stylegan_tf.evaluator.comparison import compare
from stylegan_tf.evaluator.copies import MOST_BITS, find_copies
from stylegan_tf.evaluator.evaluation import Cancelled, Entry, Evaluation, Result
from stylegan_tf.evaluator.evaluator import BASELINES, Evaluator, Report, Score
from stylegan_tf.evaluator.looks import Look, extractor
from stylegan_tf.evaluator.measures import METRICS, Metric
from stylegan_tf.evaluator.names import DEFAULT_METRICS, DEFAULT_SCORE, describe, known_metrics
from stylegan_tf.evaluator.references import Pair
from stylegan_tf.networks.feature_layers import LAYERS

__all__ = [
    'BASELINES', 'DEFAULT_METRICS', 'DEFAULT_SCORE', 'LAYERS', 'METRICS', 'MOST_BITS', 'Cancelled', 'Entry',
    'Evaluation', 'Evaluator', 'Look', 'Metric', 'Pair', 'Report', 'Result', 'Score', 'compare', 'describe',
    'extractor', 'find_copies', 'known_metrics']
