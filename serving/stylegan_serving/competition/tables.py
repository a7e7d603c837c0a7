"""The tables of the database, one a record of `records`, for SQLite and PostgreSQL alike.

Columns that a record lacks are the database's own bookkeeping: `contests` counts its submissions, log entries and
changes of the board, and `submissions` repeats its ranked scores, so that the best of a team is found by an index.
"""

import sqlalchemy as sa

# Named, so that a later migration can address them on every database.
metadata = sa.MetaData(naming_convention={
    'ix': 'ix_%(table_name)s_%(column_0_N_name)s', 'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
    'fk': 'fk_%(table_name)s_%(column_0_name)s', 'pk': 'pk_%(table_name)s',
    'ck': 'ck_%(table_name)s_%(constraint_name)s'})

_ID = sa.String(16)
_HASH = sa.String(64)
_NAME = sa.String(200)
_TIME = sa.Double()


def _key():
    return sa.Column('id', _ID, primary_key=True)


def _link(name, target, **options):
    options.setdefault('nullable', False)
    return sa.Column(name, _ID, sa.ForeignKey(f'{target}.id', ondelete=options.pop('ondelete', None)), **options)


def _column(name, kind, **options):
    options.setdefault('nullable', False)
    return sa.Column(name, kind, **options)


def _maybe(name, kind, **options):
    return sa.Column(name, kind, nullable=True, **options)


users = sa.Table(
    'users', metadata, _key(), _column('name', _NAME, unique=True), _column('name_key', _NAME, unique=True),
    _maybe('email', sa.String(320), unique=True), _column('password_hash', sa.Text), _column('role', sa.String(16)),
    _column('language', sa.String(8)), _column('created_at', _TIME), _column('is_disabled', sa.Boolean))

sessions = sa.Table(
    'sessions', metadata, sa.Column('id', _HASH, primary_key=True), _link('user_id', 'users', index=True),
    _column('csrf', _HASH), _column('created_at', _TIME), _column('expires_at', _TIME, index=True),
    _column('user_agent', sa.String(400)))

tokens = sa.Table(
    'tokens', metadata, _key(), _link('user_id', 'users', index=True), _column('name', _NAME),
    _column('token_hash', _HASH, unique=True), _column('created_at', _TIME), _maybe('expires_at', _TIME),
    _maybe('last_used_at', _TIME))

contests = sa.Table(
    'contests', metadata, _key(), _column('slug', _NAME, unique=True), _column('title', sa.String(400)),
    _link('owner_id', 'users'), _column('state', sa.String(16), index=True), _column('bundle', sa.JSON),
    _column('bundle_files', sa.Text), _column('bundle_hash', _HASH), _column('created_at', _TIME),
    _maybe('opened_at', _TIME), _maybe('closed_at', _TIME),
    _column('submission_count', sa.Integer, default=0), _column('log_count', sa.Integer, default=0),
    _column('log_hash', _HASH, default=''), _column('board_version', sa.Integer, default=0))

contest_roles = sa.Table(
    'contest_roles', metadata, _link('contest_id', 'contests', primary_key=True),
    _link('user_id', 'users', primary_key=True, index=True), _column('role', sa.String(16)))

teams = sa.Table(
    'teams', metadata, _key(), _link('contest_id', 'contests'), _column('name', _NAME), _column('name_key', _NAME),
    _column('created_at', _TIME), _column('is_hidden', sa.Boolean), sa.UniqueConstraint('contest_id', 'name_key'))

memberships = sa.Table(
    'memberships', metadata, _link('contest_id', 'contests', primary_key=True),
    _link('user_id', 'users', primary_key=True, index=True), _link('team_id', 'teams', index=True),
    _column('role', sa.String(16)), _column('joined_at', _TIME))

invitations = sa.Table(
    'invitations', metadata, _key(), _link('team_id', 'teams', index=True), _column('token_hash', _HASH, unique=True),
    _column('created_by', _ID), _column('created_at', _TIME), _column('expires_at', _TIME), _maybe('used_by', _ID))

uploads = sa.Table(
    'uploads', metadata, _key(), _link('contest_id', 'contests'), _link('user_id', 'users', index=True),
    _column('filename', sa.String(400)), _column('size_bytes', sa.BigInteger), _column('sha256', _HASH),
    _column('received_bytes', sa.BigInteger), _column('created_at', _TIME), _column('expires_at', _TIME, index=True))

submissions = sa.Table(
    'submissions', metadata, _key(), _column('number', sa.Integer), _link('contest_id', 'contests'),
    _column('phase', _NAME), _link('team_id', 'teams'), _link('user_id', 'users', index=True),
    _column('kind', sa.String(16)), _column('title', sa.String(400)), _column('note', sa.Text),
    _column('archive_key', sa.Text), _column('archive_sha256', _HASH), _column('archive_bytes', sa.BigInteger),
    _column('state', sa.String(16)), _column('counts_for_quota', sa.Boolean), _column('created_at', _TIME),
    _maybe('started_at', _TIME), _maybe('finished_at', _TIME), _column('attempts', sa.Integer),
    _maybe('lease_owner', sa.String(64)), _maybe('lease_until', _TIME), _column('progress_done', sa.Integer),
    _column('progress_total', sa.Integer), _maybe('error', sa.Text), _maybe('log_key', sa.Text),
    _maybe('results_key', sa.Text), _maybe('evaluator_hash', _NAME), _column('is_final', sa.Boolean),
    _column('is_hidden', sa.Boolean), _column('flags', sa.JSON),
    _column('queued_at', _TIME), _maybe('public_score', sa.Double), _maybe('private_score', sa.Double),
    sa.UniqueConstraint('contest_id', 'number'),
    sa.Index(None, 'contest_id', 'team_id', 'phase', 'state', 'public_score'),
    sa.Index(None, 'contest_id', 'team_id', 'number'), sa.Index(None, 'contest_id', 'state', 'number'),
    sa.Index('ix_submissions_queue', 'state', 'queued_at', 'number'),
    sa.Index('ix_submissions_finished', 'contest_id', 'finished_at'))

pair_scores = sa.Table(
    'pair_scores', metadata, _link('submission_id', 'submissions', primary_key=True),
    sa.Column('pair', sa.Integer, primary_key=True), _column('split', sa.String(16)), _column('metrics', sa.JSON),
    _column('output_key', sa.Text), _maybe('heat_map_key', sa.Text), _maybe('layout', sa.String(32)))

scores = sa.Table(
    'scores', metadata, _link('submission_id', 'submissions', primary_key=True),
    sa.Column('split', sa.String(16), primary_key=True), sa.Column('metric', _NAME, primary_key=True),
    _column('value', sa.Double), _maybe('low', sa.Double), _maybe('high', sa.Double))

standings = sa.Table(
    'standings', metadata, _link('contest_id', 'contests', primary_key=True),
    sa.Column('phase', _NAME, primary_key=True), sa.Column('split', sa.String(16), primary_key=True),
    _link('team_id', 'teams', primary_key=True), _link('submission_id', 'submissions'), _column('number', sa.Integer),
    _column('entries', sa.Integer), _column('scores', sa.JSON), _column('updated_at', _TIME))

log_entries = sa.Table(
    'log_entries', metadata, _link('contest_id', 'contests', primary_key=True),
    sa.Column('sequence', sa.Integer, primary_key=True, autoincrement=False), _column('at', _TIME),
    _column('kind', sa.String(16)), _maybe('submission_id', _ID, index=True), _column('payload', sa.JSON),
    _column('previous_hash', _HASH), _column('hash', _HASH))

votes = sa.Table(
    'votes', metadata, _key(), _link('contest_id', 'contests'), _column('phase', _NAME), _column('pair', sa.Integer),
    _link('first_submission', 'submissions'), _link('second_submission', 'submissions'),
    _column('winner', sa.String(8)), _link('voter_id', 'users'), _column('session_key', _HASH),
    _column('created_at', _TIME),
    sa.UniqueConstraint('voter_id', 'pair', 'first_submission', 'second_submission', name='uq_votes_once'),
    sa.Index(None, 'contest_id', 'phase', 'created_at'), sa.Index(None, 'voter_id', 'created_at'))

announcements = sa.Table(
    'announcements', metadata, _key(), _link('contest_id', 'contests', index=True), _link('author_id', 'users'),
    _column('text', sa.Text), _column('created_at', _TIME))

entry_reports = sa.Table(
    'entry_reports', metadata, _key(), _link('submission_id', 'submissions', index=True), _link('user_id', 'users'),
    _column('reason', sa.Text), _column('state', sa.String(16), index=True), _column('created_at', _TIME),
    _maybe('handled_by', _ID))

audit_events = sa.Table(
    'audit_events', metadata, sa.Column('sequence', sa.Integer, primary_key=True, autoincrement=True),
    _column('at', _TIME), _maybe('actor_id', _ID, index=True), _column('action', _NAME), _column('target', _NAME),
    _column('detail', sa.JSON), _column('address', sa.String(64)), sqlite_autoincrement=True)

workers = sa.Table(
    'workers', metadata, sa.Column('id', sa.String(64), primary_key=True), _column('host', _NAME),
    _column('pid', sa.Integer), _column('started_at', _TIME), _column('seen_at', _TIME),
    _maybe('current_submission', _ID))
