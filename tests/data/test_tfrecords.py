"""tfrecord: sources, written by TensorFlow itself."""

import gzip
import json

import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf import data, images
from stylegan_tf.data import tfrecords


def picture(number):
    return np.full((10 + number, 20, 3), [number, 100, 0], np.uint8)


def record(number, **options):
    return tfrecords.example_to_record(
        images.encode(picture(number)), label=number % 2, name=f'folder/{number}.png', **options)


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in records:
            writer.write(content)
    return path


@pytest.fixture
def shards(tmp_path):
    write(tmp_path / 'set/b-00001.tfrecord', [record(3), record(4)])
    write(tmp_path / 'set/b-00000.tfrecord', [record(0), record(1), record(2)])
    return tmp_path / 'set'


def test_records_are_read_in_any_order(shards):
    (shards / 'label_names.json').write_text(json.dumps(['even', 'odd']))
    source = data.load(f'tfrecord:{shards}/*.tfrecord')
    assert source.names == tuple(f'folder/{number}.png' for number in range(5))
    assert source.label_names == ('even', 'odd')
    for number in (4, 0, 3, 1, 2):
        read = source[number]
        np.testing.assert_array_equal(read.image, picture(number))
        assert (read.label, read.name, read.mask) == (number % 2, f'folder/{number}.png', None)
    assert source.read(4, min_short_side=7).image.shape == (7, 10, 3)
    train, heldout = source.split(['2.png'])
    np.testing.assert_array_equal(heldout[0].image, picture(2))
    np.testing.assert_array_equal(train[2].image, picture(3))


def test_examples_are_what_tensorflow_reads(shards):
    features = {'image': tf.io.FixedLenFeature([], tf.string),
                'label': tf.io.FixedLenFeature([], tf.int64),
                'name': tf.io.FixedLenFeature([], tf.string)}
    serialized = next(iter(tf.data.TFRecordDataset(str(shards / 'b-00001.tfrecord'))))
    parsed = tf.io.parse_single_example(serialized, features)
    np.testing.assert_array_equal(tf.io.decode_png(parsed['image']), picture(3))
    assert (parsed['label'], parsed['name']) == (1, b'folder/3.png')
    assert record(3) == record(3)
    assert tfrecords.record_to_example(record(3)) == {
        'image': images.encode(picture(3)), 'label': 1, 'name': 'folder/3.png', 'mask': None}


def test_masks_and_missing_features(tmp_path):
    mask = np.zeros((10, 20), np.uint8)
    mask[3:5, 6:9] = 255
    encoded_mask = images.encode(np.repeat(mask[:, :, None], 3, axis=2))
    bare = tf.train.Example()
    bare.features.feature['image'].bytes_list.value.append(images.encode(picture(1)))
    write(tmp_path / 'a.tfrecord', [record(0, mask=encoded_mask), bare.SerializeToString()])
    source = data.load(f'tfrecord:{tmp_path}/a.tfrecord')
    np.testing.assert_array_equal(source[0].mask, mask)
    assert (source[1].label, source[1].name, source[1].mask) == (-1, 'a.tfrecord#1', None)
    assert source.label_names == ()


def test_bad_records_are_named(tmp_path):
    good = [record(number) for number in range(30)]
    broken = tfrecords.example_to_record(b'no picture', name='folder/broken.png')
    write(tmp_path / 'a.tfrecord', [*good[:15], broken, *good[15:]])
    source = data.load(f'tfrecord:{tmp_path}/*')
    assert len(source) == 30 and source[15].name == 'folder/15.png'
    assert [name for name, _ in source.bad] == ['folder/broken.png']
    no_picture = tf.train.Example()
    no_picture.features.feature['jpeg'].bytes_list.value.append(b'x')
    write(tmp_path / 'b.tfrecord', [no_picture.SerializeToString(), b'\xff\xff\xff'])
    with pytest.raises(data.DataError, match=r"b\.tfrecord#0.*'image'; its features are: jpeg"):
        data.load(f'tfrecord:{tmp_path}/b.tfrecord')


def test_damaged_pixels_are_replaced_by_the_next_record(tmp_path):
    cut = images.encode(picture(7))
    cut = tfrecords.example_to_record(cut[:cut.index(b'IDAT') + 8], name='cut.png')
    write(tmp_path / 'a.tfrecord', [cut, record(1)])
    source = data.load(f'tfrecord:{tmp_path}/a.tfrecord', max_bad_share=0.5)
    assert source[0].name == 'folder/1.png'
    assert source.bad[0][0] == 'cut.png' and 'a.tfrecord at byte 12' in source.bad[0][1]


def test_cut_off_files_are_refused_at_every_length(shards):
    path = shards / 'b-00000.tfrecord'
    content = path.read_bytes()
    boundary = 12 + len(record(0)) + 4
    for length in (5, 12, 40, boundary - 1, boundary + 3, len(content) - 1):
        path.write_bytes(content[:length])
        whole = int(length >= boundary) + int(length >= boundary + 16 + len(record(1)))
        with pytest.raises(data.DataError, match=f'cut off inside record {whole}; {whole} records'):
            data.load(f'tfrecord:{path}')
    path.write_bytes(content[:boundary])
    assert data.load(f'tfrecord:{path}').names == ('folder/0.png',)


def test_what_is_no_tfrecord(tmp_path):
    (tmp_path / 'text').write_text('a text that is longer than a frame')
    with pytest.raises(data.DataError, match='text: is no TFRecord file'):
        data.load(f'tfrecord:{tmp_path}/text')
    path = write(tmp_path / 'a.tfrecord', [record(0), record(1)])
    content = bytearray(path.read_bytes())
    (tmp_path / 'packed').write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(data.DataError, match=r'is compressed.*gunzip'):
        data.load(f'tfrecord:{tmp_path}/packed')
    content[12 + len(record(0)) + 4] ^= 1  # the second length
    path.write_bytes(bytes(content))
    with pytest.raises(data.DataError, match='damaged behind record 1'):
        data.load(f'tfrecord:{path}')
    (tmp_path / 'empty').write_bytes(b'')
    with pytest.raises(data.DataError, match='holds no records'):
        data.load(f'tfrecord:{tmp_path}/empty')
    with pytest.raises(data.DataError, match=r'no file matches.*quote it'):
        data.load(f'tfrecord:{tmp_path}/*.none')


@pytest.mark.parametrize('content', ['{"a": 1}', '[1, 2]', 'not json'])
def test_class_names_must_be_a_list_of_strings(shards, content):
    (shards / 'label_names.json').write_text(content)
    with pytest.raises(data.DataError, match=r'label_names\.json'):
        data.load(f'tfrecord:{shards}/*.tfrecord')


def test_the_index_is_kept_and_follows_changes(shards, tmp_path, monkeypatch):
    spec, cache = f'tfrecord:{shards}/*.tfrecord', tmp_path / 'cache'
    first = data.load(spec, cache_folder=cache)
    assert len(list(cache.iterdir())) == 2
    with monkeypatch.context() as patch:
        patch.setattr(tfrecords, '_scan', None)  # any scan would fail now
        again = data.load(spec, cache_folder=cache)
    assert (again.names, again.fingerprint) == (first.names, first.fingerprint)
    np.testing.assert_array_equal(again[3].image, picture(3))
    write(shards / 'b-00001.tfrecord', [record(9)])
    changed = data.load(spec, cache_folder=cache)
    assert changed.names[3:] == ('folder/9.png',) and changed.fingerprint != first.fingerprint


def test_checksum_of_known_values():
    # RFC 3720, appendix B.4: CRC-32C of 32 zero bytes is 8a9136aa.
    crc = 0x8A9136AA
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert tfrecords._masked_crc32c(bytes(32)) == masked
