"""A process that has imported what a worker needs and forks a worker a line: `python contest_nursery.py SETTINGS.json`.

Reads names of workers from stdin, starts one each and prints its process id. The imports of a worker take seconds, in
which nothing could be killed that matters. This process itself never opens the database: its state must not be forked.
"""

import json
import os
import pathlib
import signal
import sys

from stylegan_serving.competition import settings, storage, store, worker
from stylegan_tf import evaluator  # noqa: F401  imported for the workers


def main():
    """Forks until stdin ends."""
    values = json.loads(pathlib.Path(sys.argv[1]).read_text())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    print('ready', flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _work(values, line.strip())
        print(child, flush=True)


def _work(values, name):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    own = settings.Settings(**values)
    scorer = worker.Worker(store.Store(store.make_engine(own.database_url)), storage.Storage(own.storage_url), own,
                           name=name)
    signal.signal(signal.SIGTERM, lambda *_: scorer.stop())
    scorer.run()
    os._exit(0)


if __name__ == '__main__':
    main()
