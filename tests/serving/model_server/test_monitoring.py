"""Alert rules and dashboard: they parse, and ask for metrics that somebody reports."""

import itertools
import json
import pathlib
import re
import shutil
import subprocess
import types

import pytest
import yaml

FOLDER = pathlib.Path(__file__).parents[3] / 'serving' / 'model_server'
RECORD = pathlib.Path(__file__).parents[1] / 'golden' / 'transcripts.jsonl'
DASHBOARD = json.loads((FOLDER / 'grafana' / 'dashboards' / 'serving.json').read_text(encoding='utf-8'))
RULES = [rule for group in yaml.safe_load((FOLDER / 'prometheus' / 'alerts.yml').read_text())['groups']
         for rule in group['rules']]
PANELS = [panel for panel in DASHBOARD['panels'] if panel['type'] != 'row']
EXPRESSIONS = [rule['expr'] for rule in RULES] + [
    target['expr'] for panel in PANELS for target in panel['targets']]
HISTOGRAM_PARTS = ('_bucket', '_sum', '_count')


def metrics_of(expression):
    """Names of metrics that a PromQL expression asks for."""
    bare = re.sub(r'\{__name__="([^"]+)"\}', r' \1{} ', expression)
    labels_and_durations = re.sub(r'\{[^}]*\}|\[[^\]]*\]|\b(by|on|ignoring|group_left)\s*\([^)]*\)', ' ', bare)
    names = set(re.findall(r'[A-Za-z_:][\w:]*(?!\s*\()\b(?!\s*\()', labels_and_durations))
    return names - {'and', 'or', 'unless', 'by', 'on', 'e6', 'e5', 'e7'}


@pytest.fixture(scope='module')
def reported():
    """Names that TensorFlow Serving, the local server, Prometheus itself and the batch jobs report."""
    from stylegan_serving.batch import summary
    from stylegan_serving.local_server import metrics

    recorded = next(line for line in map(json.loads, RECORD.read_text(encoding='utf-8').splitlines())
                    if line['id'] == 'prometheus.metrics')
    names = {'up'}
    for metric in recorded['response']['metric_types']:
        name, kind = metric.split()
        names |= {name + part for part in HISTOGRAM_PARTS} if kind == 'histogram' else {name}
    document = {'done': 1, 'skipped': 0, 'failed': 0, 'seconds': 1.0, 'model': {'name': 'm'},
                'anomaly_scores': {'count': 1, 'mean': 0.5, 'counts': [1], 'upper_edges': [1.0]}}
    text = summary.as_prometheus(document, job_name='b').decode()
    local = metrics.Metrics()
    local.watch(scheduler=types.SimpleNamespace(waiting_rows=lambda: 0))
    for name, kind in re.findall(r'^# TYPE (stylegan_\w+|process_\w+) (\w+)', local.render().decode(), re.MULTILINE):
        names |= {name + part for part in HISTOGRAM_PARTS} if kind == 'histogram' else {name}
    return names | set(re.findall(r'^(\w+)\{', text, re.MULTILINE))


def test_names_are_found_in_expressions():
    assert metrics_of('sum by (a, le) (rate(:x:y_bucket{c="d e", f=~"g|h"}[5m])) / on (i) up{j="k"} > 2e6') == {
        ':x:y_bucket', 'up'}
    assert metrics_of('up{a="b"} == 1 unless on (c) {__name__=":d:e"}') == {'up', ':d:e'}


def test_every_metric_is_reported(reported):
    asked = {name for expression in EXPRESSIONS for name in metrics_of(expression)}
    assert len(asked) > 8
    assert asked <= reported


def test_thresholds_of_anomaly_scores_are_bucket_edges():
    from stylegan_serving.batch import summary
    from stylegan_serving.local_server import metrics

    edges = {f'{(index + 1) / summary.BINS:g}' for index in range(summary.BINS)}
    asked = {edge for expression in EXPRESSIONS
             for edge in re.findall(r'anomaly_score_images\{le="([^"]+)"', expression)}
    assert asked == {'0.8', '1'} and asked <= edges
    served = {edge for expression in EXPRESSIONS
              for edge in re.findall(r'anomaly_score_bucket\{[^}]*le="([^"]+)"', expression)}
    assert served == {'0.8'} and 0.8 in metrics._SCORES


def test_every_alert_says_what_to_do():
    assert len({rule['alert'] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule['labels']['severity'] in ('page', 'ticket') and rule['annotations']['summary'], rule['alert']


@pytest.mark.parametrize('arguments', [
    ('check', 'config', 'prometheus.yml'), ('check', 'rules', 'alerts.yml'), ('test', 'rules', 'alerts_test.yml')])
def test_by_promtool(arguments):
    run_promtool(*arguments)


def test_dashboard_queries_by_promtool(tmp_path):
    rules = [{'record': f'query_{number}', 'expr': target['expr'].replace('$__rate_interval', '5m')}
             for number, target in enumerate(target for panel in PANELS for target in panel['targets'])]
    (tmp_path / 'queries.yml').write_text(yaml.safe_dump({'groups': [{'name': 'queries', 'rules': rules}]}))
    run_promtool('check', 'rules', tmp_path / 'queries.yml')


def run_promtool(*arguments):
    """Runs promtool in the folder of the rules; fails with what it says."""
    if not shutil.which('promtool'):
        pytest.skip('promtool (of the package prometheus) is not on PATH')
    done = subprocess.run(['promtool', *arguments], cwd=FOLDER / 'prometheus', capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboard_structure():
    ids = [panel['id'] for panel in DASHBOARD['panels']]
    assert len(set(ids)) == len(ids) and DASHBOARD['uid'] and DASHBOARD['schemaVersion'] >= 36
    variables = {variable['name']: variable for variable in DASHBOARD['templating']['list']}
    assert variables['datasource']['type'] == 'datasource' and variables['datasource']['query'] == 'prometheus'
    for panel in PANELS:
        assert panel['title'] and panel['datasource']['uid'] == '${datasource}'
        references = [target['refId'] for target in panel['targets']]
        assert len(set(references)) == len(references)
        for target in panel['targets']:
            used = set(re.findall(r'\$(\w+)', target['expr'])) - {'__rate_interval'}
            assert used <= set(variables), target['expr']
    places = [panel['gridPos'] for panel in DASHBOARD['panels']]
    assert all(place['x'] + place['w'] <= 24 for place in places)
    for a, b in itertools.combinations(places, 2):
        is_beside = a['x'] + a['w'] <= b['x'] or b['x'] + b['w'] <= a['x']
        assert is_beside or a['y'] + a['h'] <= b['y'] or b['y'] + b['h'] <= a['y']


def test_grafana_is_provisioned_with_it():
    provisioning = FOLDER / 'grafana' / 'provisioning'
    sources = yaml.safe_load((provisioning / 'datasources' / 'prometheus.yml').read_text())
    assert sources['datasources'][0]['type'] == 'prometheus' and sources['datasources'][0]['isDefault']
    compose = yaml.safe_load((FOLDER / 'compose.yml').read_text())['services']
    assert sources['datasources'][0]['url'].startswith('http://prometheus:') and 'prometheus' in compose
    provider = yaml.safe_load((provisioning / 'dashboards' / 'serving.yml').read_text())['providers'][0]
    mounted = [volume.split(':') for volume in compose['grafana']['volumes']]
    assert ['./grafana/dashboards', provider['options']['path'], 'ro'] in mounted
