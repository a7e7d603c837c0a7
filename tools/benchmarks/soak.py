"""Thousands of requests to the local server, while versions come and go and the server is restarted.

    python tools/benchmark.py soak
    python tools/benchmark.py soak --requests=300 --versions=2 --output=soak.json

Good requests over gRPC and REST are mixed with corrupt pictures, wrong inputs, broken JSON, oversized bodies and
aborted connections. Versions follow each other at even distances, each with other answers; in the middle the server
gets SIGTERM and starts again. A request that gets no answer is sent again. It ends with exit code 1 if a request was
never answered, if an answer was not the expected one to the byte, or if memory grew by 5% or more on a warm server.
"""

import json
import pathlib
import tempfile

from absl import flags
from benchmarks import checks, records, server_process, soak_run

from stylegan_tf import commands

_REQUESTS = flags.DEFINE_integer('requests', 10_000, 'Requests in all.', 1)
_VERSIONS = flags.DEFINE_integer('versions', 6, 'Versions that follow each other.', 1)
_CLIENTS = flags.DEFINE_integer('clients', 8, 'Requests under way at the same time.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'JSON file for all numbers.')
_MEMORY = flags.DEFINE_bool('check_memory', True, 'Fail when memory grows; short runs are not warm yet.')
MAX_GROWTH = 0.05


def main():
    """Runs the soak and prints what happened; returns the exit code."""
    checks.packages(server_process.PACKAGES, 'serving')
    checks.output_file(_OUTPUT.value)
    commands.import_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        report = soak_run.Soak(pathlib.Path(folder), _REQUESTS.value, _VERSIONS.value, _CLIENTS.value).run()
    if _OUTPUT.value:
        records.write(_OUTPUT.value, report)
    print(json.dumps(report, indent=1))
    has_grown = _MEMORY.value and report['memory']['largest_growth'] >= MAX_GROWTH
    return commands.SOME_FAILED if report['lost'] or report['wrong'] or has_grown else commands.DONE


if __name__ == '__main__':
    commands.run(main)
