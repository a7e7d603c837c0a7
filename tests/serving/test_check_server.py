"""The check of a server: it agrees with TensorFlow on the same model and tells another model apart."""

import subprocess
import sys

import pytest

from stylegan_tf import images
from tests import tiny_models
from tests.conftest import ROOT
from tests.serving.server_process import environment


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pictures')
    for seed, name in enumerate(('content', 'style')):
        images.save(folder / f'{name}.png', tiny_models.picture(40, 52, seed=seed))
    return [f'--content={folder}/content.png,{folder}/style.png', f'--style={folder}/style.png']


@pytest.fixture(scope='module')
def copier(tmp_path_factory):
    """Versions of a model that returns the content as it is."""
    import tensorflow as tf

    class Copier(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'content_bytes'),
                                      tf.TensorSpec([None], tf.string, 'style_bytes'),
                                      tf.TensorSpec([None], tf.float32, 'strength')])
        def copy(self, content_bytes, style_bytes, strength):
            with tf.control_dependencies([tf.identity(style_bytes), tf.identity(strength)]):
                return {'stylized_bytes': tf.identity(content_bytes)}

    base, model = tmp_path_factory.mktemp('copier'), Copier()
    tf.saved_model.save(model, str(base / '1'), signatures={'serving_default': model.copy})
    return base


def run(*arguments):
    return subprocess.run([sys.executable, 'tools/check_server.py', *map(str, arguments)], cwd=ROOT, text=True,
                          capture_output=True, timeout=300, env=environment())


@pytest.mark.slow
def test_a_server_of_its_own_agrees_over_both_protocols(pictures, tmp_path):
    done = run(f'--model={tiny_models.exported()}', *pictures, '--levels=0', f'--output={tmp_path}/served')
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('largest difference to TensorFlow 0 of 255') == 2
    assert sorted(path.name for path in (tmp_path / 'served').iterdir()) == [
        'content_by_grpc.png', 'content_by_http.png', 'style_by_grpc.png', 'style_by_http.png']


@pytest.mark.slow
def test_a_server_with_another_answer_is_found_out(pictures, copier, local_server):
    with local_server('--model_name=tiny', f'--model_base_path={tiny_models.exported()}') as server:
        done = run(f'--model={copier}', f'--servers={server.rest}', '--served_name=tiny', *pictures)
    assert done.returncode == 1, done.stderr
    assert 'largest difference' in done.stdout


@pytest.mark.parametrize('arguments, message', [
    (['--content=a', '--style=b'], '--model is required'),
    (['--model=tests', '--content=a', '--style=b'], 'must hold versions'),
])
def test_bad_usage_is_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
