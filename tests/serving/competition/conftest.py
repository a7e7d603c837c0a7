"""What the competition's tests share: databases of both kinds, and stores on them."""

import itertools
import shutil

import fsspec
import httpx
import pytest
import sqlalchemy as sa

from stylegan_serving.competition import store as stores
from tests.serving.competition import postgres_server, web_contest
from tests.serving.competition import stage as stages

_numbers = itertools.count()


@pytest.fixture(scope='session')
def postgres():
    """URL of the maintenance database of a real PostgreSQL server, or a visible skip."""
    if postgres_server.binaries() is None:
        pytest.skip('PostgreSQL is not installed (Debian, Ubuntu: sudo apt-get install postgresql)')
    with postgres_server.running() as url:
        yield url


@pytest.fixture(scope='session')
def postgres_template(postgres):
    """Name of a database with this version's tables, to make others from."""
    url = _make_database(postgres, 'prepared')
    stores.open_store(url).close()
    return 'prepared'


@pytest.fixture(scope='session')
def sqlite_template(tmp_path_factory):
    """File of a database with this version's tables, to copy."""
    path = tmp_path_factory.mktemp('template') / 'competition.sqlite'
    stores.open_store(f'sqlite:///{path}').close()
    return path


def _make_database(postgres, name, template='template0'):
    maintenance = stores.make_engine(postgres)
    with maintenance.execution_options(isolation_level='AUTOCOMMIT').connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE {name} TEMPLATE {template}')
    maintenance.dispose()
    return sa.make_url(postgres).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def new_postgres_url(postgres):
    """Function that makes a PostgreSQL database, empty or from a template, and returns its URL."""
    return lambda template='template0': _make_database(postgres, f'contest_{next(_numbers)}', template)


@pytest.fixture
def bucket(bucket_server, monkeypatch):
    """URL of a bucket on an S3-type server of this machine, for this process and those it starts."""
    for name, value in (('ACCESS_KEY_ID', 'key'), ('SECRET_ACCESS_KEY', 'secret'), ('ENDPOINT_URL', bucket_server),
                        ('DEFAULT_REGION', 'us-east-1')):
        monkeypatch.setenv(f'AWS_{name}', value)
    fsspec.get_filesystem_class('s3').clear_instance_cache()
    yield 's3://contest'
    fsspec.get_filesystem_class('s3').clear_instance_cache()


@pytest.fixture(scope='session')
def bucket_server():
    """Address of a real S3-type server with a bucket `contest`."""
    pytest.importorskip('s3fs')
    server = pytest.importorskip('moto.server').ThreadedMotoServer(ip_address='127.0.0.1', port=0)
    server.start()
    host, port = server.get_host_and_port()
    httpx.put(f'http://{host}:{port}/contest', timeout=60).raise_for_status()
    yield f'http://{host}:{port}'
    server.stop()


@pytest.fixture(params=['sqlite', 'postgresql'])
def empty_url(request, tmp_path):
    """URL of a database without tables, once of each kind."""
    if request.param == 'sqlite':
        return f'sqlite:///{tmp_path}/empty.sqlite'
    return request.getfixturevalue('new_postgres_url')()


@pytest.fixture(params=['sqlite', 'postgresql'])
def database_url(request):
    """URL of a database with this version's empty tables, once of each kind."""
    if request.param == 'sqlite':
        return request.getfixturevalue('sqlite_url')
    return request.getfixturevalue('new_postgres_url')(request.getfixturevalue('postgres_template'))


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    """URL of a SQLite database with this version's empty tables."""
    shutil.copyfile(sqlite_template, tmp_path / 'competition.sqlite')
    return f'sqlite:///{tmp_path}/competition.sqlite'


@pytest.fixture
def store(database_url):
    """A Store on empty tables, once of each kind."""
    opened = stores.Store(stores.make_engine(database_url))
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url):
    """A Store on empty tables in SQLite."""
    opened = stores.Store(stores.make_engine(sqlite_url))
    yield opened
    opened.close()


@pytest.fixture
def web(sqlite_store, tmp_path):
    """A `web_contest.WebContest` on SQLite."""
    return web_contest.WebContest(sqlite_store, tmp_path)


@pytest.fixture(scope='module')
def stage(sqlite_template, tmp_path_factory):
    """A `stage.Stage`, shared by the tests of a file."""
    folder = tmp_path_factory.mktemp('access')
    shutil.copyfile(sqlite_template, folder / 'competition.sqlite')
    made = stages.Stage(folder / 'competition.sqlite', folder)
    for pair in made.web.contest.bundle['pairs']:
        for role in ('content', 'style'):
            made.web.storage.write(f'{made.web.contest.bundle_files}/{role}/{pair[role]}', b'\x89PNG')
    yield made
    made.web.store.close()
