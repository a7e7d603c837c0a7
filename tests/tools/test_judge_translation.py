"""The judge of translations: what its numbers say of results that are known."""

import subprocess
import sys

import numpy as np
import pytest

from tests import tiny_models
from tests.conftest import ROOT
from tools.judging import translation


class Colours:
    """Sees the colours of each pixel, so that a picture's style is how its colours go together."""

    def __init__(self):
        self.layers = {'style': ('colours',), 'content': ('colours',)}

    def maps(self, pictures, kind):
        return {'colours': pictures / 255.0}


@pytest.fixture(scope='module')
def sets():
    contents = [tiny_models.picture(24, 24, seed=seed) // np.array([2, 2, 1]) for seed in range(4)]
    domain = [tiny_models.picture(24, 24, seed=seed) // np.array([1, 4, 4]) for seed in range(10, 13)]
    return [[picture.astype(np.uint8) for picture in pictures] for pictures in (contents, domain)]


def test_nothing_done_is_no_fall_and_no_loss(sets):
    contents, domain = sets
    numbers = translation.measure(Colours(), contents, contents, domain)
    assert numbers['fall_of_style_distance']['mean'] == 0 and numbers['content_distance']['mean'] == 0
    assert numbers['structure_retention']['mean'] == pytest.approx(1)
    assert numbers['content_distance_to_other_pictures']['mean'] > 0.01


def test_pictures_of_the_domain_are_a_great_fall_and_a_loss_of_content(sets):
    contents, domain = sets
    numbers = translation.measure(Colours(), contents, [*domain, domain[0]], domain)
    low, high = numbers['fall_of_style_distance']['interval']
    assert 0.5 < low <= high <= 1
    assert numbers['content_distance']['mean'] > 0.05
    before, after = (numbers[f'style_distance_of_{name}']['mean'] for name in ('contents', 'results'))
    assert after < 0.5 * before


def test_the_variety_of_the_domain_counts_in_the_distance_to_its_pictures_but_not_in_that_to_their_mean(sets):
    contents, domain = sets
    numbers = translation.measure(Colours(), contents, [*domain, domain[0]], domain)
    assert 0 < numbers['style_distance_within_domain_to_mean'] < numbers['style_distance_within_domain']
    assert numbers['fall_of_style_distance_to_mean']['interval'][0] > numbers['fall_of_style_distance']['interval'][0]


def test_missing_flags_are_one_line():
    done = subprocess.run([sys.executable, ROOT / 'tools' / 'judge_translation.py', '--model=x'],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2 and '--content is required' in done.stderr and 'Traceback' not in done.stderr
