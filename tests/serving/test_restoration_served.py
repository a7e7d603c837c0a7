"""From photographs to a served model without a style: trained, exported, served and asked through sockets."""

import subprocess
import sys

import numpy as np
import pytest

from stylegan_serving import client
from stylegan_tf import api, images
from tests import tiny_models

SETTINGS = ('resolution=32', 'batch_size=2', 'total_images=8', 'adversarial_images=4', 'evaluation_images=2',
            'generator_channels=4,6', 'discriminator_channels=4', 'perceptual_layers=relu1_1')


@pytest.mark.slow
def test_a_model_without_a_style_is_trained_exported_and_served(tmp_path, local_server):
    for index in range(6):
        images.save(tmp_path / 'photos' / f'{index}.png', tiny_models.picture(48, 56, seed=index))
    command = [sys.executable, '-m', 'stylegan_tf']
    train = [*command, 'train', '--preset=super_resolution_2', f'--data={tmp_path / "photos"}',
             f'--workdir={tmp_path / "run"}', *(f'--set={setting}' for setting in SETTINGS)]
    done = subprocess.run(train, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0 and 'Finished at step 4' in done.stdout, done.stderr
    export = [*command, 'export', f'--workdir={tmp_path / "run"}', f'--output={tmp_path / "models" / "large"}']
    done = subprocess.run(export, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert '--style' not in done.stdout

    content = [tiny_models.picture(30, 44, seed=9), tiny_models.picture(21, 33, seed=8)]
    expected = [api.load(tmp_path / 'models' / 'large').stylize(picture) for picture in content]
    with local_server('--model_name=large', f'--model_base_path={tmp_path / "models" / "large"}') as server:
        for address in (f'grpc://{server.grpc}', server.rest):
            with client.connect(address, model='large') as model:
                for found, wanted in zip(model.stylize(content), expected, strict=True):
                    assert np.abs(found.pixels.astype(int) - wanted).max() <= 1
                with pytest.raises(client.InputError, match='takes no style_bytes'):
                    model.stylize(content[:1], tiny_models.picture(20, 20))
