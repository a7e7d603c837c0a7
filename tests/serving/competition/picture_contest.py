"""A contest with real pictures, small enough to be scored in a moment, and entries for it."""

import dataclasses
import hashlib
import io
import time
import zipfile

import numpy as np

from stylegan_serving.competition import bundle, records
from stylegan_tf import images
from tests.serving.competition import contest_builder

SIZE, PAIRS = 32, 4
# Without a network; 'lower' and 'higher' are both among them.
METRICS = (bundle.Metric('structure_retention', 1.0, 'higher'), bundle.Metric('grid_peaks', 0.5, 'lower'))


def pixels(seed, height=24, width=SIZE):
    """A smooth picture, unlike those of other seeds."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (5, 6, 3)).astype(np.float32)
    return np.clip(images.resize(coarse, (height, width)), 0, 255).astype(np.uint8)


def add_contest(store, storage, *, metrics=METRICS, pairs=PAIRS, **changes):
    """An open contest whose pictures lie in the storage; odd pairs are private."""
    rows = tuple(bundle.Pair(index, f'c{index}.png', f's{index % 2}.png', 'private' if index % 2 else 'public')
                 for index in range(pairs))
    contest = contest_builder.add_contest(store, metrics=metrics, pairs=rows, size=SIZE, **changes)
    place = f'contests/{contest.id}/bundle'
    for index in range(pairs):
        storage.write(f'{place}/content/c{index}.png', images.encode(pixels(index)))
    for index in range(2):
        storage.write(f'{place}/style/s{index}.png', images.encode(pixels(100 + index, 30, 30)))
    return store.contests.update(contest.id, bundle_files=place)


def blend(share, pairs=PAIRS):
    """An entry: contents with a share of the style; {name: bytes}."""
    def picture(index):
        style = images.resize(pixels(100 + index % 2, 30, 30).astype(np.float32), (24, SIZE))
        mixed = (1 - share) * pixels(index) + share * style
        return images.encode(np.clip(mixed, 0, 255).round().astype(np.uint8))
    return {f'{index:03d}.png': picture(index) for index in range(pairs)}


def archive(members):
    """A zip of {name: bytes} as bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return file.getvalue()


def submit(store, storage, contest, team, leader, data, **options):
    """Queues an archive given as bytes or as {name: bytes}."""
    data = data if isinstance(data, bytes) else archive(data)
    key = f'submissions/{(name := records.new_id())}/archive.zip'
    storage.write(key, data)
    return store.submissions.add(
        contest.id, 'development', team.id, leader.id, archive_key=key, submission_id=name,
        archive_sha256=hashlib.sha256(data).hexdigest(), archive_bytes=len(data), now=time.time(), **options)


def summary_of(store, submission):
    """What of a scored submission must not depend on who scored it, and when: plain values."""
    return ([dataclasses.asdict(row) for row in store.scores.of(submission.id)],
            [dataclasses.asdict(row) for row in store.scores.pair_scores(submission.id)])
