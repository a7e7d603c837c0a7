"""The contest that `serve --demo` brings: six pairs, and teams that hand in entries while one watches.

Everything goes the ways of participants: accounts, teams, uploads, submissions. The photographs are cut out of
installed packages (`sample:photos`); what Gatys needs ten minutes for was painted beforehand, the others' pictures are
made as they are handed in.
"""

import csv
import dataclasses
import hashlib
import io
import logging
import pathlib
import secrets
import shutil
import threading
import time

from stylegan_serving.competition import bundle_files, organising, scratch
from stylegan_serving.competition.services import accounts, permissions, submissions, teams, uploads
from stylegan_serving.competition.services.platform import Caller
from stylegan_serving.competition.starter_kit import make_submission
from stylegan_serving.competition.store import NotFound
from stylegan_tf import images
from stylegan_tf.data import samples

_logger = logging.getLogger(__name__)
FOLDER = pathlib.Path(__file__).parent / 'demo_contest'
SLUG = 'demo'
LONG_SIDE = 192  # of its pictures, pixels
_DAY_SECONDS = 86_400
_OWNER, _PARTICIPANT = 'demo-organiser', 'demo-participant'
_PAUSE_SECONDS = 1.0  # between entries, so that one sees them come
_POLL_SECONDS = 0.25


@dataclasses.dataclass(frozen=True)
class Entrant:
    """A team of the demo.

    Attributes:
        team: Its name on the board.
        title: What its method is called.
        note: One line about it.
        make: Function (bundle as dict, its folder) -> list of (file name, bytes) of the archive.
    """

    team: str
    title: str
    note: str
    make: object


def write_bundle(folder):
    """Makes the bundle of the demo contest: what ships, and the photographs out of installed packages.

    Args:
        folder: pathlib.Path; made if it is not there.
    """
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    write_contents(folder)


def write_contents(folder):
    """Cuts the photographs that `folder`/pairs.csv names."""
    source = samples.sample_folder('photos')
    with open(folder / 'pairs.csv', encoding='utf-8', newline='') as file:
        names = dict.fromkeys(row['content'] for row in csv.DictReader(file))
    for name in names:
        pixels = images.read(source / f'{pathlib.Path(name).stem}.png')
        images.save(folder / 'content' / name, images.fit_within(pixels, LONG_SIDE), quality=92)


def _by_method(method):
    return lambda bundle, folder: list(make_submission.make_results(make_submission.read_pairs(folder), method(),
                                                                    bundle['size']))


def _painted_before(bundle, folder):
    return [(path.name, path.read_bytes()) for path in sorted((folder / 'gatys').glob('*.jpg'))]


def _one_missing(bundle, folder):
    return _by_method(lambda: make_submission.colors)(bundle, folder)[:-1]


ENTRANTS = (
    Entrant('Content unchanged', 'the photograph itself', 'Keeps everything, changes nothing: has to lose.',
            _by_method(lambda: make_submission.unchanged)),
    Entrant('Style pasted', 'the style picture itself', 'All the style, nothing of the content: has to lose.',
            _by_method(lambda: make_submission.pasted)),
    Entrant('Colour transfer', 'linear colour transfer', "Mean and covariance of the style's colours; no strokes.",
            _by_method(lambda: make_submission.colors)),
    Entrant('Gatys', 'Gatys 2016, 160 evaluations', 'Optimises each picture; painted beforehand, grain smoothed.',
            _painted_before),
    Entrant('Arbitrary style', 'arbitrary_style of this package', 'One pass of a network through LiteRT.',
            _by_method(lambda: make_submission.model('arbitrary_style'))),
    Entrant('Five of six', 'colour transfer, one picture forgotten', 'A run that fails: told why, and on no board.',
            _one_missing),
)


class Demo:
    """Makes the demo contest and plays its teams.

    Args:
        platform: `services.platform.Platform`.
        pause_seconds: Between entries.
    """

    def __init__(self, platform, *, pause_seconds=_PAUSE_SECONDS):
        self._platform, self._pause, self._stopping = platform, pause_seconds, threading.Event()
        self._password = secrets.token_urlsafe(9)
        self._contest, self._is_new = None, False
        scratch.sweep('competition-sources')
        self._place = scratch.folder('competition-sources')
        self._folder = pathlib.Path(self._place.name)

    def stop(self):
        """Ends `run` soon."""
        self._stopping.set()

    def prepare(self):
        """Makes accounts and contest unless they are there; returns what to tell who started it."""
        store = self._platform.store
        address = self._platform.settings.base_url
        try:
            self._contest = store.contests.by_slug(SLUG)
            return f'The demo contest goes on: {address}/c/{SLUG}\nCtrl-C ends it.'
        except NotFound:
            self._is_new = True
        owner = self._account(_OWNER)
        store.accounts.update_user(owner.id, role='admin')
        self._account(_PARTICIPANT)
        write_bundle(self._folder)
        with bundle_files.open_files(self._folder) as files:
            contest = organising.create(store, self._platform.storage, files, owner.id)
        contest = _moved_to_today(contest, time.time())
        store.contests.update(contest.id, bundle=contest.bundle)
        self._contest = store.contests.set_state(contest.id, 'open')
        return (f'The demo contest: {address}/c/{SLUG}\n'
                f'  as participant: {_PARTICIPANT}, as organiser and administrator: {_OWNER}; password of both: '
                f'{self._password}\n'
                f'{len(ENTRANTS)} entries follow one another. Ctrl-C ends it.')

    def run(self):
        """Hands in the entries, each when the one before has been scored; nothing where that was done before."""
        if not self._is_new:
            return
        for entrant in ENTRANTS:
            try:
                submission = self._hand_in(entrant)
            except Exception:  # the others still come
                _logger.exception('the demo entry %r was not handed in', entrant.team)
                continue
            while not self._stopping.is_set() and self._state(submission) not in submissions.ENDED:
                self._stopping.wait(_POLL_SECONDS)
            if self._stopping.wait(self._pause):
                return

    def _state(self, submission):
        return self._platform.store.submissions.submission(submission.id).state

    def _account(self, name):
        # As an administrator's: a demo is not held up by limits against strangers.
        user = accounts.register(self._platform, name=name, password=self._password, by_admin=True)
        return self._platform.store.accounts.user(user.id)

    def _hand_in(self, entrant):
        members = entrant.make(self._contest.bundle, self._folder)
        file = io.BytesIO()
        make_submission.pack(members, file, f'# {entrant.title}\n\n{entrant.note}\n')
        data = file.getvalue()
        caller = Caller(self._account(f'demo {entrant.team}'))
        scene = permissions.scene(self._platform, caller, slug=SLUG)
        teams.join(scene, team_name=entrant.team)
        scene = permissions.scene(self._platform, caller, slug=SLUG)
        upload = uploads.begin(scene, filename='results.zip', size_bytes=len(data),
                               sha256=hashlib.sha256(data).hexdigest())
        scene = permissions.scene(self._platform, caller, slug=SLUG, upload_id=upload.id)
        uploads.receive(scene, offset=0, data=data)
        return submissions.submit(scene, upload_id=upload.id, title=entrant.title, note=entrant.note)


def _moved_to_today(contest, now):
    phases = [phase | {'start': now - _DAY_SECONDS, 'end': now + 30 * _DAY_SECONDS}
              for phase in contest.bundle['phases']]
    return dataclasses.replace(contest, bundle=contest.bundle | {'phases': phases})
