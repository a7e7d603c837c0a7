"""What ships is small, loads by itself, and starts a training."""

import json
import subprocess
import sys

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf.training import checkpoints, launcher
from tests.conftest import ROOT
from tests.systems.shrinking import shrunk, values


@pytest.mark.slow
def test_packaged_model_paints_the_same_and_starts_a_training(tmp_path):
    config = shrunk('style_transfer_64')
    system = config.build()
    run = tmp_path / 'run'
    (run / 'checkpoints').mkdir(parents=True)
    record = {'preset': config.preset, 'seed': 0, 'config': config.as_dict(), 'versions': {}}
    (run / 'config.json').write_text(json.dumps(record), encoding='utf-8')
    checkpoints.save(run / 'checkpoints', 7, values(system), {'history': {'seconds': 36.0}})
    shipped = tmp_path / 'shipped'
    subprocess.run([sys.executable, str(ROOT / 'tools' / 'package_weights.py'), f'--workdir={run}', '--name=first',
                    '--purpose=a test', '--data=noise', f'--output={shipped}'], check=True, cwd=ROOT)

    arrays = checkpoints.find(shipped).arrays
    assert {array.dtype.name for name, array in arrays.items()
            if name != 'step' and not name.startswith('extra/')} == {'float16'}
    assert not any('optimizer' in name or name.startswith('generator/') for name in arrays)

    # The LiteRT graph beside the weights paints them without being told their architecture.
    assert {path.name for path in (shipped / 'litert').iterdir()} == {'graph.zip', 'model_card.json'}
    assert sg.load(shipped, engine='litert').hash == sg.load(shipped, engine='tensorflow').hash

    random = np.random.default_rng(0)
    content, style = random.integers(0, 256, (2, 40, 48, 3), np.uint8)
    pictures = [sg.load(folder, engine=engine).stylize(content, style).astype(int)
                for folder, engine in ((run, 'tensorflow'), (shipped, 'tensorflow'), (shipped, 'litert'))]
    assert np.abs(pictures[0] - pictures[1]).max() <= 3
    assert np.abs(pictures[1] - pictures[2]).max() <= 1

    other = shrunk('style_transfer_64').build()
    notes = []
    launcher.initialise(other, shipped, note=notes.append)
    name = 'generator/content_encoder/stem/kernel'
    np.testing.assert_allclose(values(other)[name], values(system)[name], atol=2e-3)
    assert len(notes) == 1 and 'variables matched' in notes[0]
