"""PyTorch files without PyTorch: both containers, and what a hostile file meets."""

import collections
import os
import pickle

import numpy as np
import pytest

from stylegan_tf.networks import pth
from tests.networks.pth_writing import write_archive, write_stream

TENSORS = collections.OrderedDict({
    'conv.weight': np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    'conv.bias': np.array([1.5, -2.5], np.float32),
    'count': np.array(7, np.int64),
    'half': np.array([0.5, 65504.0], np.float16),
})


@pytest.mark.parametrize('write', [write_archive, write_stream])
def test_tensors_come_back_in_order(tmp_path, write):
    path = tmp_path / 'weights.pth'
    write(path, TENSORS)
    tensors = pth.read(path)
    assert list(tensors) == list(TENSORS)
    for name, expected in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], expected)
    assert tensors['half'].dtype == np.float32
    assert tensors['count'].dtype == np.int64


def test_transposed_views_are_followed(tmp_path):
    path = tmp_path / 'weights.pth'
    write_archive(path, {'state_dict': {'weight': np.arange(6, dtype=np.float32).reshape(2, 3).T}})
    np.testing.assert_array_equal(pth.read(path)['weight'], [[0, 3], [1, 4], [2, 5]])


def test_a_file_that_wants_to_run_code_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'ran'),)

    path = tmp_path / 'weights.pth'
    path.write_bytes(pickle.dumps(Hostile(), protocol=2))
    with pytest.raises(pth.PthError, match='mkdir'):
        pth.read(path)
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('write', [write_archive, write_stream])
def test_truncated_and_foreign_files_are_named(tmp_path, write):
    path = tmp_path / 'weights.pth'
    write(path, TENSORS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(pth.PthError, match=r'weights\.pth'):
        pth.read(path)
    path.write_bytes(b'not weights')
    with pytest.raises(pth.PthError, match=r'weights\.pth'):
        pth.read(path)


def test_a_tensor_outside_its_storage_is_refused(tmp_path):
    path = tmp_path / 'weights.pth'
    write_archive(path, {'weight': np.zeros(4, np.float32)}, stated_shape=(40,))
    with pytest.raises(pth.PthError, match='outside its storage'):
        pth.read(path)
