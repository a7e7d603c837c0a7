"""Scores pictures for anomalies, by a model server.

    python -m stylegan_serving.client score --server=grpc://localhost:8500 --model=critic \\
        --images=results/ --content=photos/ --output=report.json

Writes report.json and a folder report_maps/ of anomaly maps; the same command run again continues where it stopped.
Exit codes: 0 all done; 1 some pictures failed, each one named in the report; 2 bad usage; 130 Ctrl-C.
"""

from absl import flags

from stylegan_serving.client import call_flags
from stylegan_tf import commands

_CALL = call_flags.define()
_IMAGES = flags.DEFINE_string('images', None, 'Picture, or folder of pictures, to score.')
_CONTENT = flags.DEFINE_string(
    'content', None, 'What they were made from: a picture, or a folder with the same names below it.')
_STYLE = flags.DEFINE_string(
    'style', None, 'Whose style they took: a picture, or a folder with the same names below it; needs --content.')
_OUTPUT = flags.DEFINE_string('output', None, 'The report to write, such as report.json.')
_FALSE_ALARM_RATE = flags.DEFINE_float(
    'false_alarm_rate', 0.05, 'Pictures are flagged up to this p-value: the share of good ones that would be, too.')


def main():
    """Reads the flags and scores; returns the exit code."""
    call_flags.require(_IMAGES, _OUTPUT)
    if not _OUTPUT.value.endswith('.json'):
        raise commands.UsageError(f'--output must be a file such as report.json. Received: {_OUTPUT.value}.')
    if not 0 <= _FALSE_ALARM_RATE.value <= 1:
        raise commands.UsageError(f'--false_alarm_rate must be from 0 to 1. Received: {_FALSE_ALARM_RATE.value}.')
    from stylegan_serving.client import folders, picture_runs

    def function(client, items):
        return client.score([item.picture for item in items], **folders.references(items))

    return picture_runs.run_scores(function, _CALL, {}, source=_IMAGES.value, content=_CONTENT.value,
                                   style=_STYLE.value, output=_OUTPUT.value, false_alarm_rate=_FALSE_ALARM_RATE.value)


if __name__ == '__main__':
    commands.run(main, errors=call_flags.errors)
