"""A small contest with real pictures for measurements: its bundle, and archives for it."""

import dataclasses
import hashlib
import io
import time
import zipfile

import numpy as np

from stylegan_serving.competition import bundle, records
from stylegan_tf import images

SLUG, PHASE = 'measured', 'only'
SIZE, PAIRS = 48, 4
METRICS = (bundle.Metric('structure_retention', 1.0, 'higher'), bundle.Metric('ssim', 1.0, 'higher'))
WITHOUT_LIMIT = bundle.Quota(None, None, None)


def make_contest(store, storage, *, pairs=PAIRS):
    """Opens a contest of noise pictures; every other pair is private. Returns `records.Contest`."""
    now = time.time()
    made = bundle.Bundle(
        slug=SLUG, title='Measured', size=SIZE, metrics=METRICS,
        phases=(bundle.Phase(PHASE, now - 3600, now + 86_400, 'Only', quota=WITHOUT_LIMIT),),
        description={'en': 'A contest to measure with.'}, rules={'en': 'None.'},
        pairs=tuple(bundle.Pair(index, f'c{index}.png', f's{index}.png', 'private' if index % 2 else 'public')
                    for index in range(pairs)))
    owner = store.accounts.add_user('measured-organiser', None, 'x', 'organiser')
    place = f'contests/{SLUG}/bundle'
    for index in range(pairs):
        storage.write(f'{place}/content/c{index}.png', images.encode(_pixels(index)))
        storage.write(f'{place}/style/s{index}.png', images.encode(_pixels(1000 + index)))
    contest = store.contests.add(SLUG, made.title, owner.id, dataclasses.asdict(made), bundle_files=place,
                                 bundle_hash='0' * 64)
    return store.contests.set_state(contest.id, 'open')


def make_archive(number, pairs=PAIRS):
    """A zip of results as bytes: contents blended with styles, by a share that is the number's own."""
    file = io.BytesIO()
    share = 0.1 + 0.8 * (number * 0.381966 % 1)
    with zipfile.ZipFile(file, 'w') as archive:
        for index in range(pairs):
            mixed = (1 - share) * _pixels(index) + share * _pixels(1000 + index).astype(np.float32)
            archive.writestr(zipfile.ZipInfo(f'{index:03d}.png', (1980, 1, 1, 0, 0, 0)),
                             images.encode(mixed.round().astype(np.uint8)))
    return file.getvalue()


def submit(store, storage, contest, team, user, data):
    """Queues an archive; returns `records.Submission`."""
    name = records.new_id()
    storage.write(f'submissions/{name}/archive.zip', data)
    return store.submissions.add(
        contest.id, PHASE, team.id, user.id, archive_key=f'submissions/{name}/archive.zip', submission_id=name,
        archive_sha256=hashlib.sha256(data).hexdigest(), archive_bytes=len(data), title='measured', now=time.time())


def _pixels(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.float32)
    return np.clip(images.resize(coarse, (36, SIZE)), 0, 255).round().astype(np.uint8)
