import hashlib

import pytest

from tests.serving.competition import web_contest


@pytest.fixture
def participant(web):
    return web.client('participant')


def test_an_archive_arrives_in_parts_and_becomes_a_submission(web, participant):
    data = web_contest.archive([f'{number:03}.png' for number in range(40)])
    upload = web_contest.upload(participant, web.contest.slug, data, part_bytes=1000)
    answer = participant.post(f'/api/v1/contests/{web.contest.slug}/submissions', json={
        'upload_id': upload, 'title': 'my method', 'note': 'a note'})
    assert answer.status_code == 201, answer.text
    row = answer.json()
    assert (row['state'], row['title'], row['note']) == ('queued', 'my method', 'a note')
    assert row['archive_sha256'] == hashlib.sha256(data).hexdigest()
    assert (row['queue_position'], row['running']) == (1, 0)
    assert participant.get(f'/api/v1/submissions/{row["id"]}/archive').content == data
    assert participant.get(f'/api/v1/uploads/{upload}').status_code == 404
    assert web.storage.list('uploads') == []


def test_the_same_upload_submitted_again_is_the_same_submission(web, participant):
    upload = web_contest.upload(participant, web.contest.slug, web_contest.archive())
    answers = [participant.post(f'/api/v1/contests/{web.contest.slug}/submissions', json={'upload_id': upload})
               for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()['id'] == answers[1].json()['id']
    assert len(web.store.submissions.list(web.contest.id, state='queued')) == 1


def test_an_upload_goes_on_from_where_it_stands(web, participant):
    data = web_contest.archive()
    made = web_contest.begin_upload(participant, web.contest.slug, data).json()
    assert web_contest.send_part(participant, made['id'], 0, data[:40]).headers['upload-offset'] == '40'
    # A client that lost the answer sends the same part once more.
    again = web_contest.send_part(participant, made['id'], 0, data[:40])
    assert again.status_code == 409
    head = participant.head(f'/api/v1/uploads/{made["id"]}')
    assert (head.headers['upload-offset'], head.headers['upload-length']) == ('40', str(len(data)))
    assert web_contest.send_part(participant, made['id'], 40, data[40:]).status_code == 204


def test_a_damaged_part_is_refused_and_can_be_sent_again(web, participant):
    data = web_contest.archive()
    made = web_contest.begin_upload(participant, web.contest.slug, data).json()
    damaged = web_contest.send_part(participant, made['id'], 0, data, **{
        'Upload-Checksum': web_contest.checksums.header_of(data[::-1])})
    assert (damaged.status_code, damaged.json()['error']) == (460, 'checksum_mismatch')
    assert participant.get(f'/api/v1/uploads/{made["id"]}').json()['received_bytes'] == 0
    assert web_contest.send_part(participant, made['id'], 0, data).status_code == 204


def test_a_file_that_is_not_the_announced_one_is_not_queued(web, participant):
    data = web_contest.archive()
    made = web_contest.begin_upload(participant, web.contest.slug, data).json()
    other = data[:-1] + bytes([data[-1] ^ 1])
    web_contest.send_part(participant, made['id'], 0, other)
    answer = participant.post(f'/api/v1/contests/{web.contest.slug}/submissions', json={'upload_id': made['id']})
    assert answer.status_code == 460
    assert web.store.submissions.list(web.contest.id, state='queued') == []
    assert web.storage.list('uploads') == []


@pytest.mark.parametrize('changes, status', [
    ({'filename': 'results.exe'}, 422), ({'sha256': 'abc'}, 422), ({'size_bytes': 0}, 422), ({'size_bytes': -1}, 422),
    ({'size_bytes': 1 << 40}, 413), ({'more': 1}, 422)])
def test_an_announcement_that_is_wrong_says_so(web, participant, changes, status):
    answer = web_contest.begin_upload(participant, web.contest.slug, b'x', **changes)
    assert answer.status_code == status, answer.text
    assert answer.json()['message']


def test_more_than_was_announced_is_refused(web, participant):
    made = web_contest.begin_upload(participant, web.contest.slug, b'1234').json()
    assert web_contest.send_part(participant, made['id'], 0, b'12345').status_code == 413


def test_a_part_over_the_limit_is_refused_before_it_is_read(sqlite_store, tmp_path):
    web = web_contest.WebContest(sqlite_store, tmp_path, chunk_bytes=1000)
    participant = web.client('participant')
    made = web_contest.begin_upload(participant, web.contest.slug, b'x' * 5000).json()
    assert web_contest.send_part(participant, made['id'], 0, b'x' * 1001).status_code == 413
    assert web_contest.send_part(participant, made['id'], 0, b'x' * 1000).status_code == 204

    def endless():
        while True:
            yield b'x' * 100

    # Without a length announced, by what arrives.
    assert web_contest.send_part(participant, made['id'], 1000, b'').status_code == 422
    answer = participant.patch(f'/api/v1/uploads/{made["id"]}', content=(part for part, _ in zip(endless(), range(99))),
                               headers={'Upload-Offset': '1000'})
    assert answer.status_code == 413


def test_unfinished_uploads_are_limited_and_dropped_in_time(web, participant):
    slug = web.contest.slug
    made = [web_contest.begin_upload(participant, slug, b'1234') for _ in range(web.settings.unfinished_uploads + 1)]
    assert [answer.status_code for answer in made] == [201] * web.settings.unfinished_uploads + [409]
    web_contest.send_part(participant, made[0].json()['id'], 0, b'12')
    assert participant.delete(f'/api/v1/uploads/{made[0].json()["id"]}').status_code == 204
    assert web.storage.list('uploads') == []
    assert web_contest.begin_upload(participant, slug, b'1234').status_code == 201


def test_quotas_refuse_with_a_reason_and_failed_runs_use_up_none(web, participant):
    slug, quota = web.contest.slug, web.contest.bundle['phases'][0]['quota']

    def submit():
        upload = web_contest.upload(participant, slug, web_contest.archive())
        return participant.post(f'/api/v1/contests/{slug}/submissions', json={'upload_id': upload})

    for _ in range(quota['concurrent']):
        assert submit().status_code == 201
    refused = submit()
    assert (refused.status_code, refused.json()['reason']) == (409, 'concurrent')
    # One was scored before; all others fail.
    for _ in range(quota['per_day'] + 2):
        while claimed := web.store.submissions.claim('worker', web.platform.now(), 60):
            web.store.submissions.finish_failed(claimed.id, 'worker', 'no pictures')
        assert participant.get(f'/api/v1/contests/{slug}').json()['quota_left']['per_day'] == quota['per_day'] - 1
        for row in web.store.submissions.uploads_of(web.users['participant'].id):
            participant.delete(f'/api/v1/uploads/{row.id}')
        assert submit().status_code == 201


def test_a_closed_contest_takes_nothing(web, participant):
    upload = web_contest.upload(participant, web.contest.slug, web_contest.archive())
    assert web.client('organiser').post(f'/api/v1/contests/{web.contest.slug}/close').status_code == 200
    answer = participant.post(f'/api/v1/contests/{web.contest.slug}/submissions', json={'upload_id': upload})
    assert answer.status_code == 409
    assert web_contest.begin_upload(participant, web.contest.slug, b'x').status_code == 409


def test_models_are_refused_unless_contest_and_server_take_them(web, participant):
    upload = web_contest.upload(participant, web.contest.slug, web_contest.archive())
    answer = participant.post(f'/api/v1/contests/{web.contest.slug}/submissions', json={
        'upload_id': upload, 'kind': 'model'})
    assert (answer.status_code, answer.json()['field']) == (422, 'kind')
