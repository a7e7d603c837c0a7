"""The guardian: what broke is named, the run goes back, goes on at a lower rate, or gives up."""

import dataclasses
import io
import json
import math
import os
import signal

import keras
import numpy as np
import pytest
from keras import ops

from stylegan_tf.training import checkpoints, guardian, loop, progress, run_folder, snapshots

from . import tiny


class Fragile(tiny.TinySystem):
    """Breaks at chosen steps; `breaks(step, factor)` says when, both as floats."""

    breaks = staticmethod(lambda step, factor: False)
    marked = 99  # a label that breaks the loss of its batch

    def generator_losses(self, batch):
        terms = super().generator_losses(batch)
        broken = self.breaks(float(self.step), float(self.learning_rate_factor))
        broken = broken or bool(np.any(np.asarray(batch['label']) == self.marked))
        return {**terms, 'fragile': ops.convert_to_tensor(math.nan if broken else 0.0)}


@dataclasses.dataclass(frozen=True)
class FragileConfig(tiny.TinyConfig):
    def build(self):
        return Fragile(self)


class Outcomes:
    """Observes how a run ends."""

    def __init__(self):
        self.ended = []

    def tick(self, row):
        assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))

    def snapshot(self, step, metrics, picture):
        pass

    def finish(self, outcome):
        self.ended.append(outcome)


def start(workdir, breaks=lambda step, factor: False, *, restore=False, before_step=None, stream=None,
          build=Fragile, observer=None, **changes):
    """Trains 12 steps, a checkpoint every 4; returns (outcome, system, printed text)."""
    config = dataclasses.replace(FragileConfig(), **changes)
    keras.utils.set_random_seed(3)
    system = build(config)
    system.breaks = breaks
    printed, stream, history = io.StringIO(), stream or tiny.TinyStream(), None
    with run_folder.RunFolder(workdir) as folder:
        if restore:
            checkpoint, _ = checkpoints.latest(folder.checkpoints)
            checkpoints.restore(system.state(), checkpoint)
            history = loop.History(**checkpoint.record['history'])
        outcome = loop.Loop(
            tiny.EagerEngine(system, stream, config, before_step), system, config, folder, history=history,
            held_out=snapshots.HeldOut(tiny.TinyStream(), 2, 2), skip=stream.skip,
            files_of=lambda step: stream.names(step * config.batch_size, config.batch_size),
            observers=[observer or Outcomes()],
            line=progress.ProgressLine(config.total_steps, config.batch_size, printed)).run()
    return outcome, system, printed.getvalue()


def rows(workdir):
    return [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]


def saved_steps(workdir):
    return [step for step, _ in checkpoints.list_folders(workdir / 'checkpoints')]


def bits(system):
    return {name: array.tobytes() for name, array in checkpoints.to_arrays(system.state()).items()}


def once_at_full_rate(step, factor):
    return step == 5 and factor == 1.0


def test_a_broken_loss_goes_back_and_on_at_half_the_rate(tmp_path):
    outcome, system, printed = start(tmp_path, once_at_full_rate)
    assert (outcome.status, outcome.step) == ('finished', 12)
    assert saved_steps(tmp_path) == [4, 8, 12]
    assert 'generator/fragile became nan at step 6: back to step 4, learning rates at 0.5' in printed
    assert 'c10.png, c11.png' in printed and 'its batch comes again' in printed
    found = rows(tmp_path)
    assert [row['step'] for row in found] == [4, 4, 8, 12]
    assert found[1]['event'] == 'rollback' and found[1]['failed_step'] == 6
    assert 'learning_rate_factor' not in found[0] and found[2]['learning_rate_factor'] == 0.5

    # The same by hand: four steps at the full rate, eight at half of it.
    keras.utils.set_random_seed(3)
    expected = tiny.TinySystem(FragileConfig())
    engine = tiny.EagerEngine(expected, tiny.TinyStream(), FragileConfig())
    for step in range(12):
        expected.learning_rate_factor.assign(1.0 if step < 4 else 0.5)
        engine.run_step()
    assert bits(system) == bits(expected)


class Killed(BaseException):
    """As kill -9: nothing catches it."""


@pytest.mark.parametrize('module, name', [
    (checkpoints, 'rewrite_record'), (checkpoints, 'remove_after'), (checkpoints, 'restore'),
    (progress.MetricsLog, 'add_missing_events')])
def test_a_run_killed_during_a_rollback_ends_in_the_same_bits(tmp_path, monkeypatch, module, name):
    def twice(step, factor):
        return step == 9 and factor > 0.3  # the second time it goes back further, to step 4

    _, whole, _ = start(tmp_path / 'whole', twice)
    original, calls = getattr(module, name), []

    def kill(*arguments, **options):
        is_start = name == 'add_missing_events' and not calls
        calls.append(name)
        if not is_start:
            raise Killed
        return original(*arguments, **options)

    for restore in (False, True):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            calls.clear()
            patch.setattr(module, name, kill)
            start(tmp_path / 'killed', twice, restore=restore)
    _, resumed, _ = start(tmp_path / 'killed', twice, restore=True)
    assert bits(resumed) == bits(whole)
    drop = {'seconds', 'images_per_second', 'memory_bytes', 'data_wait_share'}
    kept = [[{name: value for name, value in row.items() if name not in drop} for row in rows(folder)]
            for folder in (tmp_path / 'whole', tmp_path / 'killed')]
    assert kept[0] == kept[1]
    assert [row['to_step'] for row in kept[0] if 'event' in row] == [8, 4]


def test_a_resumed_run_keeps_the_lower_rate(tmp_path):
    def stop(step):
        if step == 10:
            os.kill(os.getpid(), signal.SIGTERM)

    _, whole, _ = start(tmp_path / 'whole', once_at_full_rate)
    start(tmp_path / 'stopped', once_at_full_rate, before_step=stop)
    assert saved_steps(tmp_path / 'stopped')[-1] == 11
    _, resumed, _ = start(tmp_path / 'stopped', once_at_full_rate, restore=True)
    assert bits(resumed) == bits(whole) and float(resumed.learning_rate_factor) == 0.5


def test_without_a_checkpoint_the_run_begins_again(tmp_path):
    _, system, printed = start(tmp_path, lambda step, factor: step == 2 and factor == 1.0, keep_checkpoints=9)
    assert 'at step 3: back to step 0' in printed
    assert saved_steps(tmp_path) == [0, 4, 8, 12]
    keras.utils.set_random_seed(3)
    fresh = checkpoints.to_arrays(tiny.TinySystem(FragileConfig()).state())
    assert checkpoints.read(tmp_path / 'checkpoints' / 'step-000000000').arrays.keys() == fresh.keys()
    for name, array in checkpoints.read(tmp_path / 'checkpoints' / 'step-000000000').arrays.items():
        np.testing.assert_array_equal(array, fresh[name], err_msg=name)
    assert float(system.learning_rate_factor) == 0.5


class MarkedStream(tiny.TinyStream):
    """The sample at position 11 carries the label that breaks."""

    def batch(self, position, batch_size):
        places = range(position, position + batch_size)
        labels = [Fragile.marked if place == 11 and place not in self.skipped else -1 for place in places]
        return {**super().batch(position, batch_size), 'label': np.array(labels, np.int32)}


def test_a_batch_that_breaks_the_run_twice_is_left_out_also_after_a_resume(tmp_path):
    _, whole, printed = start(tmp_path / 'whole', stream=MarkedStream())
    events = [row for row in rows(tmp_path / 'whole') if 'event' in row]
    assert [event['skips_batch'] for event in events] == [False, True]
    assert 'left out from now on' in printed

    def stop(step):
        if step == 4 and bool(stopped.skipped):
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = MarkedStream()
    start(tmp_path / 'stopped', stream=stopped, before_step=stop)
    assert saved_steps(tmp_path / 'stopped')[-1] == 5
    _, resumed, _ = start(tmp_path / 'stopped', stream=MarkedStream(), restore=True)
    assert bits(resumed) == bits(whole)


def test_it_gives_up_with_what_to_do_and_never_saves_a_broken_state(tmp_path):
    observer = Outcomes()
    with pytest.raises(guardian.DivergenceError) as caught:
        start(tmp_path, lambda step, factor: step == 5, max_rollbacks=2, observer=observer)
    message = str(caught.value)
    for part in ('generator/fragile became nan at step 6, after 2 of 2 rollbacks', '--resume=never', 'below 0.25',
                 '--set=max_rollbacks=5', 'step-000000004', 'c10.png'):
        assert part in message
    assert [outcome.status for outcome in observer.ended] == ['failed']
    assert saved_steps(tmp_path) == [4]
    newest, _ = checkpoints.latest(tmp_path / 'checkpoints')
    assert not guardian.not_finite(newest.arrays)
    # More rollbacks are permitted: the run goes on from where it gave up.
    outcome, system, _ = start(tmp_path, lambda step, factor: step == 5 and factor > 0.2, max_rollbacks=5, restore=True)
    assert outcome.status == 'finished' and float(system.learning_rate_factor) == 0.125


def test_a_stop_signal_during_trouble_leaves_a_run_that_resumes(tmp_path):
    def stop(step):
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    _, whole, _ = start(tmp_path / 'whole', once_at_full_rate)
    outcome, _, _ = start(tmp_path / 'stopped', once_at_full_rate, before_step=stop)
    assert (outcome.status, outcome.step) == ('stopped', 4)
    _, resumed, _ = start(tmp_path / 'stopped', once_at_full_rate, restore=True)
    assert bits(resumed) == bits(whole)


class SteepSystem(Fragile):
    """At step 5 the loss is finite, its gradient is not."""

    def generator_losses(self, batch):
        terms = super().generator_losses(batch)
        if int(self.step) == 5 and float(self.learning_rate_factor) == 1.0:
            terms['root'] = ops.sqrt(0.0 * ops.sum(self.networks['generator'].mix.kernel))
        return terms


def test_a_broken_gradient_names_phase_and_variables(tmp_path):
    outcome, _, printed = start(tmp_path, build=SteepSystem)
    assert outcome.status == 'finished'
    assert "the gradient of phase 'generator' became nan at step 6: back to step 4" in printed
    assert 'No longer finite by then: generator/mix/kernel' in printed


def test_a_weight_that_broke_without_a_sign_is_never_saved(tmp_path):
    poisoned = []

    class Silent(Fragile):
        def after_step(self, logs):
            if int(self.step) == 7 and not poisoned:
                poisoned.append(self.networks['generator'].mix.bias.assign([0, np.inf, 0]))

    outcome, _, printed = start(tmp_path, build=Silent)
    assert outcome.status == 'finished' and 'generator/mix/bias became nan or inf at step 8' in printed
    for _, path in checkpoints.list_folders(tmp_path / 'checkpoints'):
        assert not guardian.not_finite(checkpoints.read(path).arrays)


def test_skipped_steps_of_half_precision_are_forgiven_unless_they_go_on(tmp_path):
    watch = guardian.Guardian(None, None, None, None, guardian.History(), None)
    skipped = {'generator/total': 1.0, 'generator/skipped': 1.0}
    for step in range(1, guardian.MAX_SKIPPED_STEPS):
        watch.check_logs(step, skipped)
    watch.check_logs(50, {'generator/total': 1.0, 'generator/skipped': 0.0})
    for step in range(1, guardian.MAX_SKIPPED_STEPS):
        watch.check_logs(step, skipped)
    with pytest.raises(guardian.NotFiniteError, match="phase 'generator' skipped 50 steps in a row"):
        watch.check_logs(100, skipped)
    with pytest.raises(guardian.NotFiniteError, match='generator/total became inf'):
        watch.check_logs(101, {'generator/total': math.inf, 'generator/skipped': 1.0})
