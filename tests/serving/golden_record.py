"""The golden record of TensorFlow Serving, and how an answer is held against it.

What is compared of an exchange:

- REST and gRPC: what `golden/check.py` compares (status, headers, parsed JSON; code, message, text of the error without
  what depends on the export). Long answers by their digest; no answer at all by what the client saw of the connection.
- Observations of a burst, a raw connection or a process: counts, status lines and headers, exit codes, open ports.
  Not compared are log lines, which are for people, and waiting times.
- States of versions: a slower server may still be UNLOADING what has come to its END in the record.
- Calls to a server that is gone: that it is, not which words gRPC's client has for it.
- Prometheus metrics: names and labels of the series about requests; not their values, and not TensorFlow's own series.
"""

import base64
import functools
import importlib.util
import json
import pathlib
import re

GOLDEN = pathlib.Path(__file__).parent / 'golden'
DIFFERENCES = pathlib.Path(__file__).resolve().parents[2] / 'serving' / 'local_server_differences.md'
SCENARIOS = ('main', 'limits', 'batching', 'life', 'retries', 'labels')


@functools.cache
def checker():
    """The module `golden/check.py`."""
    spec = importlib.util.spec_from_file_location('golden_check', GOLDEN / 'check.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path=GOLDEN / 'transcripts.jsonl'):
    """Dict id -> exchange of a record."""
    with open(path, encoding='utf-8') as file:
        return {exchange['id']: exchange for exchange in map(json.loads, file)}


def listed_differences():
    """Ids in the first column of the tables of `serving/local_server_differences.md`."""
    rows = re.findall(r'^\|([^|]*)\|', DIFFERENCES.read_text(encoding='utf-8'), re.MULTILINE)
    return {identifier for row in rows for identifier in re.findall(r'`([^`]+)`', row)}


def server_flags(name, models, work):
    """Flags of a recorded server, without those of its ports; writes its files into the folder `work`."""
    config = next(exchange['server_config'] for exchange in read().values() if exchange['server'] == name)

    def filled(text):
        return text.replace('{models}', str(models)).replace('{work}', str(work))
    for file, text in config.get('files', {}).items():
        pathlib.Path(filled(file)).write_text(filled(text), encoding='utf-8')
    return [filled(flag) for flag in config['flags'] if '_port}' not in flag]


def differences(recorded, answered):
    """What differs between an exchange of the record and the same one with another server; a list of lines.

    Args:
        recorded: The exchange of the record.
        answered: The exchange as `golden/record.py` wrote it for the other server.
    """
    compare = {'rest': _rest, 'grpc': _grpc, 'observation': _observation}[recorded['transport']]
    found = compare(recorded, answered['response'])
    return [] if found and recorded.get('varies') else found


def _rest(recorded, response):
    expected = recorded['response']
    if response['status'] is None or expected['status'] is None:
        return _unequal('answer', *((each['status'], _end(each)) for each in (expected, response)))
    if 'serving_series_without_buckets' in expected:
        return _unequal('series', *map(_series, (expected, response)))
    headers = {name.lower(): value for name, value in response['headers'] if name.lower() not in checker().VOLATILE}
    found = checker().compare_rest(recorded, (response['status'], headers, _body(response)), relaxed=False)
    if 'sha256' in expected and 'json' not in expected:
        found += _unequal('digest', expected['sha256'], response.get('sha256'))
    return found


def _end(response):
    """How a connection without an answer ended; which of its ways to close the client met is a race."""
    text = response.get('connection', '')
    return 'closed' if re.search('closed|Reset|BrokenPipe', text) else text


def _body(response):
    if 'b64' in response:
        return base64.b64decode(response['b64'])
    text = response['text'] if 'text' in response else json.dumps(response.get('json', ''))
    return text.replace('"UNLOADING"', '"END"').encode('utf-8')


def _series(response):
    lines = response.get('serving_series_without_buckets', [])
    return response['status'], sorted(line for line in lines if re.search('request_count|request_latency', line))


def _grpc(recorded, response):
    expected, check = recorded['response'], checker()
    found = _unequal('code', expected['code'], response['code'])
    if found:
        return [f'{found[0]} ({response.get("details")})']
    return (_unequal('message', check.sig(expected.get('message')), check.sig(response.get('message')))
            + _unequal('details', *map(_details, (expected, response))))


def _details(response):
    text = response.get('details', '')
    is_gone = response['code'] == 'UNAVAILABLE' and re.search('failed to connect|Stream removed|Socket closed', text)
    return 'no connection' if is_gone else checker().norm_error(text)


def _observation(recorded, response):
    return _unequal('observed', *(_seen(each['observed']) for each in (recorded['response'], response)))


def _seen(observed):
    """An observation without log lines and waiting times, and with parsed JSON."""
    if isinstance(observed, list):
        return 'log lines'
    if not isinstance(observed, dict):
        return observed
    seen = {key: value for key, value in observed.items() if key not in ('log', 'waited_s')}
    if 'headers' in seen:
        seen['headers'] = sorted(header for header in seen['headers'] if header[0].lower() not in checker().VOLATILE)
    if 'body' in seen:
        seen['body'] = checker().body_value(seen['body'].encode('utf-8'))
    return seen


def _unequal(what, expected, came):
    return [] if expected == came else [f'{what} {str(came)[:400]!r}, recorded {str(expected)[:400]!r}']
