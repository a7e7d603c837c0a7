"""What all tests share: a fixture, and pictures to train on."""

import os
import pathlib

import numpy as np
import pytest

from stylegan_tf import images

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def shared_data() -> pathlib.Path:
    """Folder of real pictures beside the clone, or a visible skip."""
    folder = pathlib.Path(os.environ.get('STYLEGAN_TF_TEST_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no real pictures at {folder}; set STYLEGAN_TF_TEST_DATA to run this test')
    return folder


def write_pictures(folder):
    """Eight small pictures of noise in each of FOLDER/photos and FOLDER/paintings, for tiny trainings; the folder."""
    rng = np.random.default_rng(0)
    for role in ('photos', 'paintings'):
        for index in range(8):
            images.save(folder / role / f'{index}.png', rng.integers(0, 256, (40, 44, 3), np.uint8))
    return folder
