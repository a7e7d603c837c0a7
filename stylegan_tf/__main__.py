"""The console script `stylegan-tf COMMAND [--flags]`; called bare it lists the commands."""

import difflib
import runpy
import sys

from stylegan_tf import commands


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
    if name in commands.LISTS:
        if len(argv) > 2:
            return _complain(f'`stylegan-tf {name}` takes no arguments. Received: '
                             f'{" ".join(argv[2:])}.')
        print(listing(name))
        return commands.DONE
    if name not in commands.available():
        return _complain(_unknown(name))
    # As `python -m stylegan_tf.NAME` does, so that both doors behave alike.
    sys.argv = [f'stylegan-tf {name}', *argv[2:]]
    runpy.run_module(f'stylegan_tf.{name}', run_name='__main__', alter_sys=True)
    return commands.DONE


def overview():
    """The list of commands, one line each."""
    names = [*commands.available(), *commands.LISTS]
    purposes = {**commands.COMMANDS, **commands.LISTS}
    lines = [f'  {name:<9} {purposes[name]}' for name in names]
    return '\n'.join(['usage: stylegan-tf COMMAND [--flag=value ...]', '', *lines, '',
                      '`stylegan-tf COMMAND --help` says more.'])


def listing(name):
    """What `stylegan-tf models` and `stylegan-tf presets` print."""
    if name == 'models':
        from stylegan_tf import api
        rows = api.shipped_models()
    else:
        from stylegan_tf import configs
        rows = {name: preset.line() for name, preset in configs.PRESETS.items()}
    width = max(map(len, rows))
    return '\n'.join(f'{name:<{width}}  {purpose}' for name, purpose in rows.items())


def _unknown(name):
    known = [*commands.available(), *commands.LISTS]
    close = difflib.get_close_matches(name, known, 1)
    hint = f' Did you mean {close[0]!r}?' if close else ''
    return f'Unknown command {name!r}.{hint} Commands: {", ".join(known)}.'


def _complain(message):
    print(f'Error: {message}', file=sys.stderr)
    return commands.BAD_USAGE


if __name__ == '__main__':
    sys.exit(main())
