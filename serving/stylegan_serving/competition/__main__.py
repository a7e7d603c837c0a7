"""`python -m stylegan_serving.competition COMMAND [--flags]`; called bare it lists the commands."""

import difflib
import importlib
import sys

from stylegan_serving.competition import commands
from stylegan_tf import commands as command_line

_PROGRAM = 'python -m stylegan_serving.competition'


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
        return command_line.DONE
    name, known = argv[1], commands.available()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f' Did you mean {close[0]!r}?' if close else ''
        print(f'Error: Unknown command {name!r}.{hint} Commands: {", ".join(known)}.', file=sys.stderr)
        return command_line.BAD_USAGE
    sys.argv = [f'{_PROGRAM} {name}', *argv[2:]]
    module = importlib.import_module(f'stylegan_serving.competition.commands.{name}')
    command_line.run(module.main, errors=getattr(module, 'errors', ()))
    return command_line.DONE


def overview():
    """The list of commands, one line each."""
    names = commands.available()
    width = max(map(len, names))
    return '\n'.join([f'usage: {_PROGRAM} COMMAND [--flag=value ...]', '',
                      *(f'  {name:<{width}} {commands.COMMANDS[name]}' for name in names), '',
                      f'`{_PROGRAM} COMMAND --help` says more. docs/competition.md is the guide.'])


if __name__ == '__main__':
    sys.exit(main())
