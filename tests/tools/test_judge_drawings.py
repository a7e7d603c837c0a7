"""The judge of drawn sets: what its numbers say of sets that are known."""

import json
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import images
from tests import tiny_models
from tests.conftest import ROOT
from tools.judging import drawn_sets


def vectors(count, places, seed):
    """`count` rows around each place, and the names of the places."""
    random = np.random.default_rng(seed)
    rows = [place + 0.3 * random.normal(size=(count, len(place))) for place in places]
    return np.concatenate(rows), [f'class {index}' for index in range(len(places)) for _ in range(count)]


PLACES = 3.0 + 2.0 * np.eye(3, 6)


def test_pictures_of_the_classes_are_read_and_exchanged_ones_are_not():
    real, classes = vectors(20, PLACES, 0)
    drawn, meant = vectors(10, PLACES, 1)
    real_read, read = drawn_sets.readings(real, classes, drawn)
    assert np.mean(real_read == np.array(classes)) > 0.95 and np.mean(read == np.array(meant)) > 0.95
    _, exchanged = drawn_sets.readings(real, classes, np.roll(drawn, 10, axis=0))
    assert np.mean(exchanged == np.array(meant)) < 0.05


def test_a_class_of_few_pictures_is_named():
    real, classes = vectors(4, PLACES, 0)
    with pytest.raises(ValueError, match=r'at least 5 real pictures of each class\. Received: 4 of class 0'):
        drawn_sets.readings(real, classes, real)


def test_copies_are_nearer_than_real_pictures_are_to_each_other():
    real, _ = vectors(20, PLACES, 0)
    fresh, _ = vectors(20, PLACES, 1)
    indices, copied, among = drawn_sets.nearest(real, real[::-1] * 1.5)
    assert list(indices) == list(range(59, -1, -1)) and copied.max() < 1e-9 < among.min()
    _, distances, _ = drawn_sets.nearest(real, fresh)
    assert 0.5 < np.median(distances) / np.median(among) < 2


def run(*arguments):
    return subprocess.run([sys.executable, ROOT / 'tools' / 'judge_drawings.py', *map(str, arguments)],
                          capture_output=True, text=True, timeout=300, check=False)


def test_missing_flags_are_one_line():
    done = run('--real=x')
    assert done.returncode == 2 and '--judged is required' in done.stderr and 'Traceback' not in done.stderr


def test_through_the_door(tmp_path):
    for seed in range(12):
        for folder, other in (('real', 0), ('drawn', 100)):
            picture = tiny_models.picture(32, 32, seed=seed + other)
            images.save(tmp_path / folder / 'dark' / f'{seed:02d}.png', picture // 3)
            images.save(tmp_path / folder / 'light' / f'{seed:02d}.png', 255 - picture // 3)
    done = run(f'--real={tmp_path}/real', f'--judged={tmp_path}/drawn', '--judge=vgg16_hed', '--size=32',
               f'--output={tmp_path}/out')
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['read_as_meant']['mean'] == report['read_as_meant_of_real']['mean'] == 1
    assert report['n'] == 24 and report['judge'] == 'vgg16_hed' and 'kernel_distance' in done.stdout
    assert images.read(tmp_path / 'out' / 'nearest.png').shape[1] > 16 * 32
