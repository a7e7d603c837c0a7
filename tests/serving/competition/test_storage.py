"""The storage in a folder, in memory and in an S3-type bucket of a real server."""

import os

import pytest

from stylegan_serving.competition import storage


@pytest.fixture(params=['folder', 'memory', pytest.param('s3', marks=pytest.mark.slow)])
def files(request, tmp_path):
    if request.param == 'folder':
        return storage.Storage(tmp_path / 'files')
    if request.param == 'memory':
        return storage.Storage(f'memory://{tmp_path.name}')
    return storage.Storage(f'{request.getfixturevalue("bucket")}/{tmp_path.name}')


def test_files_come_and_go(files, tmp_path):
    files.check()
    files.write('submissions/a/archive.zip', b'0123456789')
    (tmp_path / 'local').write_bytes(b'local')
    files.write_file('submissions/a/out/0.png', tmp_path / 'local')
    files.write('contests/b.json', b'')
    assert files.list() == ['contests/b.json', 'submissions/a/archive.zip', 'submissions/a/out/0.png']
    assert files.list('submissions/a') == ['submissions/a/archive.zip', 'submissions/a/out/0.png']
    assert (files.size('submissions/a/archive.zip'), files.size('contests/b.json')) == (10, 0)
    assert files.read('submissions/a/archive.zip', 2, 5) == b'234' and files.read('contests/b.json') == b''
    assert files.sha256('contests/b.json').startswith('e3b0c442')
    files.fetch('submissions/a/out/0.png', tmp_path / 'back')
    assert (tmp_path / 'back').read_bytes() == b'local'
    files.write_file('submissions/c/0.png', tmp_path / 'local')
    files.delete_all('submissions/a')
    files.delete('contests/b.json')
    files.delete('contests/b.json')
    assert files.list() == ['submissions/c/0.png']
    assert not files.exists('submissions/a/archive.zip') and not files.exists('submissions/c')
    for read in (files.read, files.size, files.sha256):
        with pytest.raises(FileNotFoundError):
            read('submissions/a/archive.zip')


def test_a_write_that_fails_leaves_the_old_file(files):
    files.write('a/b', b'old')
    with pytest.raises(RuntimeError), files.writer('a/b') as file:
        file.write(b'new')
        raise RuntimeError
    assert files.read('a/b') == b'old'
    assert files.list() == ['a/b']


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    files = storage.Storage(tmp_path / 'files')
    killed = files.writer('a/b')
    killed.__enter__().write(b'half')
    left, = [path for path in (tmp_path / 'files').rglob('*') if path.is_file()]
    os.utime(left, (0, 0))
    with files.writer('a/c') as file:
        files.sweep()
        file.write(b'whole')
    assert [path.name for path in (tmp_path / 'files').rglob('*') if path.is_file()] == ['c']
    assert files.list() == ['a/c'] and files.read('a/c') == b'whole'


@pytest.mark.parametrize('key', ['', '/etc/passwd', '../secret', 'a/../../b', 'a//b', 'a/./b', 'a\\b', 'a/\0', 'a/',
                                 'a/\n', '.unfinished/x'])
def test_keys_stay_inside(tmp_path, key):
    files = storage.Storage(tmp_path / 'files')
    (tmp_path / 'secret').write_text('x')
    with pytest.raises(ValueError, match='Expected a key'):
        files.read(key)
    with pytest.raises(ValueError, match='Expected a key'):
        files.write(key, b'x')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['files', 'secret']


def test_a_url_of_no_known_kind_is_refused():
    with pytest.raises(storage.StorageError, match='Cannot use the storage nothing://'):
        storage.Storage('nothing://x')
