"""Names of metrics of an evaluation: what each is, and at which level it is known."""

from stylegan_tf.evaluator.combinations import COMBINATIONS
from stylegan_tf.evaluator.measures import METRICS, parse
from stylegan_tf.networks import features

JUDGE = 'efficientnet_lite0'  # trains none of the shipped models
DEFAULT_SCORE = f'balance@{JUDGE}'
DEFAULT_METRICS = (
    DEFAULT_SCORE, f'artfid@{JUDGE}', f'content_match@{JUDGE}', f'style_match@{JUDGE}', f'style_leak@{JUDGE}',
    f'content_distance@{JUDGE}', f'lpips@{JUDGE}', 'structure_retention', f'style_distance@{JUDGE}',
    f'moments_distance@{JUDGE}', f'patch_kernel@{JUDGE}', f'realism@{JUDGE}', f'real_fake_accuracy@{JUDGE}',
    f'diversity@{JUDGE}')
SET_METRICS = {
    'realism': ('higher', 'probability of being taken for a real style picture, by a classifier on frozen features '
                          'that has seen neither the result nor its style picture'),
    'real_fake_accuracy': ('lower', 'held-out accuracy of that classifier: .5 where results cannot be told from real '
                                    'pictures, 1 where they always can'),
    'diversity': ('higher', 'how much results differ in look from each other, as a share of how much their style '
                            'pictures do'),
}
ANOMALY = 'anomaly'
_ANOMALY_PURPOSE = ('1 where a detector of defects raises an alarm, at 5% false alarms; the mean is the anomaly rate. '
                    'The name of the model follows @')


def describe(name):
    """What a metric is.

    Args:
        name: Such as 'balance@efficientnet_lite0', 'ssim' or 'anomaly@anomaly'.
    Returns:
        Dict 'name', 'better' ('lower' | 'higher'), 'purpose', 'level': 'pair' where a number belongs to one pair and is
        known at once, 'set' where it needs all of them.
    Raises:
        ValueError: There is no such metric, or its network is missing, unknown or not wanted; says what to write.
    """
    base, at, network = name.partition('@')
    if base == ANOMALY:
        if not network:
            raise ValueError(f"Expected 'anomaly@MODEL', such as 'anomaly@anomaly'. Received: '{name}'.")
        return {'name': name, 'better': 'lower', 'purpose': _ANOMALY_PURPOSE, 'level': 'pair'}
    if base in COMBINATIONS or base in SET_METRICS:
        _check_network(name, base, network)
        better, purpose = (SET_METRICS[base] if base in SET_METRICS else
                           (COMBINATIONS[base].better, COMBINATIONS[base].purpose))
        return {'name': name, 'better': better, 'purpose': purpose, 'level': 'set' if base in SET_METRICS else 'pair'}
    if base not in METRICS:
        known = ', '.join((*COMBINATIONS, *METRICS, *SET_METRICS, ANOMALY))
        raise ValueError(f"Unknown metric '{name}'. Known: {known}.")
    metric, network = parse(name)
    if network:
        _check_network(name, base, network)
    return {'name': name, 'better': metric.better, 'purpose': metric.purpose, 'level': 'pair'}


def known_metrics():
    """`describe` of every metric by the independent judge, and of those without a network."""
    judged = [f'{base}@{JUDGE}' for base in COMBINATIONS]
    measured = [f'{base}@{JUDGE}' if metric.layers else base for base, metric in METRICS.items()]
    return [describe(name) for name in (*judged, *measured, *(f'{base}@{JUDGE}' for base in SET_METRICS),
                                        f'{ANOMALY}@{ANOMALY}')]


def _check_network(name, base, network):
    if not network:
        raise ValueError(f"Expected '{base}@NETWORK', such as '{base}@{JUDGE}'. Received: '{name}'.")
    if network not in features.NAMES and not ('/' in network or network.endswith('.safetensors')):
        raise ValueError(f"Unknown network in '{name}'. Known: {', '.join(features.NAMES)}, or the path of a file made "
                         'by tools/convert_weights.py.')
