"""Scores stylised pictures for anomalies: which went wrong, where and how, at a promised false-alarm rate.

    stylegan-tf score --images=results/ --content=photos/ --style=painting.jpg --output=report.json
    stylegan-tf score --model=runs/critic --images=result.png --output=report.json --false_alarm_rate=0.01

Writes report.json, report.html (the worst first) and a folder report_maps/ of pictures with the damage found laid over
them. The same command run again continues where it stopped; scores are not computed twice. Exit codes: 0 all done;
1 some pictures failed, each one named; 2 bad usage.
"""

from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string(
    'model', 'anomaly', 'Name (`stylegan-tf models` lists them), folder of an export, or run folder.')
_IMAGES = flags.DEFINE_string('images', None, 'Picture, or folder of pictures, to score.')
_CONTENT = flags.DEFINE_string(
    'content', None, 'What they were made from, which finds more: a picture, or a folder with the same names in it.')
_STYLE = flags.DEFINE_string(
    'style', None, 'Whose style they have, which finds more again: a picture, or a folder with the same names in it.')
_PAIRS = flags.DEFINE_string(
    'pairs', None, 'Instead of --content and --style: CSV table with the columns image, content, style. Images are '
    'relative to --images where that is given, else to the table; the others to the table.')
_FALSE_ALARM_RATE = flags.DEFINE_float(
    'false_alarm_rate', 0.05, 'Share of good pictures that may be flagged, between 0 and 1.')
_OUTPUT = flags.DEFINE_string('output', None, 'The report to write, such as report.json.')


def main():
    """Reads the flags and scores; returns the exit code."""
    _check_flags()
    from stylegan_tf import api, pairings, scorer

    if _PAIRS.value:
        found = pairings.read(_PAIRS.value, _IMAGES.value)
    else:
        found = pairings.plan(_IMAGES.value, content=_CONTENT.value, style=_STYLE.value,
                              left_out=[scorer.maps_folder(_OUTPUT.value)])
    commands.import_tensorflow()
    model = api.load(_MODEL.value, engine='tensorflow')
    done = scorer.Scorer(model, _OUTPUT.value, false_alarm_rate=_FALSE_ALARM_RATE.value)
    report = done.run(found)
    print(report.text())
    print(f'{done.path}\n{done.page}')
    return commands.SOME_FAILED if report.failures else commands.DONE


def _check_flags():
    if not (_IMAGES.value or _PAIRS.value) or not _OUTPUT.value:
        raise commands.UsageError('--images (or --pairs) and --output are required; see --help.')
    if not _OUTPUT.value.endswith('.json'):
        raise commands.UsageError(f'--output must be a file such as report.json. Received: {_OUTPUT.value}.')
    if _PAIRS.value and (_CONTENT.value or _STYLE.value):
        raise commands.UsageError('--pairs names the references already: leave --content and --style away.')
    if _STYLE.value and not _CONTENT.value:
        raise commands.UsageError('--style is compared together with --content: give both.')
    if not 0 < _FALSE_ALARM_RATE.value < 1:
        raise commands.UsageError(f'--false_alarm_rate must lie between 0 and 1. Received: {_FALSE_ALARM_RATE.value}.')


def _errors():
    from stylegan_tf import images, loaded_models, pairings, scorer

    return scorer.ScorerError, pairings.PairingError, loaded_models.ModelError, images.ImageError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
