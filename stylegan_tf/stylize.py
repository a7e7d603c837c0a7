"""Stylises a picture, a folder of pictures or a video clip in the style of one or several others.

    stylegan-tf stylize --content=photo.jpg --style=painting.jpg --output=result.png
    stylegan-tf stylize --model=models/first --content=photos/ --style=painting.jpg --output=results/ --strength=0.8
    stylegan-tf stylize --model=runs/denoise --content=photo.jpg --output=result.png
    stylegan-tf stylize --content=clip.mp4 --style=painting.jpg --output=painted.mp4

Models that mend, fill, colour, enlarge or translate pictures take no --style.

A folder keeps its structure in --output; the same command run again continues where it stopped, in a clip too.
Beside each output stands a receipt, OUTPUT.json. Exit codes: 0 all done; 1 some pictures failed,
each one named; 2 bad usage.
"""

import pathlib
import sys
import warnings

from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string(
    'model', 'arbitrary_style', 'Name (`stylegan-tf models` lists them), folder of an export, run folder, or style '
    'pack.')
_CONTENT = flags.DEFINE_string('content', None, 'Picture, folder of pictures, or video clip, to stylise.')
_STYLE = flags.DEFINE_string(
    'style', None, 'Style picture, or several: FILE[,FILE...]; none for a model that takes none.')
_OUTPUT = flags.DEFINE_string('output', None, 'File, or folder, for the results.')
_STRENGTH = flags.DEFINE_float('strength', 1.0, 'From 0 (the content itself) to 1.')
_STYLE_WEIGHTS = flags.DEFINE_list(
    'style_weights', None, 'One number for each style; equal ones when not given.')
_STYLE_SEED = flags.DEFINE_integer(
    'style_seed', None, "Instead of --style: number of a style out of the model's imagination.")
_STYLE_LABEL = flags.DEFINE_string(
    'style_label', None, 'Instead of --style: a class of styles that the model has learned.')
_KEEP_COLORS = flags.DEFINE_string(
    'keep_colors', 'none', "none; luminance: the content's colours under the result's brightness; "
    "palette: the style is recoloured to the content's palette first.")
_MASK = flags.DEFINE_string(
    'mask', None, 'Grey picture stretched over the content: white is stylised, or filled, black stays.')
_HINTS = flags.DEFINE_string(
    'hints', None, 'For a model that colours: picture stretched over the content, transparent but for dots of colour.')
_PALETTE = flags.DEFINE_string('palette', None, 'For a model that colours: picture whose colours it takes up.')
_DIRECTION = flags.DEFINE_enum(
    'direction', 'forward', ['forward', 'back'],
    'For a translation that was trained both ways: back goes from the pictures of --style_data to those of --data.')
_DIALS = flags.DEFINE_list(
    'dials', [], 'For a look of portraits: NAME=NUMBER[,NAME=NUMBER...] of texture, protect_skin, background, aligned '
    '(0 to 1), variation (a whole number), spread.')
_SWEEP = flags.DEFINE_string(
    'sweep', None, 'strength: a labelled sheet of strengths 0, 0.25, 0.5, 0.75 and 1 instead.')
_TILE = flags.DEFINE_integer(
    'tile', None, 'Longest side in pixels of the pieces that pictures are worked on in, to bound the '
    'memory; chosen by the size of the picture when not given.')
_STEADINESS = flags.DEFINE_float(
    'steadiness', 0.85, 'For clips: share of the frame before, carried along the motion, in each frame; below 1. 0 '
    'paints every frame by itself.')
_IDENTITY_FLOOR = flags.DEFINE_float(
    'identity_floor', None, 'Largest distance between the faces of photograph and result: faces beyond it are blended '
    'back until they pass, and the receipt says so. 0.45 for looks of portraits, else 0 (off), when not given.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace outputs that were made otherwise.')
_PROVENANCE = flags.DEFINE_string(
    'provenance', 'on', 'on: outputs name model, hash and strength in their metadata; off.')
_ENGINE = flags.DEFINE_string(
    'engine', 'auto', 'auto: LiteRT on CPUs where the model has it (shipped models, `export --format=litert`), which '
    'starts within a second, else TensorFlow; litert; tensorflow. The pictures are the same. litert_int8: LiteRT in '
    '8-bit integers, twice as fast, about two of 255 levels off in the mean; the receipt says so.')
_SET = flags.DEFINE_multi_string(
    'set', [], 'With --model=gatys: an option such as size=384 or iterations=300; with --model=photographic_look: '
    'ungraded=FOLDER of portraits without the look, from which local tone and grain are told.')


def main():
    """Reads the flags and stylises; returns the exit code."""
    _check_flags()
    from stylegan_tf import clip_stylizer, clips, stylizer

    settings = stylizer.Settings(
        strength=_STRENGTH.value, style_weights=commands.numbers(_STYLE_WEIGHTS.value, 'style_weights'),
        keep_colors=_KEEP_COLORS.value, **{flag.name: flag.value and pathlib.Path(flag.value)
                                           for flag in (_MASK, _HINTS, _PALETTE)},
        style_seed=_STYLE_SEED.value, style_label=_STYLE_LABEL.value,
        is_sweep=_SWEEP.value is not None, has_provenance=_PROVENANCE.value == 'on',
        overwrite=_OVERWRITE.value, tile=_TILE.value, direction=_DIRECTION.value,
        dials=commands.named_numbers(_DIALS.value, 'dials'), identity_floor=_IDENTITY_FLOOR.value)
    settings.check()
    if clips.is_clip(_CONTENT.value):
        if _IDENTITY_FLOOR.value:
            raise commands.UsageError('--identity_floor is for pictures; frames would flicker. Leave it away.')
        jobs = [clip_stylizer.plan(_CONTENT.value, _OUTPUT.value, is_sweep=settings.is_sweep)]
        report = clip_stylizer.ClipStylizer(_load(), commands.paths(_STYLE.value), settings,
                                            steadiness=_STEADINESS.value).run(jobs)
    else:
        jobs = stylizer.plan(_CONTENT.value, _OUTPUT.value, is_sweep=settings.is_sweep)
        report = stylizer.Stylizer(_load(), commands.paths(_STYLE.value), settings).run(jobs)
    print(report.text())
    if len(report.done) == 1:
        print(report.done[0])
    elif report.done:
        print(f'results in {_OUTPUT.value}')
    if report.was_interrupted:
        print('Interrupted: the best picture so far was kept.', file=sys.stderr)
        return commands.INTERRUPTED
    return commands.SOME_FAILED if report.failures else commands.DONE


def _load():
    from stylegan_tf import api

    if api.engine_for(_MODEL.value, _ENGINE.value) == 'tensorflow':
        commands.import_tensorflow()
        return api.load(_MODEL.value, engine=_ENGINE.value, **_options())
    with warnings.catch_warnings(record=True) as notes, commands.without_native_talk():
        warnings.simplefilter('always')
        model = api.load(_MODEL.value, engine=_ENGINE.value, **_options())
    for note in notes:
        print(f'Note: {note.message}', file=sys.stderr)
    return model


def _check_flags():
    for flag in (_CONTENT, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    _check_style()
    if _SWEEP.value not in (None, 'strength'):
        raise commands.UsageError(f'--sweep must be strength. Received: {_SWEEP.value!r}.')
    if _PROVENANCE.value not in ('on', 'off'):
        raise commands.UsageError(f'--provenance must be on or off. Received: '
                                  f'{_PROVENANCE.value!r}.')


def _check_style():
    from stylegan_tf import api

    from_noise = _STYLE_SEED.value is not None or _STYLE_LABEL.value is not None
    if from_noise and _STYLE_WEIGHTS.value:
        raise commands.UsageError('--style_weights belong to the pictures of --style.')
    if _STYLE.value and from_noise:
        raise commands.UsageError('Give either --style, or --style_seed and --style_label (one or both).')
    try:
        takes_style = api.takes_style(_MODEL.value)
    except api.ModelError:
        return  # told when it is loaded
    has_style = bool(_STYLE.value) or from_noise
    if takes_style and not has_style:
        raise commands.UsageError(f'The model {_MODEL.value} paints in a style. Give either --style, or --style_seed '
                                  'and --style_label (one or both).')
    if not takes_style and (has_style or _STYLE_WEIGHTS.value):
        raise commands.UsageError(f'The model {_MODEL.value} takes no style: leave --style, --style_weights, '
                                  '--style_seed and --style_label away.')


def _options():
    pairs = [setting.partition('=') for setting in _SET.value]
    if not all(equals for _, equals, _ in pairs):
        raise commands.UsageError(f'Expected --set=name=value. Received: {_SET.value}.')
    return {name.strip(): value.strip() for name, _, value in pairs}


def _errors():
    from stylegan_tf import images, loaded_models, stylizer

    return stylizer.StylizerError, loaded_models.ModelError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
