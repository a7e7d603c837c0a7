"""Files are whole or not there."""

import os

import pytest

from stylegan_tf import files


def test_a_file_is_written_and_replaced_below_new_folders(tmp_path):
    path = tmp_path / 'a' / 'b' / 'file.bin'
    for data in (b'one', b'another one'):
        files.write_whole(path, data)
        assert path.read_bytes() == data
    assert [entry.name for entry in path.parent.iterdir()] == ['file.bin']


def test_what_fails_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / 'file.bin'
    files.write_whole(path, b'old')

    def full(*_):
        raise OSError('no space left')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='no space'):
        files.write_whole(path, b'new')
    assert path.read_bytes() == b'old' and len(list(tmp_path.iterdir())) == 1
