"""Opens a contest: it is listed, and takes submissions in the phases of its bundle.

    python -m stylegan_serving.competition open --contest=SLUG

A closed contest is opened again.
Exit codes: 0 done; 2 bad usage.
"""

from absl import flags

from stylegan_serving.competition.commands import installation, state_change

installation.define_flags()
_CONTEST = flags.DEFINE_string('contest', None, 'Slug of the contest.')


def main():
    """Reads the flags and does it."""
    state_change.change(_CONTEST.value, 'open')


errors = installation.errors
