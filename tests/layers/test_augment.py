"""Augmentation of what a discriminator sees: identity, references, statistics, gradients, alignment."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import ndimage
from scipy.spatial import transform

from stylegan_tf.layers import augment
from stylegan_tf.layers.gradient import input_gradient
from stylegan_tf.losses import penalties

OFF = 2.0  # a gate that no probability opens


def pictures(count=4, height=12, width=16, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def draws(count=4, seed=0):
    """Gates, uniforms and normals of ADA, every gate open at any probability."""
    rng = np.random.default_rng(seed)
    return (np.full((count, 13), -1.0, np.float32), rng.random((count, 8), np.float32),
            rng.standard_normal((count, 7)).astype(np.float32))


def only(gate, count=4, seed=0):
    gates, uniforms, normals = draws(count, seed)
    closed = np.full_like(gates, OFF)
    closed[:, gate] = -1.0
    return closed, uniforms, normals


def ada(image, maps=(), probability=1.0, at=None):
    return [np.asarray(part) for part in augment.ada(tf.constant(image), [tf.constant(m) for m in maps], probability,
                                                     *map(tf.constant, at))]


def test_at_probability_zero_everything_returns_bit_for_bit():
    image, condition = pictures(), pictures(4, 3, 4, 8, seed=1)
    image[0, 0, 0] = [-0.0, 1e-38, 3e38]
    layer = augment.DiscriminatorAugmentation('ada')
    changed, moved, missing = layer(image, condition, None)
    assert np.asarray(changed).tobytes() == image.tobytes()
    assert np.asarray(moved).tobytes() == condition.tobytes() and missing is None


@pytest.mark.parametrize('kind', ['ada', 'diffaugment'])
def test_every_call_changes_every_picture_by_draws_of_its_own(kind):
    layer, image = augment.DiscriminatorAugmentation(kind), pictures()
    if kind == 'ada':
        layer.probability.assign(1.0)
    start = ops.convert_to_numpy(layer.seed_generator.state).copy()
    first, second = (np.asarray(layer(image)[0]) for _ in range(2))
    for index in range(len(image)):
        assert not np.array_equal(first[index], image[index])
        assert not np.array_equal(first[index], second[index])
    assert not np.array_equal(*(np.asarray(layer(np.repeat(image[:1], 2, axis=0))[0])))
    layer.seed_generator.state.assign(start)
    np.testing.assert_array_equal(layer(image)[0], first)


def reference_matrix(uniforms, normals, height, width):
    """All eight geometric changes of one picture by hand, output to input, about the middle."""
    def turned(angle):
        return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])

    def moved(down, right):
        return np.array([[1, 0, down], [0, 1, right], [0, 0, 1.0]])

    scale, stretch = 2.0 ** (0.2 * normals[:2])
    parts = [np.diag([1, -1.0 if uniforms[0] >= 0.5 else 1.0, 1]), turned(np.pi / 2 * np.floor(4 * uniforms[1])),
             moved(round((2 * uniforms[2] - 1) * height / 8), round((2 * uniforms[3] - 1) * width / 8)),
             np.diag([scale, scale, 1]), turned(np.pi * (2 * uniforms[4] - 1)), np.diag([stretch, 1 / stretch, 1]),
             turned(np.pi * (2 * uniforms[5] - 1)), moved(normals[2] * height / 8, normals[3] * width / 8)]
    return np.linalg.multi_dot(parts)


def test_geometry_equals_scipy():
    image, at = pictures(), draws(seed=5)
    found, = ada(image, at=(np.where(np.arange(13) < 8, at[0], OFF).astype(np.float32), *at[1:]))
    middle = np.array([(image.shape[1] - 1) / 2, (image.shape[2] - 1) / 2, 0])
    for index, picture in enumerate(image):
        matrix = reference_matrix(at[1][index].astype(float), at[2][index].astype(float), *picture.shape[:2])
        whole = np.diag([1.0, 1.0, 1.0])
        whole[:2, :2] = matrix[:2, :2]
        offset = np.array([*matrix[:2, 2], 0]) + middle - whole @ middle
        expected = np.stack([ndimage.affine_transform(picture[..., channel].astype(float), matrix[:2, :2], offset[:2],
                                                      order=1, mode='mirror') for channel in range(3)], axis=-1)
        np.testing.assert_allclose(found[index], expected, atol=2e-4)


def reference_colors(pixels, uniforms, normals):
    luma = np.full(3, 1 / np.sqrt(3))
    x = (pixels + 0.2 * normals[4]) * 2.0 ** (0.5 * normals[5])
    if uniforms[6] >= 0.5:
        x = x - 2 * (x @ luma)[..., None] * luma
    x = x @ transform.Rotation.from_rotvec(np.pi * (2 * uniforms[7] - 1) * luma).as_matrix().T
    along = (x @ luma)[..., None] * luma
    return along + (x - along) * 2.0 ** normals[6]


def test_colors_equal_a_reference():
    image, at = pictures(), draws(seed=6)
    found, = ada(image, at=(np.where(np.arange(13) >= 8, at[0], OFF).astype(np.float32), *at[1:]))
    for index, picture in enumerate(image):
        expected = reference_colors(picture.astype(float), at[1][index].astype(float), at[2][index].astype(float))
        np.testing.assert_allclose(found[index], expected, atol=1e-4)


def test_flips_and_quarter_turns_are_exact():
    image = pictures(height=16)
    gates, uniforms, normals = only(0)
    uniforms[:, 0] = 0.9
    np.testing.assert_array_equal(ada(image, at=(gates, uniforms, normals))[0], image[:, :, ::-1])
    gates, uniforms, normals = only(1)
    for turns in range(4):
        uniforms[:, 1] = 0.25 * turns + 0.1
        found, = ada(image, at=(gates, uniforms, normals))
        assert any(np.array_equal(found, np.rot90(image, sign * turns, axes=(1, 2))) for sign in (1, -1))


def test_each_change_comes_with_its_probability():
    rng, count, probability = np.random.default_rng(0), 20_000, 0.2
    gates = tf.constant(rng.random((count, 13), np.float32))
    _, uniforms, normals = draws(count)
    _, moved = augment._ada_geometry(probability, gates[:, :8], uniforms[:, :6], normals[:, :4], 8, 8)
    _, colored = augment._ada_colors(probability, gates[:, 8:], uniforms[:, 6:], normals[:, 4:])
    # Both rotations together have the probability of one change.
    assert 1 - np.mean(moved) == pytest.approx((1 - probability) ** 7, abs=0.012)
    assert 1 - np.mean(colored) == pytest.approx((1 - probability) ** 5, abs=0.012)


def diffaugment(image, at):
    return np.asarray(augment.diffaugment(tf.constant(image), (), tf.constant(at))[0])


def test_diffaugment_by_hand():
    image, at = pictures(1, 16, 16), np.full((1, 7), 0.5, np.float32)
    at[0, 5:] = 0.0  # the hole's middle at the corner: a quarter of it lies inside
    found = diffaugment(image, at)
    np.testing.assert_allclose(found[0, 4:, 4:], image[0, 4:, 4:], atol=1e-6)  # 0.5 changes nothing
    assert not found[0, :4, :4].any() and np.all(found[0, :4, 4:] != 0)
    at[0] = [0.75, 0.0, 1.0, 0.999, 0.0, 0.999, 0.999]
    x = (image + 0.25).mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    x = x.mean() + (x - x.mean()) * 1.5
    expected = np.zeros_like(x)
    expected[:, :14, 2:] = x[:, 2:, :14]  # output (r, c) shows input (r + 2, c - 2)
    expected[:, 12:, 12:] = 0
    np.testing.assert_allclose(diffaugment(image, at), expected, atol=1e-5)


def test_diffaugment_has_the_papers_statistics():
    rng, count = np.random.default_rng(1), 4000
    at = rng.random((count, 7), np.float32)
    at[:, 5:] = 0.999
    flat = np.full((count, 16, 16, 3), 0.25, np.float32)
    level = diffaugment(flat, at)[:, 6, 6, 0] - 0.25  # saturation and contrast keep a flat grey
    assert np.mean(level) == pytest.approx(0.0, abs=0.02) and np.std(level) == pytest.approx(12 ** -0.5, abs=0.01)
    at = rng.random((count, 7), np.float32)
    at[:, :3] = 0.5
    at[:, 3:5] = 0.5
    kept = diffaugment(np.ones((count, 16, 16, 3), np.float32), at)
    # Along a side of 16 a hole of 8, its middle at 0 ... 16, covers min(c + 4, 16) - max(c - 4, 0) pixels.
    cover = np.mean([min(c + 4, 16) - max(c - 4, 0) for c in range(17)])
    assert 1 - np.mean(kept) == pytest.approx((cover / 16) ** 2, abs=0.01)
    at[:, 5:], at[:, 3:5] = 0.999, rng.random((count, 2))
    bar = np.zeros((count, 16, 16, 3), np.float32)
    bar[:, 5:7, 5:7] = 1
    weight = diffaugment(bar, at)[..., 0]
    place = np.tensordot(weight, np.arange(16), (1, 0)).sum(axis=1) / weight.sum(axis=(1, 2))
    assert np.mean(place) == pytest.approx(5.5, abs=0.1) and set(np.round(place, 3)) == {3.5, 4.5, 5.5, 6.5, 7.5}


@pytest.mark.parametrize('kind', ['ada', 'diffaugment'])
def test_gradients_of_both_orders_are_right(kind):
    image, at = pictures(2, 8, 8, seed=2), draws(2, seed=3)
    kernel = tf.Variable(np.random.default_rng(4).normal(size=(3, 3, 3, 2)).astype(np.float32) * 0.3)
    uniforms = np.random.default_rng(5).random((2, 7), np.float32)

    def critic(x):
        return ops.mean(ops.square(ops.conv(x, kernel, padding='same')), axis=(1, 2, 3))

    views = {'ada': lambda x: augment.ada(x, (), 1.0, *at)[0],
             'diffaugment': lambda x: augment.diffaugment(x, (), uniforms)[0]}

    def judged(x):
        return critic(views[kind](x))

    @tf.function(autograph=False)
    def penalty():
        return ops.mean(penalties.r1_penalty(judged, tf.constant(image)))

    direction = pictures(2, 8, 8, seed=7)
    gradient = input_gradient(judged, tf.constant(image))
    ahead, behind = (float(ops.sum(judged(tf.constant(image + step * direction)))) for step in (0.01, -0.01))
    assert float(ops.sum(gradient * direction)) == pytest.approx((ahead - behind) / 0.02, rel=5e-3)

    with tf.GradientTape() as tape:
        value = penalty()
    slope = tape.gradient(value, kernel)
    change = tf.constant(np.random.default_rng(8).normal(size=kernel.shape).astype(np.float32))
    values = []
    for step in (0.01, -0.02):
        kernel.assign_add(step * change)
        values.append(float(penalty()))
    assert float(ops.sum(slope * change)) == pytest.approx((values[0] - values[1]) / 0.02, rel=1e-2)


@pytest.mark.parametrize('kind', ['ada', 'diffaugment'])
def test_a_condition_moves_along_with_its_picture(kind):
    layer = augment.DiscriminatorAugmentation(kind)
    if kind == 'ada':
        layer.probability.assign(1.0)
    coarse = np.random.default_rng(0).normal(size=(16, 6, 8, 3))
    image = ndimage.zoom(coarse, (1, 8, 8, 1), order=3, mode='nearest', grid_mode=True).astype(np.float32)

    def centred(x):
        x = ops.convert_to_numpy(x)[:, 2:-2, 2:-2]
        return x - x.mean(axis=(1, 2), keepdims=True)

    def pooled(x):
        return ops.average_pool(x, 4, strides=4)

    def likeness(a, b):
        return np.sum(a * b, axis=(1, 2)) / np.sqrt(np.sum(a * a, axis=(1, 2)) * np.sum(b * b, axis=(1, 2)) + 1e-9)

    # Given as a map too, the picture moves without changing colour, and no hole is cut into it.
    _, own, condition = layer(image, image, pooled(image))
    assert np.mean(likeness(centred(pooled(own)), centred(condition))) > 0.97
    assert np.mean(likeness(centred(pooled(own)), centred(pooled(image)))) < 0.8


def test_the_probability_follows_the_sign():
    layer = augment.DiscriminatorAugmentation('ada', target=0.6, images=1000, batch_size=10)
    for _ in range(20):
        logs = layer.update(1.0)
    assert float(layer.probability) == pytest.approx(0.2) == float(logs['probability'])
    kept = np.exp(-10 / augment.SIGN_IMAGES) ** 20
    assert float(layer.sign) == pytest.approx(1.0 - 0.4 * kept, rel=1e-5)
    for _ in range(200):
        layer.update(-1.0)
    assert float(layer.probability) == 0.0
    layer.sign.assign(1.0)
    layer.probability.assign(0.995)
    layer.update(1.0)
    assert float(layer.probability) == 1.0
    assert sorted(layer.state()) == ['augmentation_probability', 'augmentation_sign']
    other = augment.DiscriminatorAugmentation('diffaugment')
    assert other.update(1.0) == {} == other.state()


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"'diffaugment' or 'ada'.*Received: 'mixup'"):
        augment.DiscriminatorAugmentation('mixup')
    with pytest.raises(ValueError, match='reflect, zero'):
        augment.warp(pictures(), np.zeros((4, 3, 3), np.float32), (12, 16), border='wrap')


def test_xla_computes_the_same():
    image, at = pictures(), draws(seed=9)
    compiled = tf.function(lambda x: augment.ada(x, (), 1.0, *at)[0], jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(tf.constant(image)), ada(image, at=at)[0], atol=1e-4)


def test_it_is_rebuilt_from_its_settings():
    layer = augment.DiscriminatorAugmentation('ada', target=0.5, images=77, batch_size=3, name='augmentation')
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (again.kind, again.target, again.images, again.batch_size) == ('ada', 0.5, 77, 3)
