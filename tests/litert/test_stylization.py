"""The NumPy half of a stylisation equals TensorFlow's."""

import numpy as np
import pytest

from stylegan_tf.litert import stylization
from stylegan_tf.systems import picture_sizes


@pytest.mark.parametrize('size, side', [
    ((300, 410), 256), ((97, 1000), 64), ((256, 255), 256), ((33, 20), 64), ((5, 9), 64), ((500, 12), 64)])
def test_reduced_copies_equal_tensorflow(size, side):
    import tensorflow as tf

    image = np.random.default_rng(0).uniform(size=(1, *size, 3)).astype(np.float32)
    expected = picture_sizes.bounded(tf, tf.constant(image), side).numpy()
    received = stylization.bounded(image, side)
    assert received.shape == expected.shape and received.dtype == np.float32
    np.testing.assert_allclose(received, expected, atol=2e-5)


@pytest.mark.parametrize('size', [(40, 52), (300, 70)])
def test_integer_pictures_are_described_as_floats_are(size):
    seen = []

    def run(signature, content):
        seen.append(content)
        return {'statistics': content.mean(axis=(1, 2))}

    pixels = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    facts = {'tile_multiple': 8, 'tile_margin': 91, 'statistics_side': 256, 'channels': [1]}
    encode = stylization.Stylization(run, facts).encode_content
    for content in (pixels, pixels / np.float32(255)):
        encode(content)
    assert seen[0].dtype == seen[1].dtype == np.float32 and seen[0].max() <= 1
    np.testing.assert_allclose(*seen, atol=2e-6)


@pytest.mark.parametrize('size', [(16, 24), (17, 31), (1, 3), (9, 40), (7, 64)])
def test_padding_equals_tensorflow(size):
    import tensorflow as tf

    image = np.random.default_rng(0).uniform(size=(1, *size, 3)).astype(np.float32)
    expected, height, width = picture_sizes.padded(tf, tf.constant(image), 8, 16)
    np.testing.assert_array_equal(stylization.padded(image, 8), expected.numpy())
    assert (height, width) == size


def test_strength_fades():
    """A network that paints white shows what is mixed."""
    asked = []

    def run(signature, **inputs):
        asked.append((signature, inputs))
        return {'painted': np.ones_like(inputs['content'])}

    facts = {'tile_multiple': 8, 'channels': [1]}
    functions = stylization.Stylization(run, facts).signatures
    content = np.full((1, 20, 17, 3), 0.2, np.float32)
    inputs = {'content': content, 'code': np.array([[4.0]], np.float32),
              'statistics': np.array([[-3.0, -3.0]], np.float32)}
    for strength, level in ((0.0, 0.2), (0.25, 0.4), (0.5, 0.6), (1.0, 1.0)):
        painted = functions['stylize_tile'](**inputs, strength=np.array([strength], np.float32))['stylized']
        assert painted.shape == content.shape
        np.testing.assert_allclose(painted, level, rtol=1e-6)
        _, given = asked[-1]
        np.testing.assert_array_equal(given['code'], [[4]])
        assert given['content'].shape == (1, 24, 24, 3)
        np.testing.assert_array_equal(given['statistics'], [[-3, 0]])  # a mean may be negative, a deviation not
