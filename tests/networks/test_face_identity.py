"""The identity network: its layers against the equations in NumPy, one person near to herself, others far."""

import numpy as np
import pytest
import skimage.data
from scipy import signal

from stylegan_tf import api
from stylegan_tf.data import faces
from stylegan_tf.networks import face_identity, face_identity_weights, feature_weights
from stylegan_tf.networks.face_identity import FaceIdentity, ffhq_chips, identity_distance


@pytest.fixture(scope='module')
def network():
    return FaceIdentity()


def _chips(*pictures):
    return np.stack(pictures).astype(np.float32) / 127.5 - 1


def _convolve(x, kernel, *, strides, same):
    """x [H, W, C] with kernel [3, 3, C, F], the sums written out by SciPy."""
    x = np.pad(x, ((1, 1), (1, 1), (0, 0))) if same else x
    maps = [sum(signal.correlate2d(x[:, :, c], kernel[:, :, c, f], 'valid') for c in range(x.shape[-1]))
            for f in range(kernel.shape[-1])]
    return np.stack(maps, axis=-1)[::strides, ::strides]


def test_a_halving_block_is_dlibs(network):
    tensors = face_identity_weights.unpacked(face_identity_weights.shipped_weights().tensors)
    x = np.abs(np.random.default_rng(0).normal(size=(8, 8, 32)).astype(np.float32))

    def affine(y, name):
        y = y + tensors[f'{name}/conv/bias']
        return y * tensors[f'{name}/scale/weights'] + tensors[f'{name}/scale/biases']

    first = np.maximum(affine(_convolve(x, tensors['conv64_down/conv1/conv/filters'], strides=2, same=False),
                              'conv64_down/conv1'), 0)
    second = affine(_convolve(first, tensors['conv64_down/conv2/conv/filters'], strides=1, same=True),
                    'conv64_down/conv2')
    expected = np.zeros((4, 4, 64))
    expected[:3, :3] = second
    expected[:, :, :32] += x.reshape(4, 2, 4, 2, 32).mean(axis=(1, 3))
    one, two = network.blocks[face_identity.BLOCKS.index('conv64_down')]
    received = np.asarray(face_identity._shortcut(x[None], two(one(x[None]))))
    np.testing.assert_allclose(received[0], expected, rtol=1e-4, atol=1e-4)


def test_one_person_is_near_to_herself_and_far_from_others(network):
    astronaut = np.ascontiguousarray(skimage.data.astronaut())
    dark = (255 * (astronaut / 255) ** 2).astype(np.uint8)
    chips = [faces.identity_chip(pixels, faces.detect_faces(pixels, turned=False, small=False)[0])
             for pixels in (astronaut, np.ascontiguousarray(astronaut[:, ::-1]), dark)]
    others = [np.repeat(np.uint8(255 * np.kron(face, np.ones((6, 6))))[:, :, None], 3, axis=2)
              for face in skimage.data.lfw_subset()[:4]]
    codes = np.asarray(network(_chips(*chips)))
    assert codes.shape == (3, 128)
    assert np.asarray(identity_distance(codes[:1], codes[1:])).max() < 0.5
    far = np.asarray(identity_distance(codes[:1], np.asarray(network(_chips(*others)))))
    assert far.min() > face_identity.SAME_PERSON


def test_ffhqs_frame_gives_nearly_the_same_numbers(network):
    astronaut = np.ascontiguousarray(skimage.data.astronaut())
    face = faces.detect_faces(astronaut, turned=False, small=False)[0]
    crop, _ = faces.align_face(astronaut, face, 256)
    own = network(_chips(faces.identity_chip(astronaut, face)))
    assert float(identity_distance(own, network(ffhq_chips(_chips(crop))))[0]) < 0.3


def test_sizes_are_brought_to_150_pixels_and_shapes_checked(network):
    chip = np.full((1, 40, 50, 3), 0.3, np.float32)
    np.testing.assert_allclose(network(chip), network(np.full((1, 150, 150, 3), 0.3, np.float32)), atol=1e-4)
    with pytest.raises(ValueError, match=r'faces \[B, H, W, 3\].*\(1, 8, 8, 1\)'):
        network(np.zeros((1, 8, 8, 1), np.float32))


def test_the_distance_is_euclidean_and_its_gradient_finite_at_zero():
    one, two = np.zeros((2, 128), np.float32), np.zeros((2, 128), np.float32)
    two[0, :2] = 3, 4
    np.testing.assert_allclose(identity_distance(one, two), [5, 1e-6], rtol=1e-5)


def test_a_manifest_is_read_with_its_ranges(tmp_path):
    (tmp_path / 'model.bin').write_bytes(bytes([0, 2, 4]) + np.float32([1.5]).tobytes())
    (tmp_path / 'weights_manifest.json').write_text(
        '[{"paths": ["model.bin"], "weights": ['
        '{"name": "a", "shape": [3], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1}},'
        '{"name": "b", "shape": [1], "dtype": "float32"}]}]')
    weights = face_identity_weights.read_manifest(tmp_path / 'weights_manifest.json', licence='MIT')
    feature_weights.write_converted(tmp_path / 'out.safetensors', weights)
    full = face_identity_weights.unpacked(feature_weights.read_converted(tmp_path / 'out.safetensors').tensors)
    assert set(full) == {'a', 'b'}
    np.testing.assert_array_equal(full['a'], np.float32([-1, 0, 1]))
    np.testing.assert_array_equal(full['b'], np.float32([1.5]))
    with pytest.raises(ValueError, match=r'weights_manifest\.json. Received: .*none\.json'):
        face_identity_weights.read_manifest(tmp_path / 'none.json')


def test_it_is_no_model_that_stylises():
    assert 'face_identity' not in api.shipped_models()
    assert face_identity_weights.shipped_weights().licence.startswith('MIT')
