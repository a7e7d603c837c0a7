"""Samples of damaged pictures: decided by (seed, position), with true masks, and references that fit."""

import csv

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from stylegan_tf import data, images
from stylegan_tf.data import defects
from stylegan_tf.data.defect_stream import DefectStream, Planting

SIZE = (48, 64)


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp('table')
    cat = cv2.resize(pictures.chelsea(), (120, 96), interpolation=cv2.INTER_AREA)
    images.save(folder / 'cat.png', cat)
    images.save(folder / 'large_cat.png', cv2.resize(cat, (240, 192), interpolation=cv2.INTER_CUBIC))
    images.save(folder / 'coffee.png', cv2.resize(pictures.coffee(), (80, 100)))
    with open(folder / 'table.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'content', 'style', 'label'),
                                    ('cat.png', 'large_cat.png', 'coffee.png', 'one'), ('coffee.png', '', '', 'two')])
    return data.load(f'table:{folder / "table.csv"}')


def stream(source, seed=1, **options):
    return DefectStream({'image': source}, SIZE, Planting(**options), seed=seed)


def samples(source, count=40, **options):
    made = stream(source, **options)
    return [made.sample(position) for position in range(count)]


def test_samples_have_the_layout_and_depend_on_seed_and_position(source):
    first, second, other = stream(source), stream(source), stream(source, seed=2)
    for position in (5, 0, 10 ** 9):
        one, two = first.sample(position), second.sample(position)
        assert {key: (value.shape, value.dtype) for key, value in one.items()} == {
            key: (shape, np.dtype(kind)) for key, (shape, kind) in first.layout.items()}
        assert all(np.array_equal(one[key], two[key]) for key in one)
    assert any(not np.array_equal(first.sample(i)['image'], other.sample(i)['image']) for i in range(4))


def test_clean_samples_are_clean_and_damaged_ones_damaged_where_the_mask_says(source):
    made = samples(source, 60, names=('missing_region', 'scratches', 'patch_corruption'), double_share=0.5)
    clean = [sample for sample in made if not sample['severity'].any()]
    assert 0.15 < len(clean) / 60 < 0.55
    for sample in made:
        changed = (sample['image'] != sample['clean']).any(axis=-1)
        assert changed.any() == sample['severity'].any() == sample['mask'].any()
        assert not changed[cv2.dilate(sample['mask'][..., 0], np.ones((5, 5))) == 0].any()
        assert (sample['severity'] > 0).sum() <= 2
    named = {name for sample in made for name, value in zip(defects.DEFECTS, sample['severity']) if value}
    assert named == {'missing_region', 'scratches', 'patch_corruption'}


def test_the_content_lies_under_the_picture(source):
    made = [sample for sample in samples(source, 40, clean_share=1.0) if sample['has_content']]
    assert made
    for sample in made:
        a, b = (sample[role].astype(float).mean(axis=-1) for role in ('clean', 'content'))
        # The channels of the picture may have been exchanged; their mean may not.
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.95


def test_references_are_kept_by_share_and_grey_where_missing(source):
    made = samples(source, 60, content_share=0.5, style_share=0.0)
    assert not any(sample['has_style'] for sample in made)
    assert all((sample['style'] == 128).all() for sample in made)
    with_reference = [sample for sample in made if sample['label'] == 0]
    assert 0.2 < np.mean([sample['has_content'] for sample in with_reference]) < 0.8
    assert not any(sample['has_content'] for sample in made if sample['label'] == 1)


def test_what_shows_the_photograph_needs_it(source):
    for sample in samples(source, 40, names=('unstyled_region', 'blur'), content_share=0.5, clean_share=0.0):
        named = [name for name, value in zip(defects.DEFECTS, sample['severity']) if value]
        assert sample['has_content'] or named == ['blur']


def test_a_defect_that_is_listed_again_is_drawn_more_often_and_never_twice_at_once(source):
    names = list(defects.DEFECTS)
    plain, often = (np.array([sample['severity'] > 0 for sample in samples(
        source, 200, names=listed, clean_share=0.0, double_share=0.5)])
        for listed in (('blur', 'noise', 'jpeg'), ('blur', 'noise', 'jpeg', 'blur', 'blur')))
    blur = names.index('blur')
    assert often[:, blur].mean() > plain[:, blur].mean() + 0.15
    assert set(often.sum(axis=1)) == {1, 2}


def test_held_out_samples_are_the_middles(source):
    made = DefectStream({'image': source}, SIZE, Planting(clean_share=1.0), seed=0, is_augmented=False)
    middle = {0: images.cover_crop(source[0].image, SIZE), 1: images.cover_crop(source[1].image, SIZE)}
    for position in range(6):
        sample = made.sample(position)
        assert np.abs(sample['clean'].astype(float) - middle[int(sample['label'])]).mean() < 6


@pytest.mark.parametrize('function', [data.to_batches, data.to_tf_dataset])
def test_batches_carry_every_key(source, function):
    made = stream(source)
    batch = next(iter(function(made, start=3, batch_size=2)))
    assert set(batch) == set(made.layout)
    wanted = made.batch(3, 2)
    np.testing.assert_allclose(np.asarray(batch['severity']), wanted['severity'])
    np.testing.assert_allclose(np.asarray(batch['mask']), wanted['mask'])
    image = np.asarray(batch['image'])
    np.testing.assert_allclose(image if image.dtype == np.uint8 else (image + 1) * 127.5, wanted['image'], atol=1e-3)
