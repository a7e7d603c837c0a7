"""Repairs pictures that score badly, by a model server.

    python -m stylegan_serving.client correct --server=grpc://localhost:8500 --model=critic \\
        --images=results/ --content=photos/ --output=corrected/

A folder keeps its structure in --output; the same command run again continues where it stopped. The receipt beside
each result, RESULT.json, tells whether the correction was accepted, and the scores before and after.
Exit codes: 0 all done; 1 some pictures failed, each one named in OUTPUT/failures.json; 2 bad usage; 130 Ctrl-C.
"""

from absl import flags

from stylegan_serving.client import call_flags
from stylegan_tf import commands

_CALL = call_flags.define()
_IMAGES = flags.DEFINE_string('images', None, 'Picture, or folder of pictures, to correct.')
_CONTENT = flags.DEFINE_string(
    'content', None, 'What they were made from: a picture, or a folder with the same names below it.')
_STYLE = flags.DEFINE_string(
    'style', None, 'Whose style they took: a picture, or a folder with the same names below it; needs --content.')
_OUTPUT = flags.DEFINE_string('output', None, 'File, or folder, for the results.')
_FALSE_ALARM_RATE = flags.DEFINE_float(
    'false_alarm_rate', 0.05, 'Share of good pictures that may be taken for bad ones, from 0 to 1.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace results that were made otherwise.')
_PROVENANCE = flags.DEFINE_bool('provenance', True, 'Whether results name the model in their metadata.')


def main():
    """Reads the flags and corrects; returns the exit code."""
    call_flags.require(_IMAGES, _OUTPUT)
    from stylegan_serving.client import folders, picture_runs

    def function(client, items):
        return client.correct([item.picture for item in items], **folders.references(items),
                              false_alarm_rate=_FALSE_ALARM_RATE.value)

    return picture_runs.run(
        'corrected', function, _CALL, {'false_alarm_rate': _FALSE_ALARM_RATE.value}, source=_IMAGES.value,
        content=_CONTENT.value, style=_STYLE.value, output=_OUTPUT.value, overwrite=_OVERWRITE.value,
        has_provenance=_PROVENANCE.value)


if __name__ == '__main__':
    commands.run(main, errors=call_flags.errors)
