"""The LiteRT runtime: errors that a user can act on, and how threads and GPUs are seen."""

import concurrent.futures
import sys

import numpy as np
import pytest

from stylegan_tf.data import face_models
from stylegan_tf.litert import runtime
from stylegan_tf.litert.runtime import LiteRTError, Runtime
from tests import tiny_models


def model_file():
    return tiny_models.exported_litert() / '1' / 'model.tflite'


def test_signatures_and_sizes():
    network = Runtime(model_file())
    assert network.signatures == {
        'code_from_noise': ['latent'], 'content_statistics': ['content'], 'encode_style': ['style'],
        'paint': ['code', 'content', 'statistics']}
    codes = [network.run('encode_style', style=np.full((1, *size, 3), 0.5, np.float32))['code']
             for size in ((40, 50), (64, 32), (40, 50))]
    np.testing.assert_array_equal(codes[0], codes[2])
    with pytest.raises(LiteRTError, match=r"no signature 'score'. It has: code_from_noise"):
        network.run('score')
    with pytest.raises(LiteRTError, match=r"failed in 'encode_style' with style \(1, 9\)"):
        network.run('encode_style', style=np.zeros((1, 9), np.float32))


def test_threads_may_share_a_model():
    network = Runtime(model_file())
    pictures = [np.full((1, 32 + 8 * index, 40, 3), index / 8, np.float32) for index in range(8)]

    def code(picture):
        return network.run('encode_style', style=picture)['code']

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(code, pictures))
    for picture, received in zip(pictures, together, strict=True):
        np.testing.assert_array_equal(received, code(picture))


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(LiteRTError, match=r'none\.tflite cannot be read'):
        Runtime(tmp_path / 'none.tflite')
    data = model_file().read_bytes()
    for broken in (b'', b'no model at all', data[:2000], data[:len(data) // 2], data[:2000] + bytes(len(data) - 2000)):
        (tmp_path / 'broken.tflite').write_bytes(broken)
        with pytest.raises(LiteRTError, match=r'broken\.tflite.*damaged'):
            Runtime(tmp_path / 'broken.tflite')


def test_a_missing_runtime_says_what_to_install(monkeypatch):
    for module in ('ai_edge_litert', 'ai_edge_litert.interpreter'):
        monkeypatch.setitem(sys.modules, module, None)
    assert not runtime.is_available()
    with pytest.raises(LiteRTError, match='pip install ai-edge-litert'):
        Runtime(model_file())


def test_hidden_gpus_are_none(monkeypatch):
    monkeypatch.setattr(runtime.os.path, 'exists', lambda path: path in ('/dev/nvidiactl', '/dev/nvidia3'))
    for visible, expected in ((None, True), ('0', True), ('', False), ('-1', False)):
        monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
        if visible is not None:
            monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
        assert runtime.has_gpu() == expected
    monkeypatch.setattr(runtime.os.path, 'exists', lambda path: False)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    assert not runtime.has_gpu()


def test_models_without_signatures_run_in_their_own_order():
    network = face_models._network(face_models._MESH_FILE)
    points, presence = network.run_unnamed(np.zeros((1, 192, 192, 3), np.float32))
    assert points.shape == (1, 1, 1, 1404)
    assert presence.ravel()[0] < 0  # a black picture shows no face
    with pytest.raises(LiteRTError, match=r'failed with \(1, 9, 9, 3\)'):
        network.run_unnamed(np.zeros((1, 9, 9, 3), np.float32))
    with pytest.raises(LiteRTError, match='failed with'):
        network.run_unnamed()
