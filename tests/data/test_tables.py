"""`table:FILE.csv`: pictures with what they were made of."""

import csv

import numpy as np
import pytest

from stylegan_tf import data, images


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(('out', 'photo', 'paint')):
        for index in range(3):
            images.save(tmp_path / name / f'{index}.png', np.full((20, 24, 3), 40 * number + index, np.uint8))
    return tmp_path


def write(folder, *rows, columns=('image', 'content', 'style', 'label')):
    with open(folder / 'table.csv', 'w', newline='') as file:
        csv.writer(file).writerows([columns, *rows])
    return f'table:{folder / "table.csv"}'


def test_records_carry_their_references_through_a_split(folder):
    spec = write(folder, ('out/0.png', 'photo/0.png', 'paint/1.png', 'gatys'), ('out/1.png', 'photo/2.png', '', 'ours'),
                 (str(folder / 'photo/1.png'), '', '', ''))
    source = data.load(spec)
    assert len(source) == 3 and source.label_names == ('gatys', 'ours') and list(source.labels) == [0, 1, -1]
    first = source[0]
    assert first.image[0, 0, 0] == 0 and first.references['content'][0, 0, 0] == 40
    assert first.references['style'][0, 0, 0] == 81
    assert set(source[1].references) == {'content'} and source[2].references == {}
    train, held = source.split(['out/0.png'])
    assert held[0].references['style'][0, 0, 0] == 81 and train[0].references['content'][0, 0, 0] == 42


def test_the_fingerprint_is_that_of_the_rows(folder):
    prints = [data.load(write(folder, ('out/0.png', content, '', ''))).fingerprint
              for content in ('photo/0.png', 'photo/1.png', 'photo/0.png')]
    assert prints[0] == prints[2] != prints[1]


def test_a_row_with_a_bad_picture_is_left_out_by_name(folder):
    (folder / 'photo' / '1.png').write_bytes(b'nothing')
    spec = write(folder, ('out/0.png', 'photo/0.png', '', ''), ('out/1.png', 'photo/1.png', '', ''))
    source = data.load(spec, max_bad_share=0.6)
    assert source.names == ('out/0.png',) and source.bad[0][0] == 'out/1.png'
    with pytest.raises(data.DataError, match='1 of 2 pictures are bad'):
        data.load(spec)


def test_pictures_without_references_have_none(folder):
    assert data.load(str(folder / 'photo'))[0].references == {}


@pytest.mark.parametrize('columns, rows', [(('picture',), [('out/0.png',)]), (('image',), []), (('image',), [('',)])])
def test_tables_without_pictures_are_refused(folder, columns, rows):
    with pytest.raises(data.DataError, match='column image filled'):
        data.load(write(folder, *rows, columns=columns))


def test_a_table_that_is_not_there(folder):
    with pytest.raises(data.DataError, match='No such file'):
        data.load(f'table:{folder}/nowhere.csv')
