"""The Colab notebook: its cells run, in order, in one process, with settings for a minute."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / 'docs' / 'colab.ipynb'
SETTINGS = {'PRESET': 'style_transfer_28', 'RESOLUTION': 28, 'BATCH_SIZE': 4, 'ACCUMULATION_STEPS': 2, 'IMAGES': 8,
            'MORE': ['evaluation_images=2', 'warmup_images=400'], 'DRIVE': False, 'WORKDIR': 'runs/tiny'}


def code_cells():
    notebook = json.loads(NOTEBOOK.read_text(encoding='utf-8'))
    assert (notebook['nbformat'], notebook['metadata']['accelerator']) == (4, 'GPU')
    cells = [cell for cell in notebook['cells'] if cell['cell_type'] == 'code']
    assert all(not cell['outputs'] and cell['execution_count'] is None for cell in cells)
    return [''.join(cell['source']) for cell in cells]


def test_the_first_cell_holds_every_setting_and_nothing_else():
    settings, *others = code_cells()
    names = {}
    exec(settings, names)
    del names['__builtins__']
    assert names and all(name.isupper() and isinstance(value, (str, int, bool, list)) for name, value in names.items())
    assert set(SETTINGS) <= set(names)
    for name in names:
        assert any(name in cell for cell in others), f'{name} is read by no cell'
    for cell in others:
        compile(cell, 'cell', 'exec')  # plain Python, so that the next test runs what a reader runs


@pytest.mark.slow
def test_all_cells_run_and_a_second_run_resumes(tmp_path):
    settings, *others = code_cells()
    lines = '\n'.join(f'{name} = {value!r}' for name, value in SETTINGS.items())
    program = tmp_path / 'cells.py'
    program.write_text('\n\n'.join([settings, lines, *others]), encoding='utf-8')
    for told in ('Finished at step 2', 'resuming at step 2'):
        done = subprocess.run(
            [sys.executable, program.name], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3'})
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert told in done.stdout
    for name in ('repainted.png', 'model.zip', 'runs/tiny/report.html', 'runs/tiny_model/1/saved_model.pb'):
        assert (tmp_path / name).stat().st_size > 0
