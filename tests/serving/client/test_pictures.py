"""What is sent of a picture."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from stylegan_serving.client import pictures
from stylegan_tf import images
from tests import tiny_models
from tests.serving.client.conftest import write_turned

PIXELS = tiny_models.picture(30, 44, 7)


def encoded(mode='RGB', format='PNG', **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize('file', [
    encoded(format='JPEG'), encoded(), encoded(format='WEBP', lossless=True), encoded('L', 'JPEG'), encoded('L')])
def test_plain_files_go_as_they_are(file):
    assert pictures.prepare(file).encoded is file


@pytest.mark.parametrize('file', [
    encoded('RGBA'), encoded('P'), encoded('1'), encoded('LA'), encoded('CMYK', 'JPEG'), encoded(format='TIFF'),
    encoded(format='BMP'), encoded(format='PPM'), encoded(format='GIF'), encoded('P', transparency=0),
    encoded(format='PNG', save_all=True, append_images=[Image.fromarray(PIXELS[::-1])])])
def test_others_go_as_png_that_a_graph_decodes_to_the_same(file):
    prepared = pictures.prepare(file)
    assert prepared.encoded.startswith(b'\x89PNG')
    graph = tf.io.decode_image(prepared.encoded, channels=3, expand_animations=False).numpy()
    np.testing.assert_array_equal(graph, images.read(file))
    assert prepared.size == (30, 44)


def test_lying_pictures_are_set_upright(tmp_path):
    write_turned(tmp_path / 'turned.jpg', PIXELS)
    prepared = pictures.prepare(tmp_path / 'turned.jpg')
    graph = tf.io.decode_image(prepared.encoded, channels=3).numpy()
    assert graph.shape == PIXELS.shape and np.abs(graph.astype(int) - PIXELS).mean() < 3
    assert prepared.name == str(tmp_path / 'turned.jpg') and pictures.prepare(prepared) is prepared


@pytest.mark.parametrize(('source', 'message'), [
    (b'junk', '<bytes>: is not a picture'), (b'', '<bytes>: is empty'),
    ('/absent/a.png', '/absent/a.png: no such file'),
    (encoded(format='JPEG')[:-100], '<bytes>: cannot be decoded'), (3, '<int>: a picture must be'),
    (np.zeros((4, 4, 3)), 'expected uint8')])
def test_what_is_no_picture_is_named(source, message):
    with pytest.raises(images.ImageError, match=message):
        pictures.prepare(source)


def test_floats_become_the_levels_that_exports_write():
    floats = np.array([[[0, 0.5, 1], [-1, 2, np.nan]]], np.float32)
    assert pictures.from_floats(floats).pixels.tolist() == [[[0, 128, 255], [0, 255, 0]]]
    np.testing.assert_array_equal(pictures.to_levels(pictures.to_floats(PIXELS)), PIXELS)


def test_saved_pictures_keep_transparency_and_metadata(tmp_path):
    source = pictures.prepare(encoded('RGBA'))
    pictures.EncodedPicture(encoded()).save(tmp_path / 'a.png', like=source, metadata={'Model': 'style'})
    assert Image.open(tmp_path / 'a.png').mode == 'RGBA'
    assert images.read_metadata(tmp_path / 'a.png') == {'Model': 'style'}
