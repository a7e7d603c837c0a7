"""Joins a contest with a new team.

    python -m stylegan_serving.competition join --server=https://contest.example --contest=SLUG --team='Two brushes'

Exit codes: 0 joined; 1 the server refused; 2 bad usage, or no server there.
"""

from absl import flags

from stylegan_serving.competition.commands import participation
from stylegan_tf import commands

participation.define_flags()
participation.define_contest()
_TEAM = flags.DEFINE_string('team', None, "Name of the team; default: the account's name.")


def main():
    """Reads the flags and joins; returns the exit code."""
    from stylegan_serving.competition import participant
    with participation.open_participant() as me:
        try:
            team = me.join(participation.contest(), _TEAM.value)
        except participant.Refused as refusal:
            return participation.tell(refusal)
    print(f'Joined {participation.contest()} as {team["name"]}.')
    return commands.DONE


errors = participation.errors
