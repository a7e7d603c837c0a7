"""Folders become TFRecord shards: whole, resumable after kill -9, with bad pictures named."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from stylegan_tf import data, images
from stylegan_tf.data import shards

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT)}


def command(*arguments):
    return [sys.executable, str(ROOT / 'tools' / 'make_dataset.py'), *map(str, arguments)]


def run(*arguments):
    return subprocess.run(command(*arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def picture(seed, height=48, width=64):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def fill(folder, count, **size):
    for number in range(count):
        images.save(folder / 'ab'[number % 2] / f'{number:03d}.png', picture(number, **size))
    return folder


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob('*.tfrecord')}


def test_shards_hold_the_pictures_labels_and_names(tmp_path):
    source = data.load(fill(tmp_path / 'in', 10))
    result = shards.convert(tmp_path / 'in', tmp_path / 'out', shards.Settings(shards=3))
    assert (result.count, result.shards, result.kept_shards, result.bad) == (10, 3, 0, [])
    stored = data.load(f'tfrecord:{tmp_path}/out/*.tfrecord')
    assert stored.label_names == ('a', 'b') and sorted(stored.names) == sorted(source.names)
    for record in (stored[index] for index in range(10)):
        original = source[source.names.index(record.name)]
        np.testing.assert_array_equal(record.image, original.image)  # PNG files are stored as they are
        assert record.label == original.label
    summary = json.loads((tmp_path / 'out' / 'dataset.json').read_text())
    assert summary['is_complete'] and summary['count'] == 10 and summary['label_names'] == ['a', 'b']
    assert summary['fingerprint'] == result.fingerprint == stored.fingerprint
    assert sorted(os.listdir(tmp_path / 'out')) == sorted(
        ['dataset.json', 'label_names.json', *summary['shards']])


def test_resized_pictures_and_odd_files_are_encoded_anew(tmp_path):
    folder = tmp_path / 'in'
    images.save(folder / 'wide.png', images.resize(picture(0, 6, 9), (200, 300)))
    images.save(folder / 'small.png', picture(1, 20, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(picture(2, 20, 30)).save(folder / 'turned.jpg', exif=exif)
    Image.fromarray(picture(3, 20, 30)).convert('CMYK').save(folder / 'inks.tif')
    shards.convert(folder, tmp_path / 'out', shards.Settings(size=50, is_lossless=True))
    stored = data.load(f'tfrecord:{tmp_path}/out/*.tfrecord')
    by_name = {record.name: record.image for record in (stored[index] for index in range(len(stored)))}
    assert {name: image.shape[:2] for name, image in by_name.items()} == {
        'wide.png': (50, 75), 'small.png': (20, 30), 'turned.jpg': (30, 20), 'inks.tif': (20, 30)}
    np.testing.assert_array_equal(by_name['wide.png'], images.resize(images.read(folder / 'wide.png'), (50, 75)))
    np.testing.assert_array_equal(by_name['turned.jpg'], images.read(folder / 'turned.jpg'))
    with Image.open(folder / 'turned.jpg') as stored_on_disk:
        assert stored_on_disk.size == (30, 20), 'the file itself lies on its side'
    content = shards.encode(folder / 'small.png', shards.Settings(size=50))
    assert content == (folder / 'small.png').read_bytes()


def test_quality_and_shard_bytes_are_followed(tmp_path):
    for number in range(12):
        images.save(tmp_path / 'in' / f'{number}.png', images.resize(picture(number, 9, 12), (90, 120)))
    totals = {}
    for quality in (30, 95):
        output = tmp_path / str(quality)
        settings = shards.Settings(size=60, quality=quality, shard_bytes=5000)
        result = shards.convert(tmp_path / 'in', output, settings)
        sizes = [path.stat().st_size for path in output.glob('*.tfrecord')]
        totals[quality] = sum(sizes)
        assert len(sizes) == result.shards and max(sizes) < 2 * 5000
        assert result.shards >= sum(sizes) // 5000
    assert totals[30] < 0.6 * totals[95]


def test_a_damaged_shard_is_written_again_and_others_are_kept(tmp_path):
    fill(tmp_path / 'in', 12)
    output = tmp_path / 'out'
    shards.convert(tmp_path / 'in', output, shards.Settings(shards=4))
    before = digests(output)
    damaged, cut = sorted(output.glob('*.tfrecord'))[1:3]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-7])
    (output / '.pictures-00000-of-00004.tfrecord.99.partial').write_bytes(b'left by a kill')
    again = shards.convert(tmp_path / 'in', output, shards.Settings(shards=4))
    assert again.kept_shards == 2 and digests(output) == before
    assert not list(output.glob('.*'))


def test_other_pictures_or_settings_are_refused_unless_overwritten(tmp_path):
    fill(tmp_path / 'in', 4)
    output = tmp_path / 'out'
    shards.convert(tmp_path / 'in', output, shards.Settings(shards=2))
    before = digests(output)
    with pytest.raises(data.DataError, match='--overwrite'):
        shards.convert(tmp_path / 'in', output, shards.Settings(shards=2, size=10))
    images.save(tmp_path / 'in' / 'a' / 'new.png', picture(99))
    with pytest.raises(data.DataError, match='other pictures'):
        shards.convert(tmp_path / 'in', output, shards.Settings(shards=2))
    assert digests(output) == before
    shards.convert(tmp_path / 'in', output, shards.Settings(shards=1), overwrite=True)
    assert list(digests(output)) == ['pictures-00000-of-00001.tfrecord']


@pytest.mark.slow
def test_kill_9_and_the_same_command_end_in_the_same_bytes(tmp_path):
    folder = fill(tmp_path / 'in', 80, height=300, width=300)
    arguments = (f'--data={folder}', '--size=290', '--lossless', '--shards=40')
    output = tmp_path / 'killed'
    process = subprocess.Popen(command(*arguments, f'--output={output}'), env=ENVIRONMENT,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(digests(output)) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, 'ended before it could be killed'
        time.sleep(0.002)
    process.kill()
    process.wait()
    finished = {path.name: path.stat().st_mtime_ns for path in output.glob('*.tfrecord')}
    assert 3 <= len(finished) < 40
    assert not json.loads((output / 'dataset.json').read_text())['is_complete']

    resumed = run(*arguments, f'--output={output}')
    assert resumed.returncode == 0, resumed.stderr
    assert f'80 pictures in 40 shards, {len(finished)} kept' in resumed.stdout
    assert {name: (output / name).stat().st_mtime_ns for name in finished} == finished
    assert '100%' in resumed.stderr and 'pictures/s' in resumed.stderr  # tqdm's line with the rate

    shards.convert(folder, tmp_path / 'whole', shards.Settings(size=290, is_lossless=True, shards=40))
    assert digests(output) == digests(tmp_path / 'whole')
    assert not list(output.glob('.*'))


@pytest.mark.slow
def test_bad_pictures_are_named_left_out_and_exit_1(tmp_path):
    folder = fill(tmp_path / 'in', 5)
    (folder / 'a' / 'text.jpg').write_text('no picture')
    whole = images.encode(picture(9), 'png')
    (folder / 'b' / 'cut.png').write_bytes(whole[: len(whole) // 2])
    first = run(f'--data={folder}', f'--output={tmp_path}/out')
    again = run(f'--data={folder}', f'--output={tmp_path}/out')
    for done, kept in ((first, 0), (again, 1)):
        assert done.returncode == 1, done.stderr
        assert f'5 pictures in 1 shards, {kept} kept' in done.stdout
        left_out = [line for line in done.stdout.splitlines() if line.startswith('LEFT OUT')]
        assert [line.split(':')[0] for line in left_out] == ['LEFT OUT a/text.jpg', 'LEFT OUT b/cut.png']
    summary = json.loads((tmp_path / 'out' / 'dataset.json').read_text())
    assert [entry['name'] for entry in summary['left_out']] == ['a/text.jpg', 'b/cut.png']


@pytest.mark.parametrize('arguments, message', [
    (['--output=x'], '--data is required'),
    (['--data=/no/such/folder', '--output=x'], 'no such folder'),
    (['--data=sample:digits', '--output=x', '--format=zip'], 'format'),
    (['--data=sample:digits', '--output=/proc/nowhere'], 'cannot be written'),
])
def test_bad_usage_is_one_line_and_exits_2(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and done.stderr.count('\n') == 1


def test_help_imports_no_tensorflow():
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{ROOT}/tools/make_dataset.py', '--help']\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'tensorflow', 'keras', 'cv2'} & set(sys.modules), 'heavy imports'\n")
    done = subprocess.run([sys.executable, '-c', code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '--shard_bytes' in done.stdout
