"""Content against style by hand."""

import math

import pytest

from stylegan_tf.evaluator.combinations import COMBINATIONS, combined, needed

JUDGE = 'efficientnet_lite0'


def row(content, structure, style, leak):
    values = {'content_distance': content, 'lpips': 2 * content, 'style_distance': style, 'moments_distance': style / 2,
              'patch_kernel': 3 * style, 'style_leak': leak}
    return {'structure_retention': structure, **{f'{name}@{JUDGE}': value for name, value in values.items()}}


UNCHANGED, PASTED = row(0.0, 1.0, 0.4, 0.0), row(0.8, 0.2, 0.0, 1.0)


def of(kind, numbers, unchanged=UNCHANGED, pasted=PASTED):
    return combined(kind, JUDGE, numbers, unchanged, pasted)


def test_baselines_frame_every_combination():
    assert of('balance', UNCHANGED) == of('balance', PASTED) == 0.0
    assert of('artfid', UNCHANGED) == of('artfid', PASTED) == pytest.approx(2.0)
    assert (of('content_match', UNCHANGED), of('style_match', UNCHANGED)) == (1.0, 0.0)
    assert (of('content_match', PASTED), of('style_match', PASTED)) == (pytest.approx(0.0), 1.0)


def test_a_result_between_them_by_hand():
    result = row(0.2, 0.8, 0.1, 0.1)  # a quarter of the way in each part
    assert of('content_match', result) == pytest.approx(0.75) and of('style_match', result) == pytest.approx(0.75)
    assert of('artfid', result) == pytest.approx(1.25 ** 2)
    assert of('balance', result) == pytest.approx((0.75 * 0.75 * 0.9) ** (1 / 3))


def test_worse_than_a_baseline_is_worth_nothing_but_bounded():
    awful = row(0.8, 0.2, 40.0, 0.0)
    assert of('balance', awful) == 0.0 and of('style_match', awful) == -1.0
    assert of('artfid', awful) == pytest.approx(6.0)


def test_what_the_baselines_cannot_tell_apart_is_not_counted():
    unchanged = {**UNCHANGED, f'patch_kernel@{JUDGE}': -0.01}  # the content has the style's texture already
    assert of('style_match', row(0.2, 0.8, 0.1, 0.0), unchanged) == pytest.approx(0.75)
    assert math.isnan(of('balance', UNCHANGED, UNCHANGED, UNCHANGED))


def test_what_is_needed_is_named():
    assert set(UNCHANGED) == set(needed(JUDGE)) and set(COMBINATIONS) == {
        'balance', 'artfid', 'content_match', 'style_match'}
