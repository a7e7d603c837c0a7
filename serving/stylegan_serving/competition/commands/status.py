"""Shows what becomes of submissions.

    python -m stylegan_serving.competition status --contest=SLUG
    python -m stylegan_serving.competition status --submission=ID --follow

Exit codes: 0 shown (with --follow: scored); 1 refused or failed; 2 bad usage, or no server there.
"""

from absl import flags

from stylegan_serving.competition.commands import following, participation
from stylegan_tf import commands

participation.define_flags()
participation.define_contest()
_SUBMISSION = flags.DEFINE_string('submission', None, 'Id of a submission, as in its address /s/ID; default: all.')
_FOLLOW = flags.DEFINE_bool('follow', False, 'Wait and show every change, of the newest one without --submission.')


def main():
    """Reads the flags and prints; returns the exit code."""
    from stylegan_serving.competition import participant
    with participation.open_participant() as me:
        try:
            return _show(me)
        except participant.Refused as refusal:
            return participation.tell(refusal)


def _show(me):
    name = _SUBMISSION.value
    if not name:
        rows = me.submissions(participation.contest())
        if not rows:
            print('Nothing was handed in yet.')
            return commands.DONE
        if not _FOLLOW.value:
            print(following.table(('NUMBER', 'TITLE', 'STATE', 'SCORE', 'ID'), [
                (row['number'], row['title'][:40], following.describe(row), _score(row), row['id']) for row in rows]))
            return commands.DONE
        name = rows[0]['id']
    if _FOLLOW.value:
        return following.follow(me, name)
    row = me.submission(name)
    print(following.describe(row))
    for score in row['scores']:
        print(f'  {score["split"]:<7} {score["metric"]}: '
              f'{following.number(score["value"], score["low"], score["high"])}')
    return commands.DONE


def _score(row):
    score = next((score for score in row['scores'] if score['metric'] == 'score' and score['split'] == 'public'), None)
    return '' if score is None else following.number(score['value'], score['low'], score['high'])


errors = participation.errors
