"""Every preset, shrunk: builds, trains what it should, restores exactly, exports what it computes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import configs, exporter, serving_graph
from tests.systems.shrinking import random_batch, shrunk, values

EXTRAS = {
    'style_transfer_28': ['precision=mixed_float16'],
    'style_transfer_64': ['label_names=a,b,c', 'noise_share=0.5', 'diversity_weight=0.1', 'dropout=0.2'],
    'style_transfer_128': ['r1_weight=1', 'r1_every=1', 'total_variation_weight=0.1', 'l1_weight=0.1',
                           'l2_weight=0.1', 'discriminator_augmentation=ada', 'ada_target=-0.99', 'ada_images=16'],
    'style_transfer_256': ['adversarial_loss=hinge', 'discriminator_condition=off', 'style_encoder=learned',
                           'discriminator_augmentation=diffaugment'],
    'style_transfer_512': ['adversarial_loss=non_saturating', 'discriminator_optimizer.steps_per_round=2'],
    'anomaly_128': ['precision=mixed_float16'],
    'denoise': ['precision=mixed_float16'],
    'deblur': ['adversarial_loss=hinge', 'edge_weight=0'],
    'restore': ['perceptual_weight=0', 'reconstruction_loss=l2'],
    'super_resolution_2': ['accumulation_steps=2', 'reconstruction_loss=l1'],
    'super_resolution_4': ['adversarial_weight=0'],
    'stylegan_28': ['label_names=a,b,c', 'path_length_weight=1', 'precision=mixed_bfloat16'],
    'stylegan_64': ['growing_start=8', 'growing_images=16', 'discriminator_augmentation=ada', 'r1_every=2',
                    'path_length_every=2'],
    'projected_64': ['label_names=a,b'],
    'stylegan_128': ['accumulation_steps=2', 'label_names=a,b', 'use_projection=off', 'classification_weight=1'],
    'stylegan_128x192': ['label_names=a,b', 'is_conditional=off', 'adversarial_loss=wasserstein'],
    'stylegan_256': ['adversarial_loss=least_squares', 'discriminator_augmentation=diffaugment'],
    'stylegan_1024': ['group_size=1', 'style_mixing=0', 'precision=mixed_float16', 'path_length_weight=0'],
    'dcgan_28': ['label_names=a,b', 'adversarial_loss=wasserstein', 'discriminator_optimizer.steps_per_round=2'],
    'dcgan_64': ['label_names=a,b', 'classification_weight=1', 'r1_weight=1'],
    'cyclegan_64': ['discriminator_augmentation=ada', 'ada_target=-0.99', 'ada_images=16'],
    'cyclegan_128': ['precision=mixed_float16'],
    'cyclegan_256': ['r1_weight=1', 'r1_every=2', 'adversarial_loss=hinge'],
    'cut_256': ['accumulation_steps=2', 'structure_weight=1'],
    'cartoon_256': ['generator=unet', 'contrastive_layers=0,1,2', 'history=0'],
    'paired_256': ['discriminator_augmentation=diffaugment'],
    'portrait_128': ['adversarial_loss=least_squares', 'discriminator_augmentation=ada', 'ada_target=-0.99',
                     'ada_images=16', 'r1_weight=1', 'r1_every=2', 'identity_weight=1'],
    'portrait_256': ['precision=mixed_float16', 'total_variation_weight=0.1', 'warmup_images=0'],
}
DEAR = ('style_transfer_64', 'style_transfer_256', 'style_transfer_512', 'denoise', 'deblur', 'restore', 'colorize',
        'super_resolution_2', 'super_resolution_4',
        'stylegan_128', 'stylegan_128x192', 'stylegan_256', 'stylegan_1024', 'dcgan_64', 'cyclegan_128', 'cyclegan_256',
        'cut_256', 'cartoon_256', 'product_128', 'paired_256', 'portrait_128', 'portrait_256')  # more of one system


@pytest.fixture(scope='module', params=[
    pytest.param(name, marks=pytest.mark.slow) if name in DEAR else name for name in configs.PRESETS])
def system(request):
    keras.utils.set_random_seed(0)  # in half precision some weights of networks this small overflow, others underflow
    return shrunk(request.param, *EXTRAS.get(request.param, ())).build()


def changed_networks(before, after) -> set:
    return {name.split('/')[0] for name in before
            if not np.array_equal(before[name], after[name])} - {'step', 'extra'}


def trained_by(system, due) -> set:
    """Names of the networks that these phases train."""
    networks = {id(network) for phase in system.phases if phase.name in due for network in phase.networks}
    return {name for name, network in system.networks.items() if id(network) in networks}


def due_phases(system) -> list:
    """Every set of phases that a run comes to, in its order; before each, its beginnings."""
    whole = dict.fromkeys(system.due(step) for step in range(system.config.total_steps))
    return list(dict.fromkeys(due[:count] for due in whole for count in range(1, len(due) + 1)))


def settle_loss_scale(system, batch, due):
    """Dynamic loss scaling skips steps, halving its scale, until no gradient overflows, three times in a row."""
    if system.config.precision != 'mixed_float16':
        return
    in_a_row = 0
    for _ in range(30):
        before = values(system)
        system.train_step(batch, due=due)
        in_a_row = in_a_row + 1 if trained_by(system, due) <= changed_networks(before, values(system)) else 0
        if in_a_row == 3:
            return
    pytest.fail('the loss scale never settled')


def test_phases_change_exactly_their_networks(system):
    batch, moved = random_batch(system.config), set()
    assert set().union(*due_phases(system)) == {phase.name for phase in system.phases}
    for due in due_phases(system):
        settle_loss_scale(system, batch, due)
        before = values(system)
        logs = system.train_step(batch, due=due)
        assert all(np.isfinite(value) for value in logs.values()), logs
        found = changed_networks(before, values(system))
        assert {name for name in found if not name.endswith(('_ema', '_optimizer'))} == trained_by(system, due)
        # Once behind its network an average moves at every step; others may, by rounding.
        moved |= trained_by(system, due)
        assert {f'{name}_ema' for name in system.twins if name in moved} <= found


def test_restored_state_repeats_the_next_step(system):
    batch = random_batch(system.config, seed=1)
    due = system.due(16)
    start = values(system)
    first = {name: float(value) for name, value in system.train_step(batch, due=due).items()}
    end = values(system)
    for name, variable in system.state().items():
        variable.assign(start[name])
    again = {name: float(value) for name, value in system.train_step(batch, due=due).items()}
    assert first == again
    for name, value in values(system).items():
        np.testing.assert_array_equal(value, end[name], err_msg=name)


def enlargement(system) -> int:
    return system.model_card().get('scale', 1)


def output_size(system, signature) -> tuple:
    """(height, width) of what a signature draws from a picture of 33x50 pixels, or from none."""
    if not set(signature.inputs.values()) & set(serving_graph.FILE_KINDS):
        return system.config.height, system.config.width
    return 33 * enlargement(system), 50 * enlargement(system)


def test_saved_model_equals_python(system, tmp_path):
    name, signature = next(iter(system.signatures().items()))
    specs = {name: serving_graph.input_spec(name, kind) for name, kind in signature.inputs.items()}
    # Traced as exports are.
    traced = tf.function(lambda **inputs: signature.function(**inputs), autograph=False).get_concrete_function(**specs)
    exporter.save_functions({name: traced}, tmp_path / 'model')
    loaded = tf.saved_model.load(str(tmp_path / 'model')).signatures[name]
    inputs = exporter.tensors(serving_graph.example_inputs(signature, (33, 50), batch=2, seed=2))
    # What is exported is float32; a graph rounds half precision elsewhere than Python does.
    tolerance = {'mixed_bfloat16': 3e-2, 'mixed_float16': 4e-3}.get(system.config.precision, 1e-4)
    worst = tolerance if system.config.precision == 'float32' else 2 * tolerance
    expected, found = signature.function(**inputs), loaded(**inputs)
    assert set(found) == set(signature.outputs)
    for output, kind in signature.outputs.items():
        assert serving_graph.input_spec(output, kind).is_compatible_with(found[output]), output
        if kind in serving_graph.FILE_KINDS:
            assert found[output].shape[:3] == (2, *output_size(system, signature))
        if kind != 'names':
            np.testing.assert_allclose(found[output], expected[output], atol=worst)
            # Where a deep network adds such roundings up, it is one value in thousands.
            assert np.mean(np.isclose(found[output], expected[output], rtol=0.0, atol=tolerance)) > 0.999, output


def test_metrics_get_the_same_outputs_each_time(system):
    if not system.reference_role:
        pytest.skip('makes no pictures that should be like those of a role')
    batch = random_batch(system.config)
    assert system.reference_role in batch and bool(system.noise_size) == bool(system.noise_space)
    codes = ()
    if system.noise_size:
        noise = np.random.default_rng(0).normal(size=(len(batch['label']), system.noise_size)).astype(np.float32)
        codes = (system.encode_noise(batch, noise),)
    first, second = (np.asarray(system.draw_batch(batch, *codes)) for _ in range(2))
    assert first.shape == batch[system.reference_role].shape and np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)
    if system.noise_size:
        others = np.asarray(system.draw_batch(batch, *(np.flip(part, axis=0) for part in codes)))
        assert not np.allclose(others, first)


def test_strength_zero_returns_the_photograph(system):
    if 'stylize' not in system.signatures() or enlargement(system) > 1:
        pytest.skip('has no strength, or enlarges')
    signature = system.signatures()['stylize']
    inputs = exporter.tensors({**serving_graph.example_inputs(signature, (32, 48), seed=3),
                               'strength': np.zeros(1, np.float32)})
    np.testing.assert_allclose(signature.function(**inputs)['stylized'], inputs['content'], atol=1e-6)
