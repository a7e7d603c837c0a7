"""The run folder: lock, config.json, clear refusals."""

import json
import os
import subprocess
import sys

import pytest

from stylegan_tf import configs
from stylegan_tf.training import run_folder


def record(**config):
    settings = {'batch_size': 4, 'total_images': 100, 'tick_seconds': 20.0,
                'generator_optimizer': {'learning_rate': 1e-3}, 'resolution': (8, 8), **config}
    return {'preset': 'tiny', 'seed': 1, 'config': settings, 'dataset': {'data': ['a', 'b']},
            'command': 'train'}


def test_two_processes_cannot_hold_one_folder(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        code = ('import sys\nfrom stylegan_tf.training import run_folder\n'
                'try:\n    run_folder.RunFolder(sys.argv[1]).__enter__()\n'
                'except run_folder.RunFolderError as error:\n    print(error)\n')
        told = subprocess.run([sys.executable, '-c', code, str(folder.path)], check=True,
                              capture_output=True, text=True).stdout
        assert f'process (id {os.getpid()}) is training in' in told
    with run_folder.RunFolder(tmp_path):
        pass


def test_leftovers_of_a_killed_process_are_cleaned_and_nothing_else(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        half = folder.checkpoints / '.incomplete-step-000000004'
        half.mkdir()
        (half / 'state.safetensors').write_bytes(b'half')
        (folder.path / '.incomplete-metrics.jsonl').write_text('half')
        (folder.path / 'notes.txt').write_text('mine')
        whole = folder.checkpoints / 'step-000000002'
        whole.mkdir()
    with run_folder.RunFolder(tmp_path) as folder:
        assert list(folder.checkpoints.iterdir()) == [whole]
        assert not (folder.path / '.incomplete-metrics.jsonl').exists()
        assert (folder.path / 'notes.txt').read_text() == 'mine'


def test_config_survives_a_round_trip_and_damage_is_named(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        assert folder.read_config() is None
        folder.write_config(record())
        assert folder.read_config()['config']['resolution'] == [8, 8]
        folder.config_file.write_text('{')
        with pytest.raises(run_folder.RunFolderError, match='--resume=never'):
            folder.read_config()


def test_the_same_run_may_continue_with_harmless_changes():
    old = json.loads(json.dumps(record()))
    assert run_folder.check_same_run(old, record(), 'runs/a') == []
    notes = run_folder.check_same_run(old, record(tick_seconds=5.0, total_images=200), 'runs/a')
    assert notes == ['tick_seconds was 20.0 and is now 5.0',
                     'total_images was 100 and is now 200']


@pytest.mark.parametrize('change, told', [
    ({'batch_size': 8}, 'batch_size was 4 and is now 8'),
    ({'total_images': 50}, 'total_images was 100 and is now 50'),
    ({'generator_optimizer': {'learning_rate': 0.1}},
     'generator_optimizer.learning_rate was 0.001 and is now 0.1'),
])
def test_another_setting_is_refused_by_name_with_the_way_out(change, told):
    with pytest.raises(run_folder.RunFolderError) as caught:
        run_folder.check_same_run(record(), record(**change), 'runs/a')
    assert told in str(caught.value)
    assert '--resume=never' in str(caught.value) and '--workdir' in str(caught.value)


def test_a_setting_younger_than_the_run_had_its_default():
    settings = configs.get('style_transfer_28').as_dict()
    older = {name: value for name, value in settings.items() if name != 'r1_every'}
    assert run_folder.check_same_run({'config': older}, {'config': settings}, 'runs/a') == []
    with pytest.raises(run_folder.RunFolderError, match='r1_every was 16 and is now 8'):
        run_folder.check_same_run({'config': older}, {'config': {**settings, 'r1_every': 8}}, 'runs/a')


def test_another_dataset_and_seed_are_refused():
    new = {**record(), 'seed': 2, 'dataset': {'data': ['a', 'c']}}
    with pytest.raises(run_folder.RunFolderError) as caught:
        run_folder.check_same_run(record(), new, 'runs/a')
    assert 'seed was 1 and is now 2' in str(caught.value) and 'dataset.data' in str(caught.value)


def test_an_earlier_run_is_set_aside_not_deleted(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        assert folder.set_aside() is None
        for number in (1, 2):
            folder.write_config({'run': number})
            (folder.checkpoints / 'step-000000001').mkdir()
            assert folder.set_aside().name == f'previous-00{number}'
        assert folder.read_config() is None and not list(folder.checkpoints.iterdir())
    for number in (1, 2):
        kept = tmp_path / f'previous-00{number}'
        assert json.loads((kept / 'config.json').read_text()) == {'run': number}
        assert (kept / 'checkpoints' / 'step-000000001').is_dir()


def test_a_workdir_below_a_file_gives_one_clear_line(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(run_folder.RunFolderError, match='choose another --workdir') as caught:
        run_folder.RunFolder(tmp_path / 'file' / 'run').__enter__()
    assert '\n' not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason='the superuser may write anywhere')
def test_a_folder_without_permission_gives_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(run_folder.RunFolderError, match='not writable'):
        run_folder.RunFolder(tmp_path / 'run').__enter__()


def test_an_atomic_write_replaces_the_whole_file(tmp_path):
    path = tmp_path / 'page.html'
    run_folder.write_atomically(path, 'long old text')
    run_folder.write_atomically(path, b'new')
    assert path.read_bytes() == b'new' and list(tmp_path.iterdir()) == [path]
