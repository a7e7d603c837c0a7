"""Which earlier entries a new one may be a copy of: all scored ones of other teams, on a board or not."""

import collections
import json
import math

_ROWS_KEPT = 2000  # entries whose fingerprints stay in memory
_MOST_COMPARED = 200  # entries whose fingerprints are compared with those of a new one: the nearest by their layouts
_OVERLAP_SECONDS = 600.0  # by which clocks of workers may differ


class Originals:
    """What one worker remembers of the entries of its contests.

    Of every entry the layout of each picture stays in memory, 128 bits, so that an entry is compared with all others at
    little cost; the rest of a fingerprint is read from the report of those that are near.

    Args:
        store: `store.Store`.
        storage: `storage.Storage`.
    """

    def __init__(self, store, storage):
        self._store, self._storage = store, storage
        self._layouts = {}  # contest -> submission -> (team, number, {pair: bits})
        self._seen = {}  # contest -> end of the newest run that was looked at
        self._rows = collections.OrderedDict()

    def near(self, submission, rows):
        """{submission id: its rows} of the other teams' entries with a layout like that of a new entry.

        Args:
            submission: `records.Submission` of the new entry.
            rows: Its rows, with 'pair' and 'fingerprint'.
        """
        from stylegan_tf import evaluator  # only where something is scored

        ours, distances = layouts(rows), {}
        # An entry that is scored again is no copy of those that came behind it; of two new ones the later to end is.
        behind = submission.number if self._store.scores.was_scored(submission.id) else math.inf
        for name, (team, number, known) in self._known(submission.contest_id).items():
            if team != submission.team_id and number < behind:
                nearest = min(((bits ^ known[pair]).bit_count() for pair, bits in ours.items() if pair in known),
                              default=128)
                if nearest <= evaluator.MOST_BITS:
                    distances[name] = nearest
        nearest = sorted(distances, key=distances.get)[:_MOST_COMPARED]
        return {name: found for name in nearest if (found := self._rows_of(name))}

    def _known(self, contest_id):
        known = self._layouts.setdefault(contest_id, {})
        since = self._seen.get(contest_id, 0.0) - _OVERLAP_SECONDS
        for name, team, number, pair, layout, finished_at in self._store.scores.layouts(contest_id, since):
            known.setdefault(name, (team, number, {}))[2][pair] = int(layout, 16)
            self._seen[contest_id] = max(finished_at, self._seen.get(contest_id, 0.0))
        return known

    def _rows_of(self, name):
        if name not in self._rows:
            try:
                self._rows[name] = json.loads(self._storage.read(f'submissions/{name}/report.json'))['rows']
            except (OSError, ValueError, KeyError):  # an entry without a report is no reason not to score another
                return None
            while len(self._rows) > _ROWS_KEPT:
                self._rows.popitem(last=False)
        self._rows.move_to_end(name)
        return self._rows[name]


def layouts(rows):
    """{pair: 128 bits as int} of the rows of an entry."""
    return {row['pair']: int(row['fingerprint']['hash'], 16) for row in rows}
