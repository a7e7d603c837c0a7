"""Calibration: halves that share nothing, rates that are what was counted."""

import numpy as np
import pytest

from stylegan_tf import calibrator, images
from stylegan_tf.data import defects, loading
from stylegan_tf.systems import anomaly_signatures
from tests import tiny_models


class Brightness:
    """Stands for a detector: bright pictures are bad, and worse beside a dark content."""

    def judge(self, batch, average):
        import tensorflow as tf
        image, content = (None if batch[role] is None else tf.reduce_mean(batch[role], axis=(1, 2, 3))
                          for role in ('image', 'content'))
        return {'anomaly': image if content is None else image - content, 'damage': batch['image'][:, ::4, ::4, :1],
                'defects': tf.tile(image[:, None], [1, len(defects.DEFECTS)])}


def scores_of(logits, pictures, styles=None, labels=None, label_names=()):
    none = np.full(len(logits), -1)
    return calibrator.Scores(np.asarray(logits, float), np.asarray(pictures), none if styles is None else styles,
                             none if labels is None else labels, label_names)


@pytest.fixture
def source(tmp_path):
    """Five pictures, the last two without a style."""
    rows = ['image,content,style,label']
    for index in range(5):
        images.save(tmp_path / f'{index}.png', tiny_models.picture(40, 48, seed=index))
        rows.append(f'{index}.png,{index}.png,{index % 2}.png,oil' if index < 3 else f'{index}.png,{index}.png,,ink')
    (tmp_path / 'clean.csv').write_text('\n'.join(rows))
    return loading.load(f'table:{tmp_path}/clean.csv')


def test_crops_of_pictures_with_the_references(source):
    alone = calibrator.clean_scores(Brightness(), source, (), 12)
    assert sorted(alone.pictures[:5]) == [0, 1, 2, 3, 4]  # whole ones first
    for picture, logit in zip(alone.pictures[:5], alone.logits):
        assert logit == pytest.approx(source[picture].image.mean() / 127.5 - 1, abs=0.02)
    assert len(np.unique(alone.logits)) == 12
    facts = {int(row[0]): row[1:] for row in zip(alone.pictures, alone.styles, alone.labels)}
    assert facts[3][0] == facts[4][0] == -1 and facts[0][0] == facts[2][0] != facts[1][0]
    assert [alone.label_names[facts[picture][1]] for picture in (0, 4)] == ['oil', 'ink']
    beside = calibrator.clean_scores(Brightness(), source, ('content',), 12)
    np.testing.assert_allclose(beside.logits, 0.0, atol=0.03)  # picture and content are cut alike
    both = calibrator.clean_scores(Brightness(), source, ('content', 'style'), 6)
    assert set(both.pictures) == {0, 1, 2} and len(set(both.styles)) == 2
    assert calibrator.clean_scores(Brightness(), loading.load('sample:photos'), ('content',), 2) is None


def test_halves_share_no_group():
    scores = scores_of(np.arange(60.0), np.arange(60) // 3)
    first, second = scores.halves(scores.pictures, seed=1)
    assert (first ^ second).all() and first.sum() == 30
    assert not set(scores.pictures[first]) & set(scores.pictures[second])


def test_measured_rates_keep_the_promise_or_show_that_they_do_not():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 400)
    logits = generator.normal(size=800) + 3.0 * labels  # another kind of pictures, all of which look worse
    rates = calibrator.measured(scores_of(logits, np.arange(800), np.arange(800) // 10, labels, ('oil', 'ink')))
    assert set(rates) == {'other pictures', 'unseen styles', 'unseen: oil', 'unseen: ink'}
    share, low, high, count = rates['other pictures']['0.05']
    assert abs(share - 0.05) < 0.03 and low <= share <= high and count == 400
    assert rates['unseen: oil']['0.05'][0] < 0.01 and rates['unseen: ink']['0.05'][0] > 0.8
    few = calibrator.measured(scores_of(logits[:30], np.arange(30)))
    assert few == {}  # nothing can be said


def test_the_room_is_bounded(source):
    with pytest.raises(calibrator.CalibrationError, match=str(anomaly_signatures.CALIBRATION_ROOM)):
        calibrator.calibrate('nowhere', source, anomaly_signatures.CALIBRATION_ROOM + 1)
