"""The data doctor through its door: exit codes, report, manifest."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import images

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*arguments):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return subprocess.run([sys.executable, str(ROOT / 'tools' / 'check_dataset.py'), *map(str, arguments)],
                          env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path):
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        images.save(tmp_path / 'set' / f'{number}.png', images.resize(pixels, (96, 128)))
    return tmp_path / 'set'


def test_a_clean_folder_exits_0(folder):
    done = run(f'--data={folder}')
    assert done.returncode == 0, done.stderr
    assert '2 files, 2 good' in done.stdout and done.stderr == ''


def test_a_bad_file_exits_1_and_is_named_with_reason_and_fix(folder, tmp_path):
    (folder / 'note.jpg').write_text('no picture')
    done = run(f'--data={folder}', f'--manifest={tmp_path}/manifest.tsv')
    assert done.returncode == 1, done.stderr
    line = next(line for line in done.stdout.splitlines() if 'note.jpg' in line)
    assert line.startswith('ERROR') and 'not a picture' in line and 'Remove it' in line
    assert 'note.jpg' in (tmp_path / 'manifest.tsv').read_text()


def test_warnings_alone_exit_0_unless_strict(folder):
    (folder / 'again.png').write_bytes((folder / '0.png').read_bytes())
    done = run(f'--data={folder}')
    assert done.returncode == 0 and 'duplicate' in done.stdout
    assert run(f'--data={folder}', '--strict').returncode == 1


def test_a_leak_exits_1(folder, tmp_path):
    images.save(tmp_path / 'other' / 'copy.jpg', images.read(folder / '0.png'), quality=70)
    done = run(f'--data={folder}', f'--other={tmp_path}/other')
    assert done.returncode == 1 and 'near_leak' in done.stdout


@pytest.mark.parametrize('arguments, message', [
    ([], '--data is required'),
    (['--data=/no/such/folder'], 'no such folder'),
    (['--data=tfds:mnist'], 'Expected a folder or sample:NAME'),
    (['--data=sample:nothing'], 'Expected one of: photos'),
    (['photos/'], 'Expected only flags'),
])
def test_bad_usage_is_one_line_and_exits_2(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count('\n') == 1


def test_help_imports_no_tensorflow():
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{ROOT}/tools/check_dataset.py', '--help']\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'tensorflow', 'keras', 'cv2'} & set(sys.modules), 'heavy imports'\n")
    done = subprocess.run([sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': str(ROOT)},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '--min_size' in done.stdout
