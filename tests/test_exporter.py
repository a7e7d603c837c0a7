"""Export: what a version holds, that it equals Python, and that it appears whole or not at all."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from stylegan_tf import configs, exporter, serving_graph
from stylegan_tf.systems.signature import Signature
from stylegan_tf.training import checkpoints
from tests import tiny_models

# Runs where neither this package nor the working directory can be imported.
TENSORFLOW_ONLY = '''
import sys
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
generator = np.random.default_rng(0)

def file(height, width):
    return tf.io.encode_png(generator.integers(0, 256, (height, width, 3)).astype(np.uint8))

contents = [file(33, 47), file(64, 40)]
files = loaded.signatures['serving_default'](
    content_bytes=tf.stack(contents), style_bytes=tf.stack([file(50, 50), file(20, 90)]),
    strength=tf.constant([1.0, 0.0]))['stylized_bytes'].numpy()
shapes = [tf.io.decode_png(f).shape.as_list() for f in files]
assert shapes == [[33, 47, 3], [64, 40, 3]], shapes
unchanged = tf.io.decode_png(files[1]) == tf.io.decode_png(contents[1])
assert bool(tf.reduce_all(unchanged)), 'strength 0 must return the content'
assert not [name for name in sys.modules if name.startswith('stylegan_tf')]
print('fine')
'''


def test_signatures_are_those_of_the_contract():
    described = tiny_models.card()['signatures']
    image, code = 'float32 [?, ?, ?, 3]', 'float32 [?, 32]'
    assert described['stylize'] == {
        'inputs': {'content': image, 'style': image, 'strength': 'float32 [?]'},
        'outputs': {'stylized': image}}
    assert described['serving_default'] == {
        'inputs': {'content_bytes': 'string [?]', 'style_bytes': 'string [?]',
                   'strength': 'float32 [?]'},
        'outputs': {'stylized_bytes': 'string [?]'}}
    assert described['encode_style'] == {'inputs': {'style': image}, 'outputs': {'code': code}}
    assert described['stylize_from_code']['inputs'] == {
        'content': image, 'code': code, 'strength': 'float32 [?]'}


def test_export_equals_the_averaged_weights():
    import tensorflow as tf

    loaded = tf.saved_model.load(str(tiny_models.exported() / '1')).signatures
    signature = tiny_models.system().signatures()['stylize']
    inputs = {name: tf.constant(value) for name, value in serving_graph.example_inputs(
        signature, (41, 66), batch=2, seed=9).items()}
    received = loaded['stylize'](**inputs)['stylized'].numpy()
    assert received.shape == (2, 41, 66, 3)
    np.testing.assert_allclose(received, signature.function(**inputs)['stylized'], atol=1e-4)
    # The plain weights of the run are all 0 (see tiny_models) and would return grey.
    assert received.std() > 0.02


def test_a_process_with_only_tensorflow_runs_it(tmp_path):
    result = subprocess.run(
        [sys.executable, '-I', '-c', TENSORFLOW_ONLY, str(tiny_models.exported() / '1')],
        cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == 'fine', result.stderr
    assert 'unsaved custom gradients' not in result.stderr


def test_rows_of_files_equal_the_float_signature():
    import tensorflow as tf

    loaded = tiny_models.model()
    signature = tiny_models.system().signatures()['stylize']
    inputs = serving_graph.example_inputs(signature, (40, 30), batch=1, seed=4)
    floats = loaded._run('stylize', **inputs)['stylized'][0]
    file = loaded._run('serving_default', **serving_graph.as_bytes_inputs(inputs))
    decoded = tf.io.decode_png(file['stylized_bytes'][0]).numpy()
    assert np.abs(decoded / 255 - floats).max() <= 0.5 / 255 + 1e-4


def test_a_style_encoded_once_paints_files_as_the_style_itself_does():
    model = tiny_models.model()
    inputs = serving_graph.as_bytes_inputs(serving_graph.example_inputs(
        tiny_models.system().signatures()['stylize'], (40, 30), batch=2, seed=4))
    whole = model._run('serving_default', **inputs)['stylized_bytes']
    code = model._run('encode_style_bytes', style_bytes=inputs.pop('style_bytes'))['code']
    assert code.shape == (2, 32)
    assert list(model._run('stylize_from_code_bytes', code=code, **inputs)['stylized_bytes']) == list(whole)


def test_a_corrupt_row_fails_the_request():
    import tensorflow as tf

    file = tf.io.encode_png(tiny_models.picture(20, 20)).numpy()
    function = tf.saved_model.load(str(tiny_models.exported() / '1')).signatures['serving_default']
    with pytest.raises(tf.errors.InvalidArgumentError):
        function(content_bytes=tf.constant([file, file[:40]]), strength=tf.constant([1.0, 1.0]),
                 style_bytes=tf.constant([file, file]))


def test_graph_is_plain():
    from tensorflow.core.protobuf import saved_model_pb2

    data = (tiny_models.exported() / '1' / 'saved_model.pb').read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(data).meta_graphs[0].graph_def
    functions = graph.library.function
    assert not any(f.attr['_XlaMustCompile'].b for f in functions if '_XlaMustCompile' in f.attr)
    nodes = [node for f in functions for node in f.node_def]
    assert nodes
    assert not {'PyFunc', 'EagerPyFunc', 'PyFuncStateless'} & {node.op for node in nodes}


def test_warm_up_requests_run():
    pytest.importorskip('tensorflow_serving', reason='needs the extra [serving]')
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    folder = tiny_models.exported() / '1'
    signatures = tf.saved_model.load(str(folder)).signatures
    asked = []
    for record in tf.data.TFRecordDataset(str(folder / exporter.WARM_UP_FILE)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == 'tiny'
        inputs = {name: tf.constant(tf.make_ndarray(tensor))
                  for name, tensor in request.inputs.items()}
        signatures[request.model_spec.signature_name](**inputs)
        asked.append(request.model_spec.signature_name)
    assert sorted(asked) == sorted(signatures)


def test_model_card():
    card = tiny_models.card()
    assert card['name'] == card['preset'] == tiny_models.PRESET
    assert card['config_hash'] == configs.get(tiny_models.PRESET).hash()
    assert card['version'] == 1 and card['step'] == 500
    assert card['training']['images'] == 4000 and card['training']['hours'] == 0.5
    assert card['training']['data']['style'] == 'sample:styles'
    assert card['training']['held_out'] == {'objective': 2.5}
    assert len(card['weights_hash']) == 12
    assert 0 <= card['parity']['largest_difference'] <= 1e-4
    assert len(card['parity']['sizes']) == 2
    assert 'vgg16_hed' in card['perceptual_networks']


class OneSignature:
    """Stands for a System whose only signature is given; the exporter asks no more of it."""

    config = configs.get(tiny_models.PRESET)

    def __init__(self, function, inputs=None):
        self._signature = Signature(function, inputs or {'image': 'image'}, {'image': 'image'})

    def signatures(self):
        return {'paint': self._signature}

    def model_card(self):
        return {'purpose': 'test'}


def test_refuses_what_differs_from_python(tmp_path):
    calls = []

    def different_each_time(image):
        calls.append(1)
        return {'image': image * (1.0 - 0.001 * len(calls))}

    with pytest.raises(exporter.ExportError, match=r"'image' of paint at 28x28 differs by 0.00"):
        exporter.export_system(OneSignature(different_each_time), tmp_path / 'base')
    assert list((tmp_path / 'base').iterdir()) == []


def test_refuses_weights_that_are_not_finite(tmp_path):
    import tensorflow as tf

    weight = tf.Variable(float('nan'))
    broken = OneSignature(lambda image: {'image': image * weight})
    with pytest.raises(exporter.ExportError, match=r'not finite'):
        exporter.export_system(broken, tmp_path)
    assert exporter.versions(tmp_path) == []


def test_unknown_kind_of_input_is_named(tmp_path):
    broken = OneSignature(lambda sound: {'image': sound}, {'sound': 'sound'})
    with pytest.raises(serving_graph.SignatureError, match=r"'sound' must be one of image"):
        exporter.export_system(broken, tmp_path)


def test_other_backends_are_told_to_use_tensorflow(monkeypatch):
    monkeypatch.setattr(serving_graph.keras.backend, 'backend', lambda: 'jax')
    with pytest.raises(serving_graph.SignatureError, match=r"runs on 'jax'.*KERAS_BACKEND"):
        serving_graph.build(OneSignature(lambda image: {'image': image}))


def test_versions_count_up_and_are_never_overwritten(tmp_path):
    scaled = OneSignature(lambda image: {'image': image * 0.5})
    assert exporter.export_system(scaled, tmp_path).name == '1'
    assert exporter.export_system(scaled, tmp_path, version=7).name == '7'
    (tmp_path / '.tmp-9-x').mkdir()
    (tmp_path / 'notes').mkdir()
    assert exporter.export_system(scaled, tmp_path).name == '8'
    assert exporter.versions(tmp_path) == [1, 7, 8]
    for version, message in ((7, 'never overwritten'), (0, 'from 1 on')):
        with pytest.raises(exporter.ExportError, match=message):
            exporter.export_system(scaled, tmp_path, version=version)


def test_a_watcher_never_sees_half_a_version(tmp_path):
    seen, is_over = [], threading.Event()

    def watch():
        while not is_over.is_set():
            for version in exporter.versions(tmp_path):
                seen.append((version, all((tmp_path / str(version) / name).is_file() for name in (
                    'saved_model.pb', 'variables/variables.index', exporter.CARD_FILE,
                    exporter.WARM_UP_FILE))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        exporter.export_system(OneSignature(lambda image: {'image': image * 0.5}), tmp_path)
        exporter.export_system(OneSignature(lambda image: {'image': image * 0.5}), tmp_path)
    finally:
        is_over.set()
        watcher.join()
    assert {version for version, _ in seen} >= {1}
    assert all(is_whole for _, is_whole in seen)


def test_unwritable_output_is_one_clear_error(tmp_path):
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(exporter.ExportError, match=r'Cannot write .*file'):
        exporter.export_system(OneSignature(lambda image: {'image': image}), tmp_path / 'file')


def test_run_folders_without_a_run(tmp_path):
    with pytest.raises(exporter.ExportError, match=r'not a run folder'):
        exporter.export(tmp_path, tmp_path / 'models')
    record = {'config': configs.get(tiny_models.PRESET).as_dict()}
    (tmp_path / 'config.json').write_text(json.dumps(record))
    with pytest.raises(checkpoints.CheckpointError, match=r'No whole checkpoint'):
        exporter.export(tmp_path, tmp_path / 'models')
    with pytest.raises(exporter.ExportError, match=r'no best checkpoint'):
        exporter.load_run(tiny_models.run_folder(), checkpoint='best')
    with pytest.raises(exporter.ExportError, match=r'newest, best'):
        exporter.load_run(tiny_models.run_folder(), checkpoint='oldest')


def test_a_checkpoint_of_another_model_is_refused():
    system = tiny_models.system()
    weights = {name: value for name, value in checkpoints.to_arrays(system.state()).items()
               if 'residual_0_a' not in name}  # as well as its average's
    odd = checkpoints.Checkpoint('step-000000001', {}, weights)
    with pytest.raises(checkpoints.CheckpointError, match=r'missing: generator.*residual_0_a'):
        exporter._restore_weights(system, serving_graph.build(system), odd)


@pytest.mark.slow
def test_shipped_models_are_exported_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(configs, 'PRETRAINED', tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path / 'small_style').symlink_to(tiny_models.run_folder())
    _, _, card = exporter.load_run('small_style')
    assert card['name'] == 'small_style' and card['step'] == 500
    assert 'name' not in exporter.load_run(tiny_models.run_folder())[2]
    with pytest.raises(exporter.ExportError, match=r'other_style is not a run folder.*name of a model that ships'):
        exporter.load_run('other_style')


@pytest.mark.slow
def test_the_model_that_ships_is_exported_for_a_server(tmp_path):
    base = tmp_path / 'arbitrary_style'
    subprocess.run([sys.executable, '-m', 'stylegan_tf.export', '--workdir=arbitrary_style', f'--output={base}'],
                   check=True, timeout=600, cwd=tmp_path)
    card = json.loads((base / '1' / 'assets' / 'model_card.json').read_text(encoding='utf-8'))
    assert card['name'] == 'arbitrary_style' and 'serving_default' in card['signatures']
    assert card['parity']['largest_difference_bytes'] <= 1


def test_a_folder_goes_before_the_shipped_model_of_its_name(tmp_path, monkeypatch):
    (tmp_path / 'arbitrary_style').mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(exporter.ExportError, match='arbitrary_style is not a run folder'):
        exporter.load_run('arbitrary_style')


@pytest.mark.slow
def test_command_exports_and_refuses(tmp_path):
    command = [sys.executable, '-m', 'stylegan_tf.export', f'--output={tmp_path / "models"}']
    done = subprocess.run([*command, f'--workdir={tiny_models.run_folder()}', '--version=3'],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'models' / '3' / 'saved_model.pb').is_file()
    assert 'models/3' in done.stdout
    refused = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert refused.returncode == 2
    assert refused.stderr == 'Error: --workdir is required; see --help.\n'
