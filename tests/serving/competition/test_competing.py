"""Twenty people at a time: every archive arrives whole, is scored once and stands on the board."""

import concurrent.futures
import hashlib
import threading

import pytest

from stylegan_serving.competition import participant, score_log
from tests.serving.competition import contest_builder, web_contest

_PEOPLE = 20


def _compete(number, server, slug, folder):
    """Registers, joins, hands in and watches until the end; returns the submission and the states that were seen."""
    path = folder / f'{number}.zip'
    path.write_bytes(web_contest.archive([f'{number:02}_{pair:03}.png' for pair in range(200)]))
    with participant.Participant(server) as newcomer:
        newcomer.register(f'person {number}', 'correct horse battery')
        token = newcomer.make_token(f'person {number}', 'correct horse battery', 'laptop')
    with participant.Participant(server, token, folder=folder / 'kept') as me:
        me.join(slug, f'team {number}')
        submission = me.submit(slug, path, title=f'method {number}')
        states = [state['state'] for state in me.watch(submission['id'])]
        return me.submission(submission['id']), states, hashlib.sha256(path.read_bytes()).hexdigest()


def _score(web, stop, scored):
    """A worker that takes no pictures into account: the score is the submission's number."""
    store = web.store
    while not stop.is_set():
        claimed = store.submissions.claim('worker', web.platform.now(), 60)
        if claimed is None:
            stop.wait(0.05)
            continue
        store.submissions.progress(claimed.id, 'worker', 1, 2)
        contest_builder.finish(store, claimed, 'worker', float(claimed.number))
        scored.append(claimed.id)


@pytest.mark.slow
def test_twenty_people_at_a_time(sqlite_store, tmp_path):
    web = web_contest.WebContest(sqlite_store, tmp_path, chunk_bytes=5000)
    before, stop, scored = len(web.submissions), threading.Event(), []
    worker = threading.Thread(target=_score, args=(web, stop, scored))
    worker.start()
    try:
        with web_contest.serving(web.app) as server, concurrent.futures.ThreadPoolExecutor(_PEOPLE) as people:
            done = list(people.map(lambda number: _compete(number, server, web.contest.slug, tmp_path), range(_PEOPLE)))
    finally:
        stop.set()
        worker.join()
    rows = [row for row, _, _ in done]
    assert {row['state'] for row in rows} == {'scored'}
    assert sorted(row['number'] for row in rows) == list(range(before + 1, before + _PEOPLE + 1))
    assert sorted(scored) == sorted(row['id'] for row in rows)
    for row, states, digest in done:
        assert row['archive_sha256'] == digest == web.storage.sha256(f'submissions/{row["id"]}/archive.zip')
        assert states[-1] == 'scored'
    board = web.client().get(f'/api/v1/contests/{web.contest.slug}/leaderboard').json()
    places = [place for place in board['places'] if place['team'].startswith('team ') and place['team'][5:].isdigit()]
    assert [place['value'] for place in places] == sorted(float(row['number']) for row in rows)
    entries = list(web.store.scores.whole_log(web.contest.id))
    assert score_log.verify(entries)[0] == before + _PEOPLE
    assert web.storage.list('uploads') == []
    counters = web.client().get('/metrics').text
    assert 'status="5' not in counters
