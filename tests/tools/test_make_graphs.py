"""The graphs that ship are what the tool makes today."""

import subprocess
import sys

import pytest

from stylegan_tf.litert import templates
from stylegan_tf.networks import litert_features
from tests.conftest import ROOT


def run(*arguments):
    return subprocess.run([sys.executable, str(ROOT / 'tools' / 'make_graphs.py'), *arguments], cwd=ROOT,
                          capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_network_without_its_weights(tmp_path):
    done = run('--networks=vgg16_hed', f'--output={tmp_path}')
    assert done.returncode == 0, done.stderr
    made, shipped = (templates.read(folder / 'vgg16_hed.zip') for folder in (tmp_path, litert_features.GRAPHS))
    assert made.facts == shipped.facts and made.sources == shipped.sources
    assert len(made.sources) >= 7 and (tmp_path / 'vgg16_hed.zip').stat().st_size < 100_000


def test_usage():
    refused = run()
    assert refused.returncode == 2 and refused.stderr == 'Error: Give --networks or --model; see --help.\n'
