"""What participants may send, and what attackers would: nothing lands outside, nothing grows, all problems are told."""

import io
import pathlib
import random
import resource
import tarfile
import zipfile

import numpy as np
import pytest

from stylegan_serving.competition import archives
from stylegan_tf import images
from tests.serving.competition import attack_archives as attack

PAIRS = [archives.Pair(number, f'photo{number}.jpg', 'painting.png', attack.SIZE, attack.SIZE) for number in range(3)]


@pytest.fixture
def unpack(tmp_path):
    """Function that unpacks an archive and checks that nothing was written but into its folder."""
    def run(path, **limits):
        folder = tmp_path / 'taken' / 'here'
        try:
            return archives.unpack_results(path, PAIRS, folder, archives.Limits(**limits))
        finally:
            outside = [found for found in tmp_path.rglob('*') if found.is_file()
                       and folder not in found.parents and found != pathlib.Path(path)]
            assert outside == []
            assert {found.name for found in folder.rglob('*')} <= {f'{n:03d}.{s}' for n in range(3)
                                                                  for s in ('png', 'jpg')}

    return run


def refused(unpack, path, match, **limits):
    with pytest.raises(archives.ArchiveError, match=match) as raised:
        unpack(path, **limits)
    return raised.value


def test_takes_numbers_names_folders_jpeg_litter_and_a_description(unpack, tmp_path):
    path = attack.write_zip(tmp_path / 'a.zip', {
        'results/': b'', 'results/000.PNG': attack.picture(1),
        'results/Photo1__Painting.jpg': attack.picture(2, kind='jpeg'), 'results/002.png': attack.picture(3),
        '__MACOSX/results/._000.png': b'x', 'results/.DS_Store': b'x',
        'method.md': '# Ours\nA très fine method.'.encode()})
    results = unpack(path)
    assert {number: file.name for number, file in results.pictures.items()} == {
        0: '000.png', 1: '001.jpg', 2: '002.png'}
    assert results.method == '# Ours\nA très fine method.'
    assert results.pictures[0].read_bytes() == attack.picture(1)


@pytest.mark.parametrize('mode', ['w:gz', 'w'])
def test_takes_tar(unpack, tmp_path, mode):
    members = {f'./{name}': data for name, data in attack.good_members().items()}
    results = unpack(attack.write_tar(tmp_path / 'a.tar', members, mode))
    assert [file.read_bytes() for file in results.pictures.values()] == list(attack.good_members().values())


def test_takes_a_tar_of_a_folder_as_tar_itself_makes_it(unpack, tmp_path):
    with tarfile.open(tmp_path / 'a.tgz', 'w:gz') as archive:
        folder = tarfile.TarInfo('.')
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in attack.good_members().items():
            info = tarfile.TarInfo(f'./{name}')
            info.size, info.mtime = len(data), 1234567890.25  # which makes an extended header
            archive.addfile(info, io.BytesIO(data))
    assert len(unpack(tmp_path / 'a.tgz').pictures) == 3


def test_tells_every_problem_at_once(unpack, tmp_path):
    path = attack.write_zip(tmp_path / 'a.zip', {
        '000.png': attack.picture()[:-60], 'a/001.png': attack.picture(height=20), 'notes.txt': b'x',
        'more.zip': b'PK', 'b/003.bmp': b'BM'})
    error = refused(unpack, path, 'cannot be decoded')
    text = '\n'.join(error.problems)
    assert len(error.problems) == 6
    for expected in ('000.png: cannot be decoded', '001.png: is 24x20 pixels', 'notes.txt: does not belong',
                     'more.zip: archives inside', '003.bmp: results are PNG or JPEG', '002.png is missing (pair 2'):
        assert expected in text


def test_many_problems_are_cut_short(tmp_path):
    pairs = [archives.Pair(number, f'{number}.jpg', 's.jpg', 8, 8) for number in range(40)]
    path = attack.write_zip(tmp_path / 'a.zip', {'method.md': b''})
    with pytest.raises(archives.ArchiveError) as raised:
        archives.unpack_results(path, pairs, tmp_path / 'out')
    assert len(raised.value.problems) == 40
    assert str(raised.value).count('\n') == archives.MOST_PROBLEMS_TOLD
    assert str(raised.value).endswith('... and 28 more of this kind.')


@pytest.mark.parametrize('name', ['../000.png', '/000.png', 'a/../../000.png', '..\\000.png', 'C:000.png', '~/000.png',
                                  'a//000.png', './../000.png', '000\u202egnp.png', 'a' * 300 + '.png',
                                  '1/' * 9 + '000.png', '000\x01.png'])
@pytest.mark.parametrize('write', [attack.write_zip, attack.write_tar])
def test_names_never_lead_outside(unpack, tmp_path, name, write):
    refused(unpack, write(tmp_path / 'a', {**attack.good_members(), name: b'x'}), 'could land outside')


def test_a_name_cut_by_a_zero_byte(unpack, tmp_path):
    path = attack.write_zip(tmp_path / 'a.zip', {**attack.good_members(), '000.pngX.exe': b'x'})
    path.write_bytes(path.read_bytes().replace(b'000.pngX.exe', b'000.png\0.exe'))
    refused(unpack, path, 'could land outside')


@pytest.mark.parametrize('kind', [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_tar_of_links_and_devices(unpack, tmp_path, kind):
    refused(unpack, attack.tar_with(tmp_path / 'a.tgz', kind), 'is a link or no plain file')


@pytest.mark.parametrize('make, match', [
    (attack.zip_with_link, 'is a link'), (attack.zip_encrypted, 'is encrypted'),
    (attack.zip_overlapping, 'more than|verlapp|there twice'), (attack.tar_of_endless_headers, 'damaged|missing'),
    (attack.tar_sparse, 'no plain file|damaged'), (attack.zip_lying_about_size, 'damaged')])
def test_crafted_archives(unpack, tmp_path, make, match):
    refused(unpack, make(tmp_path / 'a'), match)


def test_a_name_of_hundreds_of_megabytes_costs_little_memory(unpack, tmp_path):
    path = attack.tar_of_long_name(tmp_path / 'a.tgz')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(unpack, path, 'grows more than 100 times')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10  # KiB


@pytest.mark.parametrize('write', [attack.write_zip, attack.write_tar])
def test_bombs_by_ratio_by_total_and_by_member(unpack, tmp_path, write):
    bomb = write(tmp_path / 'a', {**attack.good_members(), '002.png': bytes(30 << 20)})
    refused(unpack, bomb, 'grows more than 100 times')
    for limits in ({'ratio': 10**6, 'unpacked_bytes': 10 << 20}, {'ratio': 10**6, 'member_bytes': 10 << 20}):
        with pytest.raises(archives.ArchiveError, match=r'unpacks to more than|has more than'):
            archives.unpack_results(bomb, PAIRS, tmp_path / f'out{len(limits)}{min(limits.values())}{max(limits)}',
                                    archives.Limits(**limits))


@pytest.mark.parametrize('write', [attack.write_zip, attack.write_tar])
def test_too_many_members_and_too_large_archives(unpack, tmp_path, write):
    path = write(tmp_path / 'a', {**attack.good_members(), **{f'__MACOSX/{n}': b'' for n in range(300)}})
    refused(unpack, path, 'more than 203 files')
    refused(unpack, path, 'at most 0.000976562 MiB', archive_bytes=1 << 10)


def test_duplicates_in_every_disguise(unpack, tmp_path):
    data = attack.picture()
    for number, twice in enumerate(('000.png', '000.PNG', '000.jpg', 'a/000.png', 'photo0__painting.png')):
        path = attack.write_zip(tmp_path / 'a.zip', [*attack.good_members().items(), (twice, data)])
        with pytest.raises(archives.ArchiveError, match='pair 0 is there twice'):
            archives.unpack_results(path, PAIRS, tmp_path / 'taken/here' / str(number))


@pytest.mark.parametrize('data, match', [
    (attack.png_claiming(60000, 60000), 'larger than the expected 24x24'),
    (attack.png_claiming(100, 100), 'larger than the expected 24x24'),
    (attack.png_claiming(12, 24), 'is 24x12 pixels'),
    (attack.png_with_text_bomb(), '000.png: '),
    (attack.picture(kind='webp'), 'no PNG or JPEG inside'),
    (attack.picture(kind='bmp'), 'no PNG or JPEG inside'),
    (b'', 'is empty'), (b'GIF89a', '000.png: '), (b'<svg/>', 'is not a picture'),
    (attack.picture(kind='jpeg')[:200], '000.png: ')])
def test_pictures_that_are_none_or_bombs(unpack, tmp_path, data, match):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(unpack, attack.write_zip(tmp_path / 'a.zip', {**attack.good_members(), '000.png': data}), match)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_a_turned_jpeg_is_measured_upright(tmp_path):
    from PIL import Image
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (24, 16)).save(buffer, 'JPEG', exif=exif)
    path = attack.write_zip(tmp_path / 'a.zip', {'000.jpg': buffer.getvalue()})
    upright = archives.Pair(0, 'a.jpg', 'b.jpg', 24, 16)
    results = archives.unpack_results(path, [upright], tmp_path / 'one')
    assert images.read(results.pictures[0]).shape == (24, 16, 3)
    with pytest.raises(archives.ArchiveError, match='is 16x24 pixels'):
        archives.unpack_results(path, [archives.Pair(0, 'a.jpg', 'b.jpg', 16, 24)], tmp_path / 'two')


@pytest.mark.parametrize('data, match', [(b'', 'is empty'), (b'Rar!\x1a\x07\0', 'neither a zip nor'),
                                         (b'PK\x05\x06' + bytes(18), '000.png is missing'),
                                         (b'PK\x03\x04' + bytes(100), 'damaged'),
                                         (b'\x1f\x8b' + bytes(100), 'damaged')])
def test_what_is_no_archive(unpack, tmp_path, data, match):
    path = tmp_path / 'a'
    path.write_bytes(data)
    refused(unpack, path, match)


def test_a_zip_behind_something_else_is_none(unpack, tmp_path):
    path = attack.write_zip(tmp_path / 'a', attack.good_members())
    path.write_bytes(b'#!/bin/sh\n' + path.read_bytes())
    refused(unpack, path, 'neither a zip nor')


@pytest.mark.parametrize('write', [attack.write_zip, attack.write_tar])
def test_any_damage_is_an_archive_error_or_harmless(tmp_path, write):
    """150 archives with a flipped byte, cut, or with a stretch of zeros: never another exception."""
    whole, rng = write(tmp_path / 'a', attack.good_members()).read_bytes(), random.Random(0)
    outcomes = set()
    for trial in range(150):
        data = bytearray(whole)
        place = rng.randrange(len(data))
        if trial % 3 == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif trial % 3 == 1:
            del data[place:]
        else:
            data[place:place + 40] = bytes(40)
        path = tmp_path / 'damaged'
        path.write_bytes(data)
        try:
            archives.unpack_results(path, PAIRS, tmp_path / f'out{trial}')
            outcomes.add('taken')
        except archives.ArchiveError:
            outcomes.add('refused')
    assert 'refused' in outcomes


def test_models(tmp_path):
    good = {'1/saved_model.pb': b'x', '1/variables/variables.index': b'i',
            '1/variables/variables.data-00000-of-00001': b'd',
            '1/assets/model_card.json': b'{}', '1/fingerprint.pb': b'f'}
    folder = archives.unpack_model(attack.write_zip(tmp_path / 'a.zip', good), tmp_path / 'model')
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()) == sorted(
        name.removeprefix('1/') for name in good)
    cases = (('1/evil.py', 'does not belong'), ('1/assets/../x', 'could land outside'),
             ('2/saved_model.pb', 'is there twice'), ('1/assets/a/b.so', 'does not belong'))
    for number, (extra, match) in enumerate(cases):
        with pytest.raises(archives.ArchiveError, match=match):
            archives.unpack_model(attack.write_zip(tmp_path / 'a.zip', {**good, extra: b''}), tmp_path / str(number))
    with pytest.raises(archives.ArchiveError, match=r'holds no saved_model\.pb'):
        archives.unpack_model(attack.write_zip(tmp_path / 'a.zip', {'variables/variables.index': b''}), tmp_path)


def test_what_was_written_is_what_was_packed(unpack, tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        for name, data in attack.good_members().items():
            archive.writestr(name, data)
    results = unpack(tmp_path / 'a.zip')
    for number, path in results.pictures.items():
        np.testing.assert_array_equal(images.read(path), images.read(attack.picture(number)))
