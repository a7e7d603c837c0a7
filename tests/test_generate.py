"""The command `generate` through its door."""

import subprocess
import sys

import pytest
from PIL import Image

from stylegan_tf import data, images
from tests import tiny_models


def generate(*arguments):
    return subprocess.run([sys.executable, '-m', 'stylegan_tf', 'generate', *map(str, arguments)], capture_output=True,
                          text=True, timeout=500, check=False)


def test_bad_flags_are_refused_in_one_line():
    for arguments, message in (
            (['--output=x'], '--model is required'),
            (['--model=m', '--output=x', '--what=song'], "--what must be one of pictures, classes"),
            (['--model=m', '--output=x', '--truncation=2'], 'between 0 and 1. Received: 2'),
            (['--model=m', '--output=x', '--what=mixing', '--layers=3'], 'two whole numbers'),
            (['--model=m', '--output=x.mov', '--what=film'], 'Received: .mov')):
        result = generate(*arguments)
        assert result.returncode == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_command_draws_classes_and_films(tmp_path):
    model = f'--model={tiny_models.generator_run_folder()}'
    done = generate(model, '--what=classes', '--count=2', f'--output={tmp_path / "drawn"}')
    assert done.returncode == 0, done.stderr
    assert '4 pictures drawn' in done.stdout and data.load(tmp_path / 'drawn').label_names == ('cat', 'dog')
    done = generate(model, '--what=film', '--count=2', '--frames=3', f'--output={tmp_path / "walk.gif"}')
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / 'walk.gif') as film:
        assert film.n_frames == 6
    refused = generate(model, '--label=bird', f'--output={tmp_path / "birds"}')
    assert refused.returncode == 2 and 'It knows: cat, dog' in refused.stderr
    done = generate(model, '--what=mixing', '--count=2', f'--output={tmp_path / "mixed.png"}')
    assert done.returncode == 0 and images.read_metadata(tmp_path / 'mixed.png')['Model'] == 'stylegan_28'
