"""What a translation has changed: how near results have come to a domain, and what is left of the content."""

import itertools

import numpy as np

SEED = 0  # of the intervals


def measure(onlooker, contents, results, domain):
    """Numbers of results and of their contents against a domain.

    Args:
        onlooker: `onlooker.Onlooker` of kinds style and content.
        contents: Pictures uint8 [H, W, 3] of one size.
        results: What became of each.
        domain: Pictures of the other domain, at least 2.
    Returns:
        Dict of name -> number, or {'mean', 'interval'} over the contents. A style distance is the mean of those to the
        pictures of the domain, in which their own variety is contained; `to_mean`, that to the mean of their Gram
        matrices, for a picture of the domain to the mean of the others.
    """
    from stylegan_tf.metrics import similarity

    looks = {name: [_Look(onlooker, picture) for picture in pictures]
             for name, pictures in (('contents', contents), ('results', results), ('domain', domain))}

    def to_domain(look):
        return np.mean([_style_distance(look.grams, other.grams) for other in looks['domain']])

    before, after = (np.array([to_domain(look) for look in looks[name]]) for name in ('contents', 'results'))
    mean = _mean_grams(looks['domain'])
    mean_before, mean_after = (np.array([_style_distance(look.grams, mean) for look in looks[name]])
                               for name in ('contents', 'results'))
    others = [*looks['contents'][1:], looks['contents'][0]]
    return {
        'style_distance_of_contents': _with_interval(before),
        'style_distance_of_results': _with_interval(after),
        'style_distance_within_domain': float(np.mean(
            [_style_distance(a.grams, b.grams) for a, b in itertools.combinations(looks['domain'], 2)])),
        'fall_of_style_distance': _with_interval(1 - after / before),
        'style_distance_of_contents_to_mean': _with_interval(mean_before),
        'style_distance_of_results_to_mean': _with_interval(mean_after),
        'style_distance_within_domain_to_mean': float(np.mean(
            [_style_distance(look.grams, _mean_grams([other for other in looks['domain'] if other is not look]))
             for look in looks['domain']])),
        'fall_of_style_distance_to_mean': _with_interval(1 - mean_after / mean_before),
        'content_distance': _with_interval(
            [a.content_distance(b) for a, b in zip(looks['results'], looks['contents'])]),
        'content_distance_to_other_pictures': _with_interval(
            [a.content_distance(b) for a, b in zip(looks['results'], others)]),
        'structure_retention': _with_interval(
            [similarity.structure_retention(a, b) for a, b in zip(results, contents)]),
    }


class _Look:
    """What the network sees of a picture."""

    def __init__(self, onlooker, picture):
        from stylegan_tf.metrics import similarity

        maps = onlooker.maps(picture[None], 'style')
        self.grams = [similarity.gram_matrix(maps[layer]) for layer in onlooker.layers['style']]
        self._maps, self._layers = onlooker.maps(picture[None], 'content'), onlooker.layers['content']

    def content_distance(self, other):
        """As `similarity.content_distance`."""
        from stylegan_tf.metrics import similarity

        return float(similarity.content_distance(self._maps, other._maps, self._layers)[0])


def _style_distance(grams, others):
    """As `similarity.style_distance`, of Gram matrices that are taken already."""
    from stylegan_tf.metrics import similarity

    return float(np.mean([similarity.relative_distance(a, b)[0] for a, b in zip(grams, others)]))


def _mean_grams(looks):
    return [np.mean(grams, axis=0) for grams in zip(*(look.grams for look in looks))]


def _with_interval(values):
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    return {'mean': float(np.mean(values)), 'interval': bootstrap_interval(values, seed=SEED)}
