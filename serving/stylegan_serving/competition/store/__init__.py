"""The one truth of the competition: users, contests, submissions, scores and votes in one database.

    store = Store(make_engine('sqlite:///competition.sqlite'))
    submission = store.submissions.claim(worker_id, time.time(), lease_seconds=60)

One implementation for SQLite and PostgreSQL; the same tests run on both. Every method is one transaction.
"""

from stylegan_serving.competition.store.accounts import Accounts
from stylegan_serving.competition.store.administration import Administration
from stylegan_serving.competition.store.contests import Contests
from stylegan_serving.competition.store.database import Database, make_engine
from stylegan_serving.competition.store.errors import Conflict, InvalidState, NotFound, StaleLease, StoreError
from stylegan_serving.competition.store.schema import check_schema, upgrade
from stylegan_serving.competition.store.scores import Scores
from stylegan_serving.competition.store.submissions import Submissions
from stylegan_serving.competition.store.teams import Teams
from stylegan_serving.competition.store.votes import Votes

__all__ = ['Conflict', 'InvalidState', 'NotFound', 'StaleLease', 'Store', 'StoreError', 'check_schema', 'make_engine',
           'open_store', 'upgrade']


class Store:
    """The rooms of one database, whose schema `upgrade` has brought up to date.

    Attributes:
        accounts, contests, teams, submissions, scores, votes, administration: See their modules.
    """

    def __init__(self, engine):
        self.engine = engine
        base = Database(engine)
        self.accounts = Accounts(base)
        self.contests = Contests(base)
        self.teams = Teams(base)
        self.submissions = Submissions(base)
        self.scores = Scores(base)
        self.votes = Votes(base)
        self.administration = Administration(base)

    def close(self):
        """Closes the connections."""
        self.engine.dispose()


def open_store(url, **options):
    """A Store on a database of a URL, made or brought up to date first."""
    engine = make_engine(url, **options)
    upgrade(engine)
    return Store(engine)
