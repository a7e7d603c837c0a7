"""Files through models that take no style: outputs, receipts, the command, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from stylegan_tf import images, stylizer
from tests import tiny_models
from tests.systems.test_restoration import HINTS, model, system


def run_folder(path, preset):
    """A run folder with one checkpoint of the tiny system."""
    from stylegan_tf.training import checkpoints
    from stylegan_tf.training.run_folder import RunFolder

    built = system(preset)
    with RunFolder(path) as folder:
        folder.write_config({'preset': preset, 'seed': 1, 'config': built.config.as_dict(), 'data': 'sample:photos'})
        checkpoints.save(folder.checkpoints, 5, checkpoints.to_arrays(built.state()),
                         {'images': 20, 'metrics': {}, 'history': {'seconds': 2.0, 'best_step': None}})
    return path


def stylized(preset, content, output, **settings):
    """Runs one file; returns its receipt."""
    worker = stylizer.Stylizer(model(preset), [], stylizer.Settings(**settings))
    report = worker.run(stylizer.plan(content, output), show_progress=False)
    assert report.done == [output] and not report.failures
    return json.loads(output.with_name(output.name + '.json').read_text(encoding='utf-8'))


def test_hints_and_palette_reach_the_model_and_the_receipt(tmp_path):
    content, palette, dots = tmp_path / 'photo.png', tmp_path / 'autumn.png', tmp_path / 'dots.png'
    images.save(content, tiny_models.picture(36, 48, seed=11))
    images.save(palette, tiny_models.picture(30, 30, seed=12))
    Image.fromarray(HINTS).save(dots)
    receipt = stylized('colorize', content, tmp_path / 'out.png', hints=dots, palette=palette)
    expected = model('colorize').stylize(content, hints=dots, palette=palette)
    np.testing.assert_array_equal(images.read(tmp_path / 'out.png'), expected)
    assert receipt['styles'] == [] and receipt['mask'] is None
    assert receipt['hints']['name'] == 'dots.png' and receipt['palette']['name'] == 'autumn.png'
    assert not any('style' in name for name in receipt['measures'])
    metadata = images.read_metadata(tmp_path / 'out.png')
    assert metadata['Description'] == f'Edited by the model {model("colorize").name}' and 'Styles' not in metadata
    # The same command again has nothing to do; other hints make another picture.
    worker = stylizer.Stylizer(model('colorize'), [], stylizer.Settings(hints=dots, palette=palette))
    assert worker.run(stylizer.plan(content, tmp_path / 'out.png'), show_progress=False).skipped
    worker = stylizer.Stylizer(model('colorize'), [], stylizer.Settings(palette=palette))
    assert 'made otherwise' in worker.run(stylizer.plan(content, tmp_path / 'out.png'), show_progress=False).text()


@pytest.mark.slow
def test_the_command_enlarges_a_folder_and_refuses_a_style(tmp_path):
    for name, size in (('a.png', (36, 48)), ('b.jpg', (20, 33))):
        images.save(tmp_path / 'photos' / name, tiny_models.picture(*size))
    run = run_folder(tmp_path / 'run', 'super_resolution_2')
    command = [sys.executable, '-m', 'stylegan_tf', 'stylize', f'--model={run}', f'--content={tmp_path / "photos"}',
               f'--output={tmp_path / "large"}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert images.read(tmp_path / 'large' / 'a.png').shape == (72, 96, 3)
    assert images.read(tmp_path / 'large' / 'b.jpg').shape == (40, 66, 3)
    for extra in ('--style=painting.png', '--style_seed=1'):
        refused = subprocess.run([*command, extra], capture_output=True, text=True, timeout=100)
        assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
        assert f'{run} takes no style: leave --style' in refused.stderr
