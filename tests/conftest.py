"""Fixtures shared by all tests."""

import os
import pathlib

import pytest

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def shared_data() -> pathlib.Path:
    """Folder of real pictures beside the clone, or a visible skip."""
    folder = pathlib.Path(os.environ.get('STYLEGAN_TF_TEST_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no real pictures at {folder}; set STYLEGAN_TF_TEST_DATA to run this test')
    return folder
