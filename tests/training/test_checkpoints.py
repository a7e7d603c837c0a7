"""Checkpoints: exact bits, damage, kills and full disks."""

import resource
import signal
import subprocess
import sys
import time

import keras
import ml_dtypes
import numpy as np
import pytest

from stylegan_tf.training import checkpoints, run_folder

ODD_BITS = np.array([0x7FC00001, 0xFF800000, 0x80000000, 1], np.uint32).view(np.float32)


def arrays():
    """Every dtype, with NaN payloads, negative zero, empty and scalar shapes."""
    return {
        'generator/block_32/kernel': ODD_BITS.reshape(2, 2),
        'half': np.array([1.5, -0.0, 65504], np.float16),
        'brain': np.array([[1.0078125, 3e38]], ml_dtypes.bfloat16),
        'double': np.array(np.pi),
        'step': np.array(2 ** 40 + 1, np.int64),
        'seed': np.array([4294967295, 7], np.uint32),
        'small': np.array([-3], np.int8), 'flag': np.array(True), 'empty': np.zeros((0, 3), 'f4'),
        'transposed': np.arange(6, dtype=np.int32).reshape(2, 3).T,
    }


def write(folder, *steps):
    for step in steps:
        checkpoints.save(folder, step, {'x': np.full(5, step, np.float32)}, {})


def test_every_dtype_returns_bit_for_bit(tmp_path):
    path = checkpoints.save(tmp_path, 12, arrays(), {'metrics': {'error': 0.5}})
    assert path.name == 'step-000000012'
    found = checkpoints.read(path)
    assert found.step == 12 and found.record['metrics'] == {'error': 0.5}
    assert found.arrays.keys() == arrays().keys()
    for name, array in arrays().items():
        assert found.arrays[name].dtype == array.dtype, name
        assert found.arrays[name].shape == array.shape, name
        assert found.arrays[name].tobytes() == array.tobytes(), name


def test_variables_of_half_precision_return_bit_for_bit(tmp_path):
    state = {name: keras.Variable(value, dtype=name) for name, value in [
        ('bfloat16', 0.1), ('float16', 0.1), ('int32', 7), ('uint32', 2 ** 32 - 1)]}
    checkpoints.save(tmp_path, 1, checkpoints.to_arrays(state), {})
    before = {name: np.asarray(v.numpy()).tobytes() for name, v in state.items()}
    for variable in state.values():
        variable.assign(np.zeros((), variable.dtype))
    checkpoints.restore(state, checkpoints.read(tmp_path / 'step-000000001'))
    assert before == {name: np.asarray(v.numpy()).tobytes() for name, v in state.items()}


@pytest.mark.parametrize('damage', ['flip', 'cut', 'no_state', 'no_record', 'bad_record'])
def test_a_damaged_checkpoint_is_skipped_by_name(tmp_path, damage):
    write(tmp_path, 4, 8)
    state = tmp_path / 'step-000000008' / checkpoints.STATE_FILE
    record = state.with_name(checkpoints.RECORD_FILE)
    data = bytearray(state.read_bytes())
    if damage == 'flip':
        data[-1] ^= 1
        state.write_bytes(data)
    elif damage == 'cut':
        state.write_bytes(data[:-3])
    elif damage == 'no_state':
        state.unlink()
    elif damage == 'no_record':
        record.unlink()
    else:
        record.write_text('{"step": 8')
    newest, skipped = checkpoints.latest(tmp_path)
    assert newest.step == 4
    assert len(skipped) == 1 and 'step-000000008' in skipped[0]


def test_a_step_is_written_again_over_a_damaged_one(tmp_path):
    write(tmp_path, 4)
    (tmp_path / 'step-000000004' / checkpoints.STATE_FILE).write_bytes(b'')
    write(tmp_path, 4)
    assert checkpoints.latest(tmp_path)[0].step == 4


def test_restore_lists_every_mismatch_and_assigns_nothing(tmp_path):
    state = {'a': keras.Variable(np.zeros(2, np.float32)),
             'b': keras.Variable(np.zeros((2, 3), np.float32)),
             'c': keras.Variable(np.zeros(1, np.float32)),
             'd': keras.Variable(0, dtype='int32')}
    checkpoints.save(tmp_path, 1, {
        'a': np.ones(2, np.float32), 'b': np.ones((3, 2), np.float32),
        'd': np.array(2 ** 40, np.int64), 'extra': np.ones(1, np.float32)}, {})
    with pytest.raises(checkpoints.CheckpointError) as caught:
        checkpoints.restore(state, checkpoints.read(tmp_path / 'step-000000001'))
    message = str(caught.value)
    for part in ('4 mismatches', 'shape: b is (3, 2), expected (2, 3)', 'missing: c',
                 'dtype: d is int64, expected int32', 'unexpected: extra', 'step-000000001'):
        assert part in message
    assert not np.any(state['a'].numpy())


def test_the_step_count_of_another_backend_is_read(tmp_path):
    state = {'to_long': keras.Variable(0, dtype='int64'), 'to_short': keras.Variable(0, dtype='int32')}
    checkpoints.save(tmp_path, 1, {'to_long': np.array(7, np.int32), 'to_short': np.array(2 ** 31 - 1)}, {})
    checkpoints.restore(state, checkpoints.read(tmp_path / 'step-000000001'))
    assert [(int(v.numpy()), v.dtype) for v in state.values()] == [(7, 'int64'), (2 ** 31 - 1, 'int32')]


def test_an_older_checkpoint_without_extra_variables_is_restored(tmp_path):
    state = {'a': keras.Variable(0.0), 'extra/probability': keras.Variable(0.25)}
    checkpoints.save(tmp_path, 1, {'a': np.float32(1)}, {})
    checkpoints.restore(state, checkpoints.read(tmp_path / 'step-000000001'))
    assert (float(state['a']), float(state['extra/probability'])) == (1.0, 0.25)
    checkpoints.save(tmp_path, 2, {'a': np.float32(1), 'extra/probability': np.float32(0.5)}, {})
    checkpoints.restore(state, checkpoints.read(tmp_path / 'step-000000002'))
    assert float(state['extra/probability']) == 0.5
    with pytest.raises(checkpoints.CheckpointError, match='unexpected: extra/probability'):
        checkpoints.restore({'a': state['a']}, checkpoints.read(tmp_path / 'step-000000002'))


def test_weights_can_be_taken_by_name_where_they_fit():
    state = {'a': keras.Variable(np.zeros(2, np.float32)),
             'b': keras.Variable(np.zeros((2, 3), np.float32))}
    count, found = checkpoints.initialise_from(
        state, {'a': np.ones(2, np.float64), 'b': np.ones(6, np.float32)})
    assert count == 1 and found == ['shape: b is (6,), expected (2, 3)']
    assert state['a'].numpy().tolist() == [1, 1] and not np.any(state['b'].numpy())


def test_prune_keeps_the_newest_and_the_protected(tmp_path):
    write(tmp_path, 1, 2, 3, 4, 5)
    assert checkpoints.prune(tmp_path, keep=2, protected=(2, None)) == [1, 3]
    assert [step for step, _ in checkpoints.list_folders(tmp_path)] == [2, 4, 5]
    assert len(list(tmp_path.iterdir())) == 3


def test_find_accepts_a_run_folder_and_a_checkpoint(tmp_path):
    (tmp_path / 'checkpoints').mkdir()
    write(tmp_path / 'checkpoints', 3, 9)
    assert checkpoints.find(tmp_path).step == 9
    assert checkpoints.find(tmp_path / 'checkpoints' / 'step-000000003').step == 3
    with pytest.raises(checkpoints.CheckpointError, match='No whole checkpoint'):
        checkpoints.find(tmp_path / 'nowhere')


def test_a_write_that_fails_leaves_the_last_checkpoint_and_no_litter(tmp_path):
    write(tmp_path, 4)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(run_folder.RunFolderError, match='disk is full') as caught:
            checkpoints.save(tmp_path, 8, {'x': np.zeros(1000, np.float32)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert '\n' not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ['step-000000004']
    assert checkpoints.latest(tmp_path)[0].step == 4


def test_a_kill_at_any_moment_leaves_a_whole_newest_checkpoint(tmp_path):
    script = (
        'import sys, numpy as np\n'
        'from stylegan_tf.training import checkpoints\n'
        'for step in range(int(sys.argv[2]), 10 ** 9):\n'
        '    x = np.full(200000, step, np.float32)\n'
        '    checkpoints.save(sys.argv[1], step, {"x": x}, {})\n'
        '    checkpoints.prune(sys.argv[1], keep=2)\n')
    rng = np.random.default_rng()
    for _ in range(6):
        before = max((step for step, _ in checkpoints.list_folders(tmp_path)), default=0)
        process = subprocess.Popen([sys.executable, '-c', script, str(tmp_path),
                                    str(before + 1)])
        while not checkpoints.list_folders(tmp_path):
            time.sleep(0.01)
        time.sleep(0.25 + rng.uniform(0, 0.15))
        process.kill()
        assert process.wait() == -signal.SIGKILL
        newest, skipped = checkpoints.latest(tmp_path)
        assert not skipped and newest.step >= max(before, 1)
        assert np.all(newest.arrays['x'] == newest.step)
        run_folder.remove_leftovers(tmp_path)
        assert all(entry.name.startswith('step-') for entry in tmp_path.iterdir())
