"""The commands of `python -m stylegan_serving.client`."""

import difflib
import runpy
import sys

from stylegan_tf import commands

COMMANDS = {
    'stylize': 'stylise a picture or a folder of pictures',
    'score': 'score pictures for anomalies',
    'correct': 'repair pictures that score badly',
    'status': 'show versions, states and labels of served models',
    'promote': 'put a label, such as stable, on another version',
    'rollback': 'put a label back on the version it was on before',
}
_PROGRAM = 'python -m stylegan_serving.client'


def main(argv=None):
    """Runs the command that the first argument names.

    Args:
        argv: Arguments with the program's name first; `sys.argv` if None.
    Returns:
        The exit code; a command that runs exits the process itself.
    """
    argv = sys.argv if argv is None else argv
    if len(argv) < 2 or argv[1] in ('--help', '-h', 'help'):
        print(overview())
        return commands.DONE
    name = argv[1]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f' Did you mean {close[0]!r}?' if close else ''
        print(f'Error: expected a command, one of {", ".join(COMMANDS)}. Received: {name!r}.{hint}', file=sys.stderr)
        return commands.BAD_USAGE
    sys.argv = [f'{_PROGRAM} {name}', *argv[2:]]
    runpy.run_module(f'stylegan_serving.client.{name}', run_name='__main__', alter_sys=True)
    return commands.DONE


def overview():
    """The list of commands, one line each."""
    lines = [f'  {name:<9} {purpose}' for name, purpose in COMMANDS.items()]
    return '\n'.join([f'usage: {_PROGRAM} COMMAND [--flag=value ...]', '', *lines, '',
                      f'`{_PROGRAM} COMMAND --help` says more.'])
