"""Makes an account, or changes one: its role, its password, whether it may log in.

    python -m stylegan_serving.competition account --name=ada --role=admin
    python -m stylegan_serving.competition account --name=ada --password_file=-  < password.txt

Asks for the password of a new account on the terminal, unless --password_file names a file (- is standard input).
Exit codes: 0 done; 2 bad usage.
"""

import getpass
import pathlib
import sys

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_NAME = flags.DEFINE_string('name', None, 'Name of the account, 3 to 40 characters.')
_ROLE = flags.DEFINE_enum('role', None, ('user', 'organiser', 'admin'),
                          'What it may do; organisers make contests, admins everything. Default of a new one: user.')
_EMAIL = flags.DEFINE_string('email', None, 'Its e-mail.')
_PASSWORD = flags.DEFINE_string('password_file', None, 'File of the new password, - for standard input.')
_DISABLED = flags.DEFINE_bool('disabled', None, 'Whether it is locked.')
_SHORTEST = 10


def main():
    """Reads the flags and makes or changes the account."""
    from stylegan_serving.competition import security
    from stylegan_serving.competition.store import NotFound
    name = (_NAME.value or '').strip()
    if not 3 <= len(name) <= 40:
        raise commands.UsageError(f'Expected --name of 3 to 40 characters. Received: {name!r}.')
    with installation.opened() as (store, _, _):
        try:
            user = store.accounts.user_by_name(name)
        except NotFound:
            user = store.accounts.add_user(name, _EMAIL.value, security.hash_password(_password(ask=True)),
                                           _ROLE.value or 'user')
            print(f'Made the account {user.name}, role {user.role}.')
        else:
            changes = {'role': _ROLE.value, 'email': _EMAIL.value, 'is_disabled': _DISABLED.value}
            if _PASSWORD.value:
                changes['password_hash'] = security.hash_password(_password(ask=False))
            changes = {key: value for key, value in changes.items() if value is not None}
            if not changes:
                raise commands.UsageError(f'There is an account {user.name} ({user.role}). Say what to change: --role, '
                                          '--email, --password_file or --disabled.')
            user = store.accounts.update_user(user.id, **changes)
            if {'password_hash', 'is_disabled', 'role'} & set(changes):
                store.accounts.end_sessions(user.id)
            print(f'Changed the account {user.name}: {", ".join(sorted(changes))}.')
        store.administration.audit(None, 'account.change', user.name, {'by': 'command', 'role': user.role})


def _password(ask):
    if _PASSWORD.value == '-':
        password = sys.stdin.readline()
    elif _PASSWORD.value:
        try:
            password = pathlib.Path(_PASSWORD.value).read_text()
        except OSError as error:
            raise commands.UsageError(f'Cannot read {_PASSWORD.value}: {error.strerror}.') from error
    elif ask and sys.stdin.isatty():
        password = getpass.getpass(f'Password of {_NAME.value}: ')
        if getpass.getpass('The same again: ') != password:
            raise commands.UsageError('The two passwords differ.')
    else:
        raise commands.UsageError('Expected --password_file=FILE, or - for standard input.')
    password = password.rstrip('\r\n')
    if len(password) < _SHORTEST:
        raise commands.UsageError(f'A password has at least {_SHORTEST} characters. Received {len(password)}.')
    return password


errors = installation.errors
