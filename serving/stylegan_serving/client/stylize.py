"""Stylises a picture, or a folder of pictures, by a model server.

    python -m stylegan_serving.client stylize --server=grpc://localhost:8500 --model=style \\
        --content=photos/ --style=painting.jpg --output=results/ --strength=0.8

A folder keeps its structure in --output; the same command run again continues where it stopped, also after the server
was down. Beside each result stands a receipt, RESULT.json; OUTPUT/failures.json names what failed. Several styles,
--style=FILE,FILE, are mixed. Exit codes: 0 all done; 1 some pictures failed, each one named; 2 bad usage; 130 Ctrl-C.
"""


from absl import flags

from stylegan_serving.client import call_flags
from stylegan_tf import commands

_CALL = call_flags.define()
_CONTENT = flags.DEFINE_string('content', None, 'Picture, or folder of pictures, to stylise.')
_STYLE = flags.DEFINE_string(
    'style', None, 'Style picture, or several: FILE[,FILE...]; none for a model of one style.')
_OUTPUT = flags.DEFINE_string('output', None, 'File, or folder, for the results.')
_STRENGTH = flags.DEFINE_float('strength', None, 'From 0 (the content itself) to 1; 1 when not given.')
_STYLE_WEIGHTS = flags.DEFINE_list('style_weights', None, 'One number for each style; equal ones when not given.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace results that were made otherwise.')
_PROVENANCE = flags.DEFINE_bool('provenance', True, 'Whether results name model and strength in their metadata.')


def main():
    """Reads the flags and stylises; returns the exit code."""
    call_flags.require(_CONTENT, _OUTPUT)
    weights = commands.numbers(_STYLE_WEIGHTS.value, 'style_weights')
    from stylegan_serving.client import picture_runs, pictures

    styles = [pictures.prepare(path) for path in commands.paths(_STYLE.value)]

    def function(client, items):
        return client.stylize([item.picture for item in items], styles, strength=_STRENGTH.value, style_weights=weights)

    settings = {'strength': 1.0 if _STRENGTH.value is None else _STRENGTH.value,
                'styles': [picture_runs.digest(style) for style in styles], 'style_weights': weights and list(weights)}
    return picture_runs.run(
        'stylized', function, _CALL, settings, source=_CONTENT.value, output=_OUTPUT.value,
        overwrite=_OVERWRITE.value, has_provenance=_PROVENANCE.value)


if __name__ == '__main__':
    commands.run(main, errors=call_flags.errors)
