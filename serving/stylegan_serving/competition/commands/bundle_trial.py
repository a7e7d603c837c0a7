"""What commands say of a bundle, and the evaluation tried out on it."""

import pathlib
import sys
import tempfile

from stylegan_tf import commands


def summary(bundle):
    """A line on what a bundle holds."""
    private = sum(pair.split == 'private' for pair in bundle.pairs)
    return (f'{bundle.title}: {len(bundle.pairs)} pairs ({private} private) at {bundle.size} px, '
            f'{len(bundle.phases)} phase{"s" if len(bundle.phases) > 1 else ""}, ranked by '
            f'{", ".join(metric.name for metric in bundle.metrics)}')


def try_out(bundle, files):
    """Runs the evaluation on two methods that win nothing and prints what they reach; UsageError if it cannot."""
    from stylegan_serving.competition import bundle_reader, scoring
    with tempfile.TemporaryDirectory(prefix='bundle_') as folder:
        folder = pathlib.Path(folder)
        for name in bundle_reader.pictures(bundle):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(files.read(name))
        print('Trying the evaluation out ...', flush=True)
        try:
            result = scoring.dry_run(bundle, folder, _progress if sys.stderr.isatty() else None)
        except ValueError as error:
            raise commands.UsageError(f'The evaluation cannot run: {error}') from error
    for name, metrics in result['baselines'].items():
        shown = ', '.join(f'{metric} {_number(*row)}' for metric, row in metrics.items())
        print(f'  {name}: {shown}')
    print(f'  {result["seconds"]:.1f} s, evaluator {result["evaluator_hash"]}')


def refuse(error):
    """Prints the problems of a bundle, a line each; returns the exit code."""
    print(f'Error: {error}', file=sys.stderr)
    return commands.BAD_USAGE


def describe():
    """The evaluation's function that knows the metrics, for `bundle_reader.read`."""
    from stylegan_tf import evaluator
    return evaluator.describe


def _number(value, low, high):
    return f'{value:.4g}' if low is None else f'{value:.4g} [{low:.4g}, {high:.4g}]'


def _progress(done, total):
    print(f'\r  {done}/{total}', end='\n' if done == total else '', file=sys.stderr, flush=True)
