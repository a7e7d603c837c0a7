"""Saves what the server has: the starter kit, the score log, or files of one's own submission.

    python -m stylegan_serving.competition download --contest=SLUG --what=starter_kit --output=kit.zip
    python -m stylegan_serving.competition download --submission=ID --what=archive --output=mine.zip

Exit codes: 0 saved; 1 refused; 2 bad usage, or no server there.
"""

from absl import flags

from stylegan_serving.competition.commands import participation
from stylegan_tf import commands

_OF_CONTEST = {'starter_kit': 'starter-kit', 'score_log': 'scorelog', 'export': 'export'}
_OF_SUBMISSION = ('archive', 'log', 'pairs')

participation.define_flags()
participation.define_contest()
_SUBMISSION = flags.DEFINE_string('submission', None, 'Id of a submission, for --what=archive, log or pairs.')
_WHAT = flags.DEFINE_enum('what', 'starter_kit', (*_OF_CONTEST, *_OF_SUBMISSION),
                          'What to save; `export` is for organisers.')
_OUTPUT = flags.DEFINE_string('output', None, 'File to write.')


def main():
    """Reads the flags and saves; returns the exit code."""
    from stylegan_serving.competition import participant
    if not _OUTPUT.value:
        raise commands.UsageError('Expected --output=FILE.')
    if _WHAT.value in _OF_SUBMISSION:
        if not _SUBMISSION.value:
            raise commands.UsageError(f'Expected --submission=ID with --what={_WHAT.value}. `status` lists the ids.')
        address = f'/submissions/{_SUBMISSION.value}/{_WHAT.value}'
    else:
        address = f'/contests/{participation.contest()}/{_OF_CONTEST[_WHAT.value]}'
    with participation.open_participant(needs_account=_WHAT.value not in ('starter_kit', 'score_log')) as me:
        try:
            size = me.download(address, _OUTPUT.value)
        except participant.Refused as refusal:
            return participation.tell(refusal)
    print(f'{_OUTPUT.value}: {size:,} bytes')
    return commands.DONE


errors = participation.errors
