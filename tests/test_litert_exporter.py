"""Export to LiteRT: what a version holds, that it equals Python, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf import exporter, litert_exporter
from stylegan_tf.litert import conversion
from stylegan_tf.litert.runtime import LiteRTError
from tests import tiny_models

PHOTO = tiny_models.picture(33, 47, seed=1)


def test_a_version_and_its_card():
    folder = tiny_models.exported_litert() / '1'
    assert sorted(path.name for path in folder.iterdir()) == ['model.tflite', 'model_card.json']
    card = json.loads((folder / 'model_card.json').read_text(encoding='utf-8'))
    assert card['weights_hash'] == tiny_models.card()['weights_hash']
    assert card['version'] == 1 and card['step'] == 500 and card['litert']['weights'] == 'float32'
    parity = card['parity']
    assert parity['largest_difference'] <= 1e-3 and parity['largest_difference_levels'] <= 1
    assert parity['codes'] < 1e-3 and len(parity['sizes']) == 3


@pytest.mark.slow
def test_command_exports_float16(tmp_path):
    base = tmp_path / 'lean'
    command = [sys.executable, '-m', 'stylegan_tf.export', f'--workdir={tiny_models.run_folder()}', f'--output={base}',
               '--format=litert', '--weights=float16']
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert 'lean/1' in done.stdout and 'INFO' not in done.stderr
    sizes = [(folder / '1' / 'model.tflite').stat().st_size for folder in (base, tiny_models.exported_litert())]
    assert sizes[0] < 0.7 * sizes[1]
    style = tiny_models.picture(40, 50, seed=2)
    painted = [sg.load(folder).stylize(PHOTO, style).astype(int) for folder in (base, tiny_models.exported_litert())]
    assert np.abs(painted[0] - painted[1]).max() <= 3


@pytest.mark.parametrize('arguments, message', [
    (['--format=onnx'], 'Error: --format must be one of savedmodel, litert, pack. Received: '),
    (['--weights=int8', '--format=litert'], 'Error: --weights must be one of float32, float16.'),
    (['--weights=float16'], 'Error: --weights belongs to --format=litert and --format=pack.'),
])
def test_bad_flags(arguments, message, tmp_path):
    command = [sys.executable, '-m', 'stylegan_tf.export', f'--workdir={tmp_path}', f'--output={tmp_path}', *arguments]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert refused.stderr.startswith(message)


def test_kinds_of_versions_are_not_mixed():
    with pytest.raises(exporter.ExportError, match='holds SavedModels, and a server'):
        litert_exporter.export(tiny_models.run_folder(), tiny_models.exported())


def test_what_differs_from_python_is_refused():
    system = tiny_models.system()
    model = (tiny_models.exported_litert() / '1' / 'model.tflite').read_bytes()
    card = json.loads((tiny_models.exported_litert() / '1' / 'model_card.json').read_text(encoding='utf-8'))
    facts = {**card['litert'], 'style_side': 16}  # as if the copy were made otherwise
    with pytest.raises(exporter.ExportError, match=r'Refused: .* differs by .* between Python and LiteRT'):
        litert_exporter.compare(system, model, facts)


def test_systems_and_operations_without_a_litert_form(tmp_path):
    import tensorflow as tf

    class Other:
        pass

    with pytest.raises(exporter.ExportError, match=r'Other has no LiteRT form. Export it with --format=savedmodel'):
        litert_exporter.convert(Other())
    traced = tf.function(lambda x: {'y': tf.linalg.expm(x)}).get_concrete_function(
        x=tf.TensorSpec([3, 3], tf.float32, 'x'))
    with pytest.raises(LiteRTError, match=r'has no LiteRT form: .*ops: '):
        conversion.convert({'f': traced}, exporter.save_functions)
