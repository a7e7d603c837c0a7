"""What training steps are compared with is the same network, and their operations are counted rightly."""

import dataclasses
import importlib
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import flops, steps  # noqa: E402

from stylegan_tf.systems.variables import named_variables  # noqa: E402

SMALL = {'style_transfer_128': {'resolution': 64, 'batch_size': 2},
         'stylegan_64': {'resolution': 32, 'batch_size': 4, 'channel_base': 512, 'channel_max': 32, 'latent_size': 16,
                         'style_size': 16},
         'cyclegan_128': {'resolution': 64, 'batch_size': 2, 'generator_channels': 8, 'discriminator_channels': 8}}


def counted(function, *shapes):
    return flops.of_graph(tf.function(function).get_concrete_function(*map(tf.TensorSpec, shapes)).graph)


def test_operations_are_counted():
    kernel, deep = tf.ones((3, 3, 4, 8)), tf.ones((3, 3, 4, 2))
    assert counted(lambda a, b: a @ b, (5, 7), (7, 2)) == 2 * 5 * 7 * 2
    assert counted(lambda a: tf.matmul(a, a, transpose_a=True), (5, 7)) == 2 * 7 * 7 * 5
    assert counted(lambda a, b: tf.matmul(a, b, adjoint_a=True), (3, 5, 7), (3, 5, 2)) == 2 * 3 * 7 * 5 * 2
    assert counted(lambda x: tf.nn.conv2d(x, kernel, 2, 'SAME'), (1, 10, 10, 4)) == 2 * 25 * 8 * 36
    assert counted(lambda x: tf.nn.depthwise_conv2d(x, deep, (1, 1, 1, 1), 'VALID'), (1, 5, 5, 4)) == 2 * 9 * 8 * 9
    inner = tf.function(lambda x: tf.nn.conv2d(x, kernel, 1, 'VALID'), experimental_attributes={'_noinline': True})
    assert counted(lambda x: inner(x) + inner(2 * x), (1, 4, 4, 4)) == 2 * 2 * 4 * 8 * 36


def test_gradients_are_counted_where_something_needs_them():
    kernel = tf.Variable(tf.ones((3, 3, 4, 8)))

    def gradients(x, of):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.square(tf.nn.conv2d(x, kernel, 1, 'VALID')))
        return tape.gradient(y, of(x))
    once = 2 * 4 * 8 * 36
    assert counted(lambda x: gradients(x, lambda x: x), (1, 4, 4, 4)) == 2 * once
    assert counted(lambda x: gradients(x, lambda x: [x, kernel]), (1, 4, 4, 4)) == 3 * once
    with pytest.raises(ValueError, match='known shape'):
        counted(lambda x: tf.nn.conv2d(x, kernel, 1, 'VALID'), (None, 4, 4, 4))


def test_a_cycle_has_each_kind_of_step_as_often_as_it_comes():
    config = steps.plain_config('stylegan_64')
    assert steps.cycle(config) == {1: 12, 4: 3, 16: 1}
    assert steps.cycle(dataclasses.replace(config, r1_weight=0.0)) == {1: 3, 4: 1}
    assert steps.cycle(steps.plain_config('cyclegan_128')) == {1: 1}


@pytest.fixture(scope='module', params=SMALL)
def pair(request):
    """(preset, our system, the peer's step with the same weights, batch of NumPy arrays)."""
    torch = pytest.importorskip('torch')
    preset = request.param
    config = dataclasses.replace(steps.plain_config(preset), **SMALL[preset])
    system = config.build()
    step = importlib.import_module(f'benchmarks.peers.torch_{preset.rpartition("_")[0]}').Step(config)
    modules = {'mapping': getattr(step, 'mapping', None), 'generator': getattr(step, 'generator', None),
               'style_encoder': getattr(step, 'style_encoder', None),
               'discriminator': getattr(step, 'discriminator', None)}
    if preset.startswith('cyclegan'):
        modules = dict(zip(('generator', 'generator_back'), step.generators))
        modules.update(zip(('discriminator', 'discriminator_back'), step.discriminators))
    from benchmarks.peers import torch_layers
    for name, network in system.networks.items():
        trained = {id(variable) for variable in network.trainable_variables}
        torch_layers.adopt(modules[name], {
            key.removeprefix(f'{name}/'): keras.ops.convert_to_numpy(variable)
            for key, variable in named_variables(network, name).items() if id(variable) in trained})
    torch.set_num_threads(2)
    return system, step, modules, steps.pictures(config, system.roles)


def channels_first(images):
    import torch
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(memory_format=torch.channels_last)


def test_the_peers_networks_are_ours(pair):
    system, step, modules, batch = pair
    import torch
    generator = np.random.default_rng(0)
    images = next(iter(batch.values()))
    with torch.no_grad():
        if hasattr(system.config, 'style_size'):
            codes = generator.standard_normal((4, system.config.latent_size)).astype(np.float32)
            ours = system.mapping(codes)
            theirs = modules['mapping'](torch.from_numpy(codes))
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
            for variable in system.generator.trainable_variables:
                assert 'strength' not in variable.path or not np.any(variable)  # noise adds nothing yet
            pairs = [(system.generator(ours), modules['generator'](theirs)),
                     (system.discriminator(images), modules['discriminator'](channels_first(images)))]
        elif hasattr(system.config, 'code_size'):
            codes = generator.standard_normal((2, system.config.code_size)).astype(np.float32)
            pairs = [(system.generator(images, codes), modules['generator'](channels_first(images),
                                                                            torch.from_numpy(codes)))]
        else:
            pairs = [(system.networks[name](images), modules[name](channels_first(images))) for name in modules]
    for ours, theirs in pairs:
        theirs = theirs.permute(0, 2, 3, 1) if theirs.ndim == 4 else theirs
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-3, atol=1e-4)


def test_the_peers_steps_do_as_much_work(pair):
    system, step, _, batch = pair
    from torch.utils import flop_counter
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    tensors['label'] = tf.zeros((system.config.batch_size,), tf.int32)
    peer_batch = {name: channels_first(value) for name, value in batch.items()}
    for number in [number for number in steps.cycle(system.config) if number % 16]:  # R1 is beyond torch's counter
        graph = system.compiled_step(system.due(number)).get_concrete_function(tensors).graph
        with flop_counter.FlopCounterMode(display=False) as counter:
            step(peer_batch, number)
        assert flops.of_graph(graph) == pytest.approx(counter.get_total_flops(), rel=0.02)


@pytest.mark.slow
def test_steps_of_the_jax_engine_are_measured_against_the_devices_peaks(tmp_path):
    pytest.importorskip('jax')
    command = [sys.executable, str(ROOT / 'tools' / 'benchmark.py'), 'accelerator', '--presets=dcgan_28',
               '--matrix=256', '--batch_sizes=2', '--precision=float32', '--steps=3', '--warm_ups=1',
               '--set=channel_max=8', f'--output={tmp_path}']
    environment = {**os.environ, 'KERAS_BACKEND': 'jax', 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': str(ROOT),
                   'XLA_FLAGS': '--xla_backend_optimization_level=0'}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    record = json.loads((tmp_path / 'accelerator.json').read_text())
    row, peaks = record['rows'][0], record['settings']['peaks']
    assert row['what'] == 'dcgan_28, batch 2, float32' and 'bound by' in done.stdout
    assert row['more']['bounds_seconds']['arithmetic'] == pytest.approx(row['more']['flops'] / peaks['flops'])
    # A convolution of the generator alone, [2, 14, 14, 8] by 5x5 kernels, is a lower bound of what XLA must count.
    assert row['more']['flops'] > 2 * 2 * 14 * 14 * 8 * 8 * 9
