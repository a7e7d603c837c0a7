"""The data doctor names every kind of bad file, once, and nothing that is good."""

import csv
import json
import os
import zlib

import numpy as np
import pytest
from PIL import Image

from stylegan_tf import images
from stylegan_tf.data import inspection, likeness, samples
from stylegan_tf.data.sources import DataError


def scene(seed, height=96, width=128):
    """A smooth random picture, as unlike others of its kind as photographs are."""
    rng = np.random.default_rng(seed)
    return images.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (height, width))


def kinds(report):
    """{path: sorted kinds} of the files with findings."""
    return {entry.path: sorted(finding.kind for finding in entry.findings)
            for entry in report.entries if entry.findings}


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        images.save(tmp_path / 'set' / f'good_{number}.png', scene(number))
    return tmp_path / 'set'


def png_header(width, height):
    """A PNG that claims a size and holds nothing."""
    def chunk(name, content):
        return len(content).to_bytes(4, 'big') + name + content + zlib.crc32(name + content).to_bytes(4, 'big')
    size = width.to_bytes(4, 'big') + height.to_bytes(4, 'big')
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', size + b'\x08\x02\0\0\0') + chunk(b'IEND', b'')


def test_a_clean_folder_is_clean(folder):
    report = inspection.inspect(folder)
    assert kinds(report) == {}
    assert report.exit_code() == report.exit_code(strict=True) == 0
    assert '3 files, 3 good, 0 with warnings, 0 bad' in report.summary()


@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
def test_every_kind_of_broken_file_is_named(folder):
    whole = images.encode(scene(10), 'jpg')
    (folder / 'truncated.jpg').write_bytes(whole[: len(whole) // 2])
    png = bytearray(images.encode(scene(11), 'png'))
    png[len(png) // 2] ^= 255
    (folder / 'damaged.png').write_bytes(png)
    (folder / 'empty.png').write_bytes(b'')
    (folder / 'text.jpg').write_text('this is no picture at all')
    (folder / 'bomb.png').write_bytes(png_header(50_000, 40_000))
    (folder / 'big.png').write_bytes(png_header(20_000, 7_000))
    (folder / 'broken_link.png').symlink_to(folder / 'nowhere.png')
    images.save(folder / 'small.png', scene(12, 40, 200))
    images.save(folder / 'grey.png', np.full((80, 80, 3), 128, np.uint8))
    report = inspection.inspect(folder)
    assert kinds(report) == {
        'truncated.jpg': ['truncated'], 'damaged.png': ['damaged'], 'empty.png': ['empty'],
        'text.jpg': ['not_a_picture'], 'bomb.png': ['decompression_bomb'], 'big.png': ['decompression_bomb'],
        'broken_link.png': ['unreadable'], 'small.png': ['too_small'], 'grey.png': ['constant']}
    assert report.exit_code() == 1
    assert '200x40 pixels; at least 64' in next(str(f) for f in report.findings if f.path == 'small.png')
    for finding in report.findings:
        assert str(folder) not in str(finding), 'messages name the file once, by its path in the folder'


def test_the_smallest_allowed_size_is_a_choice(folder):
    images.save(folder / 'small.png', scene(12, 40, 200))
    assert inspection.inspect(folder, min_size=41).exit_code() == 1
    assert inspection.inspect(folder, min_size=40).exit_code() == 0


def test_odd_files_are_warnings(folder):
    picture = Image.fromarray(scene(20))
    picture.convert('CMYK').save(folder / 'inks.jpg')
    picture.quantize(200).save(folder / 'palette.png')
    Image.fromarray(scene(21)[..., 0].astype(np.uint16) * 256).save(folder / 'deep.png')
    frames = [Image.fromarray(scene(seed)) for seed in (22, 23)]
    frames[0].save(folder / 'moving.webp', save_all=True, append_images=frames[1:])
    picture = Image.fromarray(scene(24))
    picture.save(folder / 'really_png.jpg', format='PNG')
    Image.fromarray(scene(25)).convert('L').save(folder / 'plain_grey.png')
    (folder / 'phone.heic').write_bytes(b'anything')
    Image.fromarray(scene(26)).save(folder / 'without_suffix', format='PNG')
    (folder / 'README').write_text('not a picture, and not called one')
    report = inspection.inspect(folder, near_duplicates=False)
    assert kinds(report) == {
        'inks.jpg': ['odd_mode'], 'palette.png': ['odd_mode'], 'deep.png': ['odd_mode'],
        'moving.webp': ['animated'], 'really_png.jpg': ['wrong_suffix'], 'phone.heic': ['not_listed'],
        'without_suffix': ['not_listed']}
    assert report.exit_code() == 0 and report.exit_code(strict=True) == 1


def test_duplicates_are_found_and_told_apart(folder):
    original = scene(30, 200, 260)
    images.save(folder / 'a' / 'original.png', original)
    (folder / 'b').mkdir()
    (folder / 'b' / 'same.png').write_bytes((folder / 'a' / 'original.png').read_bytes())
    images.save(folder / 'b' / 'jpeg.jpg', original, quality=40)
    images.save(folder / 'b' / 'half.png', images.resize(original, (100, 130)))
    images.save(folder / 'b' / 'mirrored.png', np.ascontiguousarray(original[:, ::-1]))
    report = inspection.inspect(folder)
    assert kinds(report) == {'b/same.png': ['duplicate'], 'b/jpeg.jpg': ['near_duplicate'],
                             'b/half.png': ['near_duplicate'], 'b/mirrored.png': ['near_duplicate']}
    reasons = {finding.path: finding.reason for finding in report.findings}
    assert reasons['b/same.png'] == 'has the same bytes as a/original.png.'
    assert 'mirrored' in reasons['b/mirrored.png'] and 'mirrored' not in reasons['b/half.png']
    assert kinds(inspection.inspect(folder, near_duplicates=False)) == {'b/same.png': ['duplicate']}


def test_pictures_in_both_sets_are_leaks(folder, tmp_path):
    other = tmp_path / 'other'
    (other / 'x').mkdir(parents=True)
    (other / 'x' / 'copy.png').write_bytes((folder / 'good_0.png').read_bytes())
    images.save(other / 'again.jpg', scene(1), quality=60)
    images.save(other / 'new.png', scene(99))
    (other / 'broken.png').write_bytes(b'\x89PNG')
    report = inspection.inspect(folder, other=other)
    assert kinds(report) == {'good_0.png': ['leak'], 'good_1.png': ['near_leak']}
    assert str(other / 'x' / 'copy.png') in report.findings[0].reason
    assert '1 files of the other set are bad' in report.summary()
    assert report.exit_code() == 1


def test_a_set_is_not_compared_with_itself(folder):
    for other in (folder, folder.parent):
        with pytest.raises(DataError, match='every picture would be a leak'):
            inspection.inspect(folder, other=other)


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(DataError, match='no such folder'):
        inspection.inspect(tmp_path / 'none')
    with pytest.raises(DataError, match='holds no pictures'):
        inspection.inspect(tmp_path)


def test_the_manifest_lists_every_file(folder, tmp_path):
    (folder / 'text\tand tab.jpg').write_text('no picture')
    report = inspection.inspect(folder)
    inspection.write_manifest(tmp_path / 'manifest.tsv', report)
    with open(tmp_path / 'manifest.tsv', encoding='utf-8', newline='') as file:
        rows = {row['path']: row for row in csv.DictReader(file, delimiter='\t')}
    assert len(rows) == 4
    assert (rows['good_1.png']['width'], rows['good_1.png']['height']) == ('128', '96')
    assert rows['good_1.png']['verdict'] == 'good' and len(rows['good_1.png']['sha256']) == 64
    assert rows['text\tand tab.jpg']['verdict'] == 'error'
    assert rows['text\tand tab.jpg']['reasons'].startswith('not_a_picture: ')
    inspection.write_manifest(tmp_path / 'manifest.json', report)
    content = json.loads((tmp_path / 'manifest.json').read_text())
    assert {row['path']: row['sha256'] for row in content['files']} == {
        path: row['sha256'] for path, row in rows.items()}
    assert sorted(os.listdir(tmp_path)) == ['manifest.json', 'manifest.tsv', 'set']


def test_real_photographs_are_told_apart_and_altered_copies_are_not(tmp_path):
    photos = images.find_images(samples.sample_folder('photos'))
    signatures = [likeness.signature(images.read(path)) for path in photos]
    assert list(likeness.pairs_within(signatures)) == []
    for path in photos:
        pixels = images.read(path)
        altered = images.read(images.encode(images.fit_within(pixels, 200), 'jpg', quality=30))
        brighter = np.clip(pixels * 1.2, 0, 255).astype(np.uint8)
        for copy in (altered, brighter):
            found = list(likeness.pairs_between([likeness.signature(copy)], signatures))
            assert found == [(0, photos.index(path), False)], path.name


def test_no_near_duplicates_among_unrelated_real_pictures(shared_data):
    paintings = shared_data / 'paintings'
    report = inspection.inspect(paintings / 'watercolour', other=paintings / 'engraving')
    assert kinds(report) == {}
