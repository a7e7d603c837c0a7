"""The comparison tool, through the door and by hand-computed numbers."""

import json
import subprocess
import sys

import pytest

from stylegan_tf import images
from stylegan_tf.data import samples
from tests.conftest import ROOT

TOOL = ROOT / 'tools' / 'judge_styles.py'


def _run(*arguments):
    return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pairs')
    for name, kind, file in (('a', 'photos', 'chelsea.png'), ('b', 'photos', 'coffee.png'),
                             ('s', 'styles', 'woodblock_wave.png')):
        images.save(folder / f'{name}.png', images.read(samples.sample_folder(kind) / file))
    folder.joinpath('pairs.csv').write_text('# comment\ncontent,style\na.png,s.png\nb.png,s.png\n')
    return folder


@pytest.mark.slow
def test_models_and_pictures_from_elsewhere_are_judged_on_the_same_pairs(pairs, tmp_path):
    """A rival that pastes the style must get the baseline's numbers, and a second run paints nothing anew."""
    elsewhere, output = tmp_path / 'rival', tmp_path / 'judged'
    for index in range(2):
        images.save(elsewhere / f'{index:03d}.png', images.cover_crop(images.read(pairs / 's.png'), (64, 64)))
    command = (f'--pairs={pairs}/pairs.csv', f'--root={pairs}', '--models=arbitrary_style', '--strengths=0.5,1',
               '--size=64', '--judges=vgg16_hed', f'--results=rival={elsewhere}', f'--output={output}')
    first = _run(*command)
    assert first.returncode == 0, first.stderr
    report = json.loads((output / 'report.json').read_text())
    scores = report['scores']
    assert report['n'] == 2
    assert list(scores) == ['content unchanged', 'style pasted', 'arbitrary_style 0.5', 'arbitrary_style 1', 'rival']
    assert scores['rival'] == scores['style pasted']
    style, content = 'style_distance@vgg16_hed', 'content_distance@vgg16_hed'
    assert scores['arbitrary_style 1'][style]['mean'] < scores['content unchanged'][style]['mean']
    assert (scores['content unchanged'][content]['mean'] < scores['arbitrary_style 0.5'][content]['mean']
            < scores['arbitrary_style 1'][content]['mean'])
    assert 'style distance of rival' in (output / 'table.md').read_text()
    assert images.read(output / 'sheet.png').shape[1] > 5 * 64
    second = _run(*command)
    assert second.returncode == 0 and 'painted' not in second.stdout


@pytest.mark.parametrize('arguments, expected', [
    (['--output=x'], '--pairs is required'),
    (['--pairs=absent.csv', '--output=x'], 'absent.csv'),
    (['--pairs=p.csv', '--output=x', '--results=rival=/nowhere'], 'NAME=FOLDER'),
    (['--pairs=p.csv', '--output=x', '--strengths=2'], "from 0 to 1. Received: '2'"),
])
def test_bad_usage_is_one_line(arguments, expected):
    done = _run(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_content_where_the_sweep_reaches_a_style_distance():
    code = ('import sys; sys.path.insert(0, sys.argv[1]); from judge_styles import content_at_style as f; '
            'sweep = [(0.30, 0.1), (0.20, 0.3), (0.10, 0.5)]; print(f(sweep, 0.25), f(sweep, 0.30), f(sweep, 0.05))')
    done = subprocess.run([sys.executable, '-c', code, TOOL.parent], capture_output=True, text=True, check=True)
    first, second, third = done.stdout.split()
    assert (float(first), float(second), third) == (pytest.approx(0.2), pytest.approx(0.1), 'None')
