"""The pages over HTTP, as people of each kind read them; `test_pages_in_browser` has them in a real browser."""

import shutil

import pytest

from stylegan_serving.competition import store as stores
from tests.serving.competition import web_contest

_PAGES = ('/', '/login', '/register', '/account', '/invitation', '/c/{slug}', '/c/{slug}/submit',
          '/c/{slug}/submissions', '/c/{slug}/leaderboard', '/c/{slug}/gallery', '/c/{slug}/gallery?pair=0',
          '/c/{slug}/gallery?team={team}', '/c/{slug}/compare', '/c/{slug}/vote', '/c/{slug}/team', '/c/{slug}/manage',
          '/s/{submission}', '/admin')


def address(web, path):
    return path.format(slug=web.contest.slug, submission=web.submissions['participant'].id,
                       team=web.teams['participant'].id)


@pytest.fixture(scope='module')
def site(sqlite_template, tmp_path_factory):
    """A `WebContest` that no test of this file changes."""
    folder = tmp_path_factory.mktemp('site')
    shutil.copyfile(sqlite_template, folder / 'competition.sqlite')
    opened = stores.Store(stores.make_engine(f'sqlite:///{folder}/competition.sqlite'))
    yield web_contest.WebContest(opened, folder)
    opened.close()


@pytest.mark.parametrize('language', ['en', 'zh'])
@pytest.mark.parametrize('path', _PAGES)
def test_page_is_whole(site, path, language):
    client = site.client('admin')
    client.cookies.set('language', language)
    answer = client.get(address(site, path))
    assert answer.status_code == 200, answer.text
    assert f'<html lang="{language}">' in answer.text
