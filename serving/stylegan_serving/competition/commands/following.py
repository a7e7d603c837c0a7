"""What `status` and `submit --follow` print while a submission is on its way."""

import datetime
import sys

from stylegan_tf import commands


def follow(me, submission_id):
    """Prints a line at every change until the submission has ended; returns the exit code, 0 where it was scored.

    Args:
        me: `participant.Participant`.
        submission_id: The submission.
    """
    last = ''
    for state in me.watch(submission_id):
        line = describe(state)
        if line != last:
            last = line
            print(line, flush=True)
    submission = me.submission(submission_id)
    for score in submission['scores']:
        print(f'  {score["split"]:<7} {score["metric"]}: {number(score["value"], score["low"], score["high"])}')
    for flag in submission['flags']:
        print(f'  Flagged: {flag["kind"].replace("_", " ")}', file=sys.stderr)
    return commands.DONE if submission['state'] == 'scored' else commands.SOME_FAILED


def describe(state):
    """A submission's state as a line."""
    eta = state.get('eta_seconds')
    soon = '' if eta is None else f', about {datetime.timedelta(seconds=round(eta))} left'
    if state['state'] == 'queued':
        place = state.get('queue_position')
        return f'queued{"" if place is None else f" in place {place}"}{soon}'
    if state['state'] == 'running':
        done, total = state['progress_done'], state['progress_total']
        return f'running{f", {done} of {total} pictures" if total else ""}{soon}'
    return f'{state["state"]}: {state["error"]}' if state.get('error') else state['state']


def number(value, low=None, high=None):
    """A score with its interval."""
    return f'{value:.4g}' if low is None else f'{value:.4g} [{low:.4g}, {high:.4g}]'


def table(head, rows):
    """Rows of texts under a head, in columns."""
    widths = [max(len(str(row[index])) for row in (head, *rows)) for index in range(len(head))]
    return '\n'.join('  '.join(f'{cell!s:<{width}}' for cell, width in zip(row, widths)).rstrip()
                     for row in (head, *rows))
