"""A real detector behind the local server says over either transport what it says in Python."""

import json
import subprocess
import sys

import numpy as np
import pytest

from stylegan_serving import client
from stylegan_tf import api, images
from tests import tiny_models
from tests.serving import server_process


@pytest.fixture(scope='module')
def detector():
    return api.load(tiny_models.exported_anomaly())


@pytest.mark.slow
def test_scores_of_a_server_are_those_of_the_model(local_server, detector, tmp_path):
    for index, name in enumerate(('a.png', 'b.png')):
        images.save(tmp_path / 'results' / name, tiny_models.picture(40 + index, 48, seed=index))
        images.save(tmp_path / 'photos' / name, tiny_models.picture(80, 96, seed=10 + index))
    images.save(tmp_path / 'style.png', tiny_models.picture(60, 40, seed=20))
    result, content = tmp_path / 'results' / 'b.png', tmp_path / 'photos' / 'b.png'
    with local_server('--model_name=critic', f'--model_base_path={tiny_models.exported_anomaly()}') as server:
        for address in (f'grpc://{server.grpc}', server.rest):
            with client.connect(address, model='critic') as critic:
                for references in ((), (content,), (content, tmp_path / 'style.png')):
                    told, expected = critic.score(result, *references), detector.score(result, *references)
                    # A content of another size is cut by OpenCV here, and by TensorFlow there.
                    assert told.anomaly_score == pytest.approx(expected.score, abs=0.01)
                    assert told.p_value == pytest.approx(expected.p_value, abs=0.02)
                    assert told.defect_scores == pytest.approx(expected.defects, abs=0.01)
                    assert set(told.evidence) == set(expected.evidence)
                    assert told.anomaly_map.pixels.shape == (41, 48, 3)
        done = subprocess.run(
            [sys.executable, '-m', 'stylegan_serving.client', 'score', f'--server={server.rest}', '--model=critic',
             f'--images={tmp_path}/results', f'--content={tmp_path}/photos', f'--style={tmp_path}/style.png',
             f'--output={tmp_path}/report.json'],
            text=True, capture_output=True, timeout=120, env=server_process.environment())
    assert done.returncode == 0, done.stderr
    entries = json.loads((tmp_path / 'report.json').read_text())['images']
    assert [entry['file'] for entry in entries] == ['a.png', 'b.png']
    assert entries[1]['anomaly_score'] == pytest.approx(expected.score, abs=0.01)
    assert 'color_drift' in entries[1]['evidence'] and 'blur' in entries[1]['defect_scores']


@pytest.mark.slow
def test_a_style_export_with_a_scorer_judges_what_it_paints(detector, tmp_path):
    from stylegan_tf import exporter

    path = exporter.export(tiny_models.run_folder(), tmp_path / 'both', scorer=tiny_models.anomaly_run_folder())
    model = api.load(path)
    content, style = tiny_models.picture(40, 48, seed=1), tiny_models.picture(36, 36, seed=2)
    files = {'content_bytes': content, 'style_bytes': style}
    told = model.run_signature('serving_default', strength=np.array([0.8], np.float32), **{
        name: np.array([images.encode(pixels, 'png')], object) for name, pixels in files.items()})
    painted = images.read(told['stylized_bytes'][0])
    np.testing.assert_array_equal(painted, model.stylize(content, style, strength=0.8))
    expected = detector.score(painted, content, style)
    assert told['anomaly_score'][0] == pytest.approx(expected.score, abs=1e-4)
    assert model.score(painted, content, style).score == pytest.approx(expected.score, abs=1e-5)
    assert model.card['scorer']['preset'] == 'anomaly_128' and model.card['name'] == tiny_models.PRESET
    with pytest.raises(exporter.ExportError, match=r"--scorer=.*signature 'score_with_references'"):
        exporter.export(tiny_models.run_folder(), tmp_path / 'no', scorer=tiny_models.run_folder())
