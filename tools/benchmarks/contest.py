"""The competition under stress: killed workers, a board of thousands of submissions, participants at once.

    python tools/benchmark.py contest
    python tools/benchmark.py contest --kills=5 --queue=6 --submissions=500 --participants=4 --output=contest.json
    python tools/benchmark.py contest --parts=chaos
    python tools/benchmark.py contest --parts=board --database_url=postgresql://USER@HOST/EMPTY_DATABASE

chaos: workers are killed with SIGKILL at random moments of a run, as often as --kills says; at the end every submission
must be scored exactly once, equal archives equally, and the board must follow from the log.
board: so many --submissions on it; what the store's operations cost, and the pages, one request at a time. Beside the
time waited stands the time of computing, which a busy machine changes less.
participants: so many people register, join, look, hand in and watch at once, with one worker in the server's process.
Everything runs on SQLite in a temporary folder, unless an empty database of PostgreSQL is given, and only this machine
is asked. Exit code 1: something was lost, scored twice, different, or answered with an error.
"""

import json
import tempfile

from absl import flags
from benchmarks import checks, records

from stylegan_tf import commands

PACKAGES = ('fastapi', 'httpx', 'sqlalchemy', 'uvicorn')
PARTS = ('chaos', 'board', 'participants')
_PARTS = flags.DEFINE_list('parts', list(PARTS), f'Which: {", ".join(PARTS)}; participants come to the board.')
_KILLS = flags.DEFINE_integer('kills', 50, 'Workers killed.', 1)
_QUEUE = flags.DEFINE_integer('queue', 20, 'Submissions that wait when the killing begins; more come meanwhile.', 1)
_SUBMISSIONS = flags.DEFINE_integer('submissions', 10_000, 'Submissions on the board.', 1)
_PARTICIPANTS = flags.DEFINE_integer('participants', 20, 'People at once.', 1)
_SEED = flags.DEFINE_integer('seed', 0, 'Of the moments of the kills.')
_DATABASE_URL = flags.DEFINE_string('database_url', None, 'An empty PostgreSQL database, instead of SQLite.')
_OUTPUT = flags.DEFINE_string('output', None, 'JSON file for all numbers.')


def main():
    """Runs the parts and prints what happened; returns the exit code."""
    checks.choices('parts', _PARTS.value, PARTS)
    if _DATABASE_URL.value and 'chaos' in _PARTS.value and len(_PARTS.value) > 1:
        raise commands.UsageError('--database_url takes one contest: --parts=chaos, or --parts=board,participants.')
    checks.packages(PACKAGES, 'competition')
    _check_database()
    checks.output_file(_OUTPUT.value)
    report, is_good = {}, True
    if 'chaos' in _PARTS.value:
        from benchmarks import contest_chaos
        with tempfile.TemporaryDirectory() as folder:
            report['chaos'] = contest_chaos.Chaos(folder, _KILLS.value, _QUEUE.value, seed=_SEED.value,
                                                  database_url=_DATABASE_URL.value, say=_say).run()
        is_good = contest_chaos.is_good(report['chaos'])
    if {'board', 'participants'} & set(_PARTS.value):
        report |= _with_board()
        is_good &= _answers_are_good(report)
    if _OUTPUT.value:
        records.write(_OUTPUT.value, report)
    print(json.dumps(report, indent=1))
    return commands.DONE if is_good else commands.SOME_FAILED


def _check_database():
    """Opens --database_url, if one was given, and refuses one that is no empty database."""
    if not _DATABASE_URL.value:
        return
    import sqlalchemy as sa

    from stylegan_serving.competition import store
    try:
        engine = store.make_engine(_DATABASE_URL.value)
        tables = sa.inspect(engine).get_table_names()
        engine.dispose()
    except (ValueError, sa.exc.OperationalError) as error:
        raise commands.UsageError(f'--database_url: {error}') from error
    if tables:
        raise commands.UsageError('--database_url expects an empty database. It holds the tables '
                                  f'{", ".join(sorted(tables))}.')


def _with_board():
    from benchmarks import contest_board

    report = {}
    with tempfile.TemporaryDirectory() as folder:
        board = contest_board.Board(folder, _SUBMISSIONS.value, database_url=_DATABASE_URL.value, say=_say)
        report['board'] = board.fill()
        if 'board' in _PARTS.value:
            report['pages'] = board.pages()
        if 'participants' in _PARTS.value:
            report['participants'] = board.participants(_PARTICIPANTS.value)
        board.close()
    return report


def _answers_are_good(report):
    people = report.get('participants', {'errors': 0, 'submitted': 0, 'states': {}})
    pages = report.get('pages', {})
    are_pages_good = all(page['status'] == [200] for page in pages.values())
    return (report['board']['board_follows_from_log'] and are_pages_good and not people['errors']
            and people['submitted'] == sum(people['states'].values()) and 'failed' not in people['states'])


def _say(line):
    print(line, flush=True)


if __name__ == '__main__':
    commands.run(main)
