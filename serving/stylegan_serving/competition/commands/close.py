"""Closes a contest: no more submissions, its private boards are shown, the score log gets its last line.

    python -m stylegan_serving.competition close --contest=SLUG

`open` opens it again.
Exit codes: 0 done; 2 bad usage.
"""

from absl import flags

from stylegan_serving.competition.commands import installation, state_change

installation.define_flags()
_CONTEST = flags.DEFINE_string('contest', None, 'Slug of the contest.')


def main():
    """Reads the flags and does it."""
    state_change.change(_CONTEST.value, 'closed')


errors = installation.errors
