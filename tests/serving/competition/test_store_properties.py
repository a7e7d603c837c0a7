"""Whatever happens to submissions in whatever order: what failed never ranks, and the log explains every board."""

import itertools
import pathlib
import shutil
import tempfile

import hypothesis
import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from stylegan_serving.competition import bundle, ranking, score_log
from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder as build

_template = pathlib.Path(tempfile.mkdtemp()) / 'competition.sqlite'
_LEASE = 10.0
_VALUES = st.floats(-1e6, 1e6, allow_nan=False, width=32)


def setup_module():
    stores.open_store(f'sqlite:///{_template}').close()


def teardown_module():
    shutil.rmtree(_template.parent)


class Contest(stateful.RuleBasedStateMachine):
    """Two teams, three workers and an organiser, on a real database; `self.states` is what should be."""

    submissions = stateful.Bundle('submissions')

    @stateful.initialize(target=submissions, rule=st.sampled_from(['best', 'last', 'chosen']),
                         better=st.sampled_from(['lower', 'higher']))
    def begin(self, rule, better):
        self.folder = tempfile.mkdtemp()
        shutil.copyfile(_template, f'{self.folder}/competition.sqlite')
        self.store = stores.Store(stores.make_engine(f'sqlite:///{self.folder}/competition.sqlite'))
        self.contest = build.add_contest(
            self.store, phases=(bundle.Phase('development', 0.0, 4e9, final_selection=rule),),
            metrics=(bundle.Metric(build.METRIC, better=better),))
        self.teams = [build.add_team(self.store, self.contest) for _ in range(2)]
        self.now, self.states, self.leases, self.scored = 1000.0, {}, {}, {}
        # Each team has two entries to begin with, so that steps meet scored ones from the first.
        names = [self.submit(team) for team in (0, 0, 1, 1)]
        for value, name in zip((3.0, 1.0, 2.0, 4.0), names):
            self.claim('a')
            self.finish(name, False, value, -value)
        return stateful.multiple(*names)

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)

    @stateful.rule(target=submissions, team=st.integers(0, 1))
    def submit(self, team):
        made = build.add_submission(self.store, self.contest, *self.teams[team], now=self.now)
        self.states[made.id] = 'queued'
        return made.id

    @stateful.rule(worker=st.sampled_from('abc'))
    def claim(self, worker):
        held = self.store.submissions.claim(worker, self.now, _LEASE, maximum_attempts=100)
        free = {name for name, state in self.states.items()
                if state == 'queued' or (state == 'running' and self.leases[name][1] < self.now)}
        assert (held is None) == (not free)
        if held:
            assert held.id in free
            self.states[held.id], self.leases[held.id] = 'running', (worker, self.now + _LEASE)
            self._expect(False, stores.StaleLease, lambda: build.finish(self.store, held, 'an impostor', -1e9))

    @stateful.rule(seconds=st.sampled_from([1.0, 9.0, 11.0]))
    def wait(self, seconds):
        self.now += seconds

    def _worker(self, name, other):
        """(a worker, whether it holds the submission): its last one, or another."""
        holder = self.leases[name][0] if name in self.leases else 'c'
        worker = next(worker for worker in 'abc' if worker != holder) if other else holder
        return worker, self.states[name] == 'running' and self.leases[name][0] == worker

    def _expect(self, allowed, error, write):
        try:
            write()
        except error:
            assert not allowed
        else:
            assert allowed
        return allowed

    @stateful.rule(name=submissions, other=st.booleans(), public=_VALUES, private=_VALUES)
    def finish(self, name, other, public, private):
        held = self.store.submissions.submission(name)
        worker, holds = self._worker(name, other)
        if self._expect(holds, stores.StaleLease,
                        lambda: build.finish(self.store, held, worker, public, private, now=self.now)):
            self.states[name] = 'scored'
            self.scored.setdefault(name, []).append(public)

    @stateful.rule(name=submissions, other=st.booleans())
    def fail(self, name, other):
        worker, holds = self._worker(name, other)
        if self._expect(holds, stores.StaleLease,
                        lambda: self.store.submissions.finish_failed(name, worker, 'no picture 003.png')):
            self.states[name] = 'failed'

    @stateful.rule(name=submissions, other=st.booleans())
    def release(self, name, other):
        worker, holds = self._worker(name, other)
        if self._expect(holds, stores.StaleLease,
                        lambda: self.store.submissions.release(name, worker)):
            self.states[name] = 'queued'

    @stateful.rule(name=submissions)
    def cancel(self, name):
        if self._expect(self.states[name] in ('queued', 'running'), stores.InvalidState,
                        lambda: self.store.submissions.cancel(name)):
            self.states[name] = 'cancelled'

    @stateful.rule(name=submissions)
    def requeue(self, name):
        if self._expect(self.states[name] in ('scored', 'failed', 'cancelled'), stores.InvalidState,
                        lambda: self.store.submissions.requeue(name, now=self.now)):
            self.states[name] = 'queued'

    @stateful.rule(name=submissions)
    def disqualify(self, name):
        if self._expect(self.states[name] != 'disqualified', stores.InvalidState,
                        lambda: self.store.submissions.disqualify(name, 'copied', None)):
            self.states[name] = 'disqualified'

    @stateful.rule(name=submissions)
    def reinstate(self, name):
        if self._expect(self.states[name] == 'disqualified', stores.InvalidState,
                        lambda: self.store.submissions.reinstate(name, 'sorry', None)):
            self.states[name] = self.store.submissions.submission(name).state
            assert self.states[name] in ('scored', 'failed', 'queued')

    @stateful.rule(name=submissions)
    def choose(self, name):
        self._expect(self.states[name] == 'scored', stores.InvalidState,
                     lambda: self.store.submissions.choose_final(name))

    @stateful.rule(name=submissions, hidden=st.booleans())
    def hide(self, name, hidden):
        (self.store.submissions.hide if hidden else self.store.submissions.show)(name)

    @stateful.invariant()
    def states_are_as_expected(self):
        if hasattr(self, 'store'):
            assert {row.id: row.state for row in self.store.submissions.list(self.contest.id)} == self.states

    @stateful.invariant()
    def only_scored_and_shown_entries_rank(self):
        if not hasattr(self, 'store'):
            return
        rows = {row.id: row for row in self.store.submissions.list(self.contest.id)}
        for split in ('public', 'private'):
            standings = [row for row, _ in self.store.scores.board_rows(self.contest.id, 'development', split)]
            for place in ranking.places(standings, self.contest.bundle):
                row = rows[place.submission_id]
                assert self.states[row.id] == 'scored' and not row.is_hidden and row.team_id == place.team_id
                shown = next(score for score in self.store.scores.of(row.id, split) if score.metric == 'score')
                assert shown.value == place.value
            teams = {row.team_id for row in rows.values() if self.states[row.id] == 'scored' and not row.is_hidden}
            assert {standing.team_id for standing in standings} == teams

    @stateful.invariant()
    def the_log_explains_the_board(self):
        if not hasattr(self, 'store'):
            return
        entries = list(self.store.scores.whole_log(self.contest.id))
        self.store.scores.verify_log(self.contest.id)
        assert score_log.standings(entries, self.contest.bundle) == self.store.scores.standings(self.contest.id)
        written = {name: [entry.payload['public']['scores']['score'][0] for entry in group]
                   for name, group in itertools.groupby(
                       sorted((entry for entry in entries if entry.kind in ('scored', 'rescored')),
                              key=lambda entry: (entry.submission_id, entry.sequence)),
                       key=lambda entry: entry.submission_id)}
        assert written == self.scored


_SETTINGS = hypothesis.settings(deadline=None, derandomize=True, database=None,
                                suppress_health_check=list(hypothesis.HealthCheck))


def test_failed_and_disqualified_runs_never_rank():
    stateful.run_state_machine_as_test(
        Contest, settings=hypothesis.settings(_SETTINGS, max_examples=6, stateful_step_count=15))


@pytest.mark.slow
def test_failed_and_disqualified_runs_never_rank_in_many_orders():
    stateful.run_state_machine_as_test(
        Contest, settings=hypothesis.settings(_SETTINGS, max_examples=25, stateful_step_count=30))
