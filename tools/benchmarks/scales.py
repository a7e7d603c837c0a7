"""What N machines give, on paper: constants that were measured or assumed, limits of each resource, the smallest one.

Every limit is a rate that one kind of resource allows; what is reached is the smallest, and its name is the bottleneck.
"""

import dataclasses
import json
import pathlib

from benchmarks import evaluations

from stylegan_tf import commands

DAY = 86_400.0  # seconds
COUNTS = (1, 2, 4, 8, 16, 32, 64)
PAIRS = (6, 72, 1000)  # of a submission


@dataclasses.dataclass(frozen=True)
class Constant:
    """A number of the calculation.

    Attributes:
        value: The number.
        unit: Of it.
        source: 'measured: WHERE', or 'assumed', with a reason where there is one.
    """

    value: float
    unit: str
    source: str = 'assumed'


# Those that can be read from files are replaced by `read`; all can be given.
DEFAULTS = {
    'image_cpu_seconds': Constant(0.10, 's', 'measured: docs/performance.md, LiteRT, 256x256'),
    'request_cpu_seconds': Constant(0.002, 's', 'measured: docs/performance.md, a request'),
    'image_bytes_in': Constant(20e3, 'bytes'),
    'image_bytes_out': Constant(120e3, 'bytes'),
    'decode_cpu_seconds': Constant(0.001, 's'),
    'encode_cpu_seconds': Constant(0.008, 's'),
    'server_cores': Constant(16, 'cores'),
    'use': Constant(0.7, 'of the cores, so that queues stay short'),
    'peak': Constant(3, 'times the mean of the day'),
    'link_bytes': Constant(1.25e9, 'bytes/s, 10 Gbit/s'),
    'balancer_requests': Constant(10_000, 'requests/s'),
    'gpu_images': Constant(200, 'images/s of one GPU, style_transfer_256'),
    'gpu_batch': Constant(16, 'images a GPU'),
    'gpu_cores': Constant(16, 'cores beside a GPU'),
    'gradient_bytes': Constant(4 * 2_883_757, 'bytes', 'measured: parameters of style_transfer_256, float32'),
    'gpus_a_machine': Constant(8, 'GPUs'),
    'gpu_link_bytes': Constant(300e9, 'bytes/s between the GPUs of a machine'),
    'machine_link_bytes': Constant(12.5e9, 'bytes/s between machines, 100 Gbit/s'),
    'hop_seconds': Constant(20e-6, 's a message of an all-reduce'),
    'feed_pictures': Constant(550, 'pictures/CPU s', 'measured: docs/performance.md, style_transfer_128'),
    'example_pictures': Constant(2, 'pictures an example: content and style'),
    'stored_bytes': Constant(100e3, 'bytes a stored picture'),
    'storage_bytes': Constant(2e9, 'bytes/s read by all'),
    'pair_cpu_seconds': Constant(0.134, 's', 'measured: docs/performance.md, all distinct'),
    'submission_cpu_seconds': Constant(1.0, 's a submission: networks, archive, report'),
    'database_cpu_seconds': Constant(0.02, 's a submission: add, claim, finish',
                                     'assumed: as much as the asking process, docs/competition.md'),
    'database_cores': Constant(4, 'cores'),
}


def read(folder, constants):
    """Constants with what the JSON files of other commands in a folder say; files that are not there leave them.

    Args:
        folder: Where pipeline, evaluation, serving, contest and accelerator.json may lie; None for none.
        constants: {name: Constant}.
    Raises:
        UsageError: There is none of them, or one is not what its command writes.
    """
    if folder is None:
        return constants
    takers = {'pipeline': _pipeline, 'evaluation': _evaluation, 'serving': _serving, 'contest': _contest,
              'accelerator': _accelerator}
    paths = {name: path for name in takers if (path := pathlib.Path(folder, f'{name}.json')).is_file()}
    if not paths:
        raise commands.UsageError('--measured expects a folder with what other commands wrote, some of '
                                  f'{", ".join(f"{name}.json" for name in takers)}. Received: {folder}.')
    constants = dict(constants)
    for command, path in paths.items():
        try:
            told = takers[command](json.loads(path.read_text()))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise commands.UsageError(f'{path} is not what `benchmark.py {command}` writes as --output ({error!r}). '
                                      'Write it again, or take it away.') from error
        for name, value in told.items():
            constants[name] = dataclasses.replace(constants[name], value=value, source=f'measured: {path.name}')
    return constants


def _pipeline(found):
    speeds = [row['ours'] for row in found['rows'] if row['unit'] == 'images/CPU s' and 'style_transfer' in row['what']]
    return {'feed_pictures': speeds[0]} if speeds else {}


def _evaluation(found):
    """The line through the smallest and the largest number of pairs that were all distinct, else of the first kind."""
    more = min(found['rows'], key=lambda row: not row['what'].startswith(evaluations.DISTINCT))['more']
    (few, many), (short, long) = ((values[0], values[-1]) for values in (more['pairs'], more['cpu_seconds']))
    pair = (long - short) / (many - few)
    if pair <= 0:
        raise ValueError('more pairs cost no more: measure numbers that are further apart')
    return {'pair_cpu_seconds': pair, 'submission_cpu_seconds': max(0.0, short - pair * few)}


def _serving(found):
    single = [row['cpu_seconds_per_image'] for row in found['rows'] if row['target'] == 'gRPC' and row['batch'] == 1]
    # Both ends together, with decoding and encoding: the rest is counted in it already.
    return {'image_cpu_seconds': single[0], 'request_cpu_seconds': 0.0, 'decode_cpu_seconds': 0.0,
            'encode_cpu_seconds': 0.0} if single else {}


def _contest(found):
    costs = found.get('board', {}).get('store')
    if not costs:
        return {}
    return {'database_cpu_seconds': sum(cost['last']['cpu_ms'] for cost in costs.values()) / 1000}


def _accelerator(found):
    rows = [row for row in found['rows'] if row['what'].startswith('style_transfer_256, batch ')]
    return {'gpu_images': rows[0]['ours'], 'gpu_batch': float(rows[0]['what'].split('batch ')[1].partition(',')[0])
            } if rows else {}


def serving(values, count):
    """Images a day of `count` model servers, by resource: dict name -> rate."""
    seconds = sum(values[name] for name in ('image_cpu_seconds', 'request_cpu_seconds', 'decode_cpu_seconds',
                                            'encode_cpu_seconds'))
    rates = {'servers': count * values['server_cores'] * values['use'] / seconds,
             'link': values['link_bytes'] / max(values['image_bytes_in'], values['image_bytes_out']),
             'balancer': values['balancer_requests']}
    return {name: rate * DAY / values['peak'] for name, rate in rates.items()}


def training(values, count):
    """Images/s of a training on `count` GPUs, by resource: dict name -> rate.

    Each GPU keeps its batch; gradients are averaged in a ring after each step, without overlap, so that waiting for
    the link slows all: 'GPUs' is the rate with it, and 'all-reduce' the rate of the ring alone.
    """
    link = values['gpu_link_bytes' if count <= values['gpus_a_machine'] else 'machine_link_bytes']
    shared = 2 * (count - 1) * (values['gradient_bytes'] / count / link + values['hop_seconds'])
    step = values['gpu_batch'] / values['gpu_images']
    pictures = values['example_pictures']
    rates = {'GPUs': count * values['gpu_batch'] / (step + shared),
             'input cores': count * values['gpu_cores'] * values['feed_pictures'] / pictures,
             'storage': values['storage_bytes'] / (values['stored_bytes'] * pictures)}
    return {**rates, 'all-reduce': count * values['gpu_batch'] / shared} if shared else rates


def submissions(values, count, pairs, is_painted=False):
    """Submissions a day of `count` evaluation workers of one core, by resource: dict name -> rate.

    Args:
        values: {name: number} of the constants.
        count: Workers.
        pairs: Of a submission.
        is_painted: Whether the worker paints the results too, as fast as a model server's core.
    """
    seconds = values['submission_cpu_seconds'] + pairs * (
        values['pair_cpu_seconds'] + (values['image_cpu_seconds'] if is_painted else 0.0))
    sent = pairs * (values['image_bytes_in'] if is_painted else values['image_bytes_out'])
    rates = {'workers': count * values['use'] / seconds,
             'database': values['database_cores'] * values['use'] / values['database_cpu_seconds'],
             'link': values['link_bytes'] / sent}
    return {name: rate * DAY / values['peak'] for name, rate in rates.items()}


def reached(rates):
    """(smallest rate, name of the resource)."""
    name = min(rates, key=rates.__getitem__)
    return rates[name], name


def needed(rates_of, wanted, most=1 << 20):
    """The fewest machines that reach a rate; None where another resource binds before.

    Args:
        rates_of: Function from a count to its rates by resource; the rates of the counted grow with it.
        wanted: Rate.
        most: Not more than so many.
    """
    if reached(rates_of(most))[0] < wanted:
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(rates_of(middle))[0] >= wanted else (middle, high)
    return high


def turn(rates_of, most=1 << 20):
    """(count, resource): from how many machines on something else than they binds, and what; (None, None) if never."""
    own = reached(rates_of(1))[1]
    if (other := reached(rates_of(most))[1]) == own:
        return None, None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reached(rates_of(middle))[1] == own else (low, middle)
    return high, reached(rates_of(high))[1] or other


def codec(size=256):
    """{constant: Constant} of files of `size` pixels, measured on the sample photographs in half a second."""
    import time

    from stylegan_tf import images
    from stylegan_tf.data import samples

    pictures = [images.cover_crop(images.read(path), (size, size))
                for path in images.find_images(samples.sample_folder('photos'))]
    incoming = [images.encode(picture, 'jpeg') for picture in pictures]
    start = time.process_time()
    outgoing = [images.encode(picture) for picture in pictures]
    middle = time.process_time()
    for file in incoming:
        images.read(file)
    seconds = middle - start, time.process_time() - middle
    source, count = f'measured: here, {size}x{size}', len(pictures)
    return {'image_bytes_in': Constant(sum(map(len, incoming)) / count, 'bytes, JPEG', source),
            'image_bytes_out': Constant(sum(map(len, outgoing)) / count, 'bytes, PNG', source),
            'encode_cpu_seconds': Constant(seconds[0] / count, 's', source),
            'decode_cpu_seconds': Constant(seconds[1] / count, 's', source)}


def rounded(value):
    """A rate as text of three digits."""
    return f'{float(f"{value:.3g}"):,.0f}' if value >= 100 else f'{value:.3g}'
