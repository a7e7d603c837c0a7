#!/usr/bin/env python
"""Checks that a model server answers what the SavedModel answers in TensorFlow itself, over gRPC and REST.

    python tools/check_server.py --model=models/first --content=photo.jpg --style=painting.jpg --output=served/

starts the local server over models/first; with --servers=grpc://HOST:8500,http://HOST:8501 --served_name=first it asks
running ones, which must serve the same version. The served pictures are written into --output. Exit code: 0 all
answers equal TensorFlow's within --levels of 255, 1 some do not, 2 bad usage.
"""

import contextlib
import pathlib
import socket
import subprocess
import sys

from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', None, 'Folder of the versions of an exported style-transfer model.')
_SERVERS = flags.DEFINE_list('servers', [], 'Running servers; a local one is started where none is named.')
_NAME = flags.DEFINE_string('served_name', 'model', 'Name under which --servers serve it.')
_CONTENT = flags.DEFINE_list('content', None, 'Pictures to send in one request.')
_STYLE = flags.DEFINE_string('style', None, 'Style picture.')
_STRENGTH = flags.DEFINE_float('strength', 0.8, 'Strength of the style, 0 to 1.', lower_bound=0, upper_bound=1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the served pictures; none are written without it.')
_LEVELS = flags.DEFINE_integer('levels', 1, 'Largest difference of a pixel, of 255 levels.', lower_bound=0)


def main():
    """Reads the flags and compares; returns the exit code."""
    for flag in (_MODEL, _CONTENT, _STYLE):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    version = _newest(pathlib.Path(_MODEL.value))
    commands.import_tensorflow()
    expected = _by_tensorflow(version)
    with contextlib.ExitStack() as stack:
        servers = _SERVERS.value or stack.enter_context(_local_server(version.parent))
        differences = [_compare(server, int(version.name), expected) for server in servers]
    return commands.DONE if max(differences) <= _LEVELS.value else commands.SOME_FAILED


def _newest(folder):
    versions = [path for path in folder.glob('*') if path.name.isdecimal() and (path / 'saved_model.pb').is_file()]
    if not versions:
        raise commands.UsageError(f'--model={folder} must hold versions, such as {folder}/1/saved_model.pb. Make one '
                                  'with `stylegan-tf export`.')
    return max(versions, key=lambda path: int(path.name))


def _by_tensorflow(version):
    """Stylised pictures, list of uint8 [H, W, 3], by the loaded SavedModel in this process."""
    import tensorflow as tf

    from stylegan_serving.client import pictures
    from stylegan_tf import images
    contents, [style] = ([pictures.prepare(path).encoded for path in paths]
                         for paths in (_CONTENT.value, [_STYLE.value]))
    signature = tf.saved_model.load(str(version)).signatures['serving_default']
    outputs = signature(content_bytes=tf.constant(contents), style_bytes=tf.constant([style] * len(contents)),
                        strength=tf.fill([len(contents)], _STRENGTH.value))
    return [images.read(encoded) for encoded in outputs['stylized_bytes'].numpy()]


@contextlib.contextmanager
def _local_server(folder):
    """The addresses of a local server over the model, which ends with the block."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(('127.0.0.1', 0))
        two.bind(('127.0.0.1', 0))
        grpc_port, rest_port = one.getsockname()[1], two.getsockname()[1]
    command = [sys.executable, '-m', 'stylegan_serving.local_server', f'--port={grpc_port}',
               f'--rest_api_port={rest_port}', f'--model_name={_NAME.value}', f'--model_base_path={folder.resolve()}']
    process = subprocess.Popen(command)
    try:
        yield [f'grpc://127.0.0.1:{grpc_port}', f'http://127.0.0.1:{rest_port}']
    finally:
        process.terminate()
        process.wait(60)


def _compare(server, version, expected):
    """Largest difference between a server's pictures and TensorFlow's, in levels; prints and writes them."""
    import numpy as np

    from stylegan_serving import client
    with client.connect(server, model=_NAME.value, version=version) as served:
        served.wait_until_available(deadline_seconds=120)
        results = served.stylize(list(_CONTENT.value), _STYLE.value, strength=_STRENGTH.value)
    difference = max(int(np.abs(result.pixels.astype(int) - wanted).max())
                     for result, wanted in zip(results, expected, strict=True))
    for path, result in zip(_CONTENT.value, results):
        if _OUTPUT.value:
            scheme = server.partition(':')[0]
            result.save(pathlib.Path(_OUTPUT.value) / f'{pathlib.Path(path).stem}_by_{scheme}.png')
    print(f'{server}: {len(results)} pictures, largest difference to TensorFlow {difference} of 255 levels')
    return difference


def _errors():
    from stylegan_serving.client import ClientError
    from stylegan_tf.images import ImageError
    return (ClientError, ImageError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
