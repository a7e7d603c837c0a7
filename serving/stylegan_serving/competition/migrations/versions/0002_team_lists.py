"""A team's submissions, newest first, are found by an index."""

from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.create_index('ix_submissions_team_id_number', 'submissions', ['team_id', 'number'])
