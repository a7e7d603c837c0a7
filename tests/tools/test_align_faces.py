"""Faces of a folder through the door: crops, table, what is named, going on after an interruption."""

import csv
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import skimage.data

from stylegan_tf import images
from stylegan_tf.data import face_folders, faces, sources

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*arguments):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return subprocess.run([sys.executable, str(ROOT / 'tools' / 'align_faces.py'), *map(str, arguments)],
                          env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture
def folder(tmp_path):
    images.save(tmp_path / 'set' / 'her' / 'face.png', skimage.data.astronaut()[:256, 100:356])
    images.save(tmp_path / 'set' / 'plain.png', np.full((64, 64, 3), 99, np.uint8))
    (tmp_path / 'set' / 'note.jpg').write_text('no picture')
    return tmp_path / 'set'


def test_a_folder_becomes_crops_and_a_table(folder, tmp_path):
    done = run(f'--images={folder}', f'--output={tmp_path}/out', '--size=64')
    assert done.returncode == 1, done.stderr
    assert 'NO FACE note.jpg: is not a picture' in done.stdout
    assert 'NO FACE plain.png: No face was found.' in done.stdout
    assert '1 faces of 3 pictures' in done.stdout
    crop = images.read(tmp_path / 'out' / 'her' / 'face.png.0.png')
    pixels = images.read(folder / 'her' / 'face.png')
    np.testing.assert_array_equal(crop, faces.align_face(pixels, faces.detect_faces(pixels)[0], 64)[0])
    with open(tmp_path / 'out' / 'faces.tsv', encoding='utf-8') as file:
        rows = list(csv.DictReader(file, delimiter='\t'))
    assert [row['crop'] for row in rows] == ['her/face.png.0.png', '', '']
    assert float(rows[0]['score']) > 0.8
    assert abs(float(rows[0]['left']) - 77.5) < 6


def test_a_second_run_reads_only_what_is_new(folder, tmp_path, monkeypatch):
    settings = face_folders.Settings(size=32, is_turned=False)
    first = face_folders.align_folder(folder, tmp_path / 'out', settings)
    assert (first.faces, first.kept) == (1, 0)
    images.save(folder / 'again.png', np.zeros((20, 20, 3), np.uint8))
    table = tmp_path / 'out' / 'faces.tsv'
    table.write_text(table.read_text() + 'her/half.png.0.png\ther/ha')  # cut off in the middle of a line
    read = []
    monkeypatch.setattr(face_folders.faces, 'detect_faces', lambda pixels, **options: read.append(pixels.shape) or [])
    second = face_folders.align_folder(folder, tmp_path / 'out', settings)
    assert (second.faces, second.kept, second.pictures) == (1, 3, 4)
    assert read == [(20, 20, 3)]
    (tmp_path / 'out' / 'her' / 'face.png.0.png').unlink()
    assert face_folders.align_folder(folder, tmp_path / 'out', settings).kept == 3
    assert read[1:] == [(256, 256, 3)]
    with pytest.raises(sources.DataError, match=r'other settings.*--overwrite'):
        face_folders.align_folder(folder, tmp_path / 'out', face_folders.Settings(size=48))


def test_faces_that_would_be_enlarged_too_much_are_left_out(folder, tmp_path):
    settings = face_folders.Settings(size=256, is_turned=False, most_enlarged=1.1)
    result = face_folders.align_folder(folder, tmp_path / 'out', settings)
    assert result.faces == 0
    assert dict(result.without)['her/face.png'].startswith('Its faces are too small')


@pytest.mark.parametrize('arguments, message', [([], '--images is required'),
                                                (['--images=/no/such', '--output=/tmp/none'], 'no such folder')])
def test_bad_usage_exits_2_with_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
