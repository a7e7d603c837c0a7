"""One subject of a measurement in a process of its own: `python -m benchmarks.subject MODULE:FUNCTION CORES JSON`.

The function takes the JSON as named arguments and returns `work`, which takes what a line of standard input says (JSON)
and may return a dict of numbers of its own. Each line is answered by a line of JSON: what the work returned, with
`wall_seconds`, `cpu_seconds` (this process and its children that ended) and `peak_bytes` (of this process so far).
`seconds` that the work returns replace the ones around it, so that it may leave out its own preparation.
"""

import importlib
import json
import os
import resource
import sys
import time


def main():
    """Prepares the subject, then works line by line."""
    target, cores, arguments = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    bind(cores)
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # what libraries print does not mix with the answers
    module, function = target.split(':')
    before = usage()
    work = getattr(importlib.import_module(module), function)(**arguments)
    print(json.dumps(difference(before, usage())), file=answers, flush=True)
    for line in sys.stdin:
        before = usage()
        numbers = work(json.loads(line)) or {}
        print(json.dumps({**difference(before, usage()), **numbers}), file=answers, flush=True)


def bind(cores):
    """Binds this process and its children to its first `cores` cores, before libraries that compute are imported."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS'):
        os.environ[name] = str(cores)  # libraries read them when they are imported


def usage():
    """Wall and CPU seconds so far."""
    # Not os.times(), which counts in hundredths of a second.
    parts = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(part.ru_utime + part.ru_stime for part in parts)


def difference(before, after):
    """Dict of the seconds from one `usage` to a later one, and the peak of memory."""
    return {'wall_seconds': after[0] - before[0], 'cpu_seconds': after[1] - before[1],
            'peak_bytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == '__main__':
    main()
