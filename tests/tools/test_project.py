"""tools/project.py through its door."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import images
from tests import tiny_models

TOOL = pathlib.Path(__file__).parents[2] / 'tools' / 'project.py'


@pytest.mark.slow
def test_a_photograph_is_projected(tmp_path):
    images.save(tmp_path / 'photo.png', tiny_models.picture(90, 70))
    command = [sys.executable, str(TOOL), f'--workdir={tiny_models.generator_run_folder()}',
               f'--image={tmp_path / "photo.png"}', f'--output={tmp_path / "out"}', '--steps=6', '--frames=3']
    done = subprocess.run([*command, '--label=dog'], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    names = {entry.name for entry in (tmp_path / 'out').iterdir()}
    assert names == {'target.png', 'projected.png', 'sequence.png', 'sequence.gif', 'code.npz', 'report.json'}
    with np.load(tmp_path / 'out' / 'code.npz') as archive:
        drawn = tiny_models.generator_model().draw(archive['code'][None])[0]
    assert np.abs(drawn.astype(int) - images.read(tmp_path / 'out' / 'projected.png')).max() <= 1
    assert json.loads((tmp_path / 'out' / 'report.json').read_text())['space'] == 'w'
    refused = subprocess.run([*command, '--label=bird'], capture_output=True, text=True, timeout=500, check=False)
    assert refused.returncode == 2 and 'It knows: cat, dog' in refused.stderr
