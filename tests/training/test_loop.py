"""The loop: ticks, snapshots, resume, early stopping, signals, broken numbers."""

import dataclasses
import io
import json
import os
import signal

import keras
import numpy as np
import pytest

from stylegan_tf import images
from stylegan_tf.training import checkpoints, loop, progress, run_folder, snapshots

from . import tiny


def start(workdir, config=None, before_step=None, history=None, restore=False, held_out=True):
    """Builds a loop in `workdir`; returns (outcome, system, printed text)."""
    config = config or tiny.TinyConfig()
    keras.utils.set_random_seed(3)
    system = config.build()
    printed = io.StringIO()
    with run_folder.RunFolder(workdir) as folder:
        if restore:
            checkpoint, _ = checkpoints.latest(folder.checkpoints)
            checkpoints.restore(system.state(), checkpoint)
            history = loop.History(**checkpoint.record['history'])
        stream = tiny.TinyStream()
        engine = tiny.EagerEngine(system, stream, config, before_step)
        outcome = loop.Loop(
            engine, system, config, folder, history=history,
            held_out=snapshots.HeldOut(stream, 2, 2) if held_out else None,
            files_of=lambda step: stream.names(step * config.batch_size, config.batch_size), skip=stream.skip,
            line=progress.ProgressLine(config.total_steps, config.batch_size, printed)).run()
    return outcome, system, printed.getvalue()


def weights(system):
    return checkpoints.to_arrays(system.state())


def rows(workdir):
    return [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].tobytes() == b[name].tobytes(), name


def test_a_run_leaves_checkpoints_samples_and_metrics(tmp_path):
    outcome, system, printed = start(tmp_path)
    assert (outcome.status, outcome.step) == ('finished', 12)
    assert [step for step, _ in checkpoints.list_folders(tmp_path / 'checkpoints')] == [4, 8, 12]
    assert [row['step'] for row in rows(tmp_path)] == [4, 8, 12]
    last = rows(tmp_path)[-1]
    assert last['images'] == 24 and last['generator/error'] > 0 and last['held_out/error'] > 0
    sample = images.read(tmp_path / 'samples' / 'step-000000012.png')
    assert sample.shape[0] >= 16
    assert 'newest sample: ' in printed and 'step 12/12 100.0%' in printed
    newest, _ = checkpoints.latest(tmp_path / 'checkpoints')
    assert_same(newest.arrays, weights(system))


@pytest.mark.parametrize('stop_at', [3, 4, 6])
def test_a_resumed_run_ends_in_the_same_bits(tmp_path, stop_at):
    _, whole, _ = start(tmp_path / 'whole')

    def kill(step):
        if step == stop_at + 4:
            raise SystemExit

    with pytest.raises(SystemExit):
        start(tmp_path / 'killed', before_step=kill)
    _, resumed, _ = start(tmp_path / 'killed', restore=True)
    assert_same(weights(whole), weights(resumed))
    assert [row['step'] for row in rows(tmp_path / 'killed')] == [4, 8, 12]


def test_rows_after_the_checkpoint_are_cut_back(tmp_path):
    start(tmp_path, dataclasses.replace(tiny.TinyConfig(), total_images=16))
    log = progress.MetricsLog(tmp_path / 'metrics.jsonl')
    log.append({'step': 9, 'generator/error': 1.0})
    with open(log.path, 'a') as file:
        file.write('{"step": 10, "gener')
    start(tmp_path, restore=True)
    assert [row['step'] for row in rows(tmp_path)] == [4, 8, 12]


def test_seconds_go_on_counting_over_a_resume(tmp_path):
    start(tmp_path, dataclasses.replace(tiny.TinyConfig(), total_images=16))
    before = rows(tmp_path)[-1]['seconds']
    start(tmp_path, restore=True)
    assert rows(tmp_path)[-1]['seconds'] > before > 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(tmp_path, number):
    def send(step):
        if step == 5:
            os.kill(os.getpid(), number)

    outcome, system, printed = start(tmp_path, before_step=send)
    assert (outcome.status, outcome.step) == ('stopped', 6)
    assert number.name in outcome.message and 'same command again' in printed
    newest, _ = checkpoints.latest(tmp_path / 'checkpoints')
    assert newest.step == 6
    _, resumed, _ = start(tmp_path, restore=True)
    _, whole, _ = start(tmp_path / 'whole')
    assert_same(weights(whole), weights(resumed))


def test_training_stops_when_the_best_metric_no_longer_improves(tmp_path):
    config = dataclasses.replace(
        tiny.TinyConfig(), total_images=400, best_metric='-error', patience=2)
    # '-error' asks for a rising error, which training does not give.
    outcome, _, _ = start(tmp_path, config)
    assert outcome.status == 'no_improvement'
    held_out = [row['held_out/error'] for row in rows(tmp_path)]
    assert outcome.step == 4 * len(held_out)
    assert int(np.argmax(held_out)) == len(held_out) - 3


def test_the_best_checkpoint_is_kept_beside_the_newest(tmp_path):
    config = dataclasses.replace(
        tiny.TinyConfig(), total_images=80, best_metric='-error', keep_checkpoints=2)
    start(tmp_path, config)
    held_out = {row['step']: row['held_out/error'] for row in rows(tmp_path)}
    best = max(held_out, key=held_out.get)
    steps = [step for step, _ in checkpoints.list_folders(tmp_path / 'checkpoints')]
    assert steps == sorted({best, 36, 40})


def test_an_unknown_best_metric_names_the_known_ones(tmp_path):
    with pytest.raises(loop.TrainingError, match=r"'colour'.*Known: error"):
        start(tmp_path, dataclasses.replace(tiny.TinyConfig(), best_metric='colour'))


def test_a_finished_run_started_again_does_nothing(tmp_path):
    start(tmp_path)
    before = (tmp_path / 'metrics.jsonl').read_text()
    outcome, _, _ = start(tmp_path, restore=True)
    assert outcome.status == 'finished'
    assert (tmp_path / 'metrics.jsonl').read_text() == before


def test_snapshots_come_after_so_many_seconds_too(tmp_path):
    config = dataclasses.replace(tiny.TinyConfig(), snapshot_images=10 ** 6, snapshot_seconds=0)
    start(tmp_path, dataclasses.replace(config, total_images=8))
    assert [row['step'] for row in rows(tmp_path)] == [1, 2, 3, 4]
