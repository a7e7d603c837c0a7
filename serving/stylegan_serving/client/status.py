"""Shows the versions of served models, their states and their labels.

    python -m stylegan_serving.client status --server=http://localhost:8501 --model=style,critic

A server does not list its models or labels, so --model names them, and each label of --labels is tried.
Exit codes: 0 every model has an available version; 1 some have none; 2 bad usage, or no server there.
"""

import time

from absl import flags

from stylegan_serving.client import call_flags
from stylegan_tf import commands

_SERVER = flags.DEFINE_string('server', None, 'grpc://HOST:PORT or http://HOST:PORT.')
_MODEL = flags.DEFINE_list('model', None, 'Names of served models: NAME[,NAME...].')
_LABELS = flags.DEFINE_list('labels', ['stable', 'canary'], 'Labels to look for.')
_SIGNATURES = flags.DEFINE_bool('signatures', False, 'Show what the models take and return, too.')
_WAIT_SECONDS = flags.DEFINE_float('wait_seconds', 0.0, 'How long to wait until all models are available.')
_DEADLINE_SECONDS = flags.DEFINE_float('deadline_seconds', 10.0, 'Longest time for one request.')
_CA_FILE = flags.DEFINE_string('ca_file', None, 'PEM file of the authorities that sign grpcs:// or https:// servers.')


def main():
    """Reads the flags and prints the table; returns the exit code."""
    call_flags.require(_SERVER, _MODEL)
    from stylegan_serving.client import clients, tables

    call_flags.prepare(_SERVER.value)
    is_available = True
    until = time.monotonic() + _WAIT_SECONDS.value
    with clients.connect(_SERVER.value, deadline_seconds=_DEADLINE_SECONDS.value, ca_file=_CA_FILE.value) as client:
        rows, signatures = [], []
        for name in _MODEL.value:
            described = tables.describe(client.of(name), _LABELS.value, until)
            rows += described.rows
            is_available &= described.is_available
            if _SIGNATURES.value:
                signatures += described.signatures
    print(tables.aligned(('MODEL', 'VERSION', 'STATE', 'LABELS', 'ERROR'), rows))
    if signatures:
        print('\n' + '\n'.join(signatures))
    return commands.DONE if is_available else commands.SOME_FAILED


if __name__ == '__main__':
    commands.run(main, errors=call_flags.errors)
