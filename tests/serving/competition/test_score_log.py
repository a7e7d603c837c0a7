"""The score log: each kind of tampering is found, private scores can be taken out, and boards follow from it."""

import dataclasses

import pytest

from stylegan_serving.competition import score_log
from tests.serving.competition import contest_builder as build


def _log():
    def scored(number, public, private):
        return {'number': number, 'team_id': 'a', 'phase': 'development', 'is_final': False, 'is_hidden': False,
                'public': {'scores': {'score': [public, None, None]}},
                'private': {'scores': {'score': [private, None, None]}}}

    rows = [('scored', 's1', scored(1, 2.0, 3.0)), ('scored', 's2', scored(2, 1.0, 4.0)),
            ('disqualified', 's2', {'reason': 'copied', 'actor': None}), ('closed', None, {})]
    entries, previous = [], ''
    for index, (kind, submission, payload) in enumerate(rows):
        entries.append(score_log.make_entry(index + 1, 'c', 100.5 + index, kind, submission, payload, previous))
        previous = entries[-1].hash
    return entries


def test_a_log_that_nobody_touched_verifies_whole_and_redacted():
    entries = _log()
    assert score_log.verify(entries) == score_log.verify(map(score_log.redacted, entries)) == (4, entries[-1].hash)
    assert score_log.verify([]) == (0, '')
    assert 'private' not in score_log.redacted(entries[0]).payload


def test_equal_private_scores_cannot_be_found_by_trying():
    first, second = (_log()[0].payload['private'] for _ in range(2))
    assert first['scores'] == second['scores'] and first['salt'] != second['salt']


def _changed(entries, index, **changes):
    return [*entries[:index], dataclasses.replace(entries[index], **changes), *entries[index + 1:]]


def test_every_tampering_is_found():
    entries = _log()
    better = entries[0].payload | {'public': {'scores': {'score': [0.1, None, None]}}}
    private = entries[0].payload | {'private': entries[0].payload['private'] | {'scores': {'score': [0.1, None, None]}}}
    forged = dataclasses.replace(entries[0], payload=better)
    rehashed = _changed(entries, 0, payload=better, hash=score_log.hash_of(forged))
    for tampered, words in (
            (_changed(entries, 0, payload=better), r'Entry 1 \(scored\) was changed'),
            (_changed(entries, 0, payload=private), r'Entry 1 \(scored\) was changed'),
            (_changed(entries, 2, submission_id='s1'), r'Entry 3 \(disqualified\) was changed'),
            (_changed(entries, 1, at=1.0), r'Entry 2 \(scored\) was changed'),
            (rehashed, 'Entry 2 does not follow entry 1'),
            (entries[1:], 'Expected entry 1. Received entry 2'),
            (entries[:2] + entries[3:], 'Expected entry 3. Received entry 4')):
        with pytest.raises(score_log.BrokenLog, match=words):
            score_log.verify(tampered)
    head = (4, entries[-1].hash)
    score_log.verify(entries, head=head)
    with pytest.raises(score_log.BrokenLog, match='the end is missing'):
        score_log.verify(entries[:3], head=head)


def test_the_board_follows_from_the_log():
    made = build.make_bundle()
    before = score_log.standings(_log()[:2], made)
    assert before['development', 'private', 'a'] == ('s2', 2, {'score': [4.0, None, None]})
    assert score_log.standings(_log(), made) == {
        ('development', 'public', 'a'): ('s1', 1, {'score': [2.0, None, None]}),
        ('development', 'private', 'a'): ('s1', 1, {'score': [3.0, None, None]})}


def test_a_number_that_is_none_is_not_hashed():
    with pytest.raises(ValueError, match='JSON'):
        score_log.canonical({'a': float('nan')})
