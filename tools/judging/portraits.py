"""What a look of portraits has changed: how near results are to the look, and whether they show the same person."""

import numpy as np

SEED = 0  # of the intervals


def measure(onlooker, contents, results, look, identity=None):
    """Numbers of results and of their contents against a look.

    Args:
        onlooker: `onlooker.Onlooker` of kind style, of a network that took no part in training.
        contents: Aligned portraits uint8 [H, W, 3] of one size.
        results: What became of each.
        look: Pictures of the look, at least 2.
        identity: Callable from two lists of such portraits to distances [N]; None leaves identity out.
    Returns:
        Dict of name -> number, or {'mean', 'interval'} over the contents. Style distances are to the mean Gram matrices
        of the look; `style_distance_within_look` is that of each of its pictures to the others.
    """
    from stylegan_tf.metrics import similarity

    grams = {name: [_grams(onlooker, picture) for picture in pictures]
             for name, pictures in (('contents', contents), ('results', results), ('look', look))}
    mean = _mean(grams['look'])
    before, after = (np.array([_distance(each, mean) for each in grams[name]]) for name in ('contents', 'results'))
    within = [_distance(each, _mean([other for other in grams['look'] if other is not each])) for each in grams['look']]
    numbers = {
        'style_distance_of_contents': _with_interval(before),
        'style_distance_of_results': _with_interval(after),
        'style_distance_within_look': float(np.mean(within)),
        'fall_of_style_distance': _with_interval(1 - after / before),
        'fall_of_mean_style_distance': float(1 - after.mean() / before.mean()),
        'structure_retention': _with_interval(
            [similarity.structure_retention(a, b) for a, b in zip(results, contents)])}
    if identity is not None:
        distances = np.asarray(identity(contents, results))
        others = np.asarray(identity(contents, [*contents[1:], contents[0]]))
        numbers.update(identity_distance=_with_interval(distances),
                       median_identity_distance=float(np.median(distances)),
                       largest_identity_distance=float(distances.max()),
                       identity_distance_to_other_people=_with_interval(others))
    return numbers


def _grams(onlooker, picture):
    from stylegan_tf.metrics import similarity

    maps = onlooker.maps(picture[None], 'style')
    return [similarity.gram_matrix(maps[layer]) for layer in onlooker.layers['style']]


def _mean(grams):
    return [np.mean(layers, axis=0) for layers in zip(*grams)]


def _distance(one, other):
    from stylegan_tf.metrics import similarity

    return float(np.mean([similarity.relative_distance(a, b)[0] for a, b in zip(one, other)]))


def _with_interval(values):
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    return {'mean': float(np.mean(values)), 'interval': bootstrap_interval(values, seed=SEED)}
