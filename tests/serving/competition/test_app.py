import io
import json
import logging

import httpx
import pytest

from stylegan_serving.competition import logs
from tests.serving.competition import contest_builder, web_contest


def test_health_tells_a_process_that_lives_from_one_that_can_work(web):
    client = web.client()
    assert (client.get('/healthz').status_code, client.get('/readyz').status_code) == (200, 200)
    web.store.engine.dispose()
    with web.store.engine.begin() as connection:
        connection.exec_driver_sql('ALTER TABLE workers RENAME TO elsewhere')
    assert (client.get('/healthz').status_code, client.get('/readyz').status_code) == (200, 503)


def test_counters_tell_requests_by_route_and_the_state_of_the_queue(web):
    client = web.client()
    web.add_queued('participant')
    for slug in (web.contest.slug, 'another', 'a-third'):
        client.get(f'/api/v1/contests/{slug}')
    text = client.get('/metrics').text
    assert ('stylegan_competition_requests_total{method="GET",route="/api/v1/contests/{slug}",status="404"} 2.0'
            in text)
    assert 'stylegan_competition_submissions{kind="queued"} 1.0' in text
    assert 'stylegan_competition_submissions{kind="scored"} 2.0' in text
    assert 'another' not in text and web.contest.slug not in text


def test_a_request_is_one_line_of_json_that_names_no_secret(web):
    stream = io.StringIO()
    logs.configure(stream=stream)
    try:
        client = web.client('participant')
        answer = client.get(f'/api/v1/submissions/{web.submissions["participant"].id}?secret=in-the-query',
                            headers={'X-Request-Id': 'from-the-proxy'})
        web.client().post('/api/v1/login', json={'name': 'nobody', 'password': 'in-the-body'})
    finally:
        for name in ('stylegan_serving.competition', 'uvicorn', 'uvicorn.error', 'alembic'):
            logging.getLogger(name).handlers, logging.getLogger(name).propagate = [], True
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert answer.headers['x-request-id'] == first['request'] == 'from-the-proxy'
    assert (first['route'], first['status'], first['user']) == (
        '/api/v1/submissions/{submission_id}', 200, web.users['participant'].id)
    assert first['milliseconds'] > 0 and second['status'] == 422
    assert 'in-the-' not in stream.getvalue() and web.token('participant') not in stream.getvalue()


def test_a_fault_is_told_by_its_number_only_and_logged_whole(web, monkeypatch):
    stream = io.StringIO()
    logs.configure(stream=stream)
    try:
        monkeypatch.setattr(web.store.contests, 'list', lambda **_: 1 / 0)
        answer = web.client().get('/api/v1/contests')
    finally:
        for name in ('stylegan_serving.competition', 'uvicorn', 'uvicorn.error', 'alembic'):
            logging.getLogger(name).handlers, logging.getLogger(name).propagate = [], True
    assert answer.status_code == 500 and 'ZeroDivisionError' not in answer.text
    assert "default-src 'self'" in answer.headers['content-security-policy']
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any('ZeroDivisionError' in line.get('traceback', '') for line in lines)
    assert answer.headers['x-request-id'] in {line.get('request') for line in lines}


def test_the_description_of_the_api_is_served_and_scripts_from_elsewhere_are_not(web):
    described = web.client().get('/api/v1/openapi.json').json()
    assert '/api/v1/contests/{slug}/leaderboard' in described['paths']
    assert [web.client().get(path).status_code for path in ('/docs', '/redoc')] == [404, 404]


@pytest.mark.parametrize('places', [1, 2])
def test_event_streams_have_a_limit_for_each_user(web, monkeypatch, places):
    streams = web.app.state.streams
    monkeypatch.setattr(streams, '_maximum_per_key', places)
    key = web.users['participant'].id
    for _ in range(places):
        streams.enter(key)
    address = f'/api/v1/submissions/{web.submissions["participant"].id}/events'
    assert web.client('participant').get(address).status_code == 429
    streams.leave(key)
    answer = web.client('participant').get(address)
    assert answer.status_code == 200 and answer.text.endswith('\n\n') and 'event: end' in answer.text
    # Its place is free again.
    assert web.client('participant').get(address).status_code == 200


def test_a_board_tells_when_it_has_moved(web):
    with web_contest.serving(web.app) as server, httpx.stream(
            'GET', f'{server}/api/v1/contests/{web.contest.slug}/events', timeout=20) as answer:
        versions = (json.loads(line[6:])['version'] for line in answer.iter_lines() if line.startswith('data: '))
        first = next(versions)
        web.add_scored('participant', 1.0)
        assert next(versions) > first


def test_expired_sessions_and_uploads_are_dropped_when_the_application_starts(web):
    upload = web_contest.upload(web.client('participant'), web.contest.slug, b'1234')
    with web.store.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE uploads SET expires_at = 1')
    with web.client('participant') as client:
        for _ in range(200):
            if client.get(f'/api/v1/uploads/{upload}').status_code == 404 and not web.storage.list('uploads'):
                return
            web_contest.time.sleep(0.05)
    raise AssertionError('the upload is still there')


def test_running_submissions_tell_how_long_they_will_take(web):
    clock = web.platform.now()
    web.add_queued('participant')
    claimed = web.store.submissions.claim('worker', clock - 10, 60)
    web.store.submissions.progress(claimed.id, 'worker', 1, 4)
    state = web.client('participant').get(f'/api/v1/submissions/{claimed.id}').json()
    assert state['state'] == 'running' and 25 < state['eta_seconds'] < 60
    contest_builder.finish(web.store, claimed, 'worker', 1.0)
    waiting = web.add_queued('participant')
    state = web.client('participant').get(f'/api/v1/submissions/{waiting.id}').json()
    assert state['queue_position'] == 1 and state['eta_seconds'] is not None


def test_a_submission_that_a_worker_takes_while_it_is_looked_at_is_no_fault(web, monkeypatch):
    waiting, store = web.add_queued('participant'), web.store
    place = store.submissions.queue_position

    def taken_first(submission_id):
        store.submissions.claim('worker', web.platform.now(), 60)
        return place(submission_id)

    monkeypatch.setattr(store.submissions, 'queue_position', taken_first)
    answer = web.client('participant').get(f'/api/v1/submissions/{waiting.id}')
    assert (answer.status_code, answer.json()['state'], answer.json()['queue_position']) == (200, 'running', None)
