"""TensorFlow and JAX compute the same numbers from the same weights.

ROWS is the table: a name, and a function of no arguments that returns tensors. The rows are evaluated here under
TensorFlow and in another process under KERAS_BACKEND=jax, where TensorFlow must not even be imported. To cover
something new, add a row named after it: 'folder.module.name'.
"""

import importlib
import importlib.util
import inspect
import os
import pathlib
import pkgutil
import subprocess
import sys
import zlib

import numpy as np
import pytest

TOLERANCE = 1e-4  # largest difference over the largest value
ROWS = {}

# Frozen networks stand in the table by the names users load; shapes computes nothing.
NOT_IN_THE_TABLE = {'networks.frozen', 'networks.vgg', 'networks.efficientnet_lite', 'networks.inception',
                    'losses.shapes'}


def row(name):
    def add(function):
        assert name not in ROWS, f'two rows are called {name}'
        ROWS[name] = function
        return function
    return add


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def tensor(*shape, seed=0):
    from keras import ops
    return ops.convert_to_tensor(random(*shape, seed=seed))


def filled(layer):
    """Gives every variable of a built layer values that depend on its structural name alone."""
    from stylegan_tf.systems.variables import named_variables
    for name, variable in named_variables(layer, 'layer').items():
        values = np.random.default_rng(zlib.crc32(name.encode())).normal(size=variable.shape)
        values = np.abs(values) if name.endswith('variance') else values
        variable.assign(values.astype(np.float32))
    return layer


def compiled(function, *inputs):
    """Value of `function`, under JAX compiled as a whole: op by op each small program is compiled alone."""
    import keras
    if keras.config.backend() == 'jax':
        import jax
        function = jax.jit(function)
    return function(*inputs)


def built(layer, *inputs, **options):
    """The layer with variables for such inputs, filled; nothing is computed."""
    import keras

    def symbol(x):
        return keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))

    layer(*keras.tree.map_structure(symbol, inputs), **options)
    return filled(layer)


def evaluated(layer, *inputs, **options):
    """Output of `layer` with filled variables, and its gradient with respect to the first input."""
    import keras
    from keras import ops

    from stylegan_tf.layers.gradient import input_gradient

    def scalar(x):
        parts = keras.tree.flatten(layer(x, *inputs[1:], **options))
        return sum(ops.sum(ops.sin(part)) for part in parts)

    def both(x):
        return layer(x, *inputs[1:], **options), input_gradient(scalar, x)

    built(layer, *inputs, **options)
    return compiled(both, inputs[0])


def with_gradient(function, *inputs):
    """Value of `function` and its gradient with respect to the first input."""
    from stylegan_tf.layers.gradient import input_gradient
    return compiled(lambda x: (function(x, *inputs[1:]),
                               input_gradient(lambda x: function(x, *inputs[1:]), x)), inputs[0])


# Layers

@row('layers.equalized.EqualizedDense')
def dense():
    from stylegan_tf.layers.equalized import EqualizedDense, leaky_relu
    return evaluated(EqualizedDense(4, activation=leaky_relu), tensor(2, 3))


@row('layers.equalized.EqualizedConv2D')
def convolution():
    from stylegan_tf.layers.equalized import EqualizedConv2D
    return [evaluated(EqualizedConv2D(4, 4, strides=2, padding=padding), tensor(2, 7, 6, 3))
            for padding in ('same', 'valid', 'reflect')]


@row('layers.color_table.apply_table')
def color_table():
    from stylegan_tf.layers.color_table import apply_table
    table = tensor(3, 3, 3, 3, seed=1)
    return with_gradient(lambda image: apply_table(image, table), 0.5 + 0.2 * tensor(2, 4, 5, 3))


@row('layers.spectral.SpectralConv2D')
def spectral_convolution():
    """Two training calls: eager here, compiled and stateless under JAX."""
    import keras

    from stylegan_tf.layers.spectral import SpectralConv2D
    x = tensor(2, 5, 5, 3)
    layer = built(SpectralConv2D(4, 3), x)
    if keras.config.backend() != 'jax':
        layer(x, training=True)
        return layer(x, training=True), layer.singular_vector.value
    import jax
    state = [v.value for v in layer.non_trainable_variables]
    call = jax.jit(lambda trained, state, x: layer.stateless_call(trained, state, x, training=True))
    for _ in range(2):
        output, state = call([v.value for v in layer.trainable_variables], state, x)
    return output, state[0]


@row('layers.modulated.ModulatedConv2D')
def modulated_convolution():
    from stylegan_tf.layers.modulated import ModulatedConv2D
    return [evaluated(ModulatedConv2D(4, 3, demodulate=flag), tensor(2, 5, 4, 3), tensor(2, 3, seed=1))
            for flag in (True, False)]


@row('layers.modulated.StyledConv2D')
def styled_convolution():
    from stylegan_tf.layers.modulated import StyledConv2D
    layer = StyledConv2D(4, 3, upsample=True, use_noise=True, padding='reflect')
    return evaluated(layer, tensor(2, 5, 4, 3), tensor(2, 6, seed=1))


@row('layers.modulated.ToRGB')
def to_rgb():
    from stylegan_tf.layers.modulated import ToRGB
    return evaluated(ToRGB(), tensor(2, 5, 4, 3), tensor(2, 6, seed=1))


@row('layers.resample.Upsample2D')
def upsample():
    from stylegan_tf.layers.resample import Upsample2D
    return [evaluated(layer, tensor(1, 5, 4, 2)) for layer in (Upsample2D(), Upsample2D(3, (1, 2, 3, 2, 1)))]


@row('layers.resample.Downsample2D')
def downsample():
    from stylegan_tf.layers.resample import Downsample2D
    return [evaluated(layer, tensor(1, 5, 4, 2)) for layer in (Downsample2D(), Downsample2D(3, (1, 2, 3, 2, 1)))]


@row('layers.normalization.InstanceNormalization')
def instance_normalization():
    from stylegan_tf.layers.normalization import InstanceNormalization
    given = tensor(2, 1, 1, 3), abs(tensor(2, 1, 1, 3, seed=1)) + 0.1
    return [evaluated(InstanceNormalization(), tensor(2, 4, 5, 3), **options)
            for options in ({}, {'statistics': given})]


@row('layers.history.PictureHistory')
def picture_history():
    from keras import ops

    from stylegan_tf.layers.history import exchange
    kept = ops.convert_to_tensor(np.random.default_rng(3).integers(0, 256, (5, 3, 4, 3)).astype(np.uint8))
    is_earlier, places = np.array([True, False]), np.array([4, 1], np.int32)
    return [compiled(lambda x, count: exchange(x, kept, count, is_earlier, places),
                     ops.tanh(tensor(2, 3, 4, 3)), ops.convert_to_tensor(count, 'int32')) for count in (0, 4, 5)]


@row('layers.normalization.PixelNorm')
def pixel_norm():
    from stylegan_tf.layers.normalization import PixelNorm
    return evaluated(PixelNorm(), tensor(2, 5))


@row('layers.minibatch.MinibatchStddev')
def minibatch():
    from stylegan_tf.layers.minibatch import MinibatchStddev
    x, labels = tensor(4, 3, 3, 2), np.array([1, 0, 1, 1], np.int32)
    return evaluated(MinibatchStddev(2), x), evaluated(MinibatchStddev(2), x, labels)


@row('layers.noise.NoiseInjection')
def noise():
    from stylegan_tf.layers.noise import NoiseInjection
    return evaluated(NoiseInjection(seed=3), tensor(2, 4, 5, 3))


@row('layers.attention.SelfAttention2D')
def attention():
    from stylegan_tf.layers.attention import SelfAttention2D
    return evaluated(SelfAttention2D(2), tensor(2, 3, 4, 6))


@row('layers.labels.LabelEmbedding')
def label_embedding():
    from stylegan_tf.layers.labels import LabelEmbedding
    labels = np.array([2, -1, 0], np.int32)
    return compiled(built(LabelEmbedding(3, 4), labels), labels)


@row('layers.augment.DiscriminatorAugmentation')
def augmentation():
    from keras import ops

    from stylegan_tf.layers import augment
    uniform = np.random.default_rng(3).random((2, 13)).astype(np.float32)

    def changed(x, kind):
        if kind == 'diffaugment':
            return ops.sum(augment.diffaugment(x, (), uniform[:, :7])[0] ** 2, axis=(1, 2, 3))
        image, condition = augment.ada(x, (x[:, ::2, ::2],), 0.7, uniform, uniform[:, :8], random(2, 7))
        return ops.sum(image ** 2, axis=(1, 2, 3)) + ops.sum(condition ** 2, axis=(1, 2, 3))

    return [with_gradient(lambda x, kind=kind: changed(x, kind), tensor(2, 8, 12, 3))
            for kind in ('ada', 'diffaugment')]


# Networks

@row('networks.stylegan.MappingNetwork')
def mapping():
    from stylegan_tf.networks.stylegan import MappingNetwork
    network = MappingNetwork(4, 6, num_labels=3, num_layers=2, lr_multiplier=1.0)
    return evaluated(network, tensor(2, 4), np.array([1, -1], np.int32))


@row('networks.stylegan.Synthesis')
def synthesis():
    from stylegan_tf.networks.stylegan import Synthesis
    return evaluated(Synthesis((8, 12), channel_base=16, channel_max=4), tensor(2, 5))


@row('networks.stylegan.SynthesisBlock')
def synthesis_block():
    from stylegan_tf.networks.stylegan import SynthesisBlock
    block = SynthesisBlock(3)
    block.build((2, 4, 4, 2), (2, 5))
    filled(block)
    return compiled(lambda x, image, w: block(x, image, [w] * 3, [None, None]),
                    tensor(2, 4, 4, 2), tensor(2, 4, 4, 3), tensor(2, 5))


@row('networks.stylegan_discriminator.Discriminator')
def discriminator():
    from stylegan_tf.networks.stylegan_discriminator import Discriminator
    network = Discriminator((8, 12), channel_base=16, channel_max=4, num_labels=2)
    return evaluated(network, tensor(4, 8, 12, 3), np.array([0, 1, -1, 0], np.int32))


@row('networks.stylegan_discriminator.DiscriminatorHead')
def discriminator_head():
    from stylegan_tf.networks.stylegan_discriminator import DiscriminatorHead
    return evaluated(DiscriminatorHead(3, 3), tensor(4, 5), np.array([0, 2, -1, 0], np.int32))


@row('networks.stylegan_discriminator.Discriminator growing')
def growing_discriminator():
    """A picture of the second size, half faded in."""
    from stylegan_tf.networks.stylegan_discriminator import Discriminator
    network = built(Discriminator((8, 12), channel_base=16, channel_max=4, grows=True), tensor(4, 8, 12, 3))
    return compiled(lambda image: network(image, None, share=0.5), tensor(4, 8, 12, 3))


@row('networks.projected_discriminator.ProjectedFeatures')
def projected_features():
    from stylegan_tf.networks.projected_discriminator import ProjectedFeatures
    network = ProjectedFeatures('vgg16_hed', 4)
    return compiled(network, tensor(1, 48, 96, 3))


@row('networks.projected_discriminator.MapDiscriminator')
def map_discriminator():
    from stylegan_tf.networks.projected_discriminator import MapDiscriminator
    return evaluated(MapDiscriminator(4, 2), tensor(2, 12, 9, 4), np.array([1, -1], np.int32), training=True)


@row('networks.projected_discriminator.ProjectedDiscriminator')
def projected_discriminator():
    from stylegan_tf.networks.projected_discriminator import ProjectedDiscriminator
    network = ProjectedDiscriminator(4, 2, num_maps=2)
    maps, labels = [tensor(2, 8, 6, 4), tensor(2, 4, 3, 4)], np.array([0, -1], np.int32)
    return compiled(built(network, maps, labels), maps, labels)


@row('networks.dcgan.DCGANGenerator')
def dcgan_generator():
    from stylegan_tf.networks.dcgan import DCGANGenerator
    network = DCGANGenerator((8, 12), 3, channel_base=16, channel_max=4, num_labels=2)
    return evaluated(network, tensor(4, 3), np.array([0, 1, -1, 0], np.int32))


@row('networks.dcgan.DCGANDiscriminator')
def dcgan_discriminator():
    from stylegan_tf.networks.dcgan import DCGANDiscriminator
    network = DCGANDiscriminator((8, 12), channel_base=16, channel_max=4, num_labels=2, num_classes=2)
    return evaluated(network, tensor(4, 8, 12, 3), np.array([0, 1, -1, 0], np.int32))


@row('networks.stylegan_discriminator.DiscriminatorBlock')
def discriminator_block():
    from stylegan_tf.networks.stylegan_discriminator import DiscriminatorBlock
    return evaluated(DiscriminatorBlock(3, 4), tensor(2, 6, 4, 2))


@row('networks.defect_discriminator.DefectDiscriminator')
def defect_discriminator():
    import keras

    from stylegan_tf.networks.defect_discriminator import DefectDiscriminator
    image, other = tensor(2, 32, 32, 3), tensor(2, 32, 32, 3, seed=1)
    network = built(DefectDiscriminator(3, (2, 3, 4, 4), hidden=5), image, other, other)
    return keras.tree.flatten(compiled(network, image, other, other))


@row('networks.unet.UNet')
def unet():
    from stylegan_tf.networks.unet import UNet
    return [evaluated(UNet((3, 4, 4), 2), tensor(2, 10, 13, 3), tensor(2, 10, 13, 1, seed=1)),
            evaluated(UNet((3, 4), blocks=2, dilations=()), tensor(2, 9, 8, 3))]


@row('networks.resnet.ResnetGenerator')
def resnet_generator():
    from stylegan_tf.networks.resnet import ResnetGenerator
    network = ResnetGenerator(2, 1)
    given = abs(tensor(2, network.statistics_size, seed=2)) + 0.1
    return evaluated(network, tensor(2, 16, 12, 3)), compiled(network, tensor(2, 16, 12, 3), given)


@row('networks.patch_projector.PatchProjector')
def patch_projector():
    from stylegan_tf.networks.patch_projector import PatchProjector
    maps, draws = [tensor(2, 4, 6, 3), tensor(2, 2, 2, 5)], abs(tensor(6)) % 1.0
    return compiled(built(PatchProjector(4), maps, draws), maps, draws)


@row('networks.patchgan.PatchDiscriminator')
def patch_discriminator():
    from stylegan_tf.networks.patchgan import PatchDiscriminator
    return [evaluated(PatchDiscriminator(3, 2, num_labels=2, use_spectral_norm=flag), tensor(2, 14, 16, 3),
                      tensor(2, 7, 8, 4), np.array([0, -1], np.int32)) for flag in (False, True)]


@row('networks.look_memory.LookMemory')
def look_memory():
    from stylegan_tf.networks.look_memory import LookMemory
    memory = LookMemory(4, 2, 3)
    memory.remember(random(5, 4), random(3, 3, 3, 3))
    return memory(tensor(2, 2)), memory.graded(tensor(2, 3, 4, 3))


@row('networks.stylization.ContentEncoder')
def content_encoder():
    from stylegan_tf.networks.stylization import ContentEncoder
    return evaluated(ContentEncoder((3, 4)), tensor(2, 8, 6, 3))


@row('networks.stylization.StyleEncoder')
def style_encoder():
    from stylegan_tf.networks.stylization import StyleEncoder
    maps = {'relu1_1': tensor(2, 6, 6, 4), 'relu2_1': tensor(2, 3, 3, 5)}
    return (evaluated(StyleEncoder(6, hidden=8, dropout=0.5), tensor(2, 16, 16, 3)),
            evaluated(StyleEncoder(6, layers=tuple(maps), hidden=8), tensor(2, 8, 8, 3), maps))


@row('networks.stylization.StylizationGenerator')
def stylization_generator():
    from stylegan_tf.networks.stylization import StylizationGenerator
    network = StylizationGenerator(3, 6, levels=2, residual_blocks=1)
    return evaluated(network, tensor(2, 12, 16, 3), tensor(2, 5))


@row('networks.stylization.ModulatedInjection')
def modulated_injection():
    from stylegan_tf.networks.stylization import ModulatedInjection
    return evaluated(ModulatedInjection(3), tensor(2, 4, 5, 2), tensor(2, 5))


@row('networks.features.vgg16_hed')
def vgg16_hed():
    from stylegan_tf.networks import features
    extractor = features.load('vgg16_hed', ('relu1_1', 'relu2_1'))
    maps = compiled(extractor, tensor(1, 16, 16, 3))
    return [maps[name] for name in sorted(maps)]


@row('networks.face_identity.FaceIdentity')
def face_identity():
    from stylegan_tf.networks.face_identity import FaceIdentity
    network = FaceIdentity()
    # The weights are real: `evaluated` would fill others in, and the gradient would be none of a loss's.
    return with_gradient(network, tensor(1, 96, 96, 3))


@row('networks.face_identity.identity_distance')
def identity_distance():
    from stylegan_tf.networks.face_identity import identity_distance
    return with_gradient(identity_distance, tensor(2, 128), tensor(2, 128, seed=1))


@row('networks.face_identity.ffhq_chips')
def ffhq_chips():
    from stylegan_tf.networks.face_identity import ffhq_chips
    return with_gradient(ffhq_chips, tensor(1, 64, 64, 3))


# Losses

def adversarial_row(kind):
    @row(f'losses.adversarial.generator_loss {kind}')
    def generator():
        from stylegan_tf.losses import adversarial
        return with_gradient(lambda x: adversarial.generator_loss(kind, x), tensor(2, 3, 3, 1))

    @row(f'losses.adversarial.discriminator_loss {kind}')
    def discriminator():
        from stylegan_tf.losses import adversarial
        return compiled(lambda *logits: adversarial.discriminator_loss(kind, *logits),
                        tensor(2, 3, 3, 1), tensor(2, 3, 3, 1, seed=1))


for kind in ('non_saturating', 'minimax', 'least_squares', 'hinge', 'wasserstein'):
    adversarial_row(kind)


def image_row(name):
    @row(f'losses.reconstruction.{name}')
    def image_loss():
        from stylegan_tf.losses import reconstruction
        images = [tensor(2, 13, 12, 3, seed=seed) for seed in range(2 if name in PAIRWISE else 1)]
        return with_gradient(getattr(reconstruction, name), *images)


PAIRWISE = ('l1_loss', 'l2_loss', 'charbonnier_loss', 'identity_loss', 'ssim', 'ssim_loss', 'edge_loss',
            'luminance_likeness', 'structure_likeness', 'inversion_loss')
for name in (*PAIRWISE, 'luminance', 'edge_strength', 'total_variation_loss'):
    image_row(name)


def perceptual_row(name):
    @row(f'losses.perceptual.{name}')
    def perceptual_loss():
        from stylegan_tf.losses import perceptual
        function, other = getattr(perceptual, name), {'deep': tensor(2, 4, 5, 3, seed=1)}
        return with_gradient(lambda x: function({'deep': x}, other, ('deep',)), tensor(2, 4, 5, 3))


for name in ('content_loss', 'gram_style_loss', 'mean_variance_style_loss'):
    perceptual_row(name)


@row('losses.perceptual.gram_matrix')
def gram_matrix():
    from stylegan_tf.losses import perceptual
    return with_gradient(perceptual.gram_matrix, tensor(2, 4, 5, 3), abs(tensor(2, 4, 5, 1)))


@row('losses.perceptual.relative_gram_distance')
def relative_gram_distance():
    from stylegan_tf.losses import perceptual
    return with_gradient(perceptual.relative_gram_distance, tensor(2, 3, 3), tensor(2, 3, 3, seed=1))


@row('losses.perceptual.multi_scale')
def multi_scale():
    from stylegan_tf.losses import perceptual, reconstruction
    return with_gradient(lambda a, b: perceptual.multi_scale(reconstruction.l2_loss, a, b, levels=3),
                         tensor(2, 8, 7, 3), tensor(2, 8, 7, 3, seed=1))


@row('losses.perceptual.image_pyramid')
def image_pyramid():
    from stylegan_tf.losses import perceptual
    return compiled(lambda x: perceptual.image_pyramid(x, 3), tensor(2, 8, 7, 3))


@row('losses.contrastive.patch_nce_loss')
def patch_nce():
    from stylegan_tf.losses import contrastive
    return with_gradient(contrastive.patch_nce_loss, tensor(2, 6, 4), tensor(2, 6, 4, seed=1))


@row('losses.diversity.mode_seeking_loss')
def mode_seeking():
    from stylegan_tf.losses import diversity
    return with_gradient(diversity.mode_seeking_loss, tensor(2, 4, 4, 3), tensor(2, 4, 4, 3, seed=1),
                         tensor(2, 5), tensor(2, 5, seed=1))


@row('losses.diversity.energy_score')
def energy_score():
    from stylegan_tf.losses import diversity
    return with_gradient(diversity.energy_score, tensor(2, 3, 4), tensor(2, 4, seed=1))


def critic():
    from stylegan_tf.networks.patchgan import PatchDiscriminator
    return built(PatchDiscriminator(3, 2), tensor(2, 12, 12, 3))


@row('losses.penalties.r1_penalty')
def r1_penalty():
    """With the gradient by the critic's weights, which is what a trainer needs."""
    import keras
    from keras import ops

    from stylegan_tf.losses import penalties
    network, real = critic(), tensor(2, 12, 12, 3)
    values = [v.value for v in network.trainable_variables]
    if keras.config.backend() == 'jax':
        import jax

        def total(values):
            penalty = penalties.r1_penalty(lambda x: network.stateless_call(values, [], x)[0], real)
            return ops.sum(penalty), penalty
        gradients, penalty = jax.jit(jax.grad(total, has_aux=True))(values)
        return penalty, gradients
    import tensorflow as tf
    with tf.GradientTape() as tape:
        penalty = penalties.r1_penalty(network, real)
    return penalty, tape.gradient(penalty, values, unconnected_gradients='zero')


@row('losses.penalties.gradient_penalty')
def gradient_penalty():
    from stylegan_tf.losses import penalties
    network, mix = critic(), abs(tensor(2)) % 1.0
    return compiled(lambda real, fake: penalties.gradient_penalty(network, real, fake, mix),
                    tensor(2, 12, 12, 3), tensor(2, 12, 12, 3, seed=1))


@row('losses.detection.sigmoid_cross_entropy')
def sigmoid_cross_entropy():
    from keras import ops

    from stylegan_tf.losses import detection
    return compiled(detection.sigmoid_cross_entropy, tensor(2, 4, 3), ops.sigmoid(tensor(2, 4, 3, seed=1)))


@row('losses.classification.softmax_cross_entropy')
def softmax_cross_entropy():
    from stylegan_tf.losses import classification
    label = np.array([2, -1, 0], np.int32)
    return with_gradient(lambda x: classification.softmax_cross_entropy(x, label), tensor(3, 4))


@row('losses.penalties.path_lengths')
def path_lengths():
    from stylegan_tf.losses import penalties
    from stylegan_tf.networks.stylegan import Synthesis
    network = built(Synthesis(8, channel_base=16, channel_max=4), tensor(2, 5))
    return compiled(lambda w, noise: penalties.path_lengths(network, w, noise),
                    tensor(2, 5), tensor(2, 8, 8, 3))


def evaluate_rows() -> dict[str, np.ndarray]:
    import keras
    results = {}
    for name, function in ROWS.items():
        for index, part in enumerate(keras.tree.flatten(function())):
            results[f'{name} #{index}'] = keras.ops.convert_to_numpy(part)
    return results


# Tests

def public_members():
    """'folder.module.name' of every layer and network class, and of every loss function."""
    import keras
    for folder in ('layers', 'networks', 'losses'):
        package = importlib.import_module(f'stylegan_tf.{folder}')
        for info in pkgutil.iter_modules(package.__path__):
            if f'{folder}.{info.name}' in NOT_IN_THE_TABLE:
                continue
            module = importlib.import_module(f'{package.__name__}.{info.name}')
            for name, member in vars(module).items():
                if name.startswith('_') or getattr(member, '__module__', None) != module.__name__:
                    continue
                is_layer = inspect.isclass(member) and issubclass(member, keras.layers.Layer)
                if is_layer or (folder == 'losses' and inspect.isfunction(member)):
                    yield f'{folder}.{info.name}.{name}'


def test_every_layer_network_and_loss_has_a_row():
    named = {name.split()[0] for name in ROWS}
    assert sorted(set(public_members()) - named) == []


@pytest.fixture(scope='module')
def jax_results(tmp_path_factory):
    if importlib.util.find_spec('jax') is None:
        pytest.skip('JAX is not installed: pip install jax')
    path = tmp_path_factory.mktemp('jax') / 'results.npz'
    root = pathlib.Path(__file__).resolve().parent.parent
    environment = {**os.environ, 'KERAS_BACKEND': 'jax', 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': str(root),
                   'XLA_FLAGS': '--xla_backend_optimization_level=0'}  # compiling is most of the work
    done = subprocess.run([sys.executable, __file__, str(path)], cwd=root, env=environment, text=True,
                          capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(path) as archive:
        return dict(archive)


@pytest.mark.slow
def test_jax_equals_tensorflow(jax_results):
    import keras
    assert keras.config.backend() == 'tensorflow'
    expected = evaluate_rows()
    assert list(expected) == list(jax_results)
    errors = {}
    for name, value in expected.items():
        other = jax_results[name]
        assert value.shape == other.shape, name
        assert np.isfinite(value).all() and np.isfinite(other).all(), name
        error = np.abs(value - other).max() / max(np.abs(value).max(), 1e-6)
        if error > TOLERANCE:
            errors[name] = float(error)
    assert errors == {}


def main(path):
    results = evaluate_rows()
    if 'tensorflow' in sys.modules:
        raise SystemExit('The JAX backend must not import TensorFlow.')
    np.savez(path, **results)


if __name__ == '__main__':
    main(sys.argv[1])
