#!/usr/bin/env python
"""Finds the style codes that draw a photograph: inversion of a trained StyleGAN into W or W+.

    python tools/project.py --workdir=runs/faces --image=photo.jpg --output=projected/
    python tools/project.py --workdir=runs/digits --image=seven.png --label=7 --space=w+ --output=projected/

Written are target.png, projected.png, sequence.png (the way there), sequence.gif, code.npz (code float32 [L, D], for
`model.draw` of a loaded model) and report.json. The photograph is cut to its middle and resized to the model's size. W
(one style for all layers) stays where the generator draws well; W+ (a style for each layer) comes nearer.
"""

import io
import json
import pathlib
import sys

import numpy as np
from absl import flags

from stylegan_tf import commands

_WORKDIR = flags.DEFINE_string('workdir', None, 'Run folder of a training, or the name of a model that ships.')
_IMAGE = flags.DEFINE_string('image', None, 'The photograph.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the results.')
_SPACE = flags.DEFINE_enum('space', 'w', ['w', 'w+'], 'One style for all layers, or one for each.')
_LABEL = flags.DEFINE_string('label', None, 'Class that the search starts from; all classes when not given.')
_STEPS = flags.DEFINE_integer('steps', 500, 'Steps of the search.', lower_bound=1)
_LEARNING_RATE = flags.DEFINE_float('learning_rate', 0.1, 'At most; it rises at first and falls at the end.')
_PERCEPTUAL = flags.DEFINE_string('perceptual', 'vgg16_hed', 'Frozen network that compares pictures, by name or path.')
_PERCEPTUAL_WEIGHT = flags.DEFINE_float('perceptual_weight', 1.0, 'Of the difference of features.')
_PIXEL_WEIGHT = flags.DEFINE_float('pixel_weight', 1.0, 'Of the mean square difference of pixels.')
_SEED = flags.DEFINE_integer('seed', 0, 'Decides the exploring noise.')
_FRAMES = flags.DEFINE_integer('frames', 40, 'Pictures of the sequence.', lower_bound=2)
_SHEET_COLUMNS = 8


def main():
    """Searches and writes."""
    for flag in (_WORKDIR, _IMAGE, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    from stylegan_tf import images

    picture = images.read(_IMAGE.value)
    commands.import_tensorflow()
    from stylegan_tf import exporter
    from stylegan_tf.systems import projection

    system, _, card = exporter.load_run(_WORKDIR.value, has_twins=False)
    settings = projection.Settings(
        space=_SPACE.value, steps=_STEPS.value, learning_rate=_LEARNING_RATE.value, perceptual=_PERCEPTUAL.value,
        perceptual_weight=_PERCEPTUAL_WEIGHT.value, pixel_weight=_PIXEL_WEIGHT.value, seed=_SEED.value)
    target = images.cover_crop(picture, (system.config.height, system.config.width))
    projector = projection.Projector(system, settings)
    with _bar() as bar:
        def note(step, loss):
            bar.update(step - bar.n)
            bar.set_postfix(loss=f'{loss:.4g}', refresh=False)

        found = projector.project(images.to_float(target), _label(system.config),
                                  keep_every=max(1, _STEPS.value // (_FRAMES.value - 1)), note=note)
    _write(pathlib.Path(_OUTPUT.value), target, found, settings, card)
    print(f'{_OUTPUT.value}: mean square difference of pixels {found.distances[0]:.4f} at first, '
          f'{found.distances[1]:.4f} now')


def _bar():
    import tqdm
    return tqdm.tqdm(total=_STEPS.value, unit='step', mininterval=0.2 if sys.stderr.isatty() else 30)


def _label(config):
    if _LABEL.value is None:
        return None
    if not config.num_labels or _LABEL.value not in config.label_names:
        known = ', '.join(config.label_names) if config.num_labels else 'none'
        raise commands.UsageError(f'--label={_LABEL.value}: the model does not know this class. It knows: {known}.')
    return config.label_names.index(_LABEL.value)


def _write(folder, target, found, settings, card):
    from stylegan_tf import animations, files, images

    pictures = [(step, images.to_uint8(picture)) for step, picture in found.sequence]
    times = -(-128 // min(target.shape[:2]))
    images.save(folder / 'target.png', target)
    images.save(folder / 'projected.png', pictures[-1][1])
    chosen = np.unique(np.linspace(0, len(pictures) - 1, _SHEET_COLUMNS).round().astype(int))
    shown = [(f'step {pictures[index][0]}', pictures[index][1]) for index in chosen] + [('photograph', target)]
    images.save(folder / 'sequence.png', images.grid([[_enlarged(picture, times) for _, picture in shown]],
                                                     column_labels=[label for label, _ in shown]))
    frames = [np.concatenate([_enlarged(picture, times), _enlarged(target, times)], axis=1) for _, picture in pictures]
    animations.write(folder / 'sequence.gif', frames, 10)
    buffer = io.BytesIO()
    np.savez(buffer, code=found.code)
    files.write_whole(folder / 'code.npz', buffer.getvalue())
    report = {'image': _IMAGE.value, 'workdir': _WORKDIR.value, 'step': card['step'], 'space': settings.space,
              'steps': settings.steps, 'perceptual': settings.perceptual, 'seed': settings.seed,
              'pixel_distance_before': found.distances[0], 'pixel_distance': found.distances[1], 'losses': found.losses}
    files.write_whole(folder / 'report.json', (json.dumps(report, indent=1) + '\n').encode())


def _enlarged(picture, times):
    return np.repeat(np.repeat(picture, times, axis=0), times, axis=1)


def _errors():
    from stylegan_tf import configs, exporter, images
    from stylegan_tf.training import checkpoints, run_folder

    return (exporter.ExportError, images.ImageError, configs.ConfigError, checkpoints.CheckpointError,
            run_folder.RunFolderError, ValueError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
