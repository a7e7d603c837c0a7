"""Writes what the boards of a contest rest on into one zip: bundle, score log, scores, votes, archives.

    python -m stylegan_serving.competition export --contest=SLUG --output=FILE.zip [--archives=none|counting|all]

It holds private scores and participants' files: it is for organisers. `verify --export=FILE.zip` checks it anywhere.
Exit codes: 0 written; 1 the score log was changed; 2 bad usage.
"""

import os
import pathlib
import sys

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_CONTEST = flags.DEFINE_string('contest', None, 'Slug of the contest.')
_OUTPUT = flags.DEFINE_string('output', None, 'File to write; it appears when it is whole.')
_ARCHIVES = flags.DEFINE_enum('archives', 'counting', ('none', 'counting', 'all'),
                              "Whose archives go along: nobody's, of those on a board, all.")


def main():
    """Reads the flags and writes the zip; returns the exit code."""
    from stylegan_serving.competition import bundle_export, score_log
    if not _OUTPUT.value:
        raise commands.UsageError('Expected --output=FILE.zip.')
    target = pathlib.Path(_OUTPUT.value)
    temporary = target.with_name(f'.{target.name}.partial')
    with installation.opened('check') as (store, storage, _):
        contest = installation.contest_of(store, _CONTEST.value)
        try:
            count = bundle_export.write(store, storage, contest, temporary, archives=_ARCHIVES.value)
            os.replace(temporary, target)
        except score_log.BrokenLog as error:
            print(f'The score log of {contest.slug} is broken: {error}', file=sys.stderr)
            return commands.SOME_FAILED
        except OSError as error:
            raise commands.UsageError(f'Cannot write {target}: {error.strerror or error}.') from error
        finally:
            temporary.unlink(missing_ok=True)
    print(f'Wrote {count} files, {target.stat().st_size / 1e6:.1f} MB: {target}')
    return commands.DONE


errors = installation.errors
