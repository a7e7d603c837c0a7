"""Layouts of results, by which copies are found; indexes that answer whatever the number of submissions and votes."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade():
    op.add_column('pair_scores', sa.Column('layout', sa.String(32), nullable=True))
    op.drop_index('ix_submissions_team_id_number', 'submissions')
    op.create_index('ix_submissions_contest_id_team_id_number', 'submissions', ['contest_id', 'team_id', 'number'])
    op.create_index('ix_submissions_contest_id_state_number', 'submissions', ['contest_id', 'state', 'number'])
    op.drop_index('ix_votes_contest_id_phase', 'votes')
    op.create_index('ix_votes_contest_id_phase_created_at', 'votes', ['contest_id', 'phase', 'created_at'])
