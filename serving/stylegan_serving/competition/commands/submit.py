"""Hands in an archive of results.

    python -m stylegan_serving.competition submit --contest=SLUG --archive=results.zip --title='My method'

The file is sent in parts with checksums. After a lost connection it goes on by itself; after a crash the same command
goes on where it was. --follow waits until it is scored. The token is the one of `register`, or
STYLEGAN_COMPETITION_TOKEN. Exit codes: 0 queued (with --follow: scored); 1 refused or failed; 2 bad usage, or no server
there.
"""

import os
import sys

from absl import flags

from stylegan_serving.competition.commands import following, participation
from stylegan_tf import commands

participation.define_flags()
participation.define_contest()
_ARCHIVE = flags.DEFINE_string('archive', None, 'The .zip or .tar.gz; the starter kit has a script that makes one.')
_TITLE = flags.DEFINE_string('title', '', "What the method is called; default: the file's name.")
_NOTE = flags.DEFINE_string('note', '', 'Words about it, up to 4000 characters.')
_KIND = flags.DEFINE_enum('kind', 'results', ('results', 'model'), 'What is in the archive.')
_FOLLOW = flags.DEFINE_bool('follow', False, 'Wait and show what becomes of it.')


def main():
    """Reads the flags and hands in; returns the exit code."""
    from stylegan_serving.competition import participant
    if not _ARCHIVE.value or not os.path.isfile(_ARCHIVE.value):
        raise commands.UsageError(f'Expected --archive=FILE. Received: {_ARCHIVE.value!r}, which is no file.')
    with participation.open_participant() as me:
        try:
            submission = me.submit(participation.contest(), _ARCHIVE.value, title=_TITLE.value, note=_NOTE.value,
                                   kind=_KIND.value, progress=_show if sys.stderr.isatty() else None)
            print(f'Queued as number {submission["number"]}: {me.server}/s/{submission["id"]}')
            return following.follow(me, submission['id']) if _FOLLOW.value else commands.DONE
        except participant.Refused as refusal:
            return participation.tell(refusal)


def _show(done, total):
    print(f'\rUploading {done / (1 << 20):.1f} of {total / (1 << 20):.1f} MiB', end='\n' if done == total else '',
          file=sys.stderr, flush=True)


errors = participation.errors
