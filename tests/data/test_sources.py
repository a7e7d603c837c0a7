"""Folder sources: classes, bad files, splits, fingerprints, caching."""

import concurrent.futures
import logging

import numpy as np
import pytest

from stylegan_tf import data, images
from stylegan_tf.data import folders, sources


def write(folder, names, size=(12, 16)):
    """One-colour pictures; the red level is the place in `names`."""
    for number, name in enumerate(names):
        images.save(folder / name, np.full((*size, 3), [number, 0, 0], np.uint8))
    return folder


def damage(path):
    """Keeps the header and cuts off the pixels."""
    content = path.read_bytes()
    path.write_bytes(content[:content.index(b'IDAT') + 8])


NAMES = [f'{number:03}.png' for number in range(40)]


def test_classes_are_the_first_folder_level(tmp_path):
    source = data.load(write(tmp_path, ['b/deep/er/1.png', 'a/2.png', 'b/0.png', 'top.png']))
    assert source.names == ('a/2.png', 'b/0.png', 'b/deep/er/1.png', 'top.png')
    assert source.label_names == ('a', 'b')
    assert source.labels.tolist() == [0, 1, 1, -1]
    record = source[1]
    assert (record.label, record.name, record.mask) == (1, 'b/0.png', None)
    np.testing.assert_array_equal(record.image, np.full((12, 16, 3), [2, 0, 0]))
    assert [record.name for record in source] == list(source.names)
    assert source[-1].name == 'top.png'
    assert source.bad == []
    with pytest.raises(IndexError, match='4 pictures'):
        source[4]


def test_a_flat_folder_has_no_classes(tmp_path):
    source = data.load(str(write(tmp_path, ['1.png', '2.png'])))
    assert source.label_names == () and source.labels.tolist() == [-1, -1]
    assert source.spec == str(tmp_path)


def test_what_is_no_data(tmp_path):
    with pytest.raises(data.DataError, match=r"no such folder.*'tfds:NAME'"):
        data.load(tmp_path / 'none')
    with pytest.raises(data.DataError, match=r'holds no pictures.*\.jpg'):
        data.load(tmp_path)
    (tmp_path / 'bad.png').write_text('no picture')
    with pytest.raises(data.DataError, match='none of its 1 pictures can be read'):
        data.load(tmp_path, max_bad_share=1)


def test_bad_headers_are_skipped_by_name(tmp_path, caplog):
    write(tmp_path, NAMES)
    (tmp_path / NAMES[3]).write_bytes(b'')
    source = data.load(tmp_path)
    assert len(source) == 39 and NAMES[3] not in source.names
    assert [name for name, _ in source.bad] == [NAMES[3]]
    assert f'{NAMES[3]}: is empty' in source.bad[0][1]


def test_too_many_bad_files_are_listed_and_refused(tmp_path):
    write(tmp_path, NAMES)
    for name in NAMES[:7]:
        (tmp_path / name).write_text('no picture')
    with pytest.raises(data.DataError) as caught:
        data.load(tmp_path)
    message = str(caught.value)
    assert '7 of 40 pictures are bad' in message and 'share of 5%' in message
    assert NAMES[0] in message and NAMES[4] in message and '... and 2 more' in message
    assert f'python tools/check_dataset.py --data={tmp_path}' in message
    assert len(data.load(tmp_path, max_bad_share=0.2)) == 33


def test_damage_found_late_is_replaced_by_the_next_good_picture(tmp_path, caplog):
    write(tmp_path, NAMES)
    for name in (NAMES[5], NAMES[6], NAMES[39]):
        damage(tmp_path / name)
    source = data.load(tmp_path, max_bad_share=0.1)
    assert len(source) == 40
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert source[5].name == source[6].name == NAMES[7]
            assert source[39].name == NAMES[0]
    assert sorted(name for name, _ in source.bad) == [NAMES[5], NAMES[6], NAMES[39]]
    assert [record.getMessage().split(': ')[1] for record in caplog.records] == [
        f'{name} is left out, the next good picture takes its place'
        for name in (NAMES[5], NAMES[6], NAMES[39])]
    # Another reading order leads to the same pictures.
    other = data.load(tmp_path, max_bad_share=0.1)
    assert [other[i].name for i in (39, 6, 5)] == [NAMES[0], NAMES[7], NAMES[7]]


def test_a_run_stops_when_late_damage_exceeds_the_share(tmp_path):
    write(tmp_path, NAMES)
    for name in NAMES[:3]:
        damage(tmp_path / name)
    source = data.load(tmp_path)
    with pytest.raises(data.DataError, match='3 of 40 pictures are bad'):
        source[0]


def test_damage_in_a_part_never_borrows_from_the_other_part(tmp_path):
    write(tmp_path, NAMES)
    source = data.load(tmp_path, max_bad_share=0.1)
    train, heldout = source.split([NAMES[4], NAMES[20]])
    damage(tmp_path / NAMES[3])
    damage(tmp_path / NAMES[20])
    assert train[3].name == NAMES[5]
    assert heldout[1].name == NAMES[4]
    assert len(train.bad) == len(heldout.bad) == len(source.bad) == 2


def test_split_by_share_is_disjoint_and_stable(tmp_path):
    write(tmp_path, NAMES)
    source = data.load(tmp_path)
    train, heldout = source.split(0.25)
    assert sorted(train.names + heldout.names) == sorted(NAMES)
    assert 4 <= len(heldout) <= 18
    assert source.split(0.25)[1].names == heldout.names
    assert heldout[0].name == heldout.names[0]
    np.testing.assert_array_equal(heldout[0].image[0, 0], [NAMES.index(heldout.names[0]), 0, 0])
    # Further files move no old one to the other side.
    write(tmp_path, [f'new{number}.png' for number in range(20)])
    later = data.load(tmp_path).split(0.25)[1]
    assert set(later.names) & set(NAMES) == set(heldout.names)
    assert set(source.split(0.5)[1].names) >= set(heldout.names)


@pytest.mark.parametrize('share', [1e-9, 1 - 1e-9])
def test_each_side_of_a_split_gets_a_picture(tmp_path, share):
    parts = data.load(write(tmp_path, NAMES[:5])).split(share)
    assert sorted(len(part) for part in parts) == [1, 4]


def test_split_by_names(tmp_path):
    source = data.load(write(tmp_path, ['a/1.png', 'a/2.png', 'b/3.png', 'b/4.png']))
    train, heldout = source.split(['4.png', 'a/1.png'])
    assert (train.names, heldout.names) == (('a/2.png', 'b/3.png'), ('a/1.png', 'b/4.png'))
    assert heldout.labels.tolist() == [0, 1] and heldout.label_names == ('a', 'b')
    assert data.load(tmp_path, holdout=['4.png', '1.png']).names == train.names
    with pytest.raises(data.DataError, match=r"names to hold out are not in it: 9\.png"):
        source.split(['9.png', '4.png'])
    with pytest.raises(data.DataError, match='leaves one side empty'):
        source.split(source.names)
    for share in (0, 1, 1.5, -0.1):
        with pytest.raises(data.DataError, match='between 0 and 1'):
            source.split(share)


def test_fingerprint_follows_the_content(tmp_path):
    write(tmp_path, NAMES[:6])
    first = data.load(tmp_path)
    assert data.load(tmp_path).fingerprint == first.fingerprint
    parts = first.split([NAMES[0]])
    assert len({first.fingerprint, parts[0].fingerprint, parts[1].fingerprint}) == 3
    images.save(tmp_path / NAMES[0], np.zeros((99, 99, 3), np.uint8))
    replaced = data.load(tmp_path).fingerprint
    (tmp_path / NAMES[1]).rename(tmp_path / 'renamed.png')
    assert len({first.fingerprint, replaced, data.load(tmp_path).fingerprint}) == 3


def test_reduced_reading(tmp_path):
    source = data.load(write(tmp_path, NAMES[:2], size=(90, 120)))
    for least, shape in ((46, (90, 120, 3)), (45, (45, 60, 3)), (30, (45, 60, 3)), (22, (22, 30, 3)),
                         (500, (90, 120, 3))):
        assert source.read(1, min_short_side=least).image.shape == shape
    assert source[1].image.shape == (90, 120, 3)


def test_cache_stays_within_its_bytes_and_is_used(tmp_path):
    write(tmp_path, NAMES)
    each = 12 * 16 * 3
    source = folders.FolderSource(tmp_path, cache_bytes=10 * each + 1)
    pixels = [record.image for record in source]
    assert source._cache._used == 10 * each
    kept = [number for number in range(40) if source[number].image is pixels[number]]
    assert kept == list(range(10))
    assert source.split([NAMES[1]])[1][0].image is pixels[1]
    with pytest.raises(ValueError, match='read-only'):
        pixels[0][0, 0] = 7


def test_many_threads_see_the_same(tmp_path):
    write(tmp_path, NAMES)
    damage(tmp_path / NAMES[8])
    source = data.load(tmp_path, max_bad_share=0.1)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda i: source[i % 40].name, range(400)))
    expected = [NAMES[9] if i % 40 == 8 else NAMES[i % 40] for i in range(400)]
    assert names == expected
    assert len(source.bad) == 1


def test_sample_specs_lead_to_folders():
    source = data.load('sample:photos')
    assert source.spec == 'sample:photos' and len(source) > 5
    assert source[0].image.dtype == np.uint8
    with pytest.raises(data.DataError, match='photos'):
        data.load('sample:none')


def test_real_pictures_load(shared_data):
    source = data.load(shared_data / 'paintings')
    assert len(source.label_names) > 5 and source.bad == []
    assert 64 <= min(source.read(0, min_short_side=64).image.shape[:2]) < 128


def test_fingerprints_tell_parts_apart():
    assert sources.fingerprint_of('ab', 'c') != sources.fingerprint_of('a', 'bc')
    assert sources.fingerprint_of('a', 1) == sources.fingerprint_of('a', '1')
