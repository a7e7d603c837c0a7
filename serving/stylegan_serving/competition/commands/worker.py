"""Scores submissions, beside other workers on this or other machines.

    python -m stylegan_serving.competition worker
    python -m stylegan_serving.competition worker --database_url=postgresql://... --storage_url=s3://contest/files

Start as many as there are cores to spare; they share the queue. A worker that is killed costs nothing but time: another
takes its submission when the lease has run out. SIGTERM or Ctrl-C ends it at once, with its submission back in the
queue. With --models=on also models of participants are run, in a sandbox, where bubblewrap works; run such a worker as
an ordinary user. Exit codes: 0 ended as asked; 2 bad usage or configuration.
"""

import signal
import sys

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_NAME = flags.DEFINE_string('name', None, 'What the worker is called, unlike all others; default: made up.')
_MODELS = flags.DEFINE_enum('models', None, ['off', 'on'], 'Whether it runs models too; default: off.')
_LEASE = flags.DEFINE_float('lease_seconds', None, 'A worker silent for so long has lost its submission; default: 60.',
                            lower_bound=1.0)
_POLL = flags.DEFINE_float('poll_seconds', None, 'How often an idle worker looks; default: 1.', lower_bound=0.01)


def main():
    """Reads the flags and works until it is told to stop; returns the exit code."""
    # Who is told to end before there is anything in hand ends as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(commands.DONE))
    from stylegan_serving.competition import logs, worker
    logs.configure()
    with installation.opened(models=_MODELS.value, lease_seconds=_LEASE.value,
                             poll_seconds=_POLL.value) as (store, storage, settings):
        installation.require_sandbox(settings)
        scorer = worker.Worker(store, storage, settings, name=_NAME.value)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: scorer.stop())
        scorer.run()
    return commands.DONE


errors = installation.errors
