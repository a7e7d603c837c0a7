"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None


def upgrade():
    op.create_table(
        'audit_events',
        sa.Column('sequence', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('actor_id', sa.String(length=16), nullable=True),
        sa.Column('action', sa.String(length=200), nullable=False),
        sa.Column('target', sa.String(length=200), nullable=False),
        sa.Column('detail', sa.JSON(), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('sequence', name=op.f('pk_audit_events')),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table('audit_events', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_events_actor_id'), ['actor_id'], unique=False)

    op.create_table(
        'users',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('name_key', sa.String(length=200), nullable=False),
        sa.Column('email', sa.String(length=320), nullable=True),
        sa.Column('password_hash', sa.Text(), nullable=False),
        sa.Column('role', sa.String(length=16), nullable=False),
        sa.Column('language', sa.String(length=8), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('is_disabled', sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
        sa.UniqueConstraint('email', name=op.f('uq_users_email')),
        sa.UniqueConstraint('name', name=op.f('uq_users_name')),
        sa.UniqueConstraint('name_key', name=op.f('uq_users_name_key')),
    )
    op.create_table(
        'workers',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('host', sa.String(length=200), nullable=False),
        sa.Column('pid', sa.Integer(), nullable=False),
        sa.Column('started_at', sa.Double(), nullable=False),
        sa.Column('seen_at', sa.Double(), nullable=False),
        sa.Column('current_submission', sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_workers')),
    )
    op.create_table(
        'contests',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('slug', sa.String(length=200), nullable=False),
        sa.Column('title', sa.String(length=400), nullable=False),
        sa.Column('owner_id', sa.String(length=16), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('bundle', sa.JSON(), nullable=False),
        sa.Column('bundle_files', sa.Text(), nullable=False),
        sa.Column('bundle_hash', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('opened_at', sa.Double(), nullable=True),
        sa.Column('closed_at', sa.Double(), nullable=True),
        sa.Column('submission_count', sa.Integer(), nullable=False),
        sa.Column('log_count', sa.Integer(), nullable=False),
        sa.Column('log_hash', sa.String(length=64), nullable=False),
        sa.Column('board_version', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_contests_owner_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contests')),
        sa.UniqueConstraint('slug', name=op.f('uq_contests_slug')),
    )
    with op.batch_alter_table('contests', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_contests_state'), ['state'], unique=False)

    op.create_table(
        'sessions',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('csrf', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('expires_at', sa.Double(), nullable=False),
        sa.Column('user_agent', sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sessions_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions')),
    )
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sessions_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_sessions_user_id'), ['user_id'], unique=False)

    op.create_table(
        'tokens',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('expires_at', sa.Double(), nullable=True),
        sa.Column('last_used_at', sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_tokens_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_tokens')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_tokens_token_hash')),
    )
    with op.batch_alter_table('tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tokens_user_id'), ['user_id'], unique=False)

    op.create_table(
        'announcements',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('author_id', sa.String(length=16), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_announcements_author_id')),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_announcements_contest_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_announcements')),
    )
    with op.batch_alter_table('announcements', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_announcements_contest_id'), ['contest_id'], unique=False)

    op.create_table(
        'contest_roles',
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('role', sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_contest_roles_contest_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_contest_roles_user_id')),
        sa.PrimaryKeyConstraint('contest_id', 'user_id', name=op.f('pk_contest_roles')),
    )
    with op.batch_alter_table('contest_roles', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_contest_roles_user_id'), ['user_id'], unique=False)

    op.create_table(
        'log_entries',
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('sequence', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('at', sa.Double(), nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('submission_id', sa.String(length=16), nullable=True),
        sa.Column('payload', sa.JSON(), nullable=False),
        sa.Column('previous_hash', sa.String(length=64), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_log_entries_contest_id')),
        sa.PrimaryKeyConstraint('contest_id', 'sequence', name=op.f('pk_log_entries')),
    )
    with op.batch_alter_table('log_entries', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_log_entries_submission_id'), ['submission_id'], unique=False)

    op.create_table(
        'teams',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('name_key', sa.String(length=200), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('is_hidden', sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_teams_contest_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_teams')),
        sa.UniqueConstraint('contest_id', 'name_key', name=op.f('uq_teams_contest_id_name_key')),
    )
    op.create_table(
        'uploads',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('filename', sa.String(length=400), nullable=False),
        sa.Column('size_bytes', sa.BigInteger(), nullable=False),
        sa.Column('sha256', sa.String(length=64), nullable=False),
        sa.Column('received_bytes', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('expires_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_uploads_contest_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_uploads_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_uploads')),
    )
    with op.batch_alter_table('uploads', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_uploads_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_uploads_user_id'), ['user_id'], unique=False)

    op.create_table(
        'invitations',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('team_id', sa.String(length=16), nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        sa.Column('created_by', sa.String(length=16), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('expires_at', sa.Double(), nullable=False),
        sa.Column('used_by', sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_invitations_team_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_invitations')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_invitations_token_hash')),
    )
    with op.batch_alter_table('invitations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invitations_team_id'), ['team_id'], unique=False)

    op.create_table(
        'memberships',
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('team_id', sa.String(length=16), nullable=False),
        sa.Column('role', sa.String(length=16), nullable=False),
        sa.Column('joined_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_memberships_contest_id')),
        sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_memberships_team_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_memberships_user_id')),
        sa.PrimaryKeyConstraint('contest_id', 'user_id', name=op.f('pk_memberships')),
    )
    with op.batch_alter_table('memberships', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_memberships_team_id'), ['team_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_memberships_user_id'), ['user_id'], unique=False)

    op.create_table(
        'submissions',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('phase', sa.String(length=200), nullable=False),
        sa.Column('team_id', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('title', sa.String(length=400), nullable=False),
        sa.Column('note', sa.Text(), nullable=False),
        sa.Column('archive_key', sa.Text(), nullable=False),
        sa.Column('archive_sha256', sa.String(length=64), nullable=False),
        sa.Column('archive_bytes', sa.BigInteger(), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('counts_for_quota', sa.Boolean(), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('started_at', sa.Double(), nullable=True),
        sa.Column('finished_at', sa.Double(), nullable=True),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('lease_owner', sa.String(length=64), nullable=True),
        sa.Column('lease_until', sa.Double(), nullable=True),
        sa.Column('progress_done', sa.Integer(), nullable=False),
        sa.Column('progress_total', sa.Integer(), nullable=False),
        sa.Column('error', sa.Text(), nullable=True),
        sa.Column('log_key', sa.Text(), nullable=True),
        sa.Column('results_key', sa.Text(), nullable=True),
        sa.Column('evaluator_hash', sa.String(length=200), nullable=True),
        sa.Column('is_final', sa.Boolean(), nullable=False),
        sa.Column('is_hidden', sa.Boolean(), nullable=False),
        sa.Column('flags', sa.JSON(), nullable=False),
        sa.Column('queued_at', sa.Double(), nullable=False),
        sa.Column('public_score', sa.Double(), nullable=True),
        sa.Column('private_score', sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_submissions_contest_id')),
        sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_submissions_team_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_submissions_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_submissions')),
        sa.UniqueConstraint('contest_id', 'number', name=op.f('uq_submissions_contest_id_number')),
    )
    with op.batch_alter_table('submissions', schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f('ix_submissions_contest_id_team_id_phase_state_public_score'),
            ['contest_id', 'team_id', 'phase', 'state', 'public_score'],
            unique=False,
        )
        batch_op.create_index('ix_submissions_finished', ['contest_id', 'finished_at'], unique=False)
        batch_op.create_index('ix_submissions_queue', ['state', 'queued_at', 'number'], unique=False)
        batch_op.create_index(batch_op.f('ix_submissions_user_id'), ['user_id'], unique=False)

    op.create_table(
        'entry_reports',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('submission_id', sa.String(length=16), nullable=False),
        sa.Column('user_id', sa.String(length=16), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('state', sa.String(length=16), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.Column('handled_by', sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_entry_reports_submission_id')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_entry_reports_user_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_entry_reports')),
    )
    with op.batch_alter_table('entry_reports', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_entry_reports_state'), ['state'], unique=False)
        batch_op.create_index(batch_op.f('ix_entry_reports_submission_id'), ['submission_id'], unique=False)

    op.create_table(
        'pair_scores',
        sa.Column('submission_id', sa.String(length=16), nullable=False),
        sa.Column('pair', sa.Integer(), nullable=False),
        sa.Column('split', sa.String(length=16), nullable=False),
        sa.Column('metrics', sa.JSON(), nullable=False),
        sa.Column('output_key', sa.Text(), nullable=False),
        sa.Column('heat_map_key', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_pair_scores_submission_id')),
        sa.PrimaryKeyConstraint('submission_id', 'pair', name=op.f('pk_pair_scores')),
    )
    op.create_table(
        'scores',
        sa.Column('submission_id', sa.String(length=16), nullable=False),
        sa.Column('split', sa.String(length=16), nullable=False),
        sa.Column('metric', sa.String(length=200), nullable=False),
        sa.Column('value', sa.Double(), nullable=False),
        sa.Column('low', sa.Double(), nullable=True),
        sa.Column('high', sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_scores_submission_id')),
        sa.PrimaryKeyConstraint('submission_id', 'split', 'metric', name=op.f('pk_scores')),
    )
    op.create_table(
        'standings',
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('phase', sa.String(length=200), nullable=False),
        sa.Column('split', sa.String(length=16), nullable=False),
        sa.Column('team_id', sa.String(length=16), nullable=False),
        sa.Column('submission_id', sa.String(length=16), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('entries', sa.Integer(), nullable=False),
        sa.Column('scores', sa.JSON(), nullable=False),
        sa.Column('updated_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_standings_contest_id')),
        sa.ForeignKeyConstraint(['submission_id'], ['submissions.id'], name=op.f('fk_standings_submission_id')),
        sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_standings_team_id')),
        sa.PrimaryKeyConstraint('contest_id', 'phase', 'split', 'team_id', name=op.f('pk_standings')),
    )
    op.create_table(
        'votes',
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('contest_id', sa.String(length=16), nullable=False),
        sa.Column('phase', sa.String(length=200), nullable=False),
        sa.Column('pair', sa.Integer(), nullable=False),
        sa.Column('first_submission', sa.String(length=16), nullable=False),
        sa.Column('second_submission', sa.String(length=16), nullable=False),
        sa.Column('winner', sa.String(length=8), nullable=False),
        sa.Column('voter_id', sa.String(length=16), nullable=False),
        sa.Column('session_key', sa.String(length=64), nullable=False),
        sa.Column('created_at', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(['contest_id'], ['contests.id'], name=op.f('fk_votes_contest_id')),
        sa.ForeignKeyConstraint(['first_submission'], ['submissions.id'], name=op.f('fk_votes_first_submission')),
        sa.ForeignKeyConstraint(['second_submission'], ['submissions.id'], name=op.f('fk_votes_second_submission')),
        sa.ForeignKeyConstraint(['voter_id'], ['users.id'], name=op.f('fk_votes_voter_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_votes')),
        sa.UniqueConstraint('voter_id', 'pair', 'first_submission', 'second_submission', name='uq_votes_once'),
    )
    with op.batch_alter_table('votes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_votes_contest_id_phase'), ['contest_id', 'phase'], unique=False)
        batch_op.create_index(batch_op.f('ix_votes_voter_id_created_at'), ['voter_id', 'created_at'], unique=False)
