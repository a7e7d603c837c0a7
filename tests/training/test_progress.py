"""metrics.jsonl, the progress line, signals, durations and speed."""

import io
import json
import signal
import subprocess
import sys

import pytest

from stylegan_tf.training import progress, speed


def test_numbers_json_cannot_hold_become_null(tmp_path):
    log = progress.MetricsLog(tmp_path / 'metrics.jsonl')
    log.append({'step': 1, 'loss': float('nan'), 'other': float('inf'), 'fine': 0.5})
    assert json.loads(log.path.read_text()) == {'step': 1, 'loss': None, 'other': None, 'fine': 0.5}


def test_cut_back_drops_later_rows_and_a_torn_one(tmp_path):
    log = progress.MetricsLog(tmp_path / 'metrics.jsonl')
    log.cut_back(0)
    assert not log.path.exists()
    for step in (2, 4, 6):
        log.append({'step': step, 'loss': step / 8})
    with open(log.path, 'a') as file:
        file.write('{"step": 8, "lo')
    assert [row['step'] for row in progress.read_metrics(log.path)] == [2, 4, 6]
    log.cut_back(4)
    log.append({'step': 5, 'loss': 1.0})
    assert [json.loads(line)['step'] for line in log.path.read_text().splitlines()] == [2, 4, 5]


@pytest.mark.parametrize('seconds, text', [
    (9.4, '9s'), (432, '7m 12s'), (7500, '2h 05m'), (273600, '3d 4h'), (float('inf'), 'unknown')])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


def test_a_tick_tells_position_speed_and_time_left():
    stream = io.StringIO()
    line = progress.ProgressLine(1000, 8, stream)
    line.step(249, 2.0)
    assert stream.getvalue() == ''
    line.tick(250, 2.0, {'generator/total': 0.123456})
    assert stream.getvalue() == ('step 250/1,000 25.0%  4 images/s  25m 00s left  '
                                 'generator/total 0.123\n')


def test_a_terminal_gets_a_live_line_that_notes_do_not_garble():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    line = progress.ProgressLine(10, 8, stream)
    line.step(1, 2.0)
    line.note('saved')
    shown = stream.getvalue()
    assert shown.startswith('\rstep 1/10') and shown.endswith('\rsaved\n')
    assert '\r' + ' ' * len('step 1/10 10.0%  4 images/s  18s left') + '\r' in shown


def test_a_second_interrupt_ends_the_process_at_once():
    code = ('import os, signal, sys, time\nfrom stylegan_tf.training import progress\n'
            'with progress.StopRequest() as stop:\n'
            '    os.kill(os.getpid(), signal.SIGINT)\n'
            '    print(stop.reason, flush=True)\n'
            '    os.kill(os.getpid(), signal.SIGINT)\n'
            '    time.sleep(5)\n    print("still here")\n')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT
    assert done.stdout.endswith('SIGINT\n') and 'finishing this step' in done.stdout


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with progress.StopRequest():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_speed_leaves_out_steps_that_traced():
    watch = speed.Stopwatch()
    assert watch.step_seconds is None
    for seconds in (1.0, 1.2, 0.8, 30.0, 1.0):
        watch.add(seconds)
    assert watch.step_seconds == pytest.approx(1.0)


def test_speed_counts_the_wait_for_an_asynchronous_device():
    watch = speed.Stopwatch()
    for _ in range(4):
        watch.add(0.001)
    watch.synchronised(4.0)
    assert watch.step_seconds == pytest.approx(1.001)
    watch.add(0.001)
    watch.synchronised(1.0)
    assert watch.step_seconds == pytest.approx(1.001)


def test_waiting_is_a_share_of_the_steps_since_the_last_look():
    waiting = speed.Waiting()
    assert waiting.take() is None
    waiting.add(2.0, 0.5)
    waiting.add(2.0, 0.1)
    assert waiting.take() == pytest.approx(0.15)
    waiting.add(1.0, 0.0)
    assert waiting.take() == 0.0 and waiting.take() is None
