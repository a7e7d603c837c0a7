"""Makes an account on a competition server, or signs in to one, and keeps an API token for the other commands.

    python -m stylegan_serving.competition register --server=https://contest.example --name=ada
    python -m stylegan_serving.competition register --server=https://contest.example --name=ada --existing

Asks for the password on the terminal, unless --password_file names a file (- is standard input). The token is kept in
~/.config/stylegan_tf/competition_tokens.json, readable by its owner only; the account page revokes it.
Exit codes: 0 done; 1 the server refused; 2 bad usage, or no server there.
"""

import getpass
import pathlib
import socket
import sys

from absl import flags

from stylegan_serving.competition.commands import participation
from stylegan_tf import commands

participation.define_flags()
_NAME = flags.DEFINE_string('name', None, 'Name of the account, 3 to 40 characters; others see it.')
_EMAIL = flags.DEFINE_string('email', None, 'E-mail address; others do not see it.')
_EXISTING = flags.DEFINE_bool('existing', False, 'The account is there; only make a token.')
_PASSWORD = flags.DEFINE_string('password_file', None, 'File of the password, - for standard input.')


def main():
    """Reads the flags and keeps the token; returns the exit code."""
    from stylegan_serving.competition import participant
    if not _NAME.value:
        raise commands.UsageError('Expected --name=NAME.')
    password, server = _password(), flags.FLAGS.server
    with participant.Participant(server) as me:
        try:
            if not _EXISTING.value:
                me.register(_NAME.value, password, _EMAIL.value)
                print(f'Made the account {_NAME.value}.')
            token = me.make_token(_NAME.value, password, f'commands on {socket.gethostname()}'[:60])
        except participant.Refused as refusal:
            return participation.tell(refusal)
    print(f'Kept a token for {server} in {participation.keep_token(server, token)}.')
    return commands.DONE


def _password():
    if _PASSWORD.value == '-':
        return sys.stdin.readline().rstrip('\r\n')
    if _PASSWORD.value:
        return pathlib.Path(_PASSWORD.value).read_text().splitlines()[0]
    if not sys.stdin.isatty():
        raise commands.UsageError('Expected --password_file=FILE, or - for standard input: there is no terminal to '
                                  'ask on.')
    password = getpass.getpass('Password: ')
    if not _EXISTING.value and getpass.getpass('Once more: ') != password:
        raise commands.UsageError('The two passwords differ.')
    return password


errors = participation.errors
