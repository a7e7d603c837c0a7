"""Load on a model server, beside the same model in this process: bytes in, bytes out.

    python tools/benchmark.py serving                               # the local server and the model that ships
    python tools/benchmark.py serving --server=grpc://127.0.0.1:8500,http://127.0.0.1:8501 --model_name=first \\
        --model=models/first
    python tools/benchmark.py serving --requests_per_second=4 --clients=32        # open loop

All take turns on the same cores, so that other work on the machine disturbs them alike; ratios are medians over the
turns, with the smallest and the largest. CPU seconds are those of client and server together, and hardly notice other
work. With a server elsewhere --model= leaves out the model in this process.
"""

import contextlib
import functools
import os
import pathlib
import statistics
import tempfile

from absl import flags
from benchmarks import checks, load, records, server_process

from stylegan_tf import commands

_SERVER = flags.DEFINE_list(
    'server', [], 'Addresses, grpc://host:port and http://host:port. None: the local server is started.')
_MODEL = flags.DEFINE_string(
    'model', 'arbitrary_style', 'A model that ships, or the folder that holds the versions of an export; the newest '
    'is taken. Empty: nothing runs in this process.')
_MODEL_NAME = flags.DEFINE_string('model_name', 'model', 'Name of the model at the server.')
_BATCHES = flags.DEFINE_list('batches', ['8', '1'], 'Images of a request.')
_CLIENTS = flags.DEFINE_integer('clients', 2, 'Requests that are under way at the same time.', 1)
_RATE = flags.DEFINE_float(
    'requests_per_second', 0.0, 'Open loop: requests come at this rate, whatever the answers do. 0: closed loop.', 0)
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the pictures, pixels.', 1)
_IMAGES = flags.DEFINE_integer('images', 64, 'Images of a turn.', 1)
_ROUNDS = flags.DEFINE_integer('rounds', 7, 'Turns of each, after one that warms up.', 1)
_BATCHING = flags.DEFINE_bool('batching', True, 'The local server that is started joins requests.')
_SERVER_FLAGS = flags.DEFINE_list('server_flags', [], 'Further flags of the local server that is started.')
_OUTPUT = flags.DEFINE_string('output', None, 'JSON file for all numbers.')
# Joins what comes while the threads are busy; waiting for more would leave cores idle.
BATCHING_PARAMETERS = '''max_batch_size { value: 8 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 64 }
num_batch_threads { value: 2 }
'''
IN_PROCESS = 'in process'


def main():
    """Measures and prints a table; returns the exit code."""
    batches = checks.whole_numbers('batches', _BATCHES.value)
    if not _SERVER.value and not _MODEL.value:
        raise commands.UsageError('--server or --model is required: there is nothing to measure.')
    targets = dict(map(_target, _SERVER.value))
    if _MODEL.value:
        _check_model()
    checks.packages(server_process.PACKAGES, 'serving')
    checks.output_file(_OUTPUT.value)
    commands.import_tensorflow()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = _base_folder(folder) if _MODEL.value else None
        server = None if _SERVER.value else stack.enter_context(_started(base, folder))
        if server:
            targets = dict(map(_target, (f'grpc://127.0.0.1:{server.grpc_port}', f'http://127.0.0.1:{server.rest_port}')))
        if base:
            targets = {IN_PROCESS: load.InProcess(_newest(base)), **targets}
        inputs, rows = next(iter(targets.values())).inputs(), []
        _check_agreement(targets, _requests(inputs, 2)[0])
        for batch in batches:
            rows += _compare(targets, _requests(inputs, batch), batch, server)
            print(_table(rows[-len(targets):], with_head=len(rows) == len(targets)), flush=True)
    if _OUTPUT.value:
        settings = {flag.name: flag.value for flag in (_SERVER, _MODEL, _CLIENTS, _RATE, _SIZE, _IMAGES, _ROUNDS,
                                                       _BATCHING, _SERVER_FLAGS)}
        records.write(_OUTPUT.value, {'settings': settings, 'rows': rows})
    return commands.SOME_FAILED if any(row['errors'] for row in rows) else commands.DONE


def _check_model():
    """Refuses a --model that is neither a folder of versions nor a name of one that ships."""
    from stylegan_tf import configs

    if os.path.isdir(_MODEL.value):
        _newest(pathlib.Path(_MODEL.value))
    elif not (configs.PRETRAINED / _MODEL.value / 'config.json').is_file():
        raise commands.UsageError('--model expects the folder that holds the versions of an export, or a model that '
                                  f'ships; stylegan-tf models lists them. Received: {_MODEL.value}.')


def _base_folder(folder):
    """The folder of versions that --model names; a model that ships is exported into `folder`."""
    base = pathlib.Path(_MODEL.value).absolute()
    if base.is_dir():
        return base
    from stylegan_tf import exporter

    exporter.export(_MODEL.value, folder / 'model')
    return folder / 'model'


def _newest(base):
    versions = [int(entry.name) for entry in base.iterdir() if entry.name.isdecimal()]
    if not versions:
        raise commands.UsageError(f'--model: {base} holds no version of a SavedModel, a folder such as 1.')
    return base / str(max(versions))


@contextlib.contextmanager
def _started(base, folder):
    parameters = folder / 'batching.config'
    parameters.write_text(BATCHING_PARAMETERS)
    batching = ['--enable_batching', f'--batching_parameters_file={parameters}'] if _BATCHING.value else []
    server = server_process.ServerProcess(
        [f'--model_name={_MODEL_NAME.value}', f'--model_base_path={base}', '--grpc_max_threads=64', *batching,
         *_SERVER_FLAGS.value], folder / 'server.log')
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _target(address):
    kind, _, rest = address.partition('://')
    if kind not in ('grpc', 'http'):
        raise commands.UsageError(f'--server expects grpc://host:port or http://host:port. Received: {address!r}.')
    if kind == 'grpc':
        return 'gRPC', load.Grpc(rest, _MODEL_NAME.value)
    return 'REST', load.Rest(address, _MODEL_NAME.value)


def _requests(inputs, batch):
    """Requests of `batch` pictures for a signature: JPEG files for names in _bytes, 1.0 for floats."""
    pictures = _pictures(_SIZE.value)
    unknown = [name for name, is_string in inputs.items() if is_string and not name.endswith('_bytes')]
    if unknown:
        raise commands.UsageError(f'The model asks for {", ".join(unknown)}; only encoded pictures (names that end in '
                                  '_bytes) and floats can be made up.')
    return [{name: [pictures[(start + row + 3 * place) % len(pictures)] if is_string else 1.0 for row in range(batch)]
             for place, (name, is_string) in enumerate(inputs.items())} for start in range(len(pictures))]


@functools.cache
def _pictures(size):
    from stylegan_tf import images
    from stylegan_tf.data import samples

    paths = sorted(samples.sample_folder('photos').glob('*.png'))
    return [images.encode(images.resize(images.read(path), (size, size)), 'jpeg') for path in paths]


def _check_agreement(targets, request):
    """Raises UsageError when the answers of two targets differ: then it is not the same model."""
    from stylegan_tf import images

    answers = {name: target.connect()(request) for name, target in targets.items()}
    (first, expected), *others = answers.items()
    for other, answer in others:
        for files, expected_files in zip(answer.values(), expected.values()):
            for file, expected_file in zip(files, expected_files):
                pixels, expected_pixels = (images.read(data).astype(int) for data in (file, expected_file))
                if pixels.shape != expected_pixels.shape or abs(pixels - expected_pixels).max() > 1:
                    raise commands.UsageError(f'{other} and {first} answer with different pictures; do they serve '
                                              'the same model?')


def _compare(targets, requests, batch, server):
    """One row of numbers for each target, measured in turns."""
    loops = {name: load.Loop(target, _CLIENTS.value, requests) for name, target in targets.items()}
    turns = {name: [] for name in targets}
    cpu_seconds = dict.fromkeys(targets, 0.0)
    count = max(1, _IMAGES.value // batch)
    for turn in range(_ROUNDS.value + 1):
        for name, loop in loops.items():
            before = _cpu_seconds(server)
            measured = loop.open(count, _RATE.value, seed=turn) if _RATE.value else loop.closed(count)
            if turn:  # the first one warms up
                turns[name].append(measured)
                cpu_seconds[name] += _cpu_seconds(server) - before
    for loop in loops.values():
        loop.close()
    rows = [_row(name, batch, turns, cpu_seconds[name]) for name in targets]
    if IN_PROCESS in targets and server and all(cpu_seconds.values()):  # clock ticks are 10 ms long
        for name, row in zip(targets, rows):
            row['cpu_ratio'] = round(cpu_seconds[IN_PROCESS] / max(rows[0]['images'], 1)
                                     / cpu_seconds[name] * row['images'], 3)
    return rows


def _row(name, batch, turns, cpu_seconds):
    total = load.Measured()
    for measured in turns[name]:
        total.add(measured)
    row = {'target': name, 'batch': batch, 'clients': _CLIENTS.value, 'images': total.rows, **total.numbers(),
           'cpu_seconds_per_image': round(cpu_seconds / max(total.rows, 1), 5)}
    if IN_PROCESS in turns:
        ratios = sorted(one.rows / one.seconds / (other.rows / other.seconds)
                        for one, other in zip(turns[name], turns[IN_PROCESS]))
        row['ratio'] = {'median': round(statistics.median(ratios), 3), 'min': round(ratios[0], 3),
                        'max': round(ratios[-1], 3)}
    return row


def _cpu_seconds(server):
    used = os.times()
    return used.user + used.system + (server.cpu_seconds() if server else 0.0)


def _table(rows, *, with_head):
    lines = ['| | batch | images/s | of in process | by CPU time | p50 ms | p95 ms | p99 ms | CPU s/image | errors |',
             '|---|---|---|---|---|---|---|---|---|---|'] if with_head else []
    for row in rows:
        ratio = row.get('ratio')
        spread = f'{ratio["median"]:.2f} ({ratio["min"]:.2f} to {ratio["max"]:.2f})' if ratio else ''
        errors = ', '.join(f'{count} {kind}' for kind, count in row['errors'].items()) or '0'
        quantiles = ' | '.join(str(row.get(f'p{percent}_ms', '')) for percent in (50, 95, 99))
        lines.append(f'| {row["target"]} | {row["batch"]} | {row["images_per_second"]:.1f} | {spread} | '
                     f'{row.get("cpu_ratio", "")} | {quantiles} | {row["cpu_seconds_per_image"]:.4f} | {errors} |')
    return '\n'.join(lines)


def _errors():
    from stylegan_tf import exporter

    return exporter.ExportError, load.CallError


if __name__ == '__main__':
    commands.run(main, errors=_errors)
