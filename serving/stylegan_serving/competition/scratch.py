"""Folders for what a process needs while it runs, and what killed processes have left of them."""

import os
import pathlib
import shutil
import tempfile


def folder(kind):
    """A new folder below the temporary one, deleted at the end of its `with` block; a TemporaryDirectory.

    Args:
        kind: What it is for, such as 'competition-entry', by which `sweep` finds it.
    """
    return tempfile.TemporaryDirectory(prefix=f'{kind}-{os.getpid()}-')


def sweep(kind):
    """Deletes the folders of a kind whose processes on this machine were killed."""
    for place in pathlib.Path(tempfile.gettempdir()).glob(f'{kind}-*-*'):
        try:
            os.kill(int(place.name.removeprefix(f'{kind}-').partition('-')[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(place, ignore_errors=True)
        except (ValueError, PermissionError):  # not ours to judge
            continue
