"""Corrects stylised pictures that went wrong; what is not surely better is left as it was, bit for bit.

    stylegan-tf correct --images=results/ --content=photos/ --style=painting.jpg --output=corrected/
    stylegan-tf correct --images=result.png --output=corrected/ --false_alarm_rate=0.01

A picture is repaired if it is flagged at the false-alarm rate and a repair stands up to verification. Writes every
picture below --output with a receipt beside it (PICTURE.json: what was done, or why nothing was), report.html (what
changed most first) and before_after.png. The same command run again continues where it stopped. Exit codes: 0 all done;
1 some pictures failed, each one named; 2 bad usage.
"""

from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string(
    'model', 'anomaly', 'Name (`stylegan-tf models` lists them), folder of an export, or run folder.')
_IMAGES = flags.DEFINE_string('images', None, 'Picture, or folder of pictures, to correct.')
_CONTENT = flags.DEFINE_string(
    'content', None, 'What they were made from, which repairs more: a picture, or a folder with the same names in it.')
_STYLE = flags.DEFINE_string(
    'style', None, 'Whose style they have, which repairs more again: a picture, or a folder with the same names in it.')
_PAIRS = flags.DEFINE_string(
    'pairs', None, 'Instead of --content and --style: CSV table with the columns image, content, style. Images are '
    'relative to --images where that is given, else to the table; the others to the table.')
_FALSE_ALARM_RATE = flags.DEFINE_float(
    'false_alarm_rate', 0.05, 'Share of good pictures that may be taken for bad ones, between 0 and 1.')
_GENERATOR = flags.DEFINE_string(
    'generator', None, 'Model that painted them, by name or folder: painting again is then a repair too. Needs '
    '--content and --style, or --pairs.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the results.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace results that were made otherwise.')
_PROVENANCE = flags.DEFINE_string(
    'provenance', 'on', 'on: repaired pictures name the model and the repair in their metadata; off.')


def main():
    """Reads the flags and corrects; returns the exit code."""
    _check_flags()
    from stylegan_tf import api, corrector, pairings

    if _PAIRS.value:
        found = pairings.read(_PAIRS.value, _IMAGES.value)
    else:
        found = pairings.plan(_IMAGES.value, content=_CONTENT.value, style=_STYLE.value, left_out=[_OUTPUT.value])
    corrector.check_output(_OUTPUT.value, found)
    commands.import_tensorflow()
    generator = None if _GENERATOR.value is None else api.load(_GENERATOR.value)
    settings = corrector.Settings(_FALSE_ALARM_RATE.value, has_provenance=_PROVENANCE.value == 'on',
                                  overwrite=_OVERWRITE.value)
    model = api.load(_MODEL.value, engine='tensorflow')
    report = corrector.Corrector(model, _OUTPUT.value, settings, generator=generator).run(found)
    print(report.text())
    print(f'results in {_OUTPUT.value}')
    return commands.SOME_FAILED if report.failures else commands.DONE


def _check_flags():
    if not (_IMAGES.value or _PAIRS.value) or not _OUTPUT.value:
        raise commands.UsageError('--images (or --pairs) and --output are required; see --help.')
    if _PAIRS.value and (_CONTENT.value or _STYLE.value):
        raise commands.UsageError('--pairs names the references already: leave --content and --style away.')
    if _STYLE.value and not _CONTENT.value:
        raise commands.UsageError('--style is compared together with --content: give both.')
    if _GENERATOR.value and not (_PAIRS.value or _STYLE.value):
        raise commands.UsageError('--generator paints --content in --style again: give both.')
    if not 0 < _FALSE_ALARM_RATE.value < 1:
        raise commands.UsageError(f'--false_alarm_rate must lie between 0 and 1. Received: {_FALSE_ALARM_RATE.value}.')
    if _PROVENANCE.value not in ('on', 'off'):
        raise commands.UsageError(f'--provenance must be on or off. Received: {_PROVENANCE.value!r}.')


def _errors():
    from stylegan_tf import corrector, images, loaded_models, pairings

    return corrector.CorrectorError, pairings.PairingError, loaded_models.ModelError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
