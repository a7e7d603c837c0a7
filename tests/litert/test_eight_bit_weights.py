"""Convolutions in 8-bit integers: only where asked, near the float picture, named in receipts."""

import json

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf import images, litert_models, stylizer
from stylegan_tf.data import samples
from stylegan_tf.litert import eight_bit_weights, half_weights, runtime
from stylegan_tf.litert.runtime import LiteRTError
from tests import tiny_models

PHOTO = tiny_models.picture(72, 88, seed=1)


@pytest.fixture(scope='module')
def whole():
    return (tiny_models.exported_litert() / '1' / 'model.tflite').read_bytes()


@pytest.fixture(scope='module')
def networks(whole):
    return runtime.Runtime(whole), runtime.Runtime(
        eight_bit_weights.quantize(whole, litert_models.EIGHT_BIT_SIGNATURES))


def test_only_the_named_signatures_change(networks):
    style = np.random.default_rng(0).random((1, 40, 48, 3), np.float32)
    codes = [network.run('encode_style', style=style)['code'] for network in networks]
    np.testing.assert_array_equal(*codes)
    exact, rounded = (network.run('content_statistics', content=style)['statistics'] for network in networks)
    difference = np.abs(exact - rounded).max() / np.abs(exact).max()
    assert 1e-5 < difference < 0.03


def test_weights_are_within_half_a_step_of_each_channel(whole):
    from ai_edge_litert import schema_py_generated as schema

    def kernels(model):
        parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
        return {(index, tensor.name): (tensor, parsed.buffers[tensor.buffer].data)
                for index, graph in enumerate(parsed.subgraphs) for tensor in graph.tensors
                if len(tensor.shape if tensor.shape is not None else ()) == 4}

    before = kernels(whole)
    rounded = {name: pair for name, pair in kernels(
        eight_bit_weights.quantize(whole, litert_models.EIGHT_BIT_SIGNATURES)).items()
        if pair[0].type == schema.TensorType.INT8}
    assert len(rounded) >= 4
    for name, (tensor, data) in rounded.items():
        steps = np.asarray(tensor.quantization.scale, np.float32)[:, None, None, None]
        integers = np.asarray(data, np.uint8).view(np.int8).reshape(tensor.shape)
        exact = np.asarray(before[name][1], np.uint8).view('<f4').reshape(tensor.shape)
        assert np.abs(integers * steps - exact).max() <= 0.501 * steps.max()
        assert (np.abs(integers.reshape(len(integers), -1)).max(axis=1) == eight_bit_weights.LEVELS).all()


def test_weights_stored_as_float16_are_refused(whole):
    with pytest.raises(LiteRTError, match='export it with float32'):
        eight_bit_weights.quantize(half_weights.halve(whole), litert_models.EIGHT_BIT_SIGNATURES)


def test_the_shipped_model_stays_near_its_exact_picture():
    exact, rounded = (sg.load('arbitrary_style', engine=engine) for engine in ('litert', 'litert_int8'))
    assert (exact.is_exact, rounded.is_exact, rounded.engine) == (True, False, 'litert_int8')
    photo = images.cover_crop(images.read(samples.sample_folder('photos') / 'coffee.png'), (160, 336))
    style = exact.prepare_style(samples.sample_folder('styles') / 'woodblock_wave.png')
    expected, received = (model.stylize(photo, style).astype(int) for model in (exact, rounded))
    difference = np.abs(expected - received)
    assert 0.1 < difference.mean() < 4 < np.abs(expected - photo).mean()
    in_tiles = rounded.stylize(photo, style, tile=288)
    assert np.abs(expected - in_tiles).mean() < 4


def test_receipts_tell_and_another_engine_paints_anew(tmp_path):
    images.save(tmp_path / 'photo.png', PHOTO)
    images.save(tmp_path / 'style.png', PHOTO[::-1])
    jobs = stylizer.plan(tmp_path / 'photo.png', tmp_path / 'results')

    def report(engine, **settings):
        return stylizer.Stylizer(sg.load(tiny_models.exported_litert(), engine=engine), [tmp_path / 'style.png'],
                                 stylizer.Settings(**settings)).run(jobs, show_progress=False)

    assert len(report('litert').done) == 1
    assert len(report('litert_int8').failures) == 1, 'the exact picture is not replaced unasked'
    assert len(report('litert_int8', overwrite=True).done) == 1
    assert len(report('litert_int8').skipped) == 1
    receipt = json.loads(jobs[0].receipt.read_text())
    assert receipt['engine'] == receipt['settings']['engine'] == 'litert_int8' and receipt['measures']
