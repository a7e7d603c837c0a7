"""A contest that is put back after each request, so that one application serves hundreds of them."""

import re
import sqlite3

from stylegan_serving.competition import store
from stylegan_serving.competition.services import permissions, votes
from tests.serving.competition import web_contest
from tests.serving.competition.web_contest import KINDS


class Stage:
    """A `WebContest` that is put back to how it was before each request."""

    def __init__(self, database, folder):
        self.web = web_contest.WebContest(store.Store(store.make_engine(f'sqlite:///{database}')), folder)
        web = self.web
        self._ballots = {kind: self._ballot(kind) for kind in KINDS}
        self._clients = {kind: web.client(kind, follow_redirects=False) for kind in KINDS}
        participant = web.client('participant')
        self.upload = web_contest.begin_upload(participant, web.contest.slug, b'1').json()['id']
        self.report = web.store.administration.add_report(
            web.submissions['participant'].id, web.users['user'].id, 'a reason').id
        web.app.state.streams.close()  # so that event streams end
        self._connection = sqlite3.connect(database, isolation_level=None, timeout=30)
        self._connection.execute(f"VACUUM INTO '{database}.kept'")
        self._connection.execute(f"ATTACH '{database}.kept' AS kept")
        self._tables = [name for name, in self._connection.execute(
            "SELECT name FROM kept.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]

    def reset(self):
        """Puts every table back."""
        self._connection.execute('BEGIN IMMEDIATE')
        for name in self._tables:
            self._connection.execute(f'DELETE FROM main.{name}')
            self._connection.execute(f'INSERT INTO main.{name} SELECT * FROM kept.{name}')
        self._connection.execute('COMMIT')
        self.web.platform.boards.clear()

    def make_draft(self):
        """Makes the contest a draft again, until `reset`."""
        self._connection.execute("UPDATE main.contests SET state = 'draft'")

    def names(self, kind):
        """What stands for each name in a route's path when a person asks: dict; what is owned is the participant's."""
        web = self.web
        return {
            'slug': web.contest.slug, 'submission_id': web.submissions['participant'].id,
            'team_id': web.teams['participant'].id, 'upload_id': self.upload, 'report_id': self.report,
            'user_id': web.users['participant'].id, 'pair': 0, 'kind': 'output', 'side': 'first', 'code': 'zh',
            'path': 'content/content0.png', 'token_id': self._token_id(kind), 'ballot': self._ballots[kind]}

    def ask(self, kind, method, path, **options):
        """The answer to a route's request by a person; what it changes is put back."""
        names = self.names(kind)
        filled = re.sub(r'\{(\w+)(?::path)?\}', lambda found: str(names[found[1]]), path)
        answer = self._clients[kind].request(method, filled, **options)
        self._clients[kind].cookies.clear()
        if method not in ('GET', 'HEAD') and not is_refused(answer):
            self.reset()
        return answer

    def _token_id(self, kind):
        if kind == 'anonymous':
            return '0' * 16
        return self.web.store.accounts.tokens(self.web.users[kind].id)[0].id

    def _ballot(self, kind):
        web = self.web
        caller = permissions.Caller(web.users.get('user' if kind == 'anonymous' else kind))
        scene = permissions.scene(web.platform, caller, slug=web.contest.slug)
        ballot = votes.Ballot('', 0, web.submissions['participant'].id, web.submissions['other_team'].id, 'development')
        return votes._seal(scene, ballot).token


def is_refused(answer):
    return answer.status_code in (401, 403) or (
        answer.is_redirect and answer.headers['location'].startswith('/login'))
