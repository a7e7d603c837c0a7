"""What the commands of participants share: the server, the account's token, and how refusals are told."""

import json
import os
import pathlib
import sys

from absl import flags

from stylegan_tf import commands, files

flags.disclaim_key_flags()
_DEFAULT_SERVER = 'http://127.0.0.1:8000'


def define_flags():
    """Defines --server for the calling command."""
    flags.DEFINE_string('server', os.environ.get('STYLEGAN_COMPETITION_SERVER', _DEFAULT_SERVER),
                        'Where the competition is. Also STYLEGAN_COMPETITION_SERVER.')


def define_contest():
    """Defines --contest for the calling command."""
    flags.DEFINE_string('contest', None, 'Slug of the contest, as in its address /c/SLUG.')


def contest():
    """The value of --contest; UsageError without it."""
    if not flags.FLAGS.contest:
        raise commands.UsageError('Expected --contest=SLUG, as in the address /c/SLUG of the contest.')
    return flags.FLAGS.contest


def open_participant(*, needs_account=True):
    """The `participant.Participant` of --server and of the token that `register` kept, or of the environment.

    Raises:
        UsageError: There is no token and one is needed.
    """
    from stylegan_serving.competition import participant
    server = flags.FLAGS.server
    token = os.environ.get('STYLEGAN_COMPETITION_TOKEN') or _kept().get(server.rstrip('/'))
    if needs_account and not token:
        raise commands.UsageError(f'No token for {server}. Make one with `register --server={server} --name=NAME`, or '
                                  'set STYLEGAN_COMPETITION_TOKEN to one of the account page.')
    return participant.Participant(server, token)


def keep_token(server, token):
    """Keeps a server's token in a file that only its owner reads; returns the file."""
    path = _path()
    kept = _kept() | {server.rstrip('/'): token}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    old_mask = os.umask(0o077)
    try:
        files.write_whole(path, json.dumps(kept, indent=1).encode())
    finally:
        os.umask(old_mask)
    return path


def tell(refusal):
    """Prints why the server said no; returns the exit code."""
    print(f'Refused: {refusal}', file=sys.stderr)
    return commands.SOME_FAILED


def errors():
    """Exceptions whose message is for the user."""
    from stylegan_serving.competition import participant
    return participant.ServerUnreachable, OSError


def _kept():
    try:
        return json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}


def _path():
    base = os.environ.get('XDG_CONFIG_HOME') or '~/.config'
    return pathlib.Path(base).expanduser() / 'stylegan_tf' / 'competition_tokens.json'
