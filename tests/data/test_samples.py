"""Sample sets are written once, whole, with sources, and open as folders of pictures."""

import csv
import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import data, images
from stylegan_tf.data import painter, samples

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module', autouse=True)
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cache')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('STYLEGAN_TF_CACHE', str(folder))
        yield folder


def sources(folder):
    with open(folder / 'SOURCES.tsv', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter='\t'))


@pytest.mark.parametrize('name, least, short_side', [('photos', 13, 250), ('textures', 12, 256), ('digits', 600, 28)])
def test_every_picture_is_listed_with_source_and_licence(name, least, short_side):
    folder = samples.sample_folder(name)
    rows = sources(folder)
    written = sorted(path.relative_to(folder).as_posix() for path in images.find_images(folder))
    assert sorted(row['path'] for row in rows) == written
    assert len(written) >= least
    assert all(all(row.values()) for row in rows)
    sizes = [images.check_header(folder / path) for path in written]
    assert min(min(size) for size in sizes) >= short_side
    assert max(max(size) for size in sizes) <= samples.LONG_SIDE


def test_photos_are_the_pixels_of_the_packages():
    package = importlib.util.find_spec('skimage').submodule_search_locations[0]
    original = images.read(pathlib.Path(package) / 'data' / 'chelsea.png')
    np.testing.assert_array_equal(images.read(samples.sample_folder('photos') / 'chelsea.png'), original)


def test_views_of_one_photograph_do_not_overlap():
    for original in samples.PHOTOS + samples.TEXTURES:
        cover = np.zeros((100, 100), int)
        for box in original.views:
            left, top, right, bottom = (round(100 * share) for share in box)
            cover[top:bottom, left:right] += 1
        assert cover.max() == 1, original.path


@pytest.mark.slow
def test_styles_are_the_painters_pictures():
    folder = samples.sample_folder('styles')
    rows = {row['path']: row for row in sources(folder)}
    assert set(rows) == {f'{name}.png' for name in painter.STYLES}
    assert rows['palette_knife_flower.png']['licence'] == 'CC-BY-2.0'
    assert min(min(images.check_header(folder / path)) for path in rows) == painter.SIZE
    np.testing.assert_array_equal(images.read(folder / 'mosaic_cat.png'), painter.paint('mosaic_cat'))


def test_the_data_spec_opens_a_sample_set_with_its_classes():
    source = data.load('sample:digits')
    assert source.label_names == tuple('0123456789')
    assert np.bincount(source.labels).tolist() == [60] * 10
    record = source[0]
    assert record.image.shape == (28, 28, 3) and record.image.max() > 200


def test_a_written_set_is_not_written_again():
    folder = samples.sample_folder('textures')
    before = (folder / 'SOURCES.tsv').stat().st_mtime_ns
    assert samples.sample_source('textures') == folder
    assert (folder / 'SOURCES.tsv').stat().st_mtime_ns == before


def test_two_processes_at_once_leave_one_whole_set(tmp_path):
    command = [sys.executable, '-c', "from stylegan_tf.data import samples; samples.sample_folder('digits')"]
    environment = {**os.environ, 'STYLEGAN_TF_CACHE': str(tmp_path), 'PYTHONPATH': str(ROOT)}
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    parent = tmp_path / 'samples' / str(samples.EDITION)
    assert [path.name for path in parent.iterdir()] == ['digits']
    assert len(sources(parent / 'digits')) == 600


def test_an_unknown_set_lists_the_known_ones():
    with pytest.raises(data.DataError, match=r"'sample:nothing'.*photos, textures, styles, digits"):
        data.load('sample:nothing')


def test_a_cache_that_cannot_be_written_says_how_to_choose_another(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('in the way')
    monkeypatch.setenv('STYLEGAN_TF_CACHE', str(tmp_path / 'file'))
    with pytest.raises(samples.SampleError, match='STYLEGAN_TF_CACHE=FOLDER'):
        samples.sample_folder('digits')


def test_the_cache_folder_follows_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv('STYLEGAN_TF_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert samples.cache_root() == tmp_path / 'stylegan_tf' / 'samples'
