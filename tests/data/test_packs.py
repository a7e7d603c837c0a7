"""Packs: what goes in comes out, byte for byte the same each time; damage is named."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from stylegan_tf import data, images
from stylegan_tf.data import conversion, packs

ROOT = pathlib.Path(__file__).resolve().parents[2]


def picture(seed, height=48, width=64):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp('pictures')
    for number in range(10):
        images.save(base / 'ab'[number % 2] / f'{number:03d}.png', picture(number))
    return base


def pack(source, output, **settings):
    options = {key: settings.pop(key) for key in ('overwrite',) if key in settings}
    return packs.write(data.load(source, max_bad_share=1.0), output, packs.Settings(**settings), **options)


def test_a_pack_holds_the_pictures_labels_and_names(folder, tmp_path):
    source, result = data.load(folder), pack(folder, tmp_path)
    stored = data.load(f'pack:{tmp_path}')
    assert stored.names == source.names and stored.label_names == source.label_names == ('a', 'b')
    for index in range(10):
        np.testing.assert_array_equal(stored[index].image, source[index].image)
        assert stored[index].label == source[index].label
        assert not stored[index].image.flags.writeable
    assert (result.count, result.shards, result.kept_shards, result.bad) == (10, 1, 0, [])
    assert result.fingerprint == stored.fingerprint
    np.testing.assert_array_equal(stored.read(3, min_short_side=24).image,
                                  source.read(3, min_short_side=24).image)


def test_pictures_are_turned_reduced_and_cut_to_their_middle(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(picture(2, 20, 30)).save(tmp_path / 'turned.png', exif=exif)
    panorama = picture(3, 20, 100)
    images.save(tmp_path / 'wide.png', panorama)
    images.save(tmp_path / 'large.png', picture(4, 90, 60))
    pack(tmp_path, tmp_path / 'out', size=30, max_aspect=2)
    stored = data.load(f'pack:{tmp_path / "out"}')
    shapes = {record.name: record.image.shape[:2] for record in (stored[k] for k in range(3))}
    assert shapes == {'turned.png': (30, 20), 'wide.png': (20, 40), 'large.png': (45, 30)}
    np.testing.assert_array_equal(stored[stored.names.index('wide.png')].image, panorama[:, 30:70])


def test_equal_pictures_give_equal_bytes_and_one_fingerprint_however_divided(folder, tmp_path):
    size = picture(0).nbytes
    for name, part_bytes in (('one', 0), ('again', 0), ('parts', 3 * size + 1)):
        pack(folder, tmp_path / name, part_bytes=part_bytes)
    files = {name: sorted(path.name for path in (tmp_path / name).iterdir()) for name in ('one', 'again', 'parts')}
    assert files['one'] == files['again'] and len(files['parts']) == 1 + 4
    for name in files['one']:
        assert (tmp_path / 'one' / name).read_bytes() == (tmp_path / 'again' / name).read_bytes()
    assert all(path.stat().st_size <= 3 * size + 1 for path in (tmp_path / 'parts').glob('*.bin'))
    one, parts = data.load(f'pack:{tmp_path / "one"}'), data.load(f'pack:{tmp_path / "parts"}')
    assert one.fingerprint == parts.fingerprint
    np.testing.assert_array_equal(one[9].image, parts[9].image)


def test_coded_packs_are_smaller_and_look_alike(tmp_path):
    images.save(tmp_path / 'smooth.png', images.resize(picture(0, 4, 6), (60, 90)))
    sizes = {}
    for coding in packs.CODINGS:
        sizes[coding] = sum(part['bytes'] for part in packs.read_index(
            (pack(tmp_path, tmp_path / f'as_{coding}', coding=coding), tmp_path / f'as_{coding}')[1])['parts'])
    raw, jpeg, png = (data.load(f'pack:{tmp_path / f"as_{coding}"}')[0].image for coding in packs.CODINGS)
    np.testing.assert_array_equal(raw, png)
    assert 0 < np.abs(raw.astype(int) - jpeg).mean() < 3
    assert sizes['jpeg'] < sizes['png'] < sizes['raw'] == 60 * 90 * 3


def test_names_are_held_out_as_of_the_folder(folder, tmp_path):
    pack(folder, tmp_path)
    train, held_out = data.load(f'pack:{tmp_path}').split({'a/002.png', '003.png'})
    assert held_out.names == ('a/002.png', 'b/003.png') and len(train) == 8
    np.testing.assert_array_equal(held_out[1].image, picture(3))
    assert data.load(f'pack:{tmp_path}').split(0.3)[1].names == data.load(folder).split(0.3)[1].names


def test_a_bad_picture_is_left_out_and_named(tmp_path):
    for number in range(3):
        images.save(tmp_path / f'{number}.png', picture(number))
    broken = (tmp_path / '1.png').read_bytes()
    (tmp_path / '1.png').write_bytes(broken[:len(broken) // 2])
    result = pack(tmp_path, tmp_path / 'out')
    assert result.count == 2 and [name for name, _ in result.bad] == ['1.png']
    assert data.load(f'pack:{tmp_path / "out"}').names == ('0.png', '2.png')
    assert json.loads((tmp_path / 'out' / 'pack.json').read_text())['left_out'][0]['name'] == '1.png'


def part_of(path):
    return next(path.glob('*.bin'))


def test_a_truncated_missing_or_grown_file_is_named(folder, tmp_path):
    pack(folder, tmp_path)
    part = part_of(tmp_path)
    whole = part.read_bytes()
    for content, told in ((whole[:-1], 'is cut off'), (whole + b'x', 'was changed'), (None, 'is missing')):
        part.unlink()
        if content is not None:
            part.write_bytes(content)
        with pytest.raises(data.DataError, match=f'{part.name}: {told}'):
            data.load(f'pack:{tmp_path}')


def test_a_changed_picture_is_named_and_replaced_until_there_are_too_many(folder, tmp_path):
    pack(folder, tmp_path)
    part = part_of(tmp_path)
    content = bytearray(part.read_bytes())
    content[2 * picture(0).nbytes] ^= 1
    part.write_bytes(content)
    stored = data.load(f'pack:{tmp_path}', max_bad_share=0.2)
    np.testing.assert_array_equal(stored[2].image, stored[3].image)
    assert stored.bad[0][0] == stored.names[2] and part.name in stored.bad[0][1] and 'differs' in stored.bad[0][1]
    with pytest.raises(data.DataError, match='1 of 10 pictures are bad'):
        data.load(f'pack:{tmp_path}').read(2)


@pytest.mark.parametrize('change, told', [
    (lambda text: text[:-20], 'is no index'), (lambda text: text.replace('a/000', 'a/00x'), 'was changed'),
    (lambda text: text.replace('pack 1', 'pack 9'), 'expected')])
def test_a_damaged_index_is_named(folder, tmp_path, change, told):
    pack(folder, tmp_path)
    file = tmp_path / 'pack.json'
    file.write_text(change(file.read_text()))
    with pytest.raises(data.DataError, match=f'pack.json: {told}'):
        data.load(f'pack:{tmp_path}')


def test_no_pack_is_told_from_an_unfinished_one(folder, tmp_path, monkeypatch):
    with pytest.raises(data.DataError, match='no such file'):
        data.load(f'pack:{tmp_path}/nowhere')

    class Interrupted(conversion.Silent):
        def update(self, count):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packs.write(data.load(folder), tmp_path, progress=Interrupted)
    assert list(tmp_path.iterdir()) == []


def test_a_pack_is_kept_refused_or_replaced(folder, tmp_path):
    pack(folder, tmp_path)
    before = part_of(tmp_path).stat().st_mtime_ns
    assert pack(folder, tmp_path).kept_shards == 1
    assert part_of(tmp_path).stat().st_mtime_ns == before
    with pytest.raises(data.DataError, match='--overwrite'):
        pack(folder, tmp_path, size=24)
    assert pack(folder, tmp_path, size=24, overwrite=True).kept_shards == 0
    assert len(list(tmp_path.iterdir())) == 2 and data.load(f'pack:{tmp_path}')[0].image.shape == (24, 32, 3)
    part_of(tmp_path).write_bytes(b'')
    assert pack(folder, tmp_path, size=24).kept_shards == 0  # damaged: made again
    assert data.load(f'pack:{tmp_path}')[0].image.shape == (24, 32, 3)


def test_the_command_packs_and_reads_without_tensorflow(folder, tmp_path):
    code = ("import sys, runpy; sys.modules['tensorflow'] = None; sys.argv = ['make_dataset.py', *sys.argv[1:]]; "
            "runpy.run_path('tools/make_dataset.py', run_name='__main__')")
    done = subprocess.run(
        [sys.executable, '-c', code, f'--data={folder}', f'--output={tmp_path}', '--format=pack', '--size=32'],
        cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert '10 pictures in 1 shards' in done.stdout and f"--data='pack:{tmp_path}'" in done.stdout
    assert data.load(f'pack:{tmp_path}')[0].image.shape == (32, 43, 3)
