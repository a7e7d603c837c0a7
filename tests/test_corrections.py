"""Painting again as a repair: taken where all witnesses agree, and only there."""

import numpy as np

from stylegan_tf import corrections
from tests import tiny_models


class KnowingModel:
    """Flags everything; the better the nearer to a picture, and repairs nothing itself."""

    def __init__(self, clean):
        self.clean = clean

    def run_signature(self, name, image, **others):
        logit = 40 * np.abs(image[0] - self.clean / 255).mean() - 2
        score = np.float32([1 / (1 + np.exp(-logit))])
        if name.startswith('score'):
            return {'anomaly_score': score, 'anomaly_map': np.zeros((1, *image.shape[1:3], 1), np.float32)}
        return {'corrected': image, 'accepted': [False], 'score_before': score, 'score_after': score,
                'p_value': [0.01], 'repair': [[b'']], 'reason': [[b'no repair lowers the score clearly']]}


class Painter:
    """Paints one picture, at lower strengths more of the content."""

    def __init__(self, painted):
        self.painted = painted

    def prepare_style(self, style):
        return style

    def stylize(self, content, style, strength):
        return np.rint(content + strength * (self.painted.astype(float) - content)).astype(np.uint8)


def test_painting_again_is_a_repair_that_is_verified_too():
    content = tiny_models.picture(40, 48, seed=1)
    clean = np.uint8(content // 2 + 60)
    damaged = np.clip(clean + np.random.default_rng(0).normal(0, 60, clean.shape), 0, 255).astype(np.uint8)
    result = corrections.correct(KnowingModel(clean), damaged, content, clean, generator=Painter(clean))
    assert result.accepted and result.repair == 'painted again at strength 1'
    np.testing.assert_array_equal(result.image, clean)
    # The detector is fooled by a picture that shows something else: its structure is not the photograph's.
    other = np.kron(np.random.default_rng(5).integers(60, 188, (5, 6, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    result = corrections.correct(KnowingModel(other), clean, content, clean, generator=Painter(other))
    assert not result.accepted and result.reason
    np.testing.assert_array_equal(result.image, clean)
