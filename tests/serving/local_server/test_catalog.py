"""Models and versions, without TensorFlow: what is loaded when, what fails, what is held."""

import contextlib
import threading
import time

import pytest

from stylegan_serving.local_server import catalog, errors
from stylegan_serving.local_server.catalog import AVAILABLE, END, LOADING, UNLOADING

BROKEN = errors.ServingError('OUT_OF_RANGE', 'Read less bytes than requested')


class FakeServable:
    """Stands for a loaded version."""

    def __init__(self, name, version):
        self.name, self.version, self.is_closed = name, version, False
        self._holds, self._is_idle = 0, threading.Condition()

    def acquire(self):
        self._holds += 1

    def release(self):
        with self._is_idle:
            self._holds -= 1
            self._is_idle.notify_all()

    def wait_until_idle(self):
        with self._is_idle:
            self._is_idle.wait_for(lambda: not self._holds)

    def close(self):
        assert not self._holds, 'closed under a request'
        self.is_closed = True


class Loader:
    """Loads folders that hold a file `good`; remembers what it was asked for."""

    def __init__(self):
        self.asked, self.loaded, self.gates = [], [], {}

    def __call__(self, name, version, path):
        self.asked.append((name, version))
        if version in self.gates:
            assert self.gates[version].wait(20)
        if not (path / 'good').exists():
            raise BROKEN
        self.loaded.append(FakeServable(name, version))
        return self.loaded[-1]


class Models:
    """A catalog over a folder."""

    def __init__(self, folder, **options):
        self.folder, self.loader = folder, Loader()
        self.catalog = catalog.Catalog(self.loader, **{'load_retries': 0, **options})

    def version(self, number, *, is_good=True):
        path = self.folder / str(number)
        path.mkdir(exist_ok=True)
        if is_good:
            (path / 'good').touch()

    def want(self, *numbers, name='m'):
        self.catalog.want(name, {number: self.folder / str(number) for number in numbers})

    def states(self, name='m'):
        return {found.version: found.state for found in self.catalog.status(name)}

    def until(self, states, name='m', seconds=20):
        """Waits until the versions have these states."""
        end = time.monotonic() + seconds
        while self.states(name) != states:
            assert time.monotonic() < end, f'{self.states(name)} is not {states}'
            time.sleep(0.005)


@pytest.fixture
def models(tmp_path):
    """Function that makes `Models` of the catalog's options."""
    with contextlib.ExitStack() as stack:
        def make(**options):
            made = Models(tmp_path, **options)
            stack.callback(made.catalog.close)
            return made
        yield make


def test_a_new_version_is_there_before_the_old_one_goes(models):
    m = models()
    m.version(1)
    m.version(2)
    m.want(1)
    m.until({1: AVAILABLE})
    m.loader.gates[2] = threading.Event()
    m.want(2)
    m.until({2: LOADING, 1: AVAILABLE})
    with m.catalog.open('m') as servable:
        assert servable.version == 1
    m.loader.gates[2].set()
    m.until({2: AVAILABLE, 1: END})
    assert [servable.is_closed for servable in m.loader.loaded] == [True, False]
    with m.catalog.open('m') as servable:
        assert servable.version == 2


def test_the_newest_is_loaded_first_and_a_removed_one_goes_back_to_the_one_before(models):
    m = models()
    for number in (1, 2, 3):
        m.version(number)
    m.want(1, 2, 3)
    m.until({3: AVAILABLE, 2: AVAILABLE, 1: AVAILABLE})
    assert m.loader.asked == [('m', 3), ('m', 2), ('m', 1)]
    m.want(2)
    m.until({3: END, 2: AVAILABLE, 1: END})
    m.want(3)
    m.until({3: AVAILABLE, 2: END, 1: END})
    m.want()
    m.until({3: END, 2: END, 1: END})
    with pytest.raises(errors.ServingError, match=r'^NOT_FOUND: Servable not found for request: Latest\(m\)$'):
        m.catalog.open('m').__enter__()


def test_a_version_is_not_unloaded_under_a_request(models):
    m = models()
    m.version(1)
    m.want(1)
    m.until({1: AVAILABLE})
    with m.catalog.open('m', version=1) as servable:
        m.want()
        m.until({1: UNLOADING})
        with pytest.raises(errors.ServingError, match='NOT_FOUND'):
            m.catalog.open('m', version=1).__enter__()
        time.sleep(0.05)
        assert not servable.is_closed
    m.until({1: END})
    assert servable.is_closed


def test_a_bad_version_ends_with_its_error_and_the_old_one_serves(models):
    m = models()
    m.version(1)
    m.version(2, is_good=False)
    m.want(1)
    m.until({1: AVAILABLE})
    m.want(2)
    m.until({2: END, 1: AVAILABLE})
    assert m.catalog.status('m', 2) == [catalog.VersionStatus(2, END, BROKEN)]
    assert m.catalog.wait_until_settled(['m']) == {('m', 2): BROKEN}
    m.want(2)
    m.want(2)
    time.sleep(0.05)
    assert m.loader.asked == [('m', 1), ('m', 2)], 'the same folder is not tried again and again'


def test_a_bad_version_is_tried_again_when_its_folder_has_changed(models):
    m = models()
    m.version(2, is_good=False)
    m.want(2)
    m.until({2: END})
    m.version(2)
    m.want(2)
    m.until({2: AVAILABLE})
    assert m.catalog.status('m')[0].error is None


def test_waiting_for_a_retry_keeps_no_other_version_out(models):
    m = models(load_retries=5, retry_interval_seconds=60)
    m.version(2, is_good=False)
    m.version(3)
    m.want(2)
    m.until({2: LOADING})
    assert m.catalog.wait_until_settled(['m'], is_first_failure_enough=True) == {('m', 2): BROKEN}
    assert m.catalog.status('m')[0].error is None, 'an error is shown at the end only'
    m.want(3)
    m.until({3: AVAILABLE, 2: LOADING})


def test_retries_end_after_their_number_or_with_success(models):
    m = models(load_retries=2, retry_interval_seconds=0.02)
    m.version(1, is_good=False)
    m.want(1)
    m.until({1: END})
    assert len(m.loader.asked) == 3
    m = models(load_retries=1000, retry_interval_seconds=0.02)
    m.version(2, is_good=False)
    m.want(2)
    m.until({2: LOADING})
    m.version(2)
    m.until({2: AVAILABLE})


def test_a_version_that_is_not_wanted_any_more_is_not_retried(models):
    m = models(load_retries=1000, retry_interval_seconds=0.05)
    m.version(1, is_good=False)
    m.want(1)
    m.until({1: LOADING})
    m.want()
    m.until({1: END})


def test_an_unexpected_exception_of_the_loader_is_an_error_of_the_version(models, monkeypatch):
    m = models()
    m.version(1)
    monkeypatch.setattr(m.loader, 'gates', None)
    m.want(1)
    m.until({1: END})
    assert m.catalog.status('m')[0].error.code == 'INTERNAL'


def test_labels_and_the_texts_of_what_is_not_there(models):
    m = models()
    m.version(1)
    m.want(1)
    m.until({1: AVAILABLE})
    m.catalog.set_labels({'m': {'stable': 1, 'next': 7}})
    with m.catalog.open('m', label='stable') as servable:
        assert servable.version == 1
    for arguments, text in ((('m', None, 'next'), r'NOT_FOUND: Servable not found for request: Specific\(m, 7\)'),
                            (('m', None, ''), 'INVALID_ARGUMENT: Unrecognized servable version label: '),
                            (('m', 0), r'NOT_FOUND: Servable not found for request: Specific\(m, 0\)'),
                            (('n',), r'NOT_FOUND: Servable not found for request: Latest\(n\)')):
        with pytest.raises(errors.ServingError, match=f'^{text}$'):
            m.catalog.open(*arguments).__enter__()
    for arguments, text in ((('n',), 'Could not find any versions of model n'),
                            (('m', 9), 'Could not find version 9 of model m')):
        with pytest.raises(errors.ServingError, match=f'^NOT_FOUND: {text}$'):
            m.catalog.status(*arguments)


def test_close_ends_waiting_and_retries(models):
    m = models(load_retries=5, retry_interval_seconds=60)
    m.version(1, is_good=False)
    m.want(1)
    m.until({1: LOADING})
    waiting = threading.Thread(target=m.catalog.wait_until_settled, args=[['m', 'never there']])
    waiting.start()
    m.catalog.close()
    waiting.join(20)
    assert not waiting.is_alive()
