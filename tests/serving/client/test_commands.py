"""The commands as processes, over REST where nothing asks for gRPC: it starts sooner."""

import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from stylegan_serving import client
from stylegan_tf import images
from tests import tiny_models
from tests.serving import server_process

PROGRAM = (sys.executable, '-m', 'stylegan_serving.client')


def run(*arguments, timeout=120):
    return subprocess.run([*PROGRAM, *map(str, arguments)], text=True, capture_output=True, timeout=timeout,
                          env=server_process.environment())


def write_photos(folder, count):
    """`count` pictures of different sizes, every third in a folder below; the folder."""
    for index in range(count):
        images.save(folder / ('sub' if index % 3 == 2 else '.') / f'{index:02}.png',
                    tiny_models.picture(24 + index % 5, 32, index))
    return folder


def test_help_needs_no_tensorflow_nor_a_server():
    overview = run()
    assert overview.returncode == 0 and 'promote' in overview.stdout
    assert run('stilize').returncode == 2
    code = ('import sys, runpy; sys.argv = ["client", sys.argv[1], "--help"]\n'
            'try: runpy.run_module("stylegan_serving.client", run_name="__main__", alter_sys=True)\n'
            'except SystemExit as end: assert end.code == 0\n'
            'assert not {"tensorflow", "grpc", "httpx", "cv2"} & set(sys.modules), "slow to start"')
    for command, flag in (('stylize', '--strength'), ('score', '--false_alarm_rate'), ('correct', '--content'),
                          ('status', '--labels'), ('promote', '--dry_run'), ('rollback', '--config')):
        done = subprocess.run([sys.executable, '-c', code, command], text=True, capture_output=True, timeout=60,
                              env=server_process.environment())
        assert done.returncode == 0 and flag in done.stdout, done.stderr


def test_a_folder_is_stylised_resumed_and_reported(server, pictures, tmp_path):
    photos, output = write_photos(tmp_path / 'photos', 6), tmp_path / 'out'
    (photos / 'broken.jpg').write_bytes(pictures.broken.read_bytes())
    command = ('stylize', f'--server={server.rest}', '--model=style', f'--content={photos}',
               f'--style={pictures.painting}', f'--output={output}', '--strength=0.6', '--batch_size=4')
    first = run(*command)
    assert first.returncode == 1, first.stderr
    assert '6 done, 0 skipped (finished before), 1 failed' in first.stdout and 'broken.jpg: cannot be' in first.stdout
    (failure,) = json.loads((output / 'failures.json').read_text())['failures']
    assert failure['file'] == str(photos / 'broken.jpg')
    with client.connect(server.rest, model='style') as styles:
        expected = styles.stylize(photos / 'sub' / '02.png', pictures.painting, strength=0.6).pixels
    np.testing.assert_array_equal(images.read(output / 'sub' / '02.png'), expected)
    assert images.read_metadata(output / 'sub' / '02.png')['Strength'] == '0.6'
    times = {path: path.stat().st_mtime_ns for path in output.rglob('*.png')}
    (photos / 'broken.jpg').write_bytes(pictures.photo.read_bytes())
    second = run(*command)
    assert second.returncode == 0 and '1 done, 6 skipped' in second.stdout, second.stderr
    assert not (output / 'failures.json').exists()
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())


def test_one_picture_by_several_styles(server, pictures, tmp_path):
    done = run('stylize', f'--server={server.rest}', '--model=style', f'--content={pictures.photo}',
               f'--style={pictures.painting},{pictures.tall}', '--style_weights=3,1', f'--output={tmp_path}/out.jpg')
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f'{tmp_path}/out.jpg'), done.stderr
    assert images.read(tmp_path / 'out.jpg').shape == (40, 56, 3)


def test_scores_and_corrections_of_a_folder(server, tmp_path):
    photos = write_photos(tmp_path / 'photos', 4)
    shared = f'--server={server.rest}', '--model=critic', f'--images={photos}'
    scored = run('score', *shared, f'--output={tmp_path}/report.json', '--false_alarm_rate=0.75')
    assert scored.returncode == 0, scored.stderr
    report = json.loads((tmp_path / 'report.json').read_text())
    assert [entry['file'] for entry in report['images']] == ['00.png', '01.png', '03.png', 'sub/02.png']
    for entry in report['images']:
        pixels = images.read(photos / entry['file']) / 255.0
        distance = np.abs(pixels - pixels.mean((0, 1)))
        assert entry['anomaly_score'] == pytest.approx(distance.mean(), rel=1e-4)
        assert entry['is_flagged'] == (entry['p_value'] <= 0.75)
        np.testing.assert_allclose(images.read(tmp_path / entry['map'])[:, :, 0] / 255, distance.mean(-1), atol=0.003)
    compared = run('score', *shared, f'--content={photos}', f'--output={tmp_path}/compared.json')
    assert compared.returncode == 0, compared.stderr
    assert {entry['anomaly_score'] for entry in json.loads((tmp_path / 'compared.json').read_text())['images']} == {0}
    corrected = run('correct', *shared, '--false_alarm_rate=1', f'--output={tmp_path}/corrected')
    assert corrected.returncode == 0, corrected.stderr
    measures = json.loads((tmp_path / 'corrected' / 'sub' / '02.png.json').read_text())['measures']
    assert measures['accepted'] and measures['score_after'] < 0.6 * measures['score_before']


@pytest.mark.parametrize(('arguments', 'message'), [
    (['stylize'], '--content is required'),
    (['stylize', '--content=a.png', '--output=b.png', 'stray'], 'only flags'),
    (['stylize', '--content=a.png', '--output=b.png'], 'a.png is neither a file nor a folder'),
    (['score', '--images=a', '--output=report'], r'file such as report\.json'),
    (['status', '--server=localhost:1', '--model=a'], 'Received: .localhost:1'),
    (['stylize', '--content={photo}', '--output=b.png', '--style={photo}', '--server=http://127.0.0.1:9', '--model=a',
      '--wait_seconds=0.5'], r'UNAVAILABLE: .*Connection refused'),
    (['stylize', '--content={photo}', '--output=b.png', '--style={broken}', '--server={rest}', '--model=style'],
     r'broken\.jpg: cannot be decoded'),
    (['stylize', '--content={photo}', '--output=b.png', '--style={photo}', '--server={rest}', '--model=critic'],
     'has no signature .serving_default.; it has correct_bytes'),
    (['stylize', '--content={photo}', '--output=b.png', '--style={photo}', '--server={rest}', '--model=stile'],
     'NOT_FOUND: Servable not found')])
def test_bad_usage_is_one_line(server, pictures, arguments, message):
    values = {'photo': pictures.photo, 'broken': pictures.broken, 'rest': server.rest}
    done = run(*(argument.format(**values) for argument in arguments))
    assert done.returncode == 2 and re.search(message, done.stderr), done.stderr
    assert done.stderr.count('\n') == 1 and done.stderr.startswith('Error: ')


def start_run(server, photos, painting, output, *flags):
    return subprocess.Popen([*PROGRAM, 'stylize', f'--server={server}', '--model=style', f'--content={photos}',
                             f'--style={painting}', f'--output={output}', '--batch_size=1', *flags],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=server_process.environment(),
                            # A shell's background jobs ignore Ctrl-C, and so would what they start.
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def wait_for_results(output, count):
    until = time.monotonic() + 60
    while len(list(output.rglob('*.png'))) < count:
        assert time.monotonic() < until, 'no results'
        time.sleep(0.01)


@pytest.mark.parametrize('with_signal', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_state_to_go_on_from(with_signal, server, pictures, tmp_path):
    photos, output = write_photos(tmp_path / 'photos', 600), tmp_path / 'out'
    process = start_run(server.rest, photos, pictures.painting, output)
    wait_for_results(output, 3)
    process.send_signal(with_signal)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and 'The same command again does the rest.' in text, text
    assert 'Traceback' not in text
    report = json.loads((output / 'failures.json').read_text())
    assert report['was_interrupted'] and report['not_tried'] and not report['failures']
    assert report['done'] + report['not_tried'] == 600
    again = start_run(server.rest, photos, pictures.painting, output, '--batch_size=16')
    text, _ = again.communicate(timeout=120)
    assert again.returncode == 0 and f'{report["done"]} skipped' in text, text
    assert len(list(output.rglob('*.png'))) == 600


@pytest.mark.slow
@pytest.mark.parametrize('transport', ['grpc', 'rest'])
def test_nothing_is_lost_when_the_server_is_killed(transport, local_server, served_models, pictures, tmp_path):
    photos, output = write_photos(tmp_path / 'photos', 400), tmp_path / 'out'
    with local_server('--model_name=style', f'--model_base_path={served_models}/style') as own:
        address = f'grpc://{own.grpc}' if transport == 'grpc' else own.rest
        process = start_run(address, photos, pictures.painting, output)
        wait_for_results(output, 5)
        own.stop(with_signal=signal.SIGKILL)
        done_before = len(list(output.rglob('*.png')))
        own.start()
        text, _ = process.communicate(timeout=240)
        assert process.returncode == 0 and '400 done, 0 skipped (finished before), 0 failed' in text, text
        assert done_before < 380, 'the server was killed too late: this test shows nothing'
        with client.connect(own.rest, model='style') as styles:
            for index in (0, done_before, 399):
                path = sorted(photos.rglob('*.png'))[index]
                expected = styles.stylize(path, pictures.painting).pixels
                np.testing.assert_array_equal(images.read(output / path.relative_to(photos)), expected)
    partial = [path for path in pathlib.Path(output).rglob('.*') if path.name.endswith('.partial')]
    assert not partial
