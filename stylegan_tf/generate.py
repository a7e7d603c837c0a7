"""Draws pictures from noise: folders, grids, films, sweeps of the truncation, matrices of mixed styles.

    stylegan-tf generate --model=runs/digits --count=100 --label=7 --output=sevens/
    stylegan-tf generate --model=runs/digits --what=classes --count=500 --output=digits/     # digits/0 ... 9: a --data
    stylegan-tf generate --model=runs/digits --what=film --count=10 --output=walk.gif        # or .mp4
    stylegan-tf generate --model=runs/digits --what=mixing --count=6 --output=mixing.png

The same --seed draws the same pictures. A folder is continued by the same command; generated.json in it says how its
pictures were made. Exit codes: 0 all done; 2 bad usage.
"""

import sys

from absl import flags

from stylegan_tf import commands

WHAT = ('pictures', 'classes', 'grid', 'film', 'truncation', 'mixing')

_MODEL = flags.DEFINE_string('model', None, 'Name, folder of an export, or run folder of a model that draws.')
_WHAT = flags.DEFINE_string(
    'what', 'pictures', 'pictures: a folder; classes: a folder of --count for each class; grid: one sheet; film: '
    'from each of --count pictures to the next (.gif, .mp4, .avi); truncation: --count pictures from their mean to '
    'all there is; mixing: --count pictures with the styles of --count others.')
_COUNT = flags.DEFINE_integer('count', 16, 'Number of pictures; see --what.')
_SEED = flags.DEFINE_integer('seed', 0, 'Decides the noise.')
_LABEL = flags.DEFINE_string('label', None, 'Class to draw; any when not given.')
_TRUNCATION = flags.DEFINE_float('truncation', 1.0, 'From 0 (the mean picture) to 1 (all there is); 0.7 is usual.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder, or file of a sheet or film.')
_LAYERS = flags.DEFINE_list('layers', None, 'With --what=mixing: first and last layer whose style is taken from the '
                            'left, such as 0,3; the coarser half when not given.')
_FRAMES = flags.DEFINE_integer('frames', 24, 'With --what=film: frames from each picture to the next.')
_FRAMES_PER_SECOND = flags.DEFINE_float('frames_per_second', 24.0, 'With --what=film.')
_ENLARGE = flags.DEFINE_integer('enlarge', 0, 'Sheets and films: whole factor of enlargement; by the size when 0.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace pictures of a folder that were made otherwise.')
_PROVENANCE = flags.DEFINE_string('provenance', 'on', 'on: pictures name the model in their metadata; off.')


def main():
    """Reads the flags and draws; returns the exit code."""
    layers = _check_flags()
    from stylegan_tf import animations, api, drawings

    if _WHAT.value == 'film':
        animations.check_suffix(_OUTPUT.value)
    settings = drawings.Settings(_COUNT.value, _SEED.value, _LABEL.value, _TRUNCATION.value, _ENLARGE.value,
                                 has_provenance=_PROVENANCE.value == 'on')
    commands.import_tensorflow()
    model = api.load(_MODEL.value, engine='tensorflow')
    if 'generate' not in model.offers:
        model.generate()  # says what it offers instead
    if _WHAT.value in ('pictures', 'classes'):
        write = drawings.write_folder if _WHAT.value == 'pictures' else drawings.write_classes
        count = write(model, _OUTPUT.value, settings, overwrite=_OVERWRITE.value, progress=_progress)
        print(f'{count} pictures drawn; results in {_OUTPUT.value}')
    elif _WHAT.value == 'film':
        frames = drawings.interpolation(model, settings, _FRAMES.value)
        animations.write(_OUTPUT.value, frames, _FRAMES_PER_SECOND.value)
        print(_OUTPUT.value)
    else:
        draw = {'grid': drawings.grid, 'truncation': drawings.truncation_sweep,
                'mixing': lambda *options: drawings.mixing_matrix(*options, layers)}[_WHAT.value]
        drawings.save_sheet(_OUTPUT.value, draw(model, settings), model, settings)
        print(_OUTPUT.value)
    return commands.DONE


def _progress(groups):
    import tqdm
    return tqdm.tqdm(groups, unit='group', mininterval=0.1 if sys.stderr.isatty() else 30, disable=len(groups) < 2)


def _check_flags():
    """The layers of --layers, or None."""
    for flag in (_MODEL, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    if _WHAT.value not in WHAT:
        raise commands.UsageError(f'--what must be one of {", ".join(WHAT)}. Received: {_WHAT.value!r}.')
    if _PROVENANCE.value not in ('on', 'off'):
        raise commands.UsageError(f'--provenance must be on or off. Received: {_PROVENANCE.value!r}.')
    for flag, least in ((_COUNT, 1), (_FRAMES, 1), (_SEED, 0), (_ENLARGE, 0)):
        if flag.value < least:
            raise commands.UsageError(f'--{flag.name} must be at least {least}. Received: {flag.value}.')
    if not 0 <= _TRUNCATION.value <= 1:
        raise commands.UsageError(f'--truncation must lie between 0 and 1. Received: {_TRUNCATION.value}.')
    if not _FRAMES_PER_SECOND.value > 0:
        raise commands.UsageError(f'--frames_per_second must be above 0. Received: {_FRAMES_PER_SECOND.value}.')
    if _LAYERS.value is None:
        return None
    if _WHAT.value != 'mixing' or len(_LAYERS.value) != 2 or not all(part.isdecimal() for part in _LAYERS.value):
        raise commands.UsageError('--layers belongs to --what=mixing and is two whole numbers, such as 0,3. '
                                  f'Received: {",".join(_LAYERS.value)}.')
    return tuple(int(part) for part in _LAYERS.value)


def _errors():
    from stylegan_tf import drawings, images, loaded_models

    return drawings.DrawingError, loaded_models.ModelError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
