"""images: hand-made files of every kind, with exact pixels where the format is lossless."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from stylegan_tf import images, plain_files

ASYMMETRIC = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 10


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def profile(color_space=b'RGB '):
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    return content[:16] + color_space + content[20:]


def smooth(height=48, width=64):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5, columns * 3, 255 - columns * 2], axis=2).astype(np.uint8)


# Decoding.


@pytest.mark.parametrize(('orientation', 'turn'), [
    (1, lambda a: a),
    (2, lambda a: a[:, ::-1]),
    (3, lambda a: a[::-1, ::-1]),
    (4, lambda a: a[::-1]),
    (5, lambda a: a.transpose(1, 0, 2)),
    (6, lambda a: np.rot90(a, -1)),
    (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
    (8, lambda a: np.rot90(a)),
])
def test_exif_orientation_is_applied_and_reset(orientation, turn):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, 'Maker'
    for format in ('PNG', 'TIFF'):
        picture = images.open_picture(
            encoded(Image.fromarray(ASYMMETRIC), format, exif=exif.tobytes()))
        np.testing.assert_array_equal(picture.pixels, turn(ASYMMETRIC), err_msg=format)
        kept = Image.Exif()
        kept.load(picture.exif)
        assert dict(kept) == {0x010F: 'Maker'}


def test_grey_alpha_and_one_bit_files():
    grey = np.array([[0, 100, 255]], np.uint8)
    expected = np.repeat(grey[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(images.read(encoded(Image.fromarray(grey), 'PNG')), expected)

    with_alpha = np.stack([grey, np.array([[255, 51, 0]], np.uint8)], axis=2)
    picture = images.open_picture(encoded(Image.fromarray(with_alpha, 'LA'), 'PNG'))
    np.testing.assert_array_equal(picture.pixels[0, :, 0], [0, 224, 255])  # 100*.2 + 255*.8
    np.testing.assert_array_equal(picture.alpha, [[255, 51, 0]])

    bits = Image.fromarray(np.array([[0, 255, 0]], np.uint8)).convert('1')
    np.testing.assert_array_equal(images.read(encoded(bits, 'PNG'))[0, :, 1], [0, 255, 0])


def test_rgba_is_laid_over_white_and_keeps_its_alpha():
    rgba = np.array([[[200, 0, 10, 255], [200, 0, 10, 0], [200, 0, 10, 102]]], np.uint8)
    for format, options in (('PNG', {}), ('WEBP', {'lossless': True, 'exact': True}),
                            ('TIFF', {})):
        picture = images.open_picture(encoded(Image.fromarray(rgba), format, **options))
        np.testing.assert_array_equal(
            picture.pixels, [[[200, 0, 10], [255, 255, 255], [233, 153, 157]]], err_msg=format)
        np.testing.assert_array_equal(picture.alpha, [[255, 0, 102]], err_msg=format)


def test_palette_with_transparency():
    image = Image.new('P', (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    picture = images.open_picture(encoded(image, 'PNG', transparency=1))
    np.testing.assert_array_equal(picture.pixels, [[[255, 0, 0], [255] * 3, [0, 0, 255]]])
    np.testing.assert_array_equal(picture.alpha, [[255, 0, 255]])
    opaque = images.open_picture(encoded(image, 'PNG'))
    np.testing.assert_array_equal(opaque.pixels, [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    assert opaque.alpha is None


@pytest.mark.parametrize('format', ['PNG', 'TIFF', 'PPM'])
def test_16_bit_grey_is_scaled_not_clipped(format):
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    pixels = images.read(encoded(Image.fromarray(deep), format))
    np.testing.assert_array_equal(pixels, np.array([[[0] * 3, [1] * 3, [128] * 3, [255] * 3]]))


def test_16_bit_rgb_png():
    rows = b'\0' + struct.pack('>6H', 0, 32896, 65535, 257, 65278, 25700)
    content = (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 2, 1, 16, 2, 0, 0, 0))
               + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
    np.testing.assert_array_equal(images.read(content), [[[0, 128, 255], [1, 254, 100]]])


def test_floating_point_tiff():
    unit = np.array([[0, 0.5, 1]], np.float32)
    np.testing.assert_array_equal(
        images.read(encoded(Image.fromarray(unit), 'TIFF'))[0, :, 2], [0, 128, 255])
    np.testing.assert_array_equal(
        images.read(encoded(Image.fromarray(unit * 200), 'TIFF'))[0, :, 2], [0, 100, 200])
    with pytest.raises(images.ImageError, match=r'-1.* to 1.*convert it to 8 or 16 bit'):
        images.read(encoded(Image.fromarray(unit * 2 - 1), 'TIFF'))


def test_cmyk_with_adobes_inverted_ink_and_without():
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[:, :, 0] = 255  # pure cyan
    np.testing.assert_array_equal(
        images.read(encoded(Image.fromarray(ink, 'CMYK'), 'TIFF'))[3, 3], [0, 255, 255])
    adobe = encoded(Image.fromarray(ink, 'CMYK'), 'JPEG', quality=100)
    np.testing.assert_allclose(images.read(adobe)[3, 3], [0, 255, 255], atol=3)
    # Without the marker the numbers are ink, so the same cyan is stored the other way round.
    turned = Image.Exif()
    turned[0x0112] = 6
    other = encoded(Image.fromarray(255 - ink, 'CMYK'), 'JPEG', quality=100, exif=turned)
    start = other.index(b'\xff\xee')
    length = int.from_bytes(other[start + 2:start + 4], 'big')
    plain = other[:start] + other[start + 2 + length:]
    assert b'Adobe' not in plain
    np.testing.assert_allclose(images.read(plain)[3, 3], [0, 255, 255], atol=3)


def test_lab_tiff():
    rgb = Image.new('RGB', (4, 4), (200, 90, 40))
    lab = ImageCms.profileToProfile(rgb, ImageCms.createProfile('sRGB'),
                                    ImageCms.createProfile('LAB'), outputMode='LAB')
    np.testing.assert_allclose(images.read(encoded(lab, 'TIFF'))[0, 0], [200, 90, 40], atol=3)


@pytest.mark.parametrize(('format', 'options'), [('GIF', {}), ('WEBP', {'lossless': True}),
                                                 ('PNG', {}), ('TIFF', {})])
def test_first_frame_of_animations(format, options):
    frames = [Image.new('RGB', (5, 4), color) for color in ((255, 0, 0), (0, 0, 255))]
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert Image.open(io.BytesIO(content)).n_frames == 2
    np.testing.assert_array_equal(images.read(content), np.full((4, 5, 3), [255, 0, 0]))


def test_only_rgb_profiles_are_kept():
    rgb, grey = Image.new('RGB', (2, 2)), Image.new('L', (2, 2))
    tagged = profile()
    assert images.open_picture(encoded(rgb, 'PNG', icc_profile=tagged)).icc_profile == tagged
    # A grey profile does not describe the RGB pixels that leave this package.
    grey_file = encoded(grey, 'PNG', icc_profile=profile(b'GRAY'))
    assert images.open_picture(grey_file).icc_profile is None


def test_arrays():
    grey = np.array([[1, 2]], np.uint8)
    np.testing.assert_array_equal(images.read(grey), [[[1] * 3, [2] * 3]])
    np.testing.assert_array_equal(images.read(grey[:, :, None]), [[[1] * 3, [2] * 3]])
    picture = images.open_picture(np.array([[[9, 8, 7, 0]]], np.uint8))
    np.testing.assert_array_equal(picture.pixels, [[[255] * 3]])
    np.testing.assert_array_equal(picture.alpha, [[0]])
    for wrong in (np.zeros((2, 2, 3)), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2), np.uint8)):
        with pytest.raises(images.ImageError, match='expected uint8'):
            images.read(wrong)


def test_min_short_side_shrinks_but_never_below(tmp_path):
    path = tmp_path / 'large.jpg'
    images.save(path, images.resize(smooth(), (480, 640)))
    reduced = images.read(path, min_short_side=100)
    assert reduced.shape == (100, 133, 3)
    exact = images.resize(images.read(path), (100, 133))
    assert np.abs(reduced.astype(int) - exact).mean() < 1.5
    assert images.read(path, min_short_side=1000).shape == (480, 640, 3)


def test_stereo_pictures_of_phones_give_the_first(tmp_path):
    frames = [Image.fromarray(smooth()), Image.fromarray(255 - smooth())]
    content = encoded(frames[0], 'MPO', save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(images.read(content).astype(int).mean(), smooth().mean(), atol=1)


# What cannot be decoded.


def chunk(kind, content):
    return struct.pack('>I', len(content)) + kind + content + struct.pack(
        '>I', zlib.crc32(kind + content))


def bomb(side):
    header = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
            + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b''))


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'is empty'),
    (b'not a picture, whatever its name says', 'is not a picture of a known kind'),
    (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n', 'of a known kind'),
    (bomb(60_000), 'refused, it would decode to far too many pixels'),
    (bomb(11_500), r'refused, it would decode to 11500x11500 pixels; at most 120 million'),
    (bomb(100), 'cannot be decoded.*damaged or incomplete'),
])
@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
def test_bad_files_are_refused_by_name(tmp_path, content, reason):
    path = tmp_path / 'bad.png'
    path.write_bytes(content)
    with pytest.raises(images.ImageError, match=reason) as caught:
        images.read(path)
    assert str(caught.value).startswith(str(path))
    with pytest.raises(images.ImageError, match=reason):
        images.read(content)


@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'WEBP', 'TIFF', 'BMP', 'GIF'])
def test_truncated_files_are_refused(format):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = encoded(Image.fromarray(noise), format)
    assert images.read(content).shape == (64, 64, 3)
    with pytest.raises(images.ImageError):
        images.read(content[:len(content) // 2])


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_every_truncation_of_a_picture_gives_a_picture_or_an_image_error():
    for format in ('JPEG', 'PNG', 'GIF', 'TIFF'):
        content = encoded(Image.fromarray(smooth(8, 8)), format)
        for length in range(0, len(content), 7):
            try:
                images.read(content[:length])
            except images.ImageError:
                continue


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(images.ImageError, match=r'none\.png: no such file'):
        images.read(tmp_path / 'none.png')
    with pytest.raises(images.ImageError, match='is a folder'):
        images.read(tmp_path)
    with pytest.raises(images.ImageError, match=r'<int>: a picture must be'):
        images.read(3)


def test_check_header_reads_no_pixels():
    content = encoded(Image.fromarray(smooth()), 'JPEG')
    assert images.check_header(content[:700]) == (48, 64)
    with pytest.raises(images.ImageError):
        images.read(content[:700])


# Encoding.


@pytest.mark.parametrize('suffix', ['png', 'bmp', 'tif', 'TIFF'])
def test_lossless_formats_return_the_same_pixels(tmp_path, suffix):
    path = tmp_path / f'new folder/picture.{suffix}'
    images.save(path, smooth())
    np.testing.assert_array_equal(images.read(path), smooth())


@pytest.mark.parametrize('suffix', ['jpg', 'webp'])
def test_lossy_formats_come_close(tmp_path, suffix):
    images.save(tmp_path / f'p.{suffix}', smooth())
    assert np.abs(images.read(tmp_path / f'p.{suffix}').astype(int) - smooth()).mean() < 2


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'webp', 'tif'])
def test_save_keeps_profile_exif_and_transparency(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x8298] = 6, 'Maker', 'Someone'
    alpha = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    original = encoded(Image.fromarray(np.dstack([smooth(), alpha])), 'PNG', exif=exif.tobytes(),
                       icc_profile=profile())
    picture = images.open_picture(original)
    assert picture.pixels.shape == (64, 48, 3)

    path = tmp_path / f'out.{suffix}'
    images.save(path, picture.pixels, picture=picture, metadata={'model': 'a'})
    again = images.open_picture(path)
    assert again.pixels.shape == (64, 48, 3)  # not turned a second time
    assert again.icc_profile == picture.icc_profile  # a profile tells the second it was made in
    kept = Image.Exif()
    kept.load(again.exif)
    assert (kept[0x010F], kept[0x8298]) == ('Maker', 'Someone')
    assert 0x0112 not in kept
    if suffix == 'jpg':
        assert again.alpha is None
    else:
        np.testing.assert_array_equal(again.alpha, picture.alpha)
    assert images.read_metadata(path) == {'model': 'a'}


def test_transparency_follows_the_new_size():
    picture = images.Picture(np.zeros((4, 4, 3), np.uint8), np.full((4, 4), 77, np.uint8))
    again = images.open_picture(
        images.encode(np.zeros((8, 6, 3), np.uint8), 'png', picture=picture))
    np.testing.assert_array_equal(again.alpha, np.full((8, 6), 77))


@pytest.mark.parametrize('format', ['png', 'jpeg', 'webp', 'tiff'])
def test_metadata_comes_back(format):
    metadata = {'model': 'style_transfer <1> & "two"', 'strength': '0.8', 'title': 'Häuser, 夜\n2'}
    assert images.read_metadata(images.encode(smooth(), format, metadata=metadata)) == metadata
    assert images.read_metadata(images.encode(smooth(), format)) == {}
    with pytest.raises(images.ImageError, match='two words'):
        images.encode(smooth(), format, metadata={'two words': 'x'})


def test_unknown_formats_and_wrong_arrays(tmp_path):
    with pytest.raises(images.ImageError, match=r"out\.xyz: the suffix '\.xyz'.*\.png"):
        images.save(tmp_path / 'out.xyz', smooth())
    with pytest.raises(images.ImageError, match=r'cannot be written in this format'):
        images.encode(smooth(), 'heic')
    with pytest.raises(images.ImageError, match=r'float32 \[4, 4, 3\]'):
        images.encode(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(images.ImageError, match=r'uint8 \[4, 4\]'):
        images.encode(np.zeros((4, 4), np.uint8))


def test_a_failed_save_leaves_nothing_and_says_why(tmp_path):
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(images.ImageError, match=r'out\.png: cannot be written'):
        images.save(tmp_path / 'file' / 'out.png', smooth())
    (tmp_path / 'taken.png').mkdir()
    with pytest.raises(images.ImageError, match=r'taken\.png: cannot be written'):
        images.save(tmp_path / 'taken.png', smooth())
    assert sorted(path.name for path in tmp_path.iterdir()) == ['file', 'taken.png']


def test_save_replaces_an_older_file(tmp_path):
    path = tmp_path / 'out.png'
    images.save(path, smooth())
    images.save(path, 255 - smooth())
    np.testing.assert_array_equal(images.read(path), 255 - smooth())
    assert [entry.name for entry in tmp_path.iterdir()] == ['out.png']


# Numbers and sizes.


def test_floats_and_back():
    levels = np.arange(256, dtype=np.uint8)
    floats = images.to_float(levels)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats[[0, 51, 255]], [-1, -0.6, 1], atol=1e-7)
    np.testing.assert_array_equal(images.to_uint8(floats), levels)
    np.testing.assert_array_equal(
        images.to_uint8(np.array([-5, 5, np.nan, np.inf, 0.0])), [0, 255, 0, 255, 128])
    with pytest.raises(images.ImageError, match='expects uint8'):
        images.to_float(floats)
    with pytest.raises(images.ImageError, match='expects floats'):
        images.to_uint8(levels)


def test_resize_averages_areas():
    pixels = np.array([[0, 10, 20, 30], [20, 30, 40, 50]], np.uint8)
    np.testing.assert_array_equal(images.resize(pixels, (1, 2)), [[15, 35]])
    np.testing.assert_array_equal(images.resize(pixels[:, :, None], (1, 1)), [[[25]]])
    np.testing.assert_array_equal(images.resize(pixels, (2, 4)), pixels)
    floats = images.resize(pixels.astype(np.float32) / 7, (1, 2))
    np.testing.assert_allclose(floats, [[15 / 7, 35 / 7]], rtol=1e-6)
    # One axis down and the other up: the mean along one, constant along the other.
    np.testing.assert_array_equal(images.resize(np.array([[0, 100]], np.uint8), (3, 1)),
                                  [[50], [50], [50]])
    with pytest.raises(images.ImageError, match='0x5'):
        images.resize(pixels, (0, 5))


@pytest.mark.parametrize('size', list(itertools.product((1, 7, 48, 200), repeat=2)))
def test_cover_crop_has_the_size_and_keeps_the_middle(size):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[16:32, 24:40] = 255
    result = images.cover_crop(pixels, size)
    assert result.shape == (*size, 3)
    np.testing.assert_allclose(result[::-1, ::-1], result, atol=1)


def test_cover_crop_takes_the_largest_part():
    rows = np.arange(12, dtype=np.uint8).reshape(2, 6)
    np.testing.assert_array_equal(images.cover_crop(rows, (2, 2)), [[2, 3], [8, 9]])
    np.testing.assert_array_equal(images.cover_crop(rows.T, (2, 2)), [[2, 8], [3, 9]])


def test_fit_within_only_shrinks():
    assert images.fit_within(smooth(), 32).shape == (24, 32, 3)
    assert images.fit_within(smooth(), 64) is not None
    assert images.fit_within(smooth(), 1000).shape == (48, 64, 3)
    assert images.fit_within(np.zeros((1, 900, 3), np.uint8), 30).shape == (1, 30, 3)


# Sheets and folders.


def test_grid_places_pictures_exactly():
    red = np.full((4, 6, 3), [255, 0, 0], np.uint8)
    grey = np.full((2, 3), 9, np.uint8)
    sheet = images.grid([[red, grey], [None, red]], gap=2)
    assert sheet.shape == (2 + 4 + 2 + 4 + 2, 2 + 6 + 2 + 6 + 2, 3)
    expected = np.full_like(sheet, 255)
    expected[2:6, 2:8] = [255, 0, 0]
    expected[2:4, 10:13] = 9
    expected[8:12, 10:16] = [255, 0, 0]
    np.testing.assert_array_equal(sheet, expected)


def test_grid_draws_labels_outside_the_pictures():
    cell = np.full((64, 64, 3), 200, np.uint8)
    bare = images.grid([[cell, cell], [cell, cell]])
    sheet = images.grid([[cell, cell], [cell, cell]], row_labels=['first', 'second'],
                        column_labels=['left', 'a label much too long for one column ' * 5],
                        caption='what this is')
    assert sheet.shape[0] > bare.shape[0] and sheet.shape[1] > bare.shape[1]
    body = sheet[-bare.shape[0]:, -bare.shape[1]:]
    np.testing.assert_array_equal(body, bare)
    margins = sheet.copy()
    margins[-bare.shape[0]:, -bare.shape[1]:] = 255
    top, left = margins[:-bare.shape[0]], margins[-bare.shape[0]:, :-bare.shape[1]]
    half = left.shape[0] // 2
    assert top.min() < 100 and left[:half].min() < 100 and left[half:].min() < 100


def test_grid_errors():
    with pytest.raises(ValueError, match='at least one picture'):
        images.grid([[None]])
    with pytest.raises(ValueError, match=r'float64 \[2, 2, 3\]'):
        images.grid([[np.zeros((2, 2, 3))]])
    with pytest.raises(ValueError, match='2 labels for 1 rows'):
        images.grid([[smooth()]], row_labels=['a', 'b'])


def test_find_images(tmp_path):
    for name in ('b/2.PNG', 'b/10.jpg', 'a.webp', '.hidden.png', '.cache/x.png', 'notes.txt'):
        path = tmp_path / 'pictures' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'')
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'elsewhere' / 'c.gif').write_bytes(b'')
    (tmp_path / 'pictures' / 'linked').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'pictures' / 'b' / 'loop').symlink_to(tmp_path / 'pictures')
    found = images.find_images(tmp_path / 'pictures')
    assert [path.relative_to(tmp_path / 'pictures').as_posix() for path in found] == [
        'a.webp', 'b/10.jpg', 'b/2.PNG', 'linked/c.gif']
    with pytest.raises(images.ImageError, match='no such folder'):
        images.find_images(tmp_path / 'none')


def test_plain_files_are_decoded_to_the_pixels_of_pillow():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8))
    turned = picture.getexif()
    turned[ExifTags.Base.Orientation] = 6
    files = [encoded(picture, 'PNG'), encoded(picture.convert('L'), 'PNG'), encoded(picture.convert('P'), 'PNG'),
             encoded(picture, 'PNG', exif=turned), encoded(picture.convert('RGBA'), 'PNG'),
             encoded(picture, 'JPEG'), encoded(picture.convert('L'), 'JPEG'), encoded(picture.convert('CMYK'), 'JPEG'),
             encoded(picture, 'JPEG', subsampling=2, progressive=True), encoded(picture, 'JPEG', keep_rgb=True),
             encoded(picture, 'JPEG') + b'more', encoded(picture, 'JPEG', exif=turned)]
    end, begin = files[0].index(b'IEND') - 4, files[3].index(b'eXIf') - 4
    chunk = files[3][begin:begin + 12 + int.from_bytes(files[3][begin:begin + 4], 'big')]
    files.append(files[0][:end] + chunk + files[0][end:])  # the turn stands behind the pixels
    headers = [images.read_header(file) for file in files]
    assert [header.plain for header in headers] == [
        'PNG', 'PNG', '', 'PNG', '', 'JPEG', 'JPEG', '', 'JPEG', 'JPEG', 'JPEG', '', 'PNG']
    assert images.read(files[12]).shape == (50, 37, 3)
    is_decoded = [header.plain and plain_files.decode(file, header.plain, (37, 50)) is not None
                  for file, header in zip(files, headers, strict=True)]
    assert [number for number, done in enumerate(is_decoded) if done] == [0, 1, 5, 6, 8, 9]
    for file, header, done in zip(files, headers, is_decoded, strict=True):
        np.testing.assert_array_equal(images.read_reduced(file, 1, header), images.read(file))
        if done:
            np.testing.assert_array_equal(images.read(file), Image.open(io.BytesIO(file)).convert('RGB'))


@pytest.mark.parametrize('factor', [1, 2, 4, 8])
def test_reading_by_a_whole_factor(factor, tmp_path):
    smooth_picture = images.resize(smooth(), (331, 450))
    for suffix in ('jpg', 'png', 'webp'):
        path = tmp_path / f'picture.{suffix}'
        images.save(path, smooth_picture)
        reduced = images.read_reduced(path, factor)
        assert np.abs(np.array(reduced.shape[:2]) - np.array([331, 450]) / factor).max() <= 1
        exact = images.resize(smooth_picture, reduced.shape[:2])
        assert np.abs(reduced.astype(int) - exact).mean() < 1.5
        np.testing.assert_array_equal(images.read_reduced(path, factor, images.read_header(path)), reduced)
    rows, columns = (side // factor for side in smooth_picture.shape[:2])
    np.testing.assert_array_equal(images.read_reduced(smooth_picture, factor),
                                  images.resize(smooth_picture[:rows * factor, :columns * factor], (rows, columns)))
