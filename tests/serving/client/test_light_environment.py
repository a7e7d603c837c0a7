"""The REST client where neither TensorFlow nor grpc is installed."""

import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]
REQUIREMENTS = ('httpx', 'numpy', 'pillow', 'opencv-python-headless', 'absl-py', 'tqdm')  # as serving/README.md says
CODE = '''
import importlib.util, sys
assert not any(importlib.util.find_spec(name) for name in ('tensorflow', 'keras', 'grpc', 'google')), 'not a light one'
from stylegan_serving import client
with client.connect(sys.argv[1], model='style') as styles:
    result = styles.stylize(sys.argv[2], sys.argv[3], strength=0.5)
    print(result.pixels.shape, styles.of('critic').score(result.encoded).anomaly_score > 0)
try:
    client.connect('grpc://localhost:1')
except client.InputError as error:
    print(error)
'''


@pytest.mark.slow
def test_the_rest_client_works_in_an_environment_of_its_own(server, pictures, tmp_path):
    source = tmp_path / 'source'  # a copy, because building leaves files behind
    shutil.copytree(ROOT / 'stylegan_tf', source / 'stylegan_tf', ignore=shutil.ignore_patterns('pretrained', 'graphs'))
    shutil.copytree(ROOT / 'serving', source / 'serving')
    for name in ('setup.py', 'setup.cfg', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, source)
    python = tmp_path / 'environment' / 'bin' / 'python'
    for command in ([sys.executable, '-m', 'venv', python.parents[1]],
                    [python, '-m', 'pip', 'install', '--quiet', *REQUIREMENTS],
                    [python, '-m', 'pip', 'install', '--quiet', '--no-deps', source]):
        done = subprocess.run(command, text=True, capture_output=True, timeout=400, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def run(*arguments):
        # No PYTHONPATH: nothing of this checkout nor of the tests' environment is found.
        return subprocess.run([python, '-I', *map(str, arguments)], text=True, capture_output=True, timeout=120,
                              cwd=tmp_path)

    done = run('-c', CODE, server.rest, pictures.photo, pictures.painting)
    lines = done.stdout.splitlines()
    assert lines[:1] == ['(40, 56, 3) True'], done.stderr
    assert lines[1].startswith('grpc:// needs a package that is missing') and 'http:// needs neither' in lines[1]
    done = run('-m', 'stylegan_serving.client', 'stylize', f'--server={server.rest}', '--model=style',
               f'--content={pictures.photo}', f'--style={pictures.painting}', f'--output={tmp_path}/out.png')
    assert done.returncode == 0 and (tmp_path / 'out.png').is_file(), done.stderr
    done = run('-m', 'stylegan_serving.client', 'status', '--server=grpc://localhost:1', '--model=style')
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith('Error: grpc:// needs a package that is missing')
