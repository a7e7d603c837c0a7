"""Whole contests: made, changed, copied, exported, backed up and moved; on real databases and a real bundle."""

import dataclasses
import io
import json
import sqlite3
import time
import zipfile

import pytest

from stylegan_serving.competition import (
    backups,
    bundle_export,
    bundle_files,
    bundle_reader,
    organising,
    score_log,
    storage,
)
from stylegan_serving.competition import store as stores
from tests.serving.competition import bundle_folder
from tests.serving.competition import contest_builder as build


@pytest.fixture
def files(tmp_path):
    return storage.Storage(tmp_path / 'files')


def _create(store, files, folder, **options):
    with bundle_files.open_files(folder) as source:
        return organising.create(store, files, source, build.add_user(store).id, **options)


def _edit(store, files, contest, folder):
    with bundle_files.open_files(folder) as source:
        return organising.edit(store, files, contest, source)


def test_a_contest_keeps_its_bundle(store, files, tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle')
    contest = _create(store, files, folder)
    assert (contest.state, contest.slug, len(contest.bundle['pairs'])) == ('draft', 'small-contest', 4)
    again = store.contests.contest(contest.id)
    assert again.bundle == json.loads(json.dumps(contest.bundle))
    kept = organising.StoredFiles(files, contest.bundle_files)
    assert bundle_reader.hash_of(bundle_reader.read(kept), kept) == contest.bundle_hash
    with pytest.raises(stores.Conflict) as refused:
        _create(store, files, folder)
    assert refused.value.reason == 'slug'
    assert files.list() == files.list(contest.bundle_files)

    copy = organising.clone(store, files, contest, 'second', contest.owner_id, title='Second')
    assert (copy.slug, copy.title, copy.state) == ('second', 'Second', 'draft')
    assert bundle_reader.read(organising.StoredFiles(files, copy.bundle_files)).title == 'Second'
    with pytest.raises(bundle_files.BundleError, match='slug'):
        organising.clone(store, files, contest, '../third', contest.owner_id)


def test_what_scores_rest_on_cannot_be_edited(sqlite_store, files, tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle')
    contest = _create(sqlite_store, files, folder)
    old = contest.bundle_files
    contest = _edit(sqlite_store, files, contest, bundle_folder.write(
        folder, bundle_folder.TEXT.replace('size: 48', 'size: 64')))
    assert contest.bundle['size'] == 64 and files.list(old) == []

    team = build.add_team(sqlite_store, contest)
    build.add_submission(sqlite_store, contest, *team)
    with pytest.raises(bundle_files.BundleError) as refused:
        _edit(sqlite_store, files, contest, bundle_folder.write(folder, bundle_folder.TEXT.replace(
            'better: higher', 'better: lower')))
    assert [problem.split(':')[0] for problem in refused.value.problems] == ['size', 'metrics']
    text = bundle_folder.TEXT.replace('size: 48', 'size: 64').replace('total: 9', 'total: 10')
    bundle_folder.write(folder, text)
    with zipfile.ZipFile(tmp_path / 'bundle.zip', 'w') as archive:
        for path in sorted(folder.rglob('*.*')):
            archive.write(path, path.relative_to(folder))
    changed = _edit(sqlite_store, files, contest, tmp_path / 'bundle.zip')
    assert changed.bundle['phases'][0]['quota']['total'] == 10 and changed.bundle_files == contest.bundle_files
    (folder / 'content' / 'photo0.png').write_bytes((folder / 'content' / 'photo1.png').read_bytes())
    with pytest.raises(bundle_files.BundleError, match='picture differs'):
        _edit(sqlite_store, files, contest, folder)


def _with_entries(store, files, tmp_path):
    """A contest with two teams, a disqualified entry and one archive in the storage."""
    contest = store.contests.set_state(_create(store, files, bundle_folder.write(tmp_path / 'bundle')).id, 'open')
    for value in (0.4, 0.6):
        team = build.add_team(store, contest)
        done = build.add_scored(store, contest, *team, value, value / 2)
    files.write(done.archive_key, b'archive')
    store.submissions.disqualify(build.add_scored(store, contest, *team, 0.9).id, 'copied', None)
    return contest


def test_the_reproduction_bundle_proves_itself(store, files, tmp_path):
    contest = _with_entries(store, files, tmp_path)
    path = tmp_path / 'export.zip'
    bundle_export.write(store, files, contest, path)
    bundle, entries, stated, names = bundle_export.read_log(path)
    assert score_log.verify(entries) == store.scores.log_head(contest.id)
    assert score_log.standings(entries, bundle) == stated == store.scores.standings(contest.id)
    assert {row[2]['score'][0] for row in stated.values()} == {0.4, 0.6, 0.2, 0.3}
    assert names == {team.id: team.name for team in store.teams.teams(contest.id)}
    with zipfile.ZipFile(path) as archive:
        assert archive.read('archives/00002.zip') == b'archive'
        archive.extractall(tmp_path / 'out')
    with bundle_files.open_files(tmp_path / 'out' / 'bundle') as source:
        assert dataclasses.asdict(bundle_reader.read(source)) == dataclasses.asdict(
            bundle_reader.read(organising.StoredFiles(files, contest.bundle_files)))


def test_a_changed_reproduction_bundle_is_found_out(sqlite_store, files, tmp_path):
    contest = _with_entries(sqlite_store, files, tmp_path)
    whole = io.BytesIO()
    bundle_export.write(sqlite_store, files, contest, whole)
    path = tmp_path / 'changed.zip'
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, 'w') as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data.replace(b'0.6', b'0.8') if name == bundle_export.LOG else data)
    with pytest.raises(score_log.BrokenLog, match='was changed'):
        bundle_export.read_log(path)


def test_a_backup_moves_to_another_kind_of_database(database_url, sqlite_url, new_postgres_url, files, tmp_path):
    first = stores.Store(stores.make_engine(database_url))
    contest = _with_entries(first, files, tmp_path)
    first.administration.audit(None, 'test', 'x', {'a': [1]})
    rows, count = backups.write(first.engine, files, tmp_path / 'backup.zip')
    assert rows > 30 and count == len(files.list())

    other_url = new_postgres_url() if 'sqlite' in database_url else f'sqlite:///{tmp_path}/moved.sqlite'
    engine, moved_files = stores.make_engine(other_url), storage.Storage(tmp_path / 'moved')
    assert backups.restore(engine, moved_files, tmp_path / 'backup.zip') == (rows, count)
    moved = stores.Store(engine)
    assert moved.contests.list('open') == first.contests.list('open')
    assert list(moved.scores.whole_log(contest.id)) == list(first.scores.whole_log(contest.id))
    assert moved.scores.verify_log(contest.id) == first.scores.verify_log(contest.id)
    assert moved.scores.standings(contest.id) == first.scores.standings(contest.id)
    assert [moved_files.read(key) for key in moved_files.list()] == [files.read(key) for key in files.list()]
    # It goes on where it stood: numbers of submissions, of the log and of the audit log.
    team = build.add_team(moved, contest)
    assert build.add_scored(moved, contest, *team, 0.1).number == 4
    moved.administration.audit(None, 'test', 'y')
    assert [event.sequence for event in moved.administration.audit_events()] == [2, 1]
    with pytest.raises(backups.BackupError, match='empty database'):
        backups.restore(engine, storage.Storage(tmp_path / 'third'), tmp_path / 'backup.zip')
    for opened in (first, moved):
        opened.close()


def test_a_damaged_backup_restores_nothing(sqlite_store, files, tmp_path):
    _with_entries(sqlite_store, files, tmp_path)
    path = tmp_path / 'backup.zip'
    backups.write(sqlite_store.engine, files, path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    engine = stores.make_engine(f'sqlite:///{tmp_path}/new.sqlite')
    with pytest.raises(backups.BackupError):
        backups.restore(engine, storage.Storage(tmp_path / 'new'), path)
    engine.dispose()
    with sqlite3.connect(tmp_path / 'new.sqlite') as connection:
        assert connection.execute('SELECT count(*) FROM sqlite_master').fetchone() == (0,)


def test_closing_is_the_last_line_of_the_log(sqlite_store, files, tmp_path):
    contest = _with_entries(sqlite_store, files, tmp_path)
    closed = sqlite_store.contests.set_state(contest.id, 'closed', now=time.time())
    assert closed.closed_at and sqlite_store.scores.log(contest.id)[-1].kind == 'closed'
    assert sqlite_store.contests.set_state(contest.id, 'open').closed_at is None
    with pytest.raises(stores.InvalidState):
        sqlite_store.contests.set_state(contest.id, 'draft')
