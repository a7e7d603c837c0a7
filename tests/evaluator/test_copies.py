"""Copies are found after what people do to hide them, and real results are not taken for copies."""

import cv2
import numpy as np
import pytest

from stylegan_tf import images
from stylegan_tf.evaluator import copies, find_copies
from tests.evaluator import painted


def saved(pixels):
    return images.read(images.encode(pixels, 'jpeg', quality=60))


def cropped(pixels):
    return images.resize(pixels[2:, 2:], pixels.shape[:2])


def recolored(pixels):
    return np.clip(pixels * np.array([1.08, 1.0, 0.93]) + np.array([4, 0, -4]), 0, 255).astype(np.uint8)


def smaller(pixels):
    return images.resize(pixels, (64, 64))


def blurred(pixels):
    return cv2.GaussianBlur(pixels, (0, 0), 1.0)


HIDDEN = (saved, cropped, recolored, smaller, blurred, lambda pixels: saved(recolored(cropped(pixels))))


@pytest.mark.parametrize('hide', HIDDEN)
@pytest.mark.parametrize('index', range(4))
def test_a_hidden_copy_of_the_content_is_flagged(index, hide):
    content, style = painted.photographs()[index], painted.styles()[index]
    assert copies.difference(content, content) == pytest.approx(0.0, abs=1e-6)
    kinds = [flag['kind'] for flag in copies.reference_flags(hide(content), content, style)]
    assert kinds == ['copy_of_content']


@pytest.mark.parametrize('index', range(8))
def test_results_are_no_copies(index):
    pair = painted.pairs()[index]
    assert copies.reference_flags(painted.outputs()[index], pair.content, pair.style) == []
    mirrored = np.ascontiguousarray(pair.content[:, ::-1])
    assert copies.difference(mirrored, pair.content) > 5 * copies.COPY_BELOW


def test_a_style_pasted_in_the_shape_of_the_content_is_flagged():
    content = painted.photographs()[0][:, :64]
    style = painted.styles()[0]
    for pasted in (images.resize(style, (96, 64)), images.cover_crop(style, (96, 64))):
        assert [flag['kind'] for flag in copies.reference_flags(pasted, content, style)] == ['copy_of_style']


def rows(pictures):
    return [{'pair': index, 'fingerprint': copies.fingerprint(pixels, features(pixels))}
            for index, pixels in enumerate(pictures)]


def features(pixels):
    steps = np.abs(np.diff(pixels.astype(int), axis=0))
    return np.concatenate([part.mean((0, 1)) for part in (pixels, steps)] + [pixels.std((0, 1))])


def test_another_entry_is_found_again_and_others_are_not():
    theirs = [painted.colored(content, style) for content, style in zip(painted.photographs(), painted.styles())]
    others = [painted.colored(content, painted.styles()[index - 1])
              for index, content in enumerate(painted.photographs())]
    for hide in (lambda pixels: pixels, saved, cropped):
        found = find_copies(rows(map(hide, theirs)), {'first': rows(theirs), 'second': rows(others)})
        assert [(copy['entry'], copy['pair']) for copy in found] == [('first', index) for index in range(4)]
    assert find_copies(rows(painted.photographs()), {'first': rows(theirs)}) == []
    assert find_copies(rows(theirs)[:1], {'first': rows(theirs)[1:]}) == []  # other pairs
