"""Measures detectors of defects: `python tools/anomaly_benchmark.py COMMAND [--flags]`.

    sets        makes the pictures from a table of good ones, once
    measure     measures a model on them: tables by defect, severity and generator, false-alarm rates
    baselines   fits and measures simpler detectors on the same pictures

A first argument that is a flag means `measure`: `tools/anomaly_benchmark.py --model=runs/critic --quick`.
"""

import runpy
import sys

COMMANDS = ('sets', 'measure', 'baselines')


def main(argv):
    """Runs the command that the first argument names; returns the exit code."""
    if len(argv) < 2 or argv[1] in ('--help', '-h', 'help'):
        print(__doc__ + '\n`python tools/anomaly_benchmark.py COMMAND --help` says more.')
        return 0
    command, rest = ('measure', argv[1:]) if argv[1].startswith('-') else (argv[1], argv[2:])
    if command not in COMMANDS:
        print(f'Error: unknown command {command!r}. Expected one of: {", ".join(COMMANDS)}.', file=sys.stderr)
        return 2
    sys.argv = [f'anomaly_benchmark.py {command}', *rest]
    runpy.run_module(f'detection.{command}_command', run_name='__main__', alter_sys=True)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
