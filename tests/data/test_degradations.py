"""Degradations: what each task's damage is, that seeds decide it, and that streams give pairs that fit."""

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from stylegan_tf import colors, data, images
from stylegan_tf.data import degradations
from stylegan_tf.data.augmentation import Augmentation
from stylegan_tf.data.restoration_stream import RestorationStream

CAT = cv2.resize(pictures.chelsea(), (120, 96), interpolation=cv2.INTER_AREA)


def spread(image):
    """Mean size of the Laplacian: how rough a picture is."""
    return np.abs(cv2.Laplacian(image.astype(np.float32), cv2.CV_32F)).mean()


def difference(one, other):
    return np.abs(one.astype(int) - other).mean()


@pytest.mark.parametrize('task', ['denoise', 'deblur', 'inpaint', 'restore'])
def test_damage_grows_with_severity_and_follows_the_seed(task):
    mean = {severity: np.mean([difference(degradations.degrade(CAT, task, severity, seed=seed).image, CAT)
                               for seed in range(8)]) for severity in (0, 0.3, 1)}
    assert mean[0] < 3 < mean[1] and mean[0] < mean[0.3] < mean[1], mean
    one, two, other = (degradations.degrade(CAT, task, 0.7, seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(one.image, two.image) and np.array_equal(one.mask, two.mask)
    assert not np.array_equal(one.image, other.image)


def test_noise_roughens_and_blur_smooths():
    for seed in range(4):
        assert spread(degradations.degrade(CAT, 'denoise', 0.5, seed=seed).image) > 1.5 * spread(CAT)
        assert spread(degradations.degrade(CAT, 'deblur', 0.5, seed=seed).image) < 0.8 * spread(CAT)


def test_holes_are_grey_and_nothing_else_changes():
    shares = []
    for seed in range(12):
        degraded = degradations.degrade(CAT, 'inpaint', 1.0, seed=seed)
        hole = degraded.mask > 0
        assert np.array_equal(degraded.image[~hole], CAT[~hole])
        assert np.isin(degraded.image[hole], (127, 128)).all()
        shares.append(hole.mean())
    assert min(shares) > 0.02 and 0.2 < max(shares) < 0.5


def test_what_lies_on_top_is_masked():
    for seed in range(6):
        degraded = degradations.degrade(CAT, 'restore', 0.8, seed=seed)
        changed = np.abs(degraded.image.astype(int) - CAT).max(axis=-1)
        assert 0.001 < degraded.mask.mean() < 0.7
        assert changed[degraded.mask > 0].mean() > changed[degraded.mask == 0].mean()


@pytest.mark.parametrize('factor', [2, 4])
def test_smaller_pictures_are_means_of_areas(factor):
    small = degradations.degrade(CAT, 'super_resolution', 1.0, seed=0, factor=factor).image
    expected = cv2.resize(CAT, (120 // factor, 96 // factor), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).max() <= 1  # ties are rounded either way
    assert small[3, 5, 1] == np.rint(CAT[3 * factor:4 * factor, 5 * factor:6 * factor, 1].mean())


def test_grey_pictures_keep_their_lightness():
    grey = degradations.degrade(CAT, 'colorize', 1.0, seed=0).image
    assert np.array_equal(grey[..., 0], grey[..., 1]) and np.array_equal(grey[..., 1], grey[..., 2])
    assert np.abs(colors.to_lab(grey)[..., 0] - colors.to_lab(CAT)[..., 0]).max() < 0.5


def test_hints_survive_in_the_colours_of_the_picture():
    hints = degradations.scatter_hints(CAT, 6, np.random.default_rng(3))
    dotted = hints[..., 3] == 255
    assert 0 < dotted.sum() < 6 * 60 and not hints[~dotted].any()
    # A mean over a dot of a smooth picture is near each of its pixels.
    assert difference(hints[dotted][:, :3], CAT[dotted]) < 12
    assert not degradations.scatter_hints(CAT, 0, np.random.default_rng(3)).any()


@pytest.mark.parametrize('arguments, message', [
    (('fly', 0.5), 'Expected a task of denoise, deblur'), (('denoise', 1.5), r'severity must be in \[0, 1\]')])
def test_what_cannot_be_degraded_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        degradations.degrade(CAT, *arguments, seed=0)
    with pytest.raises(ValueError, match='at least 32 pixels a side'):
        degradations.degrade(CAT[:20], 'denoise', 0.5, seed=0)
    with pytest.raises(ValueError, match=r'multiples of 4\. Received: 94x120'):
        degradations.degrade(CAT[:94], 'super_resolution', 0.5, seed=0, factor=4)


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp('photos')
    for index, picture in enumerate((CAT, cv2.resize(pictures.coffee(), (100, 80)))):
        images.save(folder / f'{index}.png', picture)
    return data.load(folder)


@pytest.mark.parametrize('task', degradations.TASKS)
def test_samples_have_the_layout_and_depend_on_seed_and_position(source, task):
    def stream(seed):
        return RestorationStream({'image': source}, (48, 64), task, augmentation=Augmentation(), seed=seed)

    first, second, other = stream(1), stream(1), stream(2)
    for position in (3, 10 ** 9):
        one, two = first.sample(position), second.sample(position)
        assert {key: (value.shape, value.dtype) for key, value in one.items()} == {
            key: (shape, np.dtype(kind)) for key, (shape, kind) in first.layout.items()}
        assert all(np.array_equal(one[key], two[key]) for key in one)
    assert any(not np.array_equal(first.sample(i)['image'], other.sample(i)['image']) for i in range(4))


def test_shares_of_hints_and_palettes_are_kept(source):
    stream = RestorationStream({'image': source}, (32, 32), 'colorize', seed=0, hint_share=0.5, palette_share=0.2)
    samples = [stream.sample(position) for position in range(80)]
    assert 0.3 < np.mean([sample['hints'].any() for sample in samples]) < 0.7
    assert 0.08 < np.mean([sample['has_palette'] for sample in samples]) < 0.35
