import csv
import io
import json

import pytest

from stylegan_serving.competition import records, score_log
from tests.serving.competition import contest_builder
from tests.serving.competition.contest_builder import METRIC


@pytest.fixture
def place(web):
    return f'/api/v1/contests/{web.contest.slug}'


def end_phase(web):
    """Lets the contest's only phase have ended a minute ago."""
    bundle = json.loads(json.dumps(web.contest.bundle))
    bundle['phases'][0]['end'] = web.platform.now() - 60
    web.store.contests.update(web.contest.id, bundle=bundle)


def test_a_board_as_json_and_csv(web, place):
    web.store.teams.rename(web.teams['other_team'].id, '=HYPERLINK("x")')
    board = web.client().get(f'{place}/leaderboard').json()
    assert [(row['rank'], row['team'], row['value']) for row in board['places']] == [
        (1, 'team participant', 2.0), (2, '=HYPERLINK("x")', 3.0)]
    assert (board['phase'], board['split'], board['better']) == ('development', 'public', 'lower')
    part = web.client().get(f'{place}/leaderboard?first=1&count=1').json()
    assert ([row['rank'] for row in part['places']], part['teams']) == ([2], 2)
    answer = web.client().get(f'{place}/leaderboard?format=csv&metric={METRIC}')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row['rank'], row['team'], row[METRIC]) for row in rows] == [
        ('1', 'team participant', '2.0'), ('2', '\'=HYPERLINK("x")', '3.0')]
    assert 'attachment' in answer.headers['content-disposition']


def test_a_board_that_was_kept_moves_with_the_scores(web, place):
    def leader():
        return web.client().get(f'{place}/leaderboard').json()['places'][0]['team']

    assert leader() == 'team participant'
    web.add_scored('other_team', 1.0)
    assert leader() == 'team other_team'
    best = web.store.submissions.list(web.contest.id, team_id=web.teams['other_team'].id)[0]
    for action, team in (('disqualify', 'team participant'), ('reinstate', 'team other_team'),
                         ('hide', 'team participant'), ('show', 'team other_team')):
        answer = web.client('organiser').post(f'/api/v1/submissions/{best.id}/{action}', json={'reason': 'a reason'})
        assert answer.status_code == 200, answer.text
        assert leader() == team, action


def test_private_scores_are_seen_by_organisers_first_and_by_all_when_the_phase_has_ended(web, place):
    own = f'/api/v1/submissions/{web.submissions["participant"].id}'

    def seen(kind):
        client = web.client(kind)
        board = client.get(f'{place}/leaderboard?split=private').status_code == 200
        log = [json.loads(line) for line in client.get(f'{place}/scorelog').text.splitlines()]
        whole = all('private' in entry['payload'] for entry in log)
        parts = [client.get(f'{place}/history?split=private').status_code == 200, whole]
        if kind in ('participant', 'judge', 'organiser', 'admin'):
            parts += ['private' in {score['split'] for score in client.get(own).json()['scores']},
                      'private' in {row['split'] for row in client.get(f'{own}/pairs').json()}]
        assert set(parts) == {board}, (kind, parts, board)
        return board

    assert {kind: seen(kind) for kind in ('anonymous', 'user', 'participant', 'judge', 'organiser', 'admin')} == {
        'anonymous': False, 'user': False, 'participant': False, 'judge': False, 'organiser': True, 'admin': True}
    # A heat map of a private pair, in the gallery and by its address.
    for pair, status in ((0, 200), (1, 404)):
        assert web.client('participant').get(f'{own}/pictures/{pair}/heat_map').status_code == status
        row = web.client().get(f'{place}/gallery?pair={pair}').json()[0]
        assert (row['heat_map'] is not None, bool(row['metrics'])) == (status == 200, status == 200)
        assert web.client().get(row['output']).status_code == 200
    shown = web.client('judge').get(place).json()['bundle']
    assert 'split_seed' not in shown and not any('split' in pair for pair in shown['pairs'])
    end_phase(web)
    assert all(seen(kind) for kind in ('anonymous', 'user', 'participant', 'judge'))
    board = web.client().get(f'{place}/leaderboard').json()
    assert (board['split'], board['places'][0]['value']) == ('private', 3.0)


def test_the_log_that_everybody_sees_verifies(web, place):
    entries = [records.LogEntry(**json.loads(line))
               for line in web.client().get(f'{place}/scorelog').text.splitlines()]
    assert score_log.verify(entries) == web.store.scores.log_head(web.contest.id)
    assert [entry.sequence for entry in entries] == [1, 2]
    assert len(web.client().get(f'{place}/scorelog?after=1').text.splitlines()) == 1


def test_another_teams_submission_shows_pictures_only(web):
    other = f'/api/v1/submissions/{web.submissions["other_team"].id}'
    client = web.client('participant')
    assert client.get(f'{other}/pictures/0/output').status_code == 200
    for path in ('', '/pairs', '/log', '/archive', '/events'):
        assert client.get(f'{other}{path}').status_code == 403, path
    web.client('judge').post(f'{other}/hide')
    assert client.get(f'{other}/pictures/0/output').status_code == 404
    assert web.client('other_team').get(f'{other}/pictures/0/output').status_code == 200


def test_wrong_questions_are_told_what_there_is(web, place):
    for query, word in (('phase=x', 'development'), ('metric=x', METRIC), ('split=x', 'public')):
        answer = web.client().get(f'{place}/leaderboard?{query}')
        assert answer.status_code == 422 and word in answer.json()['message'], query


def test_what_counts_is_chosen_by_the_team_while_the_phase_is_open(web, place):
    bundle = json.loads(json.dumps(web.contest.bundle))
    bundle['phases'][0]['final_selection'] = 'chosen'
    own = f'/api/v1/submissions/{web.submissions["participant"].id}'
    assert web.client('participant').post(f'{own}/final').status_code == 409
    web.store.contests.update(web.contest.id, bundle=bundle)
    web.add_scored('participant', 1.0)
    assert web.client('participant').post(f'{own}/final').json()['is_final']
    values = [row['value'] for row in web.client().get(f'{place}/leaderboard').json()['places']]
    assert values == [2.0, 3.0], 'the better one counts though another was chosen'
    assert not web.client('participant').delete(f'{own}/final').json()['is_final']
    bundle['phases'][0]['end'] = web.platform.now() - 60
    web.store.contests.update(web.contest.id, bundle=bundle)
    assert web.client('participant').post(f'{own}/final').status_code == 409


def test_a_report_is_handled_once_and_can_hide_the_entry(web, place):
    other = web.submissions['other_team'].id
    made = web.client('user').post(f'/api/v1/submissions/{other}/report', json={'reason': 'a copy'})
    assert made.status_code == 201
    assert web.client('user').post(f'/api/v1/submissions/{other}/report', json={'reason': 'again'}).status_code == 409
    assert [row['reason'] for row in web.client('judge').get(f'{place}/reports?state=open').json()] == ['a copy']
    handle = {'state': 'upheld', 'hide': True}
    assert web.client('judge').post(f'{place}/reports/{made.json()["id"]}', json=handle).status_code == 200
    assert web.client('judge').post(f'{place}/reports/{made.json()["id"]}', json=handle).status_code == 409
    assert len(web.client().get(f'{place}/leaderboard').json()['places']) == 1
    actions = {event['action'] for event in web.client('admin').get('/api/v1/admin/audit').json()}
    assert {'report', 'handle_report'} <= actions


def vote_on(web, place, kind, winner='first'):
    """The next ballot of somebody, and the answer to their vote on it."""
    ballot = web.client(kind).get(f'{place}/vote').json()
    return ballot, web.client(kind).post(f'{place}/vote', json={'ballot': ballot['ballot'], 'winner': winner})


def test_votes_are_blind_and_count_once(web, place):
    shown = []
    for _ in range(4):
        ballot, answer = vote_on(web, place, 'user')
        assert answer.status_code == 201, answer.text
        text = json.dumps(ballot)
        assert not any(row.id in text for row in (*web.submissions.values(), *web.teams.values()))
        pictures = {web.client('user').get(ballot[side]).content for side in ('first', 'second')}
        assert pictures == {b'\x89PNG output of ' + row.id.encode() for row in web.submissions.values()}
        # Whose ballot it is, it is nobody else's.
        assert web.client('judge').get(ballot['first']).status_code == 422
        again = web.client('user').post(f'{place}/vote', json={'ballot': ballot['ballot'], 'winner': 'tie'})
        assert (again.status_code, again.json()['reason']) == (409, 'voted')
        shown.append(ballot['pair'])
    assert sorted(shown) == [0, 1, 2, 3]
    assert web.client('user').get(f'{place}/vote').json() == {'ballot': None}
    result = web.client().get(f'{place}/votes').json()
    assert result['votes'] == 4 and len(result['entries']) == 2
    assert all(row['low'] < row['score'] < row['high'] for row in result['entries'])


def test_nobody_votes_on_the_own_team_or_without_end(web, place):
    assert web.client('participant').get(f'{place}/vote').json() == {'ballot': None}
    bundle = web.contest.bundle | {'votes_per_hour': 2}
    web.store.contests.update(web.contest.id, bundle=bundle)
    statuses = [vote_on(web, place, 'user')[1].status_code for _ in range(2)]
    assert statuses == [201, 201]
    assert web.client('user').get(f'{place}/vote').status_code == 429
    web.store.contests.update(web.contest.id, bundle=bundle | {'voting': False})
    assert web.client('judge').get(f'{place}/vote').status_code == 409


def test_votes_say_which_entry_people_prefer(web, place):
    liked = web.submissions['other_team'].id
    for number in range(6):
        voter = contest_builder.add_user(web.store)
        for pair in range(4):
            first, second = sorted(row.id for row in web.submissions.values())
            winner = 'tie' if (number + pair) % 5 == 0 else 'first' if first == liked else 'second'
            web.store.votes.add(records.Vote(records.new_id(), web.contest.id, 'development', pair, first, second,
                                             winner, voter.id, '0' * 64, 1.0))
    rows = web.client().get(f'{place}/votes').json()['entries']
    assert rows[0]['submission_id'] == liked and rows[0]['low'] > rows[1]['high']


def test_invitations_work_once_and_only_until_the_team_is_full(web, place):
    team = web.teams['participant'].id
    made = web.client('participant').post(f'/api/v1/teams/{team}/invitations').json()
    accept = {'secret': made['secret']}
    assert web.client('other_team').post('/api/v1/invitations/accept', json=accept).status_code == 409
    assert web.client('user').post('/api/v1/invitations/accept', json=accept).json()['contest'] == web.contest.slug
    assert web.client('judge').post('/api/v1/invitations/accept', json=accept).status_code == 404
    names = [row['name'] for row in web.client('user').get(f'/api/v1/teams/{team}').json()['members']]
    assert names == ['the participant', 'the user']
    assert web.client('user').patch(f'/api/v1/teams/{team}', json={'name': 'mine now'}).status_code == 403
    own = web.users['user'].id
    leader = web.users['participant'].id
    assert web.client('user').delete(f'/api/v1/teams/{team}/members/{leader}').status_code == 403
    assert web.client('user').delete(f'/api/v1/teams/{team}/members/{own}').status_code == 204
    web.store.contests.update(web.contest.id, bundle=web.contest.bundle | {'maximum_members': 1})
    assert web.client('participant').post(f'/api/v1/teams/{team}/invitations').status_code == 409
