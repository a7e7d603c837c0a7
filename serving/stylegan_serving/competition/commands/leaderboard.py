"""Prints a board.

    python -m stylegan_serving.competition leaderboard --contest=SLUG
    python -m stylegan_serving.competition leaderboard --contest=SLUG --metric=ssim --format=csv > board.csv

Without --phase and --split it is the board that ranks now. Exit codes: 0 printed; 1 refused; 2 bad usage, or no server
there.
"""

import json

from absl import flags

from stylegan_serving.competition.commands import following, participation
from stylegan_tf import commands

participation.define_flags()
participation.define_contest()
_PHASE = flags.DEFINE_string('phase', None, 'Name of a phase.')
_METRIC = flags.DEFINE_string('metric', 'score', "The ranked score, or one of the contest's metrics.")
_SPLIT = flags.DEFINE_enum('split', None, ('public', 'private'), 'Of which pairs.')
_FORMAT = flags.DEFINE_enum('format', 'table', ('table', 'csv', 'json'), 'How it is printed.')


def main():
    """Reads the flags and prints; returns the exit code."""
    from stylegan_serving.competition import participant
    with participation.open_participant(needs_account=False) as me:
        try:
            board = me.leaderboard(participation.contest(), phase=_PHASE.value, metric=_METRIC.value,
                                   split=_SPLIT.value, form='csv' if _FORMAT.value == 'csv' else 'json')
        except participant.Refused as refusal:
            return participation.tell(refusal)
    if _FORMAT.value == 'csv':
        print(board, end='')
    elif _FORMAT.value == 'json':
        print(json.dumps(board, ensure_ascii=False, indent=1))
    else:
        print(f'{board["phase"]}, {board["split"]} pairs, {board["metric"]} ({board["better"]} is better)')
        print(following.table(('RANK', 'TEAM', board['metric'].upper(), 'ENTRIES'), [
            (f'{place["rank"]}{" =" if place["tied"] else ""}', place['team'],
             following.number(place['value'], place['low'], place['high']), place['entries'])
            for place in board['places']]))
    return commands.DONE


errors = participation.errors
