"""Feeds and evaluations as the benchmarks measure them: real work on few small pictures."""

import pathlib
import sys

import numpy as np
import pytest

from stylegan_tf import configs, images

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import evaluations, feeds  # noqa: E402


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp('pictures'), np.random.default_rng(0)
    for number in range(4):
        coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
        images.save(root / f'{number}.jpg', images.resize(coarse, (150, 200)))
    return root


def test_both_feeds_give_the_images_that_are_asked_for(folder):
    pytest.importorskip('torch')
    for make in (feeds.ours, feeds.torch_loader):
        work = make('stylegan_64', [str(folder)], 1)
        assert work({'images': 33})['images'] == 64  # two batches of 32, after those made ahead


@pytest.mark.parametrize('preset', ['style_transfer_128', 'cyclegan_128'])
def test_views_of_the_peer_are_pictures_as_ours(preset, folder):
    pytest.importorskip('torch')
    config = configs.get(preset)
    for kind in (feeds.AREA, feeds.LINEAR):
        pictures = feeds.Pictures([images.find_images(folder)] * 2, (config.height, config.width),
                                  [config.content_augmentation, config.style_augmentation], kind)
        assert len(pictures) == 4
        for view in pictures[1]:
            assert tuple(view.shape) == (config.height, config.width, 3) and view.float().std() > 20


def test_the_peers_colours_change_as_an_augmentation_says():
    view = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    still, moved = configs.AugmentationConfig(), configs.AugmentationConfig(brightness=0.1)
    np.testing.assert_array_equal(feeds.colored(view, np.ones(6), still), view)
    brighter = feeds.colored(view, np.ones(6), moved)[0, 0].astype(int)
    assert np.abs(brighter - (226, 126, 76)).max() <= 1


@pytest.mark.parametrize(('kind', 'distinct'), [(evaluations.DISTINCT, 12), (evaluations.GRID, 8)])
def test_an_evaluation_looks_once_at_each_picture(kind, distinct, folder):
    pytest.importorskip('ai_edge_litert')
    told = evaluations.evaluation(str(folder), str(folder), 4, kind, 64)(None)
    assert told['looks'] == told['distinct'] == distinct
    assert 0 < told['score'] < 1 and told['report_bytes'] > 10_000
