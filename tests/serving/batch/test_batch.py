"""Batch jobs: results, receipts, dead letters, running again, buckets, and the command."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from absl import flags
from PIL import Image

pytest.importorskip('apache_beam', reason='needs the extra [batch]')

from stylegan_serving.batch import backends, files, options, records, runs, summary, tasks
from stylegan_tf import commands, images
from tests.serving import server_process
from tests.serving.batch import judging_model, memory_files

COMMAND = [sys.executable, '-m', 'stylegan_serving.batch']


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """Base folder of the judging model."""
    return judging_model.save(tmp_path_factory.mktemp('models') / 'judging')


@pytest.fixture(autouse=True)
def one_model_at_a_time():
    """Forgets the model of the test before."""
    yield
    backends._opened.cache_clear()


@pytest.fixture
def photos(tmp_path):
    """Folder with a bright, a dark and a sideways picture, two corrupt ones, and files that are none."""
    folder = tmp_path / 'photos'
    images.save(folder / 'bright.png', np.full((20, 24, 3), 204, np.uint8))
    images.save(folder / 'sub' / 'dark.bmp', np.full((17, 9, 3), 51, np.uint8))
    sideways = Image.Exif()
    sideways[0x0112] = 6
    Image.fromarray(np.full((10, 30, 3), 102, np.uint8)).save(folder / 'sideways.png', exif=sideways)
    (folder / 'corrupt.jpg').write_bytes(b'\xff\xd8\xff\xe0 no more')
    (folder / 'sub' / 'empty.png').touch()
    (folder / 'notes.txt').write_text('no picture')
    images.save(folder / '.trash' / 'old.png', np.zeros((4, 4, 3), np.uint8))
    images.save(tmp_path / 'style.png', np.full((8, 8, 3), 9, np.uint8))
    return folder


def run(model, photos, output, *, server=None, label=None, **changed):
    """Runs a job in this process; (exit code, summary)."""
    # Not by the flags: other commands, which other tests import, have flags of the same names.
    settings = {'content': [str(photos)], 'style': str(photos.parent / 'style.png'), 'output': str(output), 'tasks': (),
                'source': records.ModelSource(str(model), server, label), 'strength': 1.0, 'false_alarm_rate': 0.05,
                'batch_size': 8, 'overwrite': False, 'has_provenance': True, 'metrics_file': None, **changed}
    settings.update(content=tuple(settings['content']), tasks=tuple(settings['tasks']))
    code = runs.run(runs.Request(**settings), options.pipeline_options([], ()))
    return code, json.loads(files.read(files.join(files.absolute(str(output)), 'summary.json')))


def failures(output):
    """Dict name of a content -> (stage, reason)."""
    lines = (output / 'failures.jsonl').read_text().splitlines()
    return {pathlib.Path(line['content']).name: (line['stage'], line['reason']) for line in map(json.loads, lines)}


def test_stylises_scores_and_corrects(model, photos, tmp_path, capsys):
    output = tmp_path / 'results'
    code, counts = run(model, photos, output)
    assert code == commands.SOME_FAILED
    assert (counts['pictures'], counts['done'], counts['failed'], counts['skipped']) == (5, 3, 2, 0)
    assert counts['failed_by_stage'] == {'decode': 2}
    # Negatives of 204, 51 and 102; the bright negatives are corrected, which turns them again.
    assert np.unique(images.read(output / 'bright.png')).tolist() == [51]
    assert np.unique(images.read(output / 'sub' / 'dark.bmp')).tolist() == [51]
    upright = images.read(output / 'sideways.png')
    assert upright.shape == (30, 10, 3) and np.unique(upright).tolist() == [102]
    assert sorted(failures(output)) == ['corrupt.jpg', 'empty.png']
    assert failures(output)['empty.png'][0] == 'decode' and 'is empty' in failures(output)['empty.png'][1]
    assert not (output / '.trash').exists() and not (output / 'notes.txt').exists()
    assert counts['corrections'] == {'accepted': 2, 'kept': 1}
    assert counts['anomaly_scores']['count'] == 3 and counts['anomaly_scores']['mean'] == pytest.approx(.533333)
    histogram = dict(zip(counts['anomaly_scores']['upper_edges'], counts['anomaly_scores']['counts'], strict=True))
    assert {edge: count for edge, count in histogram.items() if count} == {0.2: 1, 0.6: 1, 0.8: 1}
    assert '3 done, 0 skipped (finished before), 2 failed' in capsys.readouterr().out


def test_receipts(model, photos, tmp_path):
    output = tmp_path / 'results'
    run(model, photos, output, strength=0.5)
    receipt = json.loads((output / 'sub' / 'dark.bmp.json').read_text())
    source = (photos / 'sub' / 'dark.bmp').read_bytes()
    assert receipt['content'] == {'name': 'dark.bmp', 'sha256': records.sha256(source)}
    assert receipt['style']['name'] == 'style.png'
    assert receipt['settings'] == {
        'tasks': ['stylize', 'score', 'correct'], 'strength': 0.5, 'false_alarm_rate': 0.05}
    assert receipt['model']['name'] == '1' and len(receipt['model']['hash']) == 12
    written = (output / 'sub' / 'dark.bmp').read_bytes()
    assert receipt['output'] == {'name': 'dark.bmp', 'height': 17, 'width': 9, 'sha256': records.sha256(written)}
    assert receipt['scores']['anomaly_score'] == pytest.approx(0.5, abs=0.01)
    assert len(receipt['scores']['defect_scores']) == 2
    assert set(receipt['correction']) == {'accepted', 'score_before', 'score_after'}
    assert set(receipt['seconds']) == {'stylize', 'score', 'correct'}
    assert images.read(output / 'sub' / 'dark.bmp.anomaly_map.png').shape == (17, 9, 3)
    assert images.read_metadata(output / 'bright.png')['Strength'] == '0.5'


def test_running_again_does_what_is_missing(model, photos, tmp_path):
    output = tmp_path / 'results'
    run(model, photos, output)
    (output / 'sideways.png').unlink()
    before = {path: path.stat().st_mtime_ns for path in output.rglob('*.png*')}
    (photos / 'corrupt.jpg').unlink()
    (photos / 'sub' / 'empty.png').unlink()
    code, counts = run(model, photos, output)
    assert code == commands.DONE
    assert (counts['done'], counts['skipped'], counts['failed']) == (1, 2, 0)
    assert failures(output) == {}
    changed = {path.name for path in before if path.stat().st_mtime_ns != before[path]}
    assert (output / 'sideways.png').exists()
    assert changed == {'sideways.png.json', 'sideways.png.anomaly_map.png'}
    assert not [path for path in output.rglob('*') if 'partial' in path.name]


def test_a_damaged_result_is_made_again(model, photos, tmp_path):
    output = tmp_path / 'results'
    run(model, photos, output)
    (output / 'bright.png').write_bytes((output / 'bright.png').read_bytes()[:-9])
    assert run(model, photos, output)[1]['done'] == 1
    assert images.read(output / 'bright.png').shape == (20, 24, 3)


def test_results_of_other_settings_are_not_replaced_unasked(model, photos, tmp_path):
    output = tmp_path / 'results'
    images.save(output / 'sideways.png', np.zeros((3, 3, 3), np.uint8))  # somebody else's
    run(model, photos, output, tasks=['stylize'])
    assert failures(output)['sideways.png'][0] == 'plan'
    _, counts = run(model, photos, output, tasks=['stylize'], strength=0.5)
    assert counts['failed_by_stage'] == {'plan': 3, 'decode': 2}
    assert 'use --overwrite' in failures(output)['bright.png'][1]
    assert images.read(output / 'sideways.png').shape == (3, 3, 3)
    _, counts = run(model, photos, output, tasks=['stylize'], strength=0.5, overwrite=True)
    assert counts['done'] == 3
    assert np.unique(images.read(output / 'bright.png')).tolist() == [128]


def test_a_row_that_the_model_refuses_fails_alone(model, photos, tmp_path):
    output = tmp_path / 'results'
    images.save(photos / 'black.png', np.zeros((6, 6, 3), np.uint8))
    _, counts = run(model, photos, output, tasks=['score'], style=None)
    assert counts['done'] == 3 and counts['failed_by_stage'] == {'decode': 2, 'score': 1}
    assert 'black picture' in failures(output)['black.png'][1]
    assert not (output / 'bright.png').exists()  # numbers only
    assert json.loads((output / 'bright.png.json').read_text())['scores']['anomaly_score'] == pytest.approx(0.8)
    assert run(model, photos, output, tasks=['score'], style=None)[1]['skipped'] == 3


def test_two_contents_of_one_result(model, photos, tmp_path):
    images.save(tmp_path / 'more' / 'bright.png', np.full((5, 5, 3), 51, np.uint8))
    output = tmp_path / 'results'
    _, counts = run(model, photos, output, tasks=['stylize'],
                    content=[str(photos / '*.png'), str(tmp_path / 'more'), str(photos / 'bright.png')])
    assert counts['done'] == 2 and counts['failed_by_stage'] == {'plan': 1}
    assert 'goes to the same result' in next(iter(failures(output).values()))[1]


def test_what_cannot_be_written_is_a_dead_letter(model, photos, tmp_path):
    output = tmp_path / 'results'
    output.mkdir()
    (output / 'sub').touch()  # where a folder is needed
    _, counts = run(model, photos, output, tasks=['stylize'])
    assert counts['done'] == 2 and counts['failed_by_stage'] == {'decode': 2, 'write': 1}
    assert 'cannot be written' in failures(output)['dark.bmp'][1]


def test_an_output_that_cannot_be_written_is_refused_at_once(model, photos, tmp_path):
    (tmp_path / 'results').touch()
    with pytest.raises(files.FilesError, match='cannot be written'):
        run(model, photos, tmp_path / 'results')


def test_buckets(model, photos, tmp_path):
    for path in [*photos.rglob('*'), *model.rglob('*'), tmp_path / 'style.png']:
        if path.is_file():
            base = 'memory://in' if photos in path.parents else 'memory://store'
            root = photos if photos in path.parents else model if model in path.parents else tmp_path
            memory_files.FILES[f'{base}/{path.relative_to(root)}'] = path.read_bytes()
    settings = {'content': ['memory://in/**.png', 'memory://in/sub/'], 'style': 'memory://store/style.png',
                'output': 'memory://out/job'}
    code, counts = run('memory://store', photos, **settings)
    assert code == commands.SOME_FAILED
    assert counts['done'] == 3 and counts['failed_by_stage'] == {'decode': 2}  # sub/empty.png and empty.png
    names = {name.removeprefix('memory://out/job/') for name in memory_files.FILES if name.startswith('memory://out/')}
    assert {'bright.png', 'bright.png.json', 'dark.bmp', 'failures.jsonl', 'summary.json'} <= names
    assert np.unique(images.read(memory_files.FILES['memory://out/job/bright.png'])).tolist() == [51]
    assert run('memory://store', photos, **settings)[1]['skipped'] == 3


@pytest.mark.filterwarnings('ignore:Possible nested set:FutureWarning')  # Beam's own pattern
def test_names_with_wildcards_are_names(tmp_path):
    folder = tmp_path / 'a[1] *'
    images.save(folder / 'x[2].png', np.zeros((4, 4, 3), np.uint8))
    images.save(folder / 'deep' / 'y.png', np.zeros((4, 4, 3), np.uint8))
    place = files.absolute(str(folder))
    assert files.base_of(place) == str(folder)
    assert [name for name, _ in files.find_pictures(place, outside='/nowhere')] == ['deep/y.png', 'x[2].png']
    assert [name for name, _ in files.find_pictures(f'{place}/x[2].png', outside='/nowhere')] == ['x[2].png']
    assert [name for name, _ in files.find_pictures(place, outside=f'{place}/deep')] == ['x[2].png']
    assert [name for name, _ in files.find_pictures(str(tmp_path / '*/**.png'), outside='/nowhere')] == [
        'a[1] */deep/y.png', 'a[1] */x[2].png']


def test_models_by_what_they_can_do():
    facts = records.ModelFacts('m', 'h', {'serving_default': ('content_bytes',), 'score_with_content_bytes': ()})
    assert tasks.available(facts) == ('stylize', 'score') and not tasks.takes_style(facts)
    assert tasks.available(records.ModelFacts('m', 'h', {'stylize': ('content',)})) == ()


@pytest.mark.parametrize(('changed', 'message'), [
    ({'tasks': ['stylise']}, r'can stylize, score, correct. Received: stylise'),
    ({'style': None, 'tasks': ['stylize']}, '--style is needed'),
    ({'tasks': ['score']}, '--style has no use here'),
    ({'content': ['/nowhere']}, '/nowhere is neither a file nor a folder'),
    ({'content': ['memory://nowhere/']}, 'memory://nowhere: there is nothing'),
    ({'content': ['/nowhere/*.jpg']}, r'/nowhere/\*.jpg: there is nothing'),
    ({'content': ['nosuch://bucket/']}, r'nosuch://bucket cannot be listed \(.*dependency is installed'),
    ({'style': '/nowhere.png'}, r'/nowhere.png: cannot be read \(No such file'),
    ({'output': 'nosuch://bucket/out'}, r'nosuch://bucket/out.* cannot be written'),
])
def test_bad_usage(model, photos, tmp_path, changed, message):
    with pytest.raises((commands.UsageError, files.FilesError), match=message):
        run(model, photos, **{'output': tmp_path / 'results', **changed})


@pytest.mark.parametrize(('flag', 'message'), [
    ('--label=stable', '--label belongs to --server'), ('--strength=1.5', '--strength must lie between 0 and 1')])
def test_bad_flags(flag, message):
    done = subprocess.run([*COMMAND, '--content=a', '--output=b', flag], env=server_process.environment(),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and message in done.stderr


def test_the_contents_are_never_overwritten(model, photos):
    with pytest.raises(commands.UsageError, match='never overwritten'):
        run(model, photos, photos)


def test_a_folder_without_pictures(model, photos, tmp_path):
    (tmp_path / 'nothing,here').mkdir()
    (tmp_path / 'nothing,here' / 'notes.txt').touch()
    with pytest.raises(commands.UsageError, match='no pictures in'):
        run(model, photos, tmp_path / 'results', content=str(tmp_path / 'nothing,here').split(','))


def test_arguments_are_parted():
    values = flags.FlagValues()
    for name in ('style', 'output', 'strength'):
        flags.DEFINE_string(name, None, '', flag_values=values)
    flags.DEFINE_list('content', [], '', flag_values=values)
    flags.DEFINE_bool('overwrite', False, '', flag_values=values)
    own = [values[name] for name in values]
    ours, others = options.split(
        ['--content=a', '--style', 'b.png', '--runner', 'FlinkRunner', '--nooverwrite', '--output=c', '--streaming',
         '--flink_master=x', 'stray'], own)
    assert ours == ['--content=a', '--style', 'b.png', '--nooverwrite', '--output=c']
    assert others == ['--runner', 'FlinkRunner', '--streaming', '--flink_master=x', 'stray']
    with pytest.raises(commands.UsageError, match=r"knows 'stray'"):
        options.pipeline_options(others, own)
    with pytest.raises(commands.UsageError, match=r"knows '--strenght=1'. Did you mean --strength\?"):
        options.pipeline_options(['--strenght=1'], own)
    with pytest.raises(commands.UsageError, match=r'Apache Beam: argument --direct_running_mode: invalid choice'):
        options.pipeline_options(['--direct_running_mode=quick'], own)
    assert options.runner(options.pipeline_options(['--runner=FlinkRunner'], own)) == 'FlinkRunner'


def test_summaries_add_up():
    combine = summary.Summarize()

    def counted(*outcomes):
        accumulator = combine.create_accumulator()
        for outcome in outcomes:
            accumulator = combine.add_input(accumulator, outcome)
        return accumulator

    first = counted(records.Outcome('a', 'done', anomaly_score=0.0), records.Outcome('b', 'failed', 'read', 'gone'))
    second = counted(records.Outcome('c', 'done', anomaly_score=1.0, accepted=True), records.Outcome('d', 'skipped'),
                     records.Outcome('e', 'done', anomaly_score=0.05))
    merged = combine.merge_accumulators([first, second, combine.create_accumulator()])
    assert merged['kinds'] == {'done': 3, 'failed': 1, 'skipped': 1} and merged['stages'] == {'read': 1}
    assert merged['bins'] == [2] + 18 * [0] + [1] and merged['accepted'] == {'accepted': 1}


def test_metrics_of_the_last_run(model, photos, tmp_path):
    from prometheus_client.parser import text_string_to_metric_families

    path = tmp_path / 'nightly.prom'
    run(model, photos, tmp_path / 'results', metrics_file=str(path))
    samples = {(sample.name, sample.labels.get('outcome') or sample.labels.get('le')): sample.value
               for family in text_string_to_metric_families(path.read_text()) for sample in family.samples}
    assert samples['stylegan_batch_images', 'done'] == 3 and samples['stylegan_batch_images', 'failed'] == 2
    assert samples['stylegan_batch_anomaly_score_images', '0.5'] == 1
    assert samples['stylegan_batch_anomaly_score_images', '1'] == 3
    assert 'batch="nightly"' in path.read_text()


def test_help_imports_neither_beam_nor_tensorflow():
    code = ('import sys; sys.argv = ["x", "--help"]\nfrom stylegan_serving.batch import main\n'
            'try:\n    main.run()\nexcept SystemExit:\n    pass\n'
            'assert not {"tensorflow", "apache_beam", "numpy"} & set(sys.modules)')
    shown = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0 and '--false_alarm_rate' in shown.stdout, shown.stderr


def test_command_refuses_in_one_line():
    refused = subprocess.run([*COMMAND, '--output=x'], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert refused.stderr == 'Error: --content and --output are required; see --help.\n'


@pytest.mark.slow
def test_several_processes(model, photos, tmp_path):
    output = tmp_path / 'results'
    done = subprocess.run(
        [*COMMAND, f'--content={photos}', f'--style={tmp_path / "style.png"}', f'--model={model}', f'--output={output}',
         '--direct_running_mode=multi_processing', '--direct_num_workers=2'],
        capture_output=True, text=True, timeout=600, cwd=tmp_path,
        env=server_process.environment())
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith('3 done, 0 skipped (finished before), 2 failed')
    assert np.unique(images.read(output / 'bright.png')).tolist() == [51]
    assert sorted(failures(output)) == ['corrupt.jpg', 'empty.png']


@pytest.mark.slow
def test_a_killed_job_goes_on(model, photos, tmp_path):
    for number in range(300):
        images.save(photos / 'many' / f'{number}.png', np.full((64, 64, 3), number % 200, np.uint8))
    output = tmp_path / 'results'
    job = subprocess.Popen(
        [*COMMAND, f'--content={photos}', f'--style={tmp_path / "style.png"}', f'--model={model}', f'--output={output}',
         '--tasks=stylize'], env=server_process.environment(), cwd=tmp_path)
    until = time.monotonic() + 120
    while len(list(output.glob('many/*'))) < 20 and time.monotonic() < until:
        time.sleep(0.02)
    job.kill()
    assert job.wait() == -signal.SIGKILL  # in the middle, not at its end
    _, counts = run(model, photos, output, tasks=['stylize'])
    assert counts['done'] + counts['skipped'] == 303 and counts['failed_by_stage'] == {'decode': 2}
    assert counts['skipped'] >= 9
    assert {np.unique(images.read(output / 'many' / f'{number}.png')).tolist()[0] for number in range(200)} == set(
        range(56, 256))
    left = {path.name for path in output.iterdir() if not path.name.startswith(('bright', 'sideways'))}
    assert left == {'many', 'sub', 'failures.jsonl', 'summary.json'}


@pytest.mark.slow
def test_a_model_server(model, photos, tmp_path, local_server):
    images.save(photos / 'black.png', np.full((6, 6, 3), 255, np.uint8))  # its negative is black, which is refused
    with local_server('--model_name=judging', f'--model_base_path={model}') as server:
        for scheme, address in (('grpc', server.grpc), ('http', server.rest.removeprefix('http://'))):
            output = tmp_path / scheme
            _, counts = run('judging', photos, output, server=f'{scheme}://{address}')
            assert counts['done'] == 3 and counts['failed_by_stage'] == {'decode': 2, 'score': 1}, scheme
            assert 'black picture' in failures(output)['black.png'][1]
            assert np.unique(images.read(output / 'sub' / 'dark.bmp')).tolist() == [51]
            receipt = json.loads((output / 'sub' / 'dark.bmp.json').read_text())
            assert receipt['model'] == {'name': 'judging', 'hash': 'judging version 1'}
            assert receipt['scores']['anomaly_score'] == pytest.approx(0.8, abs=1e-3)
            assert receipt['correction']['accepted'] is True
            backends._opened.cache_clear()
        with pytest.raises(backends.BackendError, match='canary'):
            run('judging', photos, tmp_path / 'nope', server=f'grpc://{server.grpc}', label='canary')
        with pytest.raises(backends.BackendError, match='nope'):
            run('nope', photos, tmp_path / 'nope', server=f'grpc://{server.grpc}')


def test_a_server_that_goes_away_loses_no_picture():
    from stylegan_serving import client

    class Gone:
        def predict(self, *_):
            raise client.ServerError('UNAVAILABLE', 'connection refused')

    class Picky:
        def predict(self, *_):
            raise client.RowsError({1: 'corrupt'}, {'y': np.array([5.0, 7.0])}, [0, 2])

    remote = object.__new__(backends.Remote)
    remote._client_error, remote._rows_error = client.ClientError, client.RowsError
    remote._client = Gone()
    assert [str(result) for result in remote.run('s', [{'x': 1.0}] * 2)] == ['UNAVAILABLE: connection refused'] * 2
    remote._client = Picky()
    first, second, third = remote.run('s', [{'x': 1.0}] * 3)
    assert (first, third) == ({'y': 5.0}, {'y': 7.0})
    assert isinstance(second, backends.RowError) and str(second) == 'corrupt'
