"""The files of serving/model_server against parsers, schemas and the record; nothing here runs in a container."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.request

import kubernetes_validate
import pytest
import yaml

from stylegan_serving import server_configs
from stylegan_serving.local_server import configuration

FOLDER = pathlib.Path(__file__).parents[3] / 'serving' / 'model_server'
BASE = FOLDER / 'kubernetes' / 'base'
RECORD = pathlib.Path(__file__).parents[1] / 'golden' / 'transcripts.jsonl'
# Flags of tensorflow_model_server that the record does not use.
UNRECORDED_FLAGS = {'--file_system_poll_wait_seconds'}


def manifests(folder=BASE):
    """The Kubernetes objects in the files of a folder."""
    return [document for path in sorted(folder.glob('*.yaml')) if path.name != 'kustomization.yaml'
            for document in yaml.safe_load_all(path.read_text())]


def manifest(kind, name='stylegan-serving'):
    """One of `manifests`."""
    return next(found for found in manifests() if (found['kind'], found['metadata']['name']) == (kind, name))


def server_container():
    """The server's container in the Deployment."""
    return manifest('Deployment')['spec']['template']['spec']['containers'][0]


def dockerfile():
    """The Dockerfile's instructions as (name, value)."""
    parser = pytest.importorskip('dockerfile_parse', reason='needs the extra [test]')
    with open(FOLDER / 'Dockerfile', 'rb') as file:
        return [(line['instruction'], line['value']) for line in parser.DockerfileParser(fileobj=file).structure]


def image_flags():
    """The flags that the image starts the server with."""
    return json.loads(next(value for name, value in dockerfile() if name == 'CMD'))


def recorded_flags():
    """Flags that a real server was recorded with."""
    lines = map(json.loads, RECORD.read_text(encoding='utf-8').splitlines())
    return {flag.partition('=')[0] for line in lines for flag in line['server_config']['flags']}


@pytest.mark.parametrize('name', ['batching.config', 'batching.gpu.config'])
def test_batching_parameters(name):
    parameters = configuration.read_batching(FOLDER / name)
    parameters.check()
    assert parameters.max_enqueued_batches > parameters.num_batch_threads


def test_rows_run_by_themselves_on_cpus():
    parameters = configuration.read_batching(FOLDER / 'batching.config')
    assert parameters.batch_rows == 1 and parameters.max_batch_size > 1 and not parameters.allowed_batch_sizes


def test_monitoring():
    path = configuration.read_monitoring(FOLDER / 'monitoring.config')
    assert path == '/monitoring/prometheus/metrics'
    scraped = yaml.safe_load((FOLDER / 'prometheus' / 'prometheus.yml').read_text())['scrape_configs'][0]
    annotations = manifest('Deployment')['spec']['template']['metadata']['annotations']
    assert scraped['metrics_path'] == annotations['prometheus.io/path'] == path


@pytest.mark.parametrize('flags', [image_flags, lambda: server_container()['args']], ids=['image', 'kubernetes'])
def test_flags_exist_and_labels_may_stand_in_the_first_config(flags):
    given = dict(flag.split('=') for flag in flags())
    assert set(given) <= recorded_flags() | UNRECORDED_FLAGS
    assert given['--allow_version_labels_for_unavailable_models'] == 'true'  # else a real server exits
    assert int(given['--num_load_threads']) > 1  # else a bad version blocks every later load
    assert {given['--port'], given['--rest_api_port']} == {'8500', '8501'}


def test_local_server_starts_with_these_files(golden_models, local_server, tmp_path):
    configs = tmp_path / 'config'
    configs.mkdir()
    for path in FOLDER.glob('*.config'):
        shutil.copy(path, configs)
    models = server_configs.read(configs / 'models.config')
    for model in models.model_config_list.config:
        model.base_path = str(tmp_path / 'models' / model.name)
        shutil.copytree(golden_models / 'pair' / '1', tmp_path / 'models' / model.name / '1')
    server_configs.write(configs / 'models.config', models)
    flags = [flag.replace('/config/', f'{configs}/') for flag in image_flags()
             if not flag.startswith(('--port=', '--rest_api_port='))]
    with local_server(*flags) as server:
        port = server.rest.rpartition(':')[2]
        assert health(REST_PORT=port) == 0
        rows = [[1, 2, 2], [0, 0, 0], [3, 0, 0]]
        assert len(predict(server.rest, {'signature_name': 'single', 'instances': rows})['predictions']) == 3
        with urllib.request.urlopen(f'{server.rest}/monitoring/prometheus/metrics', timeout=60) as page:
            assert 'stylegan_serving_batch_rows_count{model="arbitrary_style"} 3.0' in page.read().decode()
        assert health(REST_PORT=port, HEALTH_MODEL='') == 0
        assert health(REST_PORT=port, HEALTH_MODEL='nope') != 0
    assert health(REST_PORT=port, HEALTH_MODEL='') != 0


def predict(rest, body):
    """The answer of the server's model."""
    url = f'{rest}/v1/models/arbitrary_style/labels/stable:predict'
    request = urllib.request.Request(url, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def health(**environment):
    """Exit code of healthcheck.sh."""
    return subprocess.run(['bash', FOLDER / 'healthcheck.sh'], env={**os.environ, **environment}, timeout=30,
                          capture_output=True).returncode


def test_dockerfile():
    instructions = dockerfile()
    names = [name for name, _ in instructions]
    assert names[0] == 'COMMENT' and {'FROM', 'COPY', 'USER', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'} <= set(names)
    arguments = dict(value.split('=') for name, value in instructions if name == 'ARG')
    image = [value for name, value in instructions if name == 'FROM'][-1]
    image = re.sub(r'\$\{(\w+)\}', lambda found: arguments[found[1]].strip('"'), image)
    assert re.fullmatch(r'tensorflow/serving:\d+\.\d+\.\d+', image)
    user = next(value for name, value in instructions if name == 'USER')
    assert re.fullmatch(r'[1-9]\d*:[1-9]\d*', user)
    for name, value in instructions:
        if name == 'COPY' and '--from' not in value:
            *sources, _ = [word for word in value.split() if not word.startswith('--')]
            assert all((FOLDER / source).is_file() for source in sources), value
    assert image.rpartition(':')[2] == yaml.safe_load((BASE / 'kustomization.yaml').read_text())['images'][0]['newTag']


def test_dockerfile_by_hadolint():
    if not shutil.which('hadolint'):
        pytest.skip('hadolint is not on PATH')
    subprocess.run(['hadolint', FOLDER / 'Dockerfile'], check=True)


def test_compose_file_against_the_schema_of_the_specification():
    pytest.importorskip('check_jsonschema', reason='needs the extra [test]')
    checked = subprocess.run(
        [sys.executable, '-m', 'check_jsonschema', '--builtin-schema', 'vendor.compose-spec', FOLDER / 'compose.yml'],
        capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout


def test_compose_file():
    services = yaml.safe_load((FOLDER / 'compose.yml').read_text())['services']
    profiles = {name: service['profiles'] for name, service in services.items()}
    assert profiles == {'server': ['cpu'], 'server-gpu': ['gpu'], 'prometheus': ['monitoring'],
                        'textfiles': ['monitoring'], 'grafana': ['monitoring']}
    for name, service in services.items():
        assert all(port.startswith('127.0.0.1:') for port in service.get('ports', [])), name
        for volume in service.get('volumes', []):
            source = volume['source'] if isinstance(volume, dict) else volume.split(':')[0]
            if source.startswith('./'):
                assert (FOLDER / source).exists(), source
    prometheus = yaml.safe_load((FOLDER / 'prometheus' / 'prometheus.yml').read_text())
    targets = {target for job in prometheus['scrape_configs'] for static in job['static_configs']
               for target in static['targets']}
    assert targets == {f'{services["server"]["networks"]["default"]["aliases"][0]}:8501', 'textfiles:9100'}


@pytest.mark.parametrize('version', ['1.29', kubernetes_validate.latest_version()])
def test_kubernetes_manifests_against_the_schemas(version):
    documents = [*manifests(), *manifests(FOLDER / 'kubernetes' / 'writer')]
    assert {document['kind'] for document in documents} == {
        'ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'NetworkPolicy', 'PersistentVolumeClaim', 'Pod',
        'PodDisruptionBudget', 'Service'}
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


def test_kustomizations_list_all_files():
    for folder in (BASE, FOLDER / 'kubernetes' / 'bucket', FOLDER / 'kubernetes' / 'gpu'):
        found = yaml.safe_load((folder / 'kustomization.yaml').read_text())
        listed = {*found['resources'], *(patch['path'] for patch in found['patches'] if 'path' in patch)} \
            if 'patches' in found else set(found['resources'])
        assert {path.name for path in folder.glob('*.yaml')} - {'kustomization.yaml'} == listed - {'../base'}


@pytest.mark.parametrize('variant', ['base', 'gpu', 'bucket'])
def test_kustomize_builds_valid_objects(variant):
    if not shutil.which('kubectl'):
        pytest.skip('kubectl is not on PATH')
    built = subprocess.run(['kubectl', 'kustomize', FOLDER / 'kubernetes' / variant], capture_output=True, text=True,
                           timeout=60)
    assert built.returncode == 0, built.stderr
    documents = list(yaml.safe_load_all(built.stdout))
    for document in documents:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    pod = next(found for found in documents if found['kind'] == 'Deployment')['spec']['template']['spec']
    server = next(found for found in pod['containers'] if found['name'] == 'server')
    assert server['image'] == 'tensorflow/serving:2.19.0' + ('-gpu' if variant == 'gpu' else '')
    models = next(volume for volume in pod['volumes'] if volume['name'] == 'models')
    assert ('emptyDir' in models) == (variant == 'bucket') and len(models) == 2
    assert ('nvidia.com/gpu' in server['resources']['limits']) == (variant == 'gpu')


def test_config_map_holds_these_files():
    data = manifest('ConfigMap')['data']
    assert set(data) == {'models.config', 'batching.config', 'monitoring.config'}
    for name, text in data.items():
        assert text == (FOLDER / name).read_text(), name


def test_probes_ask_for_what_is_served():
    served = {model.name: model for model in server_configs.read(FOLDER / 'models.config').model_config_list.config}
    for probe in ('startupProbe', 'readinessProbe'):
        found = re.fullmatch(r'/v1/models/(\w+)/labels/(\w+)/metadata', server_container()[probe]['httpGet']['path'])
        assert found[2] in served[found[1]].version_labels
    asked = next(value for name, value in dockerfile() if name == 'ENV').split('=')
    assert asked[0] == 'HEALTH_MODEL' and asked[1] in served


def test_the_probe_tells_a_loaded_version_from_others():
    recorded = {line['request']['path']: line['response']['status']
                for line in map(json.loads, RECORD.read_text(encoding='utf-8').splitlines())
                if line['transport'] == 'rest' and line['request']['path'].endswith('/metadata')}
    # A label on a loaded version, one on a version that is not loaded, and one that does not exist.
    statuses = [recorded[f'/v1/models/pair/labels/{label}/metadata'] for label in ('stable', 'next', 'nope')]
    assert statuses == [200, 404, 400]


def test_a_pod_drains_before_it_is_killed():
    pod = manifest('Deployment')['spec']['template']['spec']
    pause = int(pod['containers'][0]['lifecycle']['preStop']['exec']['command'][1])
    readiness = server_container()['readinessProbe']
    assert readiness['periodSeconds'] < pause < pod['terminationGracePeriodSeconds']
    assert pod['shareProcessNamespace'] is True  # else the server is process 1 and does not notice SIGTERM


def test_versions_are_copied_out_of_a_bucket_whole(tmp_path):
    bucket, models, tools = tmp_path / 'bucket', tmp_path / 'models', tmp_path / 'tools'
    for version in ('style/1', 'style/2', 'style/.tmp-3', 'faces/7'):
        (bucket / version).mkdir(parents=True)
        (bucket / version / 'saved_model.pb').write_text(version)
    (bucket / 'style' / '4').mkdir()  # no saved_model.pb yet
    (models / 'style' / '1').mkdir(parents=True)  # there already
    (models / 'style' / '.copy-2' / 'half').mkdir(parents=True)  # of a copy that was cut off
    tools.mkdir()
    (tools / 'rclone').write_text(
        '#!/bin/bash\nif [ "$1" = lsf ]; then cd "${@: -1}" && find . -path "./*/*/saved_model.pb" | cut -c3-; '
        'else [ "$3" = "${3%/.copy-7}" ] || [ ! -e "$FAIL" ] || exit 1; cp -r "$2" "$3"; fi\n')
    (tools / 'rclone').chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tools}:{os.environ["PATH"]}', 'SOURCE': str(bucket), 'MODELS': str(models),
                   'FAIL': str(tmp_path / 'fail')}
    (tmp_path / 'fail').touch()
    script = ['sh', FOLDER / 'kubernetes' / 'bucket' / 'copy_versions.sh']
    assert subprocess.run(script, env=environment, timeout=60).returncode != 0  # faces/7 cannot be copied
    assert not (models / 'faces' / '7').exists()
    (tmp_path / 'fail').unlink()
    assert subprocess.run(script, env=environment, timeout=60).returncode == 0
    assert (models / 'style' / '2' / 'saved_model.pb').read_text() == 'style/2'
    assert (models / 'faces' / '7' / 'saved_model.pb').exists()
    assert sorted(path.name for path in (models / 'style').iterdir()) == ['1', '2']
    assert not list((models / 'style' / '1').iterdir())
