"""Checks the score logs, and makes the boards anew from them.

    python -m stylegan_serving.competition verify                          all contests
    python -m stylegan_serving.competition verify --contest=SLUG --board   one, and prints its boards
    python -m stylegan_serving.competition verify --export=FILE.zip        a reproduction bundle, without a database

Each line of a log is hashed over the one before it. The standings that follow from the log must be those the server
shows; --rewrite makes the server's anew from its scores where they are not.
Exit codes: 0 all is as it was written; 1 a log was changed, or a board does not follow from it; 2 bad usage.
"""

import sys

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_CONTEST = flags.DEFINE_string('contest', None, 'Slug of the contest; default: all.')
_EXPORT = flags.DEFINE_string('export', None, 'Reproduction bundle to check instead of a database.')
_BOARD = flags.DEFINE_bool('board', False, 'Print the boards that follow from the log.')
_REWRITE = flags.DEFINE_bool('rewrite', False, "Write the server's standings anew where they differ.")


def main():
    """Reads the flags and checks; returns the exit code."""
    from stylegan_serving.competition import bundle_export, score_log
    if _EXPORT.value:
        try:
            bundle, entries, stated, names = bundle_export.read_log(_EXPORT.value)
            count, head = score_log.verify(entries)
        except score_log.BrokenLog as error:
            return _broken(_EXPORT.value, error)
        if _BOARD.value:
            _print_boards(bundle, entries, names)
        return _compare(_EXPORT.value, bundle, entries, stated, count, head)
    codes = []
    with installation.opened('check') as (store, _, _):
        chosen = [installation.contest_of(store, _CONTEST.value)] if _CONTEST.value else store.contests.list(viewer='*')
        for contest in chosen:
            try:
                count, head = store.scores.verify_log(contest.id)
            except score_log.BrokenLog as error:
                codes.append(_broken(contest.slug, error))
                continue
            stated, entries = bundle_export.at_one_moment(store, contest.id)
            if _BOARD.value:
                _print_boards(contest.bundle, entries,
                              {team.id: team.name for team in store.teams.teams(contest.id)})
            code = _compare(contest.slug, contest.bundle, entries, stated, count, head)
            if code and _REWRITE.value:
                store.scores.restate(contest.id)
                code = _compare(contest.slug, contest.bundle, entries, store.scores.standings(contest.id), count, head)
            codes.append(code)
    if not codes:
        print('There are no contests.')
    return max(codes, default=commands.DONE)


def _compare(name, bundle, entries, stated, count, head):
    from stylegan_serving.competition import score_log
    follows = score_log.standings(entries, bundle)
    different = sorted(key for key in {*follows, *stated} if follows.get(key) != stated.get(key))
    for phase, split, team in different:
        print(f'{name}: {phase}, {split}, team {team}: the log says {_shown(follows.get((phase, split, team)))}, the '
              f'board {_shown(stated.get((phase, split, team)))}.', file=sys.stderr)
    if different:
        return commands.SOME_FAILED
    print(f'{name}: {count} entries in order{f", the last hash is {head}" if head else ""}; {len(stated)} standings '
          'follow from them.')
    return commands.DONE


def _print_boards(bundle, entries, names):
    from stylegan_serving.competition import ranking, records, score_log
    standings = score_log.standings(entries, bundle)
    numbers = {entry.submission_id: entry.payload['number'] for entry in entries if 'number' in entry.payload}
    for phase in bundle['phases']:
        for split in ('public', 'private'):
            rows = [records.Standing('', name, part, team, submission, numbers[submission], count, scores, 0.0)
                    for (name, part, team), (submission, count, scores) in standings.items()
                    if (name, part) == (phase['name'], split)]
            if rows:
                print(f'{phase["name"]}, {split} pairs')
            for place in ranking.places(rows, bundle):
                interval = '' if place.low is None else f' [{place.low:.6g}, {place.high:.6g}]'
                print(f'  {place.rank:>4}{"=" if place.tied else " "} {place.value:<10.6g}{interval}  '
                      f'{names.get(place.team_id, place.team_id)}, submission {place.number}')


def _shown(standing):
    return f'submission {standing[0]} of {standing[1]}' if standing else 'nothing'


def _broken(name, error):
    print(f'{name}: the score log is broken. {error}', file=sys.stderr)
    return commands.SOME_FAILED


errors = installation.errors
