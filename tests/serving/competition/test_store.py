"""Accounts, contests, teams, uploads, votes and administration: what their docstrings promise, on both databases."""

import dataclasses

import pytest

from stylegan_serving.competition import bundle, records
from stylegan_serving.competition import store as stores
from tests.serving.competition import contest_builder as build


def _conflict(reason, function, *arguments, **options):
    with pytest.raises(stores.Conflict) as refused:
        function(*arguments, **options)
    assert refused.value.reason == reason


def test_accounts(store):
    accounts = store.accounts
    ada = accounts.add_user(' Ada ', 'Ada@Example.org', 'hash', 'organiser', 'zh', now=5.0)
    assert (ada.name, ada.email, ada.role, ada.created_at) == ('Ada', 'ada@example.org', 'organiser', 5.0)
    assert accounts.user(ada.id) == accounts.user_by_name('ADA') == accounts.user_by_name('ada@example.ORG ') == ada
    _conflict('name', accounts.add_user, 'aDA', None, 'x')
    _conflict('email', accounts.add_user, 'Bob', 'ADA@example.org', 'x')
    bob = accounts.add_user('Bob', None, 'x')
    eve = accounts.add_user('100%_Eve', None, 'x')  # no e-mail twice is no conflict
    _conflict('name', accounts.update_user, bob.id, name='ada')
    assert accounts.update_user(bob.id, name='Robert', role='admin', email='').name == 'Robert'
    assert accounts.update_user(ada.id, name='ADA').name == 'ADA'
    for wrong in ({'id': 'x'}, {'role': 'king'}):
        with pytest.raises(ValueError, match=r'role|changed'):
            accounts.update_user(bob.id, **wrong)
    assert [user.name for user in accounts.users()] == ['100%_Eve', 'ADA', 'Robert']
    assert [user.name for user in accounts.users('%_')] == ['100%_Eve']
    assert [user.name for user in accounts.users('EXAMPLE')] == ['ADA']
    assert [user.name for user in accounts.users(limit=1, after='ada')] == ['Robert']
    for missing in (lambda: accounts.user('0' * 16), lambda: accounts.user_by_name('nobody'),
                    lambda: accounts.update_user('0' * 16, role='user'), lambda: accounts.delete_user('0' * 16)):
        with pytest.raises(stores.NotFound):
            missing()
    assert eve.role == 'user'


def test_sessions_and_tokens_end(store):
    user = build.add_user(store)
    accounts = store.accounts
    for name, ends in (('a', 100.0), ('b', 200.0)):
        accounts.add_session(records.Session(name, user.id, 'csrf', 0.0, ends, 'Firefox'))
    assert accounts.session('a', 99.0).csrf == 'csrf'
    with pytest.raises(stores.NotFound):
        accounts.session('a', 100.0)
    endless = accounts.add_token(user.id, 'laptop', 'h1', now=1.0)
    accounts.add_token(user.id, 'server', 'h2', 150.0, now=2.0)
    _conflict('race', accounts.add_token, user.id, 'again', 'h1')
    assert [token.name for token in accounts.tokens(user.id)] == ['laptop', 'server']
    assert accounts.token_by_hash('h2', 149.0).name == 'server'
    accounts.touch_token(endless.id, 10.0)
    accounts.touch_token(endless.id, 20.0)
    assert accounts.tokens(user.id)[0].last_used_at == 10.0
    accounts.touch_token(endless.id, 100.0)
    assert accounts.tokens(user.id)[0].last_used_at == 100.0
    assert accounts.purge_expired(150.0) == 2
    assert accounts.session('b', 150.0) and accounts.token_by_hash('h1', 1e12)
    with pytest.raises(stores.NotFound):
        accounts.delete_token(endless.id, build.add_user(store).id)
    accounts.delete_token(endless.id, user.id)
    accounts.end_sessions(user.id)
    with pytest.raises(stores.NotFound):
        accounts.session('b', 0.0)


def test_a_deleted_account_leaves_scores_and_nothing_personal(store):
    contest = build.add_contest(store)
    team, leader = build.add_team(store, contest)
    member = build.add_user(store)
    store.teams.invite(team.id, 'h', leader.id, 1e12)
    store.teams.accept('h', member.id, 0.0)
    done = build.add_scored(store, contest, team, leader, 1.0)
    store.accounts.add_session(records.Session('s', leader.id, 'c', 0.0, 1e12, ''))
    store.accounts.add_token(leader.id, 't', 'h')
    store.contests.set_role(contest.id, leader.id, 'judge')
    store.administration.audit(leader.id, 'submit', done.id, address='10.0.0.7')
    gone = store.accounts.delete_user(leader.id)
    assert gone.name.startswith('deleted-') and gone.email is None and gone.is_disabled and not gone.password_hash
    assert store.accounts.tokens(leader.id) == [] and store.contests.role_of(contest.id, leader.id) is None
    assert [(row.user_id, row.role) for row in store.teams.members(team.id)] == [(member.id, 'leader')]
    assert store.administration.audit_events()[0].address == ''
    (standing, name), = store.scores.board_rows(contest.id, 'development', 'public')
    assert (standing.submission_id, name) == (done.id, team.name)
    store.accounts.add_user(leader.name, leader.email, 'x')  # both are free again


def test_contests_are_seen_by_those_who_may(store):
    owner = build.add_user(store, role='organiser')
    draft, opened = build.add_contest(store, state='draft', owner=owner), build.add_contest(store, owner=owner)
    other = build.add_user(store)
    assert store.contests.list() == store.contests.list(viewer=other.id) == [opened]
    assert {contest.id for contest in store.contests.list(viewer=owner.id)} == {draft.id, opened.id}
    assert store.contests.list('draft', viewer='*') == [draft]
    store.contests.set_role(draft.id, other.id, 'judge')
    assert store.contests.list('draft', viewer=other.id) == [draft]
    assert store.contests.role_of(draft.id, other.id) == 'judge'
    assert {(row.user_id, row.role) for row in store.contests.roles(draft.id)} == {
        (owner.id, 'organiser'), (other.id, 'judge')}
    store.contests.set_role(draft.id, other.id, None)
    assert store.contests.role_of(draft.id, other.id) is None
    with pytest.raises(stores.InvalidState, match='owner'):
        store.contests.set_role(draft.id, owner.id, None)
    assert store.contests.by_slug(opened.slug) == opened == store.contests.contest(opened.id)
    _conflict('slug', store.contests.add, opened.slug, 'T', owner.id, {}, bundle_files='x')
    first = store.contests.add_announcement(opened.id, owner.id, 'one', now=1.0)
    second = store.contests.add_announcement(opened.id, owner.id, 'two', now=2.0)
    assert store.contests.announcements(opened.id) == [second, first]


def test_a_changed_rule_of_selection_changes_the_board(store):
    contest = build.add_contest(store)
    team = build.add_team(store, contest)
    best, last = (build.add_scored(store, contest, *team, value) for value in (1.0, 2.0))

    def counting():
        return store.scores.board_rows(contest.id, 'development', 'public')[0][0].submission_id

    assert counting() == best.id
    version = store.scores.version(contest.id)
    phases = [phase | {'final_selection': 'last'} for phase in contest.bundle['phases']]
    store.contests.update(contest.id, bundle=contest.bundle | {'phases': phases})
    assert counting() == last.id and store.scores.version(contest.id) > version


def test_chosen_entries_keep_to_their_number(store):
    phase = bundle.Phase('development', 0.0, 4e9, final_selection='chosen')
    contest = build.add_contest(store, phases=(phase,))
    team = build.add_team(store, contest)
    first, second, third = (build.add_scored(store, contest, *team, value, -value) for value in (1.0, 2.0, 3.0))

    def counting(split):
        return store.scores.board_rows(contest.id, 'development', split)[0][0].submission_id

    assert counting('private') == first.id
    assert store.submissions.choose_final(third.id).is_final and counting('public') == third.id
    store.submissions.choose_final(second.id)
    assert counting('public') == second.id and not store.submissions.submission(third.id).is_final
    store.submissions.choose_final(first.id, limit=2)
    assert (counting('public'), counting('private')) == (first.id, second.id)
    _conflict('chosen_limit', store.submissions.choose_final, third.id, limit=2)
    store.submissions.clear_final(first.id)
    assert counting('public') == second.id


def test_teams(store):
    contest = build.add_contest(store)
    team, leader = build.add_team(store, contest, 'Fauves')
    _conflict('name', store.teams.add, contest.id, ' fauves', build.add_user(store).id)
    _conflict('member', store.teams.add, contest.id, 'Others', leader.id)
    member = build.add_user(store)
    store.teams.invite(team.id, 'h', leader.id, 100.0, now=0.0)
    with pytest.raises(stores.NotFound):
        store.teams.accept('h', member.id, 100.0)
    _conflict('full', store.teams.accept, 'h', member.id, 50.0, maximum_members=1)
    assert store.teams.invitation('h', 50.0).created_by == leader.id
    assert store.teams.accept('h', member.id, 50.0, maximum_members=2) == team
    with pytest.raises(stores.NotFound):
        store.teams.invitation('h', 50.0)
    assert store.teams.team_of(contest.id, member.id) == team and store.teams.team_of(contest.id, 'nobody') is None
    assert [row.team_id for row in store.teams.memberships(member.id)] == [team.id]
    second, _ = build.add_team(store, contest, 'Nabis')
    _conflict('name', store.teams.rename, second.id, 'FAUVES')
    assert store.teams.rename(team.id, 'FAUVES').name == 'FAUVES'
    assert [row.name for row in store.teams.teams(contest.id)] == ['FAUVES', 'Nabis']
    build.add_scored(store, contest, team, leader, 1.0)
    store.teams.set_hidden(team.id, True)
    assert store.scores.board_rows(contest.id, 'development', 'public') == []
    store.teams.leave(team.id, leader.id)
    assert [(row.user_id, row.role) for row in store.teams.members(team.id)] == [(member.id, 'leader')]
    with pytest.raises(stores.NotFound):
        store.teams.remove_member(team.id, leader.id)


def test_votes_are_given_once(store):
    contest = build.add_contest(store)
    names = sorted(build.add_scored(store, contest, *build.add_team(store, contest), 1.0).id for _ in range(3))
    voters = [build.add_user(store) for _ in range(2)]

    def vote(voter, pair, first, second, winner, at=0.0):
        return store.votes.add(records.Vote(records.new_id(), contest.id, 'development', pair, first, second, winner,
                                            voter.id, 'k', at))

    assert vote(voters[0], 0, names[1], names[0], 'first').winner == 'second'
    _conflict('voted', vote, voters[0], 0, names[0], names[1], 'tie')
    vote(voters[0], 1, names[0], names[1], 'tie', 50.0)
    vote(voters[1], 0, names[0], names[1], 'first', 60.0)
    vote(voters[1], 0, names[0], names[2], 'first')
    for wrong in (names[0], names[0], 'first'), (names[0], names[1], 'both'):
        with pytest.raises(ValueError, match='two submissions'):
            vote(voters[0], 2, *wrong)
    assert store.votes.tallies(contest.id, 'development') == [
        (names[0], names[1], 1, 1, 1), (names[0], names[2], 1, 0, 0)]
    assert store.votes.counts(contest.id, 'development') == {
        (0, names[0], names[1]): 2, (1, names[0], names[1]): 1, (0, names[0], names[2]): 1}
    assert store.votes.newest(contest.id, 'development') == 60.0 and store.votes.newest(contest.id, 'other') is None
    assert store.votes.by_voter_since(voters[0].id, 50.0) == 1
    assert store.votes.judged(voters[0].id, contest.id, 'development') == {
        (0, names[0], names[1]), (1, names[0], names[1])}
    assert len(store.votes.list(contest.id)) == 4 and store.votes.list(contest.id, 'other') == []


def test_administration(store):
    contest = build.add_contest(store)
    done = build.add_scored(store, contest, *build.add_team(store, contest), 1.0)
    user, administration = build.add_user(store), store.administration
    for index in range(3):
        administration.audit(user.id, 'look', f'target{index}', {'n': [index]}, '10.0.0.1', now=float(index))
    events = administration.audit_events(limit=2)
    assert [event.detail for event in events] == [{'n': [2]}, {'n': [1]}]
    assert [event.target for event in administration.audit_events(before=events[-1].sequence)] == ['target0']

    report = administration.add_report(done.id, user.id, 'ugly')
    _conflict('reported', administration.add_report, done.id, user.id, 'still ugly')
    assert administration.reports(contest.id) == administration.reports(state='open') == [report]
    assert administration.statistics()['open_reports'] == 1
    handled = administration.handle_report(report.id, 'rejected', user.id)
    assert (handled.state, handled.handled_by) == ('rejected', user.id) and administration.report(report.id) == handled
    with pytest.raises(stores.InvalidState):
        administration.handle_report(report.id, 'upheld', user.id)
    assert administration.reports(build.add_contest(store).id) == []

    worker = records.Worker('w', 'host', 7, 0.0, 100.0, None)
    administration.heartbeat(worker)
    administration.heartbeat(dataclasses.replace(worker, seen_at=110.0, current_submission=done.id))
    assert administration.workers(150.0)[0].current_submission == done.id
    assert administration.workers(171.0) == []
    administration.forget_worker('w')
    assert administration.workers(110.0) == []
    waiting = build.add_submission(store, contest, *build.add_team(store, contest), now=7.0)
    numbers = administration.statistics()
    assert numbers['submissions'] == {'scored': 1, 'queued': 1} and numbers['oldest_queued_at'] == 7.0
    assert numbers['contests'] == 2 and waiting.number == 2


def test_entries_winners_and_history_are_of_what_counts(store):
    contest = build.add_contest(store)
    teams = [build.add_team(store, contest) for _ in range(2)]
    for (team, leader), values in zip(teams, ((3.0, 1.0), (2.0,))):
        for value in values:
            last = build.add_scored(store, contest, team, leader, value, 10 - value)
    rows = store.scores.entries(contest.id, 'development', pair=2)
    assert [(row.metrics[build.METRIC], name) for row, _, name in rows] == [
        (1.0, teams[0][0].name), (2.0, teams[1][0].name)]
    assert len(store.scores.entries(contest.id, 'development')) == 8
    best = store.scores.best_per_pair(contest.id, 'development', build.METRIC, 'public')
    assert {pair: row[2] for pair, row in best.items()} == {0: 1.0, 2: 1.0}
    assert {row[2] for row in store.scores.best_per_pair(
        contest.id, 'development', build.METRIC, 'private', 'lower').values()} == {8.0}
    assert [row[3] for row in store.scores.history(contest.id, 'development', 'score', 'public')] == [3.0, 1.0, 2.0]
    assert [row[3] for row in store.scores.history(
        contest.id, 'development', 'score', 'public', limit=2)] == [1.0, 2.0]
    store.submissions.disqualify(last.id, 'copied', None)
    assert [row[3] for row in store.scores.history(contest.id, 'development', 'score', 'public')] == [3.0, 1.0]


def test_lists_go_on_where_they_ended(store):
    contest = build.add_contest(store)
    team, other = (build.add_team(store, contest) for _ in range(2))
    for index in range(5):
        build.add_submission(store, contest, *(team if index % 2 == 0 else other), now=float(index))
    page = store.submissions.list(contest.id, limit=2)
    assert [row.number for row in page] == [5, 4]
    assert [row.number for row in store.submissions.list(contest.id, limit=2, after=4)] == [3, 2]
    assert [row.number for row in store.submissions.list(contest.id, team[0].id)] == [5, 3, 1]
    assert [store.submissions.queue_position(row.id) for row in page] == [(5, 0), (4, 0)]
    store.submissions.claim('w', 10.0, 60)
    assert [store.submissions.queue_position(row.id) for row in page] == [(4, 1), (3, 1)]
    assert [row.number for row in store.submissions.list(contest.id, state='running')] == [1]


def test_uploads_expire(store):
    contest, user = build.add_contest(store), build.add_user(store)
    upload = store.submissions.add_upload(contest.id, user.id, 'a.zip', 10, '0' * 64, 50.0, now=1.0)
    assert store.submissions.uploads_of(user.id) == [upload] == store.submissions.expired_uploads(50.0)
    assert store.submissions.expired_uploads(49.0) == []
    store.submissions.delete_upload(upload.id)
    with pytest.raises(stores.NotFound):
        store.submissions.upload(upload.id)
