"""What the tests of serving share: the fixture models of the golden record, free ports, and running servers."""

import itertools
import pathlib
import subprocess
import sys

import pytest

from tests.serving import server_process

GOLDEN = pathlib.Path(__file__).parent / 'golden'


@pytest.fixture(scope='session')
def golden_models(tmp_path_factory):
    """Folder of the golden record's models: pair/1, pair/2, and version 1 of image, examples, warm_{good,bad,slow}."""
    folder = tmp_path_factory.mktemp('golden') / 'models'
    subprocess.run([sys.executable, GOLDEN / 'make_fixture_models.py', folder], check=True, capture_output=True,
                   timeout=600)
    return folder


@pytest.fixture(scope='session')
def free_port():
    """Function that returns a port of 127.0.0.1 that nothing listens on."""
    return lambda: server_process.free_ports(1)


@pytest.fixture(scope='session')
def local_server(tmp_path_factory):
    """Function that makes a local server of given flags, a context manager; see `server_process.ServerProcess`.

    with local_server('--model_name=pair', f'--model_base_path={golden_models}/pair') as server:
        requests.get(f'{server.rest}/v1/models/pair')

    A test that fails shows the logs of the servers that run at that moment.
    """
    folder, numbers = tmp_path_factory.mktemp('servers'), itertools.count()
    return lambda *flags: server_process.ServerProcess(flags, folder / f'{next(numbers)}.log')


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the logs of running servers to the report of a test that fails."""
    report = yield
    if report.failed:
        for server in server_process.running:
            report.sections.append((f'log of {" ".join(server.command[1:])}', server.log()))
    return report
