"""The judge of looks: what its numbers say of results that are known."""

import numpy as np
import pytest

from tests.tools.test_judge_translation import Colours, sets  # noqa: F401
from tools.judging import portraits


def test_the_unchanged_portrait_is_where_it_was_and_the_look_itself_is_nearer(sets):  # noqa: F811
    contents, look = sets
    same = portraits.measure(Colours(), contents, contents, look)
    assert same['fall_of_style_distance']['mean'] == 0 and same['structure_retention']['mean'] == pytest.approx(1)
    assert 'identity_distance' not in same
    near = portraits.measure(Colours(), contents, [*look, look[0]], look)
    assert near['fall_of_style_distance']['interval'][0] > 0.5
    grams = [np.einsum('hwc,hwd->cd', *[picture / 255.0] * 2) / picture[..., 0].size for picture in (*look, look[0])]
    mean = np.mean(grams[:-1], axis=0)
    distances = [np.sum((gram - mean) ** 2) / (np.sum(gram ** 2) + np.sum(mean ** 2)) for gram in grams]
    np.testing.assert_allclose(near['style_distance_of_results']['mean'], np.mean(distances), rtol=1e-3)


def test_identity_is_compared_with_other_people(sets):  # noqa: F811
    contents, look = sets
    numbers = portraits.measure(Colours(), contents, contents, look, lambda one, other: [
        float(np.abs(a.astype(float) - b).mean() / 255) for a, b in zip(one, other)])
    assert numbers['median_identity_distance'] == numbers['largest_identity_distance'] == 0
    assert numbers['identity_distance_to_other_people']['mean'] > 0.1
