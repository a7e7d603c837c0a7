"""CPU cores."""

import os


def available():
    """CPU cores that this process may use: those it is bound to, where the system tells, else those of the machine."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
