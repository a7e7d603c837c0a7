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
        Dict of name -> number, or {'mean', 'interval'} over the contents.
    """
    from stylegan_tf.metrics import similarity

    looks = {name: [_Look(onlooker, picture) for picture in pictures]
             for name, pictures in (('contents', contents), ('results', results), ('domain', domain))}

    def to_domain(look):
        return np.mean([look.style_distance(other) for other in looks['domain']])

    before, after = (np.array([to_domain(look) for look in looks[name]]) for name in ('contents', 'results'))
    others = [*looks['contents'][1:], looks['contents'][0]]
    return {
        'style_distance_of_contents': _with_interval(before),
        'style_distance_of_results': _with_interval(after),
        'style_distance_within_domain': float(np.mean(
            [a.style_distance(b) for a, b in itertools.combinations(looks['domain'], 2)])),
        'fall_of_style_distance': _with_interval(1 - after / before),
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
        self._grams = [similarity.gram_matrix(maps[layer]) for layer in onlooker.layers['style']]
        self._maps, self._layers = onlooker.maps(picture[None], 'content'), onlooker.layers['content']

    def style_distance(self, other):
        """As `similarity.style_distance`; the Gram matrices are taken once."""
        from stylegan_tf.metrics import similarity

        return float(np.mean([similarity.relative_distance(a, b)[0] for a, b in zip(self._grams, other._grams)]))

    def content_distance(self, other):
        """As `similarity.content_distance`."""
        from stylegan_tf.metrics import similarity

        return float(similarity.content_distance(self._maps, other._maps, self._layers)[0])


def _with_interval(values):
    from stylegan_tf.metrics.bootstrap import bootstrap_interval

    return {'mean': float(np.mean(values)), 'interval': bootstrap_interval(values, seed=SEED)}
