"""Style packs: what is written is read back, and what a stranger could plant in one is refused with its reason."""

import hashlib
import json
import stat
import struct
import zipfile

import pytest

from stylegan_tf import style_packs

MEMBERS = {'model/config.json': b'{"preset": "none"}', 'look.cube': b'LUT_3D_SIZE 2\n' * 9}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('STYLEGAN_TF_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def listed(members):
    return {name: {'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()} for name, data in members.items()}


def planted(path, members=(), *, card=None, infos=(), raw_card=None):
    """A pack as anybody could write it: members, further (ZipInfo, data), and a card that lists all of them."""
    data = {**dict(MEMBERS), **dict(members)}
    names = {**data, **{info.filename: content for info, content in infos}}
    text = {'format': style_packs.FORMAT, 'format_version': 1, 'name': 'mine', **(card or {})}
    text.setdefault('files', listed(names))
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('card.json', json.dumps(text) if raw_card is None else raw_card)
        for name, content in data.items():
            archive.writestr(name, content)
        for info, content in infos:
            archive.writestr(info, content, info.compress_type or zipfile.ZIP_DEFLATED)
    return path


def test_what_is_written_is_read_back_once_and_for_all(tmp_path, cache):
    path = style_packs.write(tmp_path / 'mine.zip', MEMBERS, {'name': 'mine', 'consent': 'my own'})
    again = style_packs.write(tmp_path / 'again.zip', MEMBERS, {'name': 'mine', 'consent': 'my own'})
    assert path.read_bytes() == again.read_bytes() and style_packs.is_pack(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ['again.zip', 'mine.zip']
    card = style_packs.read_card(path)
    assert (card['name'], card['consent'], card['format_version']) == ('mine', 'my own', 1)
    assert not cache.exists()
    folder, unpacked_card = style_packs.unpack(path)
    assert unpacked_card == card and cache in folder.parents
    assert {name: (folder / name).read_bytes() for name in MEMBERS} == MEMBERS
    (folder / 'look.cube').write_bytes(b'kept')  # shows that it is not unpacked again
    assert style_packs.unpack(again)[0] == folder and (folder / 'look.cube').read_bytes() == b'kept'
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def info(name, *, mode=None, compress_type=zipfile.ZIP_DEFLATED):
    made = zipfile.ZipInfo(name)
    made.compress_type = compress_type
    if mode is not None:
        made.create_system, made.external_attr = 3, mode << 16
    return made


@pytest.mark.parametrize(('infos', 'reason'), [
    ([(info('../evil.txt'), b'x')], 'outside its folder'), ([(info('model/../../evil'), b'x')], 'outside its folder'),
    ([(info('/etc/evil'), b'x')], 'outside its folder'), ([(info('C:evil'), b'x')], 'outside its folder'),
    ([(info('model\\..\\evil'), b'x')], 'outside its folder'), ([(info('model/.hidden'), b'x')], 'outside its folder'),
    ([(info('folder/'), b'')], 'outside its folder'), ([(info('a\nb'), b'x')], 'outside its folder'),
    ([(info('link', mode=stat.S_IFLNK | 0o777), b'/etc/passwd')], 'link'),
    ([(info('pipe', mode=stat.S_IFIFO | 0o600), b'')], 'no plain file'),
    ([(info('LOOK.cube'), b'x')], 'twice'),
    ([(info('packed', compress_type=zipfile.ZIP_LZMA), b'x')], 'packed in a way'),
    ([(info('bomb'), bytes(4 << 20))], 'would grow more than 100 times'),
    ([(info(f'file{index}'), b'x') for index in range(70)], 'more than 64 files')])
def test_tricks_of_archives_are_refused_before_anything_is_unpacked(tmp_path, cache, infos, reason):
    path = planted(tmp_path / 'evil.zip', infos=infos)
    for read in (style_packs.read_card, style_packs.unpack):
        with pytest.raises(style_packs.StylePackError, match=reason) as caught:
            read(path)
        assert str(path) in str(caught.value)
    assert not cache.exists()


def test_sizes_beyond_the_limits_are_refused_by_what_is_declared(tmp_path, cache, monkeypatch):
    path = planted(tmp_path / 'large.zip', {'a': bytes(range(256)) * 8, 'b': bytes(range(256)) * 8})
    style_packs.read_card(path)
    for limit, value, reason in (('MOST_MEMBER_BYTES', 2000, 'at most'), ('MOST_BYTES', 4000, 'MiB when unpacked'),
                                 ('MOST_CARD_BYTES', 100, 'card.json of more'), ('MOST_BYTES', 100, 'larger than')):
        with monkeypatch.context() as changed, pytest.raises(style_packs.StylePackError, match=reason):
            changed.setattr(style_packs, limit, value)
            style_packs.unpack(path)
    assert not cache.exists()


def test_a_member_that_is_larger_than_it_says_fails_and_leaves_nothing(tmp_path, cache):
    path = planted(tmp_path / 'liar.zip', {'a': b'x' * 3000})
    data = bytearray(path.read_bytes())
    for mark, place in ((b'PK\x03\x04', 22), (b'PK\x01\x02', 24)):  # the size in both headers of the file `a`
        start = next(at for at in _places(data, mark) if struct.unpack_from('<I', data, at + place)[0] == 3000)
        struct.pack_into('<I', data, start + place, 10)
    path.write_bytes(data)
    with pytest.raises(style_packs.StylePackError, match='damaged'):
        style_packs.unpack(path)
    assert not list(cache.rglob('*.*'))


def _places(data, mark):
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def test_an_encrypted_member_is_refused(tmp_path, cache):
    path = planted(tmp_path / 'secret.zip')
    data = bytearray(path.read_bytes())
    at = list(_places(data, b'PK\x01\x02'))[-1]
    struct.pack_into('<H', data, at + 8, 1)
    path.write_bytes(data)
    with pytest.raises(style_packs.StylePackError, match='encrypted'):
        style_packs.unpack(path)


@pytest.mark.parametrize(('options', 'reason'), [
    ({'card': {'format_version': 2}}, 'version 2; this stylegan_tf knows version 1'),
    ({'card': {'format': 'other'}}, 'none of a style pack'), ({'card': {'name': 'a\nb'}}, 'none of a style pack'),
    ({'card': {'name': 7}}, 'damaged'), ({'raw_card': '{'}, 'damaged'),
    ({'raw_card': '[]'}, 'damaged'), ({'raw_card': '[' * 100_000}, 'damaged'),
    ({'raw_card': '{"format": 1}'}, 'damaged'),
    ({'card': {'files': {}}}, 'does not hold the files'),
    ({'card': {'files': listed({**MEMBERS, 'look.npz': b''})}}, 'not hold the files that its card lists: look.npz'),
    ({'card': {'files': listed({**MEMBERS, 'look.cube': b'other'})}}, 'look.cube in it is not what its card lists')])
def test_cards_that_do_not_fit_are_refused(tmp_path, cache, options, reason):
    path = planted(tmp_path / 'odd.zip', **options)
    with pytest.raises(style_packs.StylePackError, match=reason):
        style_packs.unpack(path)
    assert not list(cache.rglob('*.*'))


def test_files_that_are_no_archives_are_named(tmp_path, cache):
    whole = planted(tmp_path / 'whole.zip').read_bytes()
    with zipfile.ZipFile(tmp_path / 'photos.zip', 'w') as archive:
        archive.writestr('a.jpg', b'x')
    (tmp_path / 'text.zip').write_text('no archive')
    (tmp_path / 'empty.zip').touch()
    (tmp_path / 'cut.zip').write_bytes(whole[:-30])
    for name in ('text', 'empty', 'cut', 'photos', 'absent'):
        with pytest.raises(style_packs.StylePackError, match=f'{name}.zip.*(no style pack|no such file)'):
            style_packs.read_card(tmp_path / f'{name}.zip')
    with pytest.raises(style_packs.StylePackError, match=r'ends in \.zip'):
        style_packs.write(tmp_path / 'mine.pack', MEMBERS, {'name': 'mine'})
    with pytest.raises(style_packs.StylePackError, match='outside its folder'):
        style_packs.write(tmp_path / 'mine.zip', {'../a': b''}, {'name': 'mine'})
    assert not (tmp_path / 'mine.zip').exists()
