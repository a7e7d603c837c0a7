"""The examples of serving/README.md, run as they stand there, against a running server."""

import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import images
from tests import tiny_models
from tests.serving import server_process

README = pathlib.Path(__file__).parents[3] / 'serving' / 'README.md'


def example(heading):
    """The code blocks below a heading, as one text."""
    text = README.read_text(encoding='utf-8')
    section = re.search(rf'^### {re.escape(heading)}\n(.*?)(?=^##|\Z)', text, re.DOTALL | re.MULTILINE)
    assert section, f'no heading {heading!r}'
    blocks = re.findall(r'(?:^(?: {4}.*)?\n)+', section[1], re.MULTILINE)
    code = '\n'.join(textwrap.dedent(block).strip('\n') for block in blocks if block.strip())
    assert code
    return code


@pytest.fixture(scope='module')
def folder(served_models, tmp_path_factory):
    """The folder that the examples expect to work in."""
    folder = tmp_path_factory.mktemp('readme')
    (folder / 'models').symlink_to(served_models)
    for path in ('photo.jpg', 'other.jpg', 'photos/a.jpg', 'photos/b/c.png'):
        images.save(folder / path, tiny_models.picture(40, 56, len(path)))
    images.save(folder / 'painting.jpg', tiny_models.picture(36, 30, 9))
    return folder


@pytest.fixture(autouse=True)
def work_there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / 'result.png').unlink(missing_ok=True)


@pytest.fixture(scope='module')
def expected(folder):
    """What TensorFlow makes of the same files, uint8 [H, W, 3]."""
    model = tf.saved_model.load(str(folder / 'models' / 'style' / '1'))
    result = model.signatures['serving_default'](
        content_bytes=tf.constant([(folder / 'photo.jpg').read_bytes()]), strength=tf.constant([0.8]),
        style_bytes=tf.constant([(folder / 'painting.jpg').read_bytes()]))
    return images.read(result['stylized_bytes'][0].numpy())


def addressed(code, server):
    return code.replace('localhost:8500', server.grpc).replace('http://localhost:8501', server.rest)


def check(expected):
    result = images.read('result.png')
    assert result.shape == expected.shape
    # Keras decodes JPEG by Pillow, which differs from TensorFlow's decoder by a level or two.
    assert np.abs(result.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize('heading', ['TensorFlow', 'As of TensorFlow Hub', 'As a layer of Keras'])
def test_examples_without_a_server(heading, expected):
    exec(compile(example(heading), str(README), 'exec'), {})
    check(expected)


@pytest.mark.parametrize('heading', ['Python', 'Python with asyncio'])
def test_examples_of_the_client(heading, server, expected, capsys):
    code = addressed(example(heading), server)
    assert server.grpc in code
    exec(compile(code, str(README), 'exec'), {})
    check(expected)
    assert capsys.readouterr().out == ('(40, 56, 3) 1\n' if heading == 'Python' else '')


@pytest.mark.skipif(not shutil.which('curl'), reason='curl is not installed')
def test_example_of_curl(server, expected):
    run_shell(addressed(example('curl'), server))
    check(expected)


def test_example_of_folders(server, folder):
    run_shell(addressed(example('Folders'), server).replace('python ', f'{sys.executable} '))
    results = folder / 'results'
    assert sorted(path.relative_to(results).as_posix() for path in results.rglob('*.*g')) == ['a.jpg', 'b/c.png']


def run_shell(code):
    done = subprocess.run(['bash', '-euo', 'pipefail', '-c', code], text=True, capture_output=True, timeout=120,
                          env=server_process.environment())
    assert done.returncode == 0, done.stderr
