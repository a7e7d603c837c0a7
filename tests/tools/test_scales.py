"""The calculation on paper: limits by hand, bottlenecks that move where they must, constants from files."""

import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from benchmarks import evaluation_rows, scales  # noqa: E402

from stylegan_tf import commands  # noqa: E402

VALUES = {name: constant.value for name, constant in scales.DEFAULTS.items()}


def test_servers_give_what_their_cores_give_until_the_link_binds():
    values = {**VALUES, 'image_cpu_seconds': 0.1, 'request_cpu_seconds': 0.01, 'decode_cpu_seconds': 0.02,
              'encode_cpu_seconds': 0.07, 'server_cores': 8, 'use': 0.5, 'peak': 2, 'link_bytes': 1e7,
              'image_bytes_in': 1e4, 'image_bytes_out': 1e5, 'balancer_requests': 1000}
    assert scales.reached(scales.serving(values, 1)) == (pytest.approx(20 * scales.DAY / 2), 'servers')
    assert scales.reached(scales.serving(values, 6)) == (pytest.approx(100 * scales.DAY / 2), 'link')
    assert scales.turn(lambda count: scales.serving(values, count)) == (6, 'link')
    assert scales.needed(lambda count: scales.serving(values, count), 1_000_000) == 2
    assert scales.needed(lambda count: scales.serving(values, count), 5_000_000) is None


def test_gpus_wait_for_the_ring_and_then_for_their_pictures():
    values = {**VALUES, 'gpu_images': 100, 'gpu_batch': 10, 'gradient_bytes': 8e8, 'gpus_a_machine': 2,
              'gpu_link_bytes': 8e9, 'machine_link_bytes': 8e8, 'hop_seconds': 1e-9, 'storage_bytes': 1e12}
    assert scales.training(values, 1)['GPUs'] == 100
    assert scales.training(values, 2)['GPUs'] == pytest.approx(2 * 10 / (0.1 + 0.1))
    assert scales.training(values, 4)['GPUs'] == pytest.approx(4 * 10 / (0.1 + 1.5))
    starved = {**values, 'gpu_cores': 1, 'feed_pictures': 30, 'example_pictures': 2}
    assert scales.reached(scales.training(starved, 2)) == (30, 'input cores')


def test_workers_give_what_pairs_cost_until_the_database_binds():
    values = {**VALUES, 'submission_cpu_seconds': 4, 'pair_cpu_seconds': 0.1, 'image_cpu_seconds': 0.4, 'use': 1,
              'peak': 1, 'database_cpu_seconds': 0.5, 'database_cores': 1, 'link_bytes': 1e12}
    assert scales.submissions(values, 3, 60)['workers'] == pytest.approx(0.3 * scales.DAY)
    assert scales.submissions(values, 3, 60, is_painted=True)['workers'] == pytest.approx(3 / 34 * scales.DAY)
    assert scales.turn(lambda count: scales.submissions(values, count, 60)) == (21, 'database')


def test_constants_come_from_what_other_commands_wrote(tmp_path):
    rows = {'pipeline': [{'what': 'style_transfer_128, feed', 'unit': 'images/CPU s', 'ours': 321.0}],
            'evaluation': [{'what': 'grid: a pair among 30', 'more': {'pairs': [10, 30], 'cpu_seconds': [3.0, 4.0]}},
                           {'what': 'all distinct: a pair among 30', 'more': {'pairs': [10, 30],
                                                                              'cpu_seconds': [4.0, 6.0]}}],
            'accelerator': [{'what': 'style_transfer_256, batch 8, float32', 'ours': 70.0}],
            'serving': [{'target': 'gRPC', 'batch': 1, 'cpu_seconds_per_image': 0.25}]}
    for name, found in rows.items():
        (tmp_path / f'{name}.json').write_text(json.dumps({'rows': found}))
    (tmp_path / 'contest.json').write_text(json.dumps({'board': {'store': {
        'add': {'last': {'cpu_ms': 5}}, 'claim': {'last': {'cpu_ms': 7}}}}}))
    found = scales.read(tmp_path, scales.DEFAULTS)
    assert {name: found[name].value for name in ('feed_pictures', 'pair_cpu_seconds', 'submission_cpu_seconds',
                                                 'image_cpu_seconds', 'database_cpu_seconds', 'gpu_images',
                                                 'gpu_batch')} == {
        'gpu_images': 70.0, 'gpu_batch': 8.0,
        'feed_pictures': 321.0, 'pair_cpu_seconds': pytest.approx(0.1), 'submission_cpu_seconds': pytest.approx(3.0),
        'image_cpu_seconds': 0.25, 'database_cpu_seconds': pytest.approx(0.012)}
    assert found['feed_pictures'].source == 'measured: pipeline.json' and found['peak'].source == 'assumed'
    assert scales.read(None, scales.DEFAULTS) == scales.DEFAULTS


def test_an_evaluation_whose_pairs_cost_nothing_is_no_constant(tmp_path):
    row = {'what': 'all distinct: a pair among 6', 'more': {'pairs': [4, 6], 'cpu_seconds': [1.5, 1.4]}}
    (tmp_path / 'evaluation.json').write_text(json.dumps({'rows': [row]}))
    with pytest.raises(commands.UsageError, match=r'evaluation\.json is not what .*more pairs cost no more'):
        scales.read(tmp_path, scales.DEFAULTS)


@pytest.mark.parametrize(('power', 'start'), [(1.0, 0.0), (1.0, 3.0), (2.0, 0.0), (1.5, 0.0)])
def test_exponents_are_found(power, start):
    counts = [50, 100, 200, 1000]
    seconds = [start + 0.1 * count ** power for count in counts]
    assert evaluation_rows.exponent(counts, seconds) == pytest.approx(power, abs=0.01)


def test_a_row_says_whether_the_cost_is_linear_and_each_picture_was_seen_once():
    taken = [{'cpu_seconds': 0.1 * count, 'looks': 3 * count, 'distinct': 3 * count, 'peak_bytes': 1}
             for count in (10, 20, 40)]
    assert evaluation_rows.row('grid', [10, 20, 40], taken).holds
    taken[2] = {**taken[2], 'looks': 121}
    assert not evaluation_rows.row('grid', [10, 20, 40], taken).holds
