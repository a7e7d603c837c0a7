"""Training steps as subjects: ours, and the same networks, losses and batch in PyTorch."""

import collections
import dataclasses
import math

PRESETS = ('style_transfer_128', 'stylegan_64', 'cyclegan_128')


def plain_config(preset, batch_size=0):
    """The preset's config, painting from its first step on, with its own batch or another one."""
    from stylegan_tf import configs

    config = configs.PRESETS[preset].config
    changes = {'warmup_images': 0} if hasattr(config, 'warmup_images') else {}
    if batch_size:
        changes['batch_size'] = batch_size
    return dataclasses.replace(config, **changes)


def pictures(config, roles, seed=0):
    """Dict role -> smooth random pictures, float32 [B, H, W, 3] in [-1, 1]."""
    import cv2
    import numpy as np

    generator, batch = np.random.default_rng(seed), {}
    for role in roles:
        coarse = generator.uniform(-1, 1, (config.batch_size, 8, 8, 3)).astype(np.float32)
        batch[role] = np.clip(np.stack([cv2.resize(image, (config.width, config.height)) for image in coarse]), -1, 1)
    return batch


def cycle(config):
    """Dict step -> how many steps of a cycle of lazy regularisation do the same as it."""
    lazy = sorted(every for every, weight in ((getattr(config, 'path_length_every', 1),
                                               getattr(config, 'path_length_weight', 0)),
                                              (getattr(config, 'r1_every', 1), getattr(config, 'r1_weight', 0)))
                  if weight and every > 1)
    length, counts, examples = math.lcm(1, *lazy), collections.Counter(), {}
    for step in range(1, length + 1):
        kind = tuple(step % every == 0 for every in lazy)
        counts[examples.setdefault(kind, step)] += 1
    return dict(counts)


def ours(preset, batch_size=0, counts=True):
    """Work: the TensorFlow engine's compiled step. A task is a number of a step; which phases are due follows from it.

    With `counts` each answer tells the `flops` of the step.
    """
    import tensorflow as tf
    from benchmarks import flops

    from stylegan_tf.training import budget

    config = plain_config(preset, batch_size)
    system = config.build()
    batch = next(budget.synthetic_feed(system, config)(config.batch_size))
    if preset in PRESETS:
        batch |= {name: tf.constant(value) for name, value in pictures(config, system.roles).items()}
    compiled, counted = {}, {}

    def work(step):
        due = system.due(step)
        if due not in compiled:
            compiled[due] = system.compiled_step(due)
            if counts:
                counted[due] = flops.of_graph(compiled[due].get_concrete_function(batch).graph)
        logs = compiled[due](batch)
        return {'loss': float(logs[f'{due[0]}/total'].numpy()), 'flops': counted.get(due)}
    return work


def torch_peer(preset, batch_size=0):
    """Work: the same step by PyTorch, eager, channels_last."""
    import os

    import torch
    from benchmarks.peers import torch_cyclegan, torch_style_transfer, torch_stylegan

    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    torch.manual_seed(0)
    config = plain_config(preset, batch_size)
    kind = {'style_transfer': torch_style_transfer, 'stylegan': torch_stylegan, 'cyclegan': torch_cyclegan}
    step = kind[preset.rpartition('_')[0]].Step(config)
    batch = {name: torch.from_numpy(value).permute(0, 3, 1, 2).to(memory_format=torch.channels_last)
             for name, value in pictures(config, ('image', 'content', 'style')).items()}
    return lambda number: {'loss': step(batch, number)}
