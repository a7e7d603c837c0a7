"""The starter kit as a participant uses it: unpacked, run, and its archive taken by the server."""

import contextlib
import dataclasses
import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from stylegan_serving.competition import archives, bundle_files, bundle_reader, demo, scoring, starter_kit
from stylegan_serving.competition.starter_kit import make_submission
from stylegan_tf import images
from tests.serving.competition import contest_builder

SIZE = 32


@pytest.fixture
def kit(tmp_path):
    """Folder of an unpacked kit of two pairs; contents of 48x36 pixels, results of 32x24."""
    rng = np.random.default_rng(0)
    pictures = {f'{role}/{role}{index}.png': images.encode(rng.integers(0, 256, (36, 48, 3), np.uint8))
                for role in ('content', 'style') for index in range(4)}
    bundle = contest_builder.make_bundle(size=SIZE)
    for name in ('a.zip', 'b.zip'):
        starter_kit.write(bundle, lambda path: contextlib.closing(io.BytesIO(pictures[path])), tmp_path / name)
    assert (tmp_path / 'a.zip').read_bytes() == (tmp_path / 'b.zip').read_bytes()
    with zipfile.ZipFile(tmp_path / 'a.zip') as archive:
        archive.extractall(tmp_path / 'kit')
    return tmp_path / 'kit'


def run(kit, *flags):
    return subprocess.run([sys.executable, kit / 'make_submission.py', *flags], cwd=kit, capture_output=True, text=True,
                          timeout=120, env={}, check=False)


def test_the_kit_tells_everything_but_which_pairs_are_private(kit):
    names = sorted(path.name for path in kit.iterdir())
    assert names == ['README.md', 'content', 'make_submission.py', 'pairs.csv', 'style']
    assert 'private' not in (kit / 'pairs.csv').read_text()
    text = (kit / 'README.md').read_text()
    assert '000.png` to `003.png' in text and contest_builder.METRIC in text and '{' not in text


def test_its_script_makes_an_archive_that_the_server_takes(kit, tmp_path):
    made = run(kit, '--method=colors')
    assert made.returncode == 0, made.stderr
    pairs = [archives.Pair(index, f'content{index}.png', f'style{index}.png', 24, 32) for index in range(4)]
    results = archives.unpack_results(kit / 'results.zip', pairs, tmp_path / 'out')
    assert len(results.pictures) == 4 and 'colors' in results.method
    first = (kit / 'results.zip').read_bytes()
    assert run(kit, '--method=pack').returncode == 0
    with zipfile.ZipFile(kit / 'results.zip') as packed, zipfile.ZipFile(io.BytesIO(first)) as made:
        assert packed.read('002.png') == made.read('002.png')


def test_what_is_wrong_is_said_before_it_is_sent(kit):
    (kit / 'results').mkdir()
    assert '000.png is missing' in run(kit, '--method=pack').stderr
    images.save(kit / 'results/000.png', np.zeros((32, 32, 3), np.uint8))
    assert 'has 32x32 pixels; expected 32x24' in run(kit, '--method=pack').stderr


def test_methods():
    rng = np.random.default_rng(1)
    content, style = rng.integers(0, 90, (20, 30, 3), np.uint8), rng.integers(120, 240, (25, 15, 3), np.uint8)
    assert make_submission.unchanged(content, style) is content
    assert make_submission.pasted(content, style).shape == content.shape
    moved = make_submission.colors(content, style)
    np.testing.assert_allclose(moved.reshape(-1, 3).mean(0), style.reshape(-1, 3).mean(0), atol=1.5)
    found, expected = (np.cov(pixels.reshape(-1, 3).T.astype(float)) for pixels in (moved, style))
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=60)


@pytest.mark.slow
def test_the_way_of_the_readme_gives_the_servers_numbers_to_the_last_bit(tmp_path):
    """The demo's kit: made, scored by the command `evaluate`, and scored as the server does."""
    demo.write_bundle(tmp_path / 'bundle')
    with bundle_files.open_files(tmp_path / 'bundle') as files:
        bundle = dataclasses.asdict(bundle_reader.read(files))
    starter_kit.write(bundle, lambda path: (tmp_path / 'bundle' / path).open('rb'), tmp_path / 'kit.zip')
    kit = tmp_path / 'kit'
    with zipfile.ZipFile(tmp_path / 'kit.zip') as archive:
        archive.extractall(kit)
    assert run(kit, '--method=colors').returncode == 0
    metrics = [metric['name'] for metric in bundle['metrics']]
    finished = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf.evaluate', '--results=results', '--content=content', '--style=style',
         '--pairs=pairs.csv', f'--metrics={",".join(metrics)}', '--output=report.json'], cwd=kit, capture_output=True,
        text=True, timeout=600, env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}, check=False)
    assert finished.returncode == 0, finished.stderr
    scorer = scoring.ContestScorer(bundle, lambda path: (tmp_path / 'bundle' / path).read_bytes())
    scored = scorer.score(scorer.unpack(kit / 'results.zip', tmp_path / 'pictures').pictures)
    rows = list(_rows(json.loads((kit / 'report.json').read_text())))
    assert len(rows) == len(scored.rows) == 6
    for at_home, on_server in zip(rows, scored.rows):
        assert {name: at_home['metrics'][name] for name in metrics} == {
            name: on_server['metrics'][name] for name in metrics}


def _rows(report):
    """Every row of a pair in a report of the command."""
    values = report.values() if isinstance(report, dict) else report if isinstance(report, list) else ()
    if isinstance(report, dict) and {'pair', 'metrics'} <= set(report):
        yield report
    else:
        for value in values:
            yield from _rows(value)
