"""A benchmark of defects: complete, the same twice, with bad pictures named."""

import csv
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from stylegan_tf import images
from stylegan_tf.data import defect_benchmark, defects
from tests.conftest import ROOT


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stylized')
    for name in ('astronaut', 'chelsea', 'coffee'):
        picture = getattr(pictures, name)()
        images.save(folder / f'{name}.png', cv2.resize(picture, (96, 80), interpolation=cv2.INTER_AREA))
    (folder / 'broken.png').write_bytes(b'no picture')
    with open(folder / 'pairs.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'content', 'style'), ('astronaut.png', 'chelsea.png', 'coffee.png'),
                                    ('coffee.png', 'astronaut.png', '')])
    return folder


def run(*arguments):
    command = [sys.executable, 'tools/make_defect_benchmark.py', *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_folder_with_a_bad_picture(folder, tmp_path):
    done = run(f'--images={folder}', f'--output={tmp_path}', '--size=64', '--severities=0.5',
               '--defects=blur,scratches')
    assert done.returncode == 1, done.stderr
    assert 'LEFT OUT' in done.stdout and 'broken.png' in done.stdout
    rows = defect_benchmark.read_index(tmp_path)
    assert len(rows) == 3 * (1 + 2)
    for row in rows:
        picture = images.read(tmp_path / row['path'])
        clean = images.read(tmp_path / row['clean'])
        assert picture.shape == (64, 64, 3)
        assert np.array_equal(picture, clean) == (row['defect'] == '')
        if row['defect'] == 'scratches':
            mask = images.read(tmp_path / row['mask'])[..., 0]
            assert 0 < (mask == 255).sum() < mask.size / 2


def test_references_come_along_and_a_second_run_is_the_same(folder, tmp_path):
    samples = defect_benchmark.find_samples(folder, folder / 'pairs.csv')
    settings = defect_benchmark.Settings(size=48, severities=(1.0,), seed=7)
    records = [defect_benchmark.write(samples, tmp_path / name, settings)[0] for name in ('one', 'two')]
    assert records[0] == records[1]
    rows = defect_benchmark.read_index(tmp_path / 'one')
    assert {row['defect'] for row in rows} == {'', *defects.DEFECTS}
    assert all((tmp_path / 'one' / row['content']).is_file() for row in rows)
    assert {row['style'] for row in rows if 'coffee' in row['path']} == {''}
    other = defect_benchmark.write(samples, tmp_path / 'three', defect_benchmark.Settings(48, (1.0,), seed=8))[0]
    assert other['pixels_sha256'] != records[0]['pixels_sha256']
    with pytest.raises(defect_benchmark.BenchmarkError, match='other pictures, settings or version'):
        defect_benchmark.write(samples, tmp_path / 'three', settings)


def test_an_interrupted_one_is_not_taken_for_finished(folder, tmp_path):
    samples = defect_benchmark.find_samples(folder, folder / 'pairs.csv')

    def interrupt(done):
        raise KeyboardInterrupt

    settings = defect_benchmark.Settings(size=48, severities=(1.0,), names=('blur',))
    with pytest.raises(KeyboardInterrupt):
        defect_benchmark.write(samples, tmp_path, settings, progress=interrupt)
    with pytest.raises(defect_benchmark.BenchmarkError, match='finished benchmark'):
        defect_benchmark.read_index(tmp_path)
    defect_benchmark.write(samples, tmp_path, settings)
    assert json.loads((tmp_path / 'benchmark.json').read_text())['pictures'] == 4


@pytest.mark.parametrize('arguments, message', [
    (['--images=nowhere', '--output=x'], 'no such folder'),
    (['--images=tests', '--output=x'], 'Received: none'),
    (['--output=x'], '--images is required'),
    (['--images=tests', '--output=x', '--severities=2'], 'in (0, 1]'),
    (['--images=tests', '--output=x', '--defects=dust'], 'Received: dust'),
    (['--images=tests', '--output=x', '--defects=unstyled_region'], 'needs --pairs'),
])
def test_bad_usage_is_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_table_is_listed():
    listed = run('--list').stdout
    assert all(name in listed for name in defects.DEFECTS)
