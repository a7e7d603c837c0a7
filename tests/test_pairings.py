"""Which references belong to a picture."""

import pytest

from stylegan_tf import images, pairings
from tests import tiny_models


@pytest.fixture
def folders(tmp_path):
    for name in ('out/a.jpg', 'out/sub/b.gif.png', 'out/c.png', 'photos/a.jpg', 'photos/sub/b.gif', 'photos/c.webp',
                 'out/report_maps/a.jpg.png', 'style.png'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.encode(tiny_models.picture(8, 8), 'png'))
    return tmp_path


def test_folders_are_matched_by_the_names_that_stylize_writes(folders):
    found = pairings.plan(folders / 'out', content=folders / 'photos', style=folders / 'style.png',
                          left_out=[folders / 'out' / 'report_maps'])
    assert [(pairing.name, pairing.content.relative_to(folders).as_posix()) for pairing in found] == [
        ('a.jpg', 'photos/a.jpg'), ('c.png', 'photos/c.webp'), ('sub/b.gif.png', 'photos/sub/b.gif')]
    assert {pairing.style for pairing in found} == {folders / 'style.png'}
    one, = pairings.plan(folders / 'out' / 'c.png', content=folders / 'photos')
    assert (one.name, one.content.name, one.style) == ('c.png', 'c.webp', None)


def test_a_missing_or_doubtful_reference_is_named(folders):
    (folders / 'photos' / 'c.jpg').write_bytes((folders / 'photos' / 'c.webp').read_bytes())  # which of the two?
    with pytest.raises(pairings.PairingError, match=r'--content: .*photos/c\.png is missing'):
        pairings.plan(folders / 'out', content=folders / 'photos')
    with pytest.raises(pairings.PairingError, match='neither a file nor a folder'):
        pairings.plan(folders / 'nothing')


def test_a_table_names_references_and_no_result_leaves_its_folder(folders):
    table = folders / 'pairs.csv'
    table.write_text(f'image,content,style\nout/a.jpg,photos/a.jpg,\n{folders}/out/../out/c.png,,style.png\n')
    first, second = pairings.read(table)
    assert (first.name, first.content, first.style) == ('out/a.jpg', folders / 'photos/a.jpg', None)
    assert second.name.endswith('out/out/c.png') and not second.name.startswith('/') and '..' not in second.name
    assert (second.content, second.style) == (None, folders / 'style.png')
    table.write_text('image,content\na.jpg,photos/none.jpg\n')
    with pytest.raises(pairings.PairingError, match=r'line 2: .*none\.jpg is no file'):
        pairings.read(table, folders / 'out')
    table.write_text('picture\na.jpg\n')
    with pytest.raises(pairings.PairingError, match=r'columns image, content, style\. Received: picture'):
        pairings.read(table)


def test_the_index_of_a_benchmark_is_a_table_too(tmp_path):
    (tmp_path / 'index.csv').write_text('path,defect,content\na.png,blur,c.png\n', encoding='utf-8')
    for name in ('a.png', 'c.png'):
        (tmp_path / name).write_bytes(b'')
    pairing, = pairings.read(tmp_path / 'index.csv')
    assert (pairing.image, pairing.content, pairing.style) == (tmp_path / 'a.png', tmp_path / 'c.png', None)
