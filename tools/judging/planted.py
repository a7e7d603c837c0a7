"""Faults planted into results, each in degrees, for the question whether a metric notices."""

import cv2
import numpy as np

from stylegan_tf import images

DEGREES = (1, 2, 3, 4)  # 0 is the result as it was
CONTENT = ('content_distance', 'content_retention', 'lpips', 'structure_retention', 'content_match', 'ssim', 'psnr')
STYLE = ('style_distance', 'moments_distance', 'patch_kernel', 'style_match')
BOTH = ('balance', 'artfid')
SEEN = ('realism', 'real_fake_accuracy')
# Fault -> kinds of metrics that must get worse with its degree; of the others nothing is asked.
HARMS = {
    # SSIM first takes a little smoothing of strokes for a gain.
    'blur': (*(name for name in CONTENT if name != 'ssim'), *BOTH, *SEEN, 'anomaly'),
    'noise': (*CONTENT, *STYLE, *BOTH, *SEEN, 'anomaly'),
    'jpeg': (*CONTENT, *BOTH, *SEEN, 'anomaly'),
    'color_shift': (*STYLE, *BOTH),
    'content_swapped': (*CONTENT, *BOTH),
    'style_fading': (*STYLE, 'balance'),
    'style_showing': ('style_leak', *CONTENT, 'balance'),
    'one_look': ('diversity',),
}


def plant(fault, degree, index, pairs, results):
    """One result with a fault.

    Args:
        fault: Key of HARMS.
        degree: 0 (as it was) to 4.
        index: Of the result.
        pairs: List of (content, style), uint8 [S, S, 3].
        results: List of uint8 [S, S, 3].
    Returns:
        uint8 [S, S, 3]. For 'style_fading' degree 4 is the content, for 'style_showing' the style picture, for
        'content_swapped' the next pair's result, and for 'one_look' the colours of the first pair's style.
    """
    result, (content, style), share = results[index], pairs[index], degree / DEGREES[-1]
    if degree == 0:
        return result
    if fault == 'blur':
        return cv2.GaussianBlur(result, (0, 0), 0.6 * degree)
    if fault == 'noise':
        noise = np.random.default_rng(index).normal(0.0, 8.0 * degree, result.shape)
        return np.rint(np.clip(result + noise, 0, 255)).astype(np.uint8)
    if fault == 'jpeg':
        return images.read(images.encode(result, 'jpeg', quality=(100, 40, 20, 10, 5)[degree]))
    if fault == 'color_shift':
        hsv = cv2.cvtColor(result, cv2.COLOR_RGB2HSV).astype(int)
        hsv[..., 0] = (hsv[..., 0] + 15 * degree) % 180  # in units of 2 degrees: up to 120 degrees
        return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    if fault == 'content_swapped':
        edge = round(share * result.shape[1])
        other = results[(index + 1) % len(results)]
        return np.concatenate([other[:, :edge], result[:, edge:]], axis=1)
    if fault == 'style_fading':
        return mixed(result, content, share)
    if fault == 'style_showing':
        return mixed(result, style, share)
    return mixed(result, colored(result, pairs[0][1]), share)


def mixed(a, b, share):
    """Two pictures of one size, `share` of the second: uint8 [H, W, 3]."""
    return np.rint((1.0 - share) * a + share * b.astype(np.float64)).astype(np.uint8)


def colored(picture, look):
    """The picture with mean and deviation of each channel of another."""
    a, b = picture.astype(np.float64), look.astype(np.float64)
    moved = (a - a.mean((0, 1))) / np.maximum(a.std((0, 1)), 1.0) * b.std((0, 1)) + b.mean((0, 1))
    return np.clip(moved, 0, 255)


def measured(evaluation, pairs, results, *, faults=None, tell=lambda text: None):
    """{fault: {metric: [for each degree from 0: list of the pairs' numbers, or of the one number of the set]}}."""
    found = {}
    for fault in faults or HARMS:
        degrees = []
        for degree in (0, *DEGREES):
            if degree == 0 and found:
                degrees.append(None)  # the same for every fault
                continue
            changed = [plant(fault, degree, index, pairs, results) for index in range(len(pairs))]
            degrees.append(evaluation.evaluate(changed))
            tell(f'{fault} {degree}')
        rows = {name: [_numbers(name, result) if result else None for result in degrees] for name in evaluation.metrics}
        if found:
            first = next(iter(found.values()))
            rows = {name: [first[name][0], *values[1:]] for name, values in rows.items()}
        found[fault] = rows
    return found


def correlation(described, by_degree):
    """Spearman's correlation of degree and worseness: mean over pairs, or of the set's numbers.

    Args:
        described: Of the metric, as `evaluator.describe`.
        by_degree: List of the pairs' numbers at each degree.
    Returns:
        float in [-1, 1]; None where nothing changes.
    """
    sign = 1.0 if described['better'] == 'lower' else -1.0
    curves = [list(curve) for curve in zip(*by_degree, strict=True)]
    from scipy import stats  # takes a second to import

    found = [sign * stats.spearmanr(range(len(curve)), curve).statistic for curve in curves
             if None not in curve and len(set(curve)) > 1]
    return float(np.mean(found)) if found else None


def _numbers(name, result):
    values = [row['metrics'][name] for row in result.rows if name in row['metrics']]
    return values or [result.summary['metrics'][name]['mean']]
