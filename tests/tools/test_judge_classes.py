"""The tool that reads classes, through the door and by its pieces."""

import json
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import data, images
from tests.conftest import ROOT
from tools.judging import class_reader

SIDE, CLASSES = 16, ('across', 'down', 'spot')


def drawn(name, random, *, color=(255, 255, 255)):
    """A bright bar or spot somewhere near the middle of black, uint8 [SIDE, SIDE, 3]."""
    mask = np.zeros((SIDE, SIDE))
    place = 7 + random.integers(-1, 3)
    if name == 'across':
        mask[place - 1:place + 1, 3:-3] = 1
    elif name == 'down':
        mask[3:-3, place - 1:place + 1] = 1
    else:
        mask[place - 3:place + 2, place - 3:place + 2] = 1
    return (mask[:, :, None] * color * random.uniform(0.6, 1)).astype(np.uint8)


def write(folder, count, *, seed, change=lambda picture: picture, named=lambda name: name, **options):
    random = np.random.default_rng(seed)
    for name in CLASSES:
        for index in range(count):
            images.save(folder / named(name) / f'{index:03d}.png', change(drawn(name, random, **options)))
    return folder


RECORD = {'classes': list(CLASSES), 'size': SIDE, 'is_grey': True, 'bright_share': 1.0}


def write_record(base):
    """A folder `out` that claims to hold a classifier."""
    (base / 'out').mkdir()
    (base / 'out' / 'classifier.keras').write_bytes(b'')
    (base / 'out' / 'classifier.json').write_text(json.dumps(RECORD))
    write(base / 'right', 1, seed=2)
    return base


def run(*arguments):
    return subprocess.run([sys.executable, ROOT / 'tools' / 'judge_classes.py', *map(str, arguments)],
                          capture_output=True, text=True, timeout=300)


@pytest.fixture(scope='module')
def judged(tmp_path_factory):
    """(folder of the results, what the tool said) of four sets: as meant, two classes exchanged, negatives, colours."""
    base = tmp_path_factory.mktemp('classes')
    exchanged = {'across': 'down', 'down': 'across', 'spot': 'spot'}
    write(base / 'real', 40, seed=1)
    sets = [write(base / 'right', 8, seed=2),
            write(base / 'exchanged', 8, seed=2, named=exchanged.get),
            write(base / 'negative', 8, seed=3, change=lambda picture: 255 - picture),
            write(base / 'colored', 8, seed=4, color=(255, 190, 60))]
    done = run(f'--real={base}/real', f'--judged={",".join(map(str, sets))}', f'--output={base}/out', '--polarity=auto',
               '--epochs=10')
    assert done.returncode == 0, done.stderr
    return base, done.stdout


def of_set(base, name, folder='out'):
    return json.loads((base / folder / 'report.json').read_text())['judged'][str(base / name)]


@pytest.mark.slow
def test_classes_are_read_and_exchanged_ones_are_found(judged):
    base, said = judged
    report = json.loads((base / 'out' / 'report.json').read_text())
    record = report['classifier']
    assert record['is_grey'] and record['size'] == SIDE and record['n'] + record['held_out_n'] == 120
    assert record['held_out_accuracy']['mean'] >= 0.9
    right, exchanged = of_set(base, 'right'), of_set(base, 'exchanged')
    assert right['agreement']['mean'] >= 0.9 and right['n'] == 24 and not right['is_inverted']
    # The same pictures under other names: rows of the table change places.
    assert [exchanged['confusion'][index] for index in (1, 0, 2)] == right['confusion']
    assert exchanged['agreement']['mean'] <= 0.4 and exchanged['by_class']['spot']['agreement'] >= 0.9
    assert {row['meant'] for row in exchanged['misread']} >= {'across', 'down'}
    low, high = right['agreement']['interval']
    assert low <= right['agreement']['mean'] <= high
    assert f'{base / "right"}: ' in said and 'held-out ones right' in said
    assert images.read(base / 'out' / 'misread.png').ndim == 3


@pytest.mark.slow
def test_negatives_are_inverted_and_told(judged):
    base, said = judged
    negative = of_set(base, 'negative')
    assert negative['is_inverted'] and negative['looks_negative'] and negative['agreement']['mean'] >= 0.9
    assert negative['agreement_as_they_are']['n'] == 24
    assert 'inverted before they were read' in said
    colored = of_set(base, 'colored')
    assert not colored['is_inverted'] and colored['agreement']['mean'] >= 0.9


@pytest.mark.slow
def test_the_kept_classifier_reads_again_and_nothing_is_inverted_unasked(judged):
    base, _ = judged
    network = base / 'out' / 'classifier.keras'
    written = network.stat().st_mtime_ns
    done = run(f'--classifier={base}/out', f'--judged={base}/right,{base}/negative', f'--output={base}/again')
    assert done.returncode == 0, done.stderr
    assert of_set(base, 'right', 'again') == of_set(base, 'right')
    negative = of_set(base, 'negative', 'again')
    assert negative['looks_negative'] and not negative['is_inverted']
    assert 'look like negatives' in done.stdout and '--polarity=auto' in done.stdout
    assert network.stat().st_mtime_ns == written and not (base / 'again' / 'classifier.keras').exists()


def test_bad_usage_is_one_line(tmp_path):
    base = write_record(tmp_path)
    random = np.random.default_rng(0)
    images.save(base / 'unknown' / 'bird' / '0.png', drawn('spot', random))
    images.save(base / 'flat' / '0.png', drawn('spot', random))
    for arguments, expected in (
            ([f'--judged={base}/unknown', f'--classifier={base}/out'], 'does not know bird. It knows: across, down'),
            ([f'--judged={base}/right', f'--real={base}/flat'], 'two classes at least'),
            ([f'--judged={base}/flat', f'--classifier={base}/out'], 'no picture has a class'),
            ([f'--judged={base}/right'], 'holds no classifier'),
            ([f'--real={base}/right'], '--judged is required')):
        done = run(*arguments, f'--output={base}/refused')
        assert done.returncode == 2 and expected in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


class Reader:
    """Reads the brighter half: 'down' where the lower one is, else 'across'; never 'spot'."""

    def predict(self, pixels, **options):
        half = pixels.shape[1] // 2
        lower = pixels[:, half:].mean(axis=(1, 2, 3)) - pixels[:, :half].mean(axis=(1, 2, 3))
        return np.stack([-lower, lower, np.full(len(pixels), -300.0)], axis=1)


def halves(base, change=lambda picture: picture):
    """Two bright halves of each class, of which one of 'across' is the wrong one, and a picture without a class."""
    for name, rows in (('across', (0, 8)), ('down', (8, 8))):
        for index, row in enumerate(rows):
            picture = np.zeros((SIDE, SIDE, 3), np.uint8)
            picture[row:row + 8, 4:-4] = 200
            images.save(base / name / f'{index}.png', change(picture))
    images.save(base / 'loose.png', np.zeros((SIDE, SIDE, 3), np.uint8))
    return data.load(base)


def test_agreement_and_confusion_by_hand(tmp_path):
    numbers, misread = class_reader.judge(Reader(), RECORD, halves(tmp_path))
    assert numbers['n'] == 4 and numbers['agreement']['mean'] == 0.75
    assert numbers['confusion'] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert numbers['by_class'] == {'across': {'n': 2, 'agreement': 0.5}, 'down': {'n': 2, 'agreement': 1.0}}
    found, = numbers['misread']
    assert found == {'name': 'across/1.png', 'meant': 'across', 'read': 'down', 'confidence': 1.0}
    assert misread[0][0].shape == (SIDE, SIDE, 1) and misread[0][1] == 'across'
    assert not numbers['looks_negative'] and not numbers['is_inverted'] and 'agreement_as_they_are' not in numbers


def test_polarity_is_turned_when_asked_alone(tmp_path):
    source = halves(tmp_path, lambda picture: 255 - picture)
    kept, _ = class_reader.judge(Reader(), RECORD, source)
    assert kept['looks_negative'] and not kept['is_inverted'] and kept['agreement']['mean'] == 0.25
    turned, _ = class_reader.judge(Reader(), RECORD, source, polarity='auto')
    assert turned['is_inverted'] and turned['agreement']['mean'] == 0.75
    assert turned['agreement_as_they_are']['mean'] == 0.25
    undecided = {**RECORD, 'bright_share': 0.6}  # real pictures differ in it: nobody can tell
    assert not class_reader.judge(Reader(), undecided, source, polarity='auto')[0]['is_inverted']
    assert class_reader.judge(Reader(), undecided, source, polarity='inverted')[0]['is_inverted']


def test_changes_of_training_keep_the_picture_recognisable():
    random = np.random.default_rng(0)
    pixels = np.stack([drawn('spot', random)[:, :, :1] for _ in range(6)])
    changed = class_reader.varied(pixels, np.random.default_rng(1))
    assert changed.shape == pixels.shape and changed.dtype == np.uint8
    assert (changed != pixels).any(axis=(1, 2, 3)).all()
    assert (class_reader.varied(pixels, np.random.default_rng(1)) == changed).all()


def test_bright_strokes_with_outlines_are_no_negative():
    bright = np.zeros((2, SIDE, SIDE, 1), np.uint8)
    bright[0, 6:10, 4:-4], bright[1, 4:-4, 6:10] = 255, 200
    outlined = np.full_like(bright, 150)
    outlined[:, 4:12, 4:12], outlined[:, 7:9, 5:11] = 60, 250
    np.testing.assert_array_equal(class_reader.brightness_shares(bright), [1, 1])
    np.testing.assert_array_equal(class_reader.brightness_shares(255 - bright), [0, 0])
    np.testing.assert_array_equal(class_reader.brightness_shares(np.zeros_like(bright)), [0.5, 0.5])
    assert class_reader.looks_negative(255 - bright, RECORD) and not class_reader.looks_negative(bright, RECORD)
    assert not class_reader.looks_negative(outlined, RECORD)
    assert class_reader.looks_negative(bright, {**RECORD, 'bright_share': 0.0})
