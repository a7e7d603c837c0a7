"""Features of pictures, computed once and kept on disk."""

import functools
import hashlib
import json
import pathlib

import numpy as np

from detection import deep_features, hand_features, scorers
from stylegan_tf import files, images
from stylegan_tf.data import defects, order

PART = 64
VERSION = 1  # of what is computed


class Features:
    """Computes the features of a picture beside its references.

    Args:
        network: deep_features.Network.
        bank: Patches of good pictures, float32 [N, D], or None: patches are then returned instead of distances.
    """

    def __init__(self, network, bank=None):
        self.network, self.bank = network, bank
        self._reference = functools.lru_cache(maxsize=16)(self._look)  # the pictures of a source come in a row
        self._squares = None if bank is None else np.square(bank).sum(axis=1)

    def __call__(self, pictures):
        """dict of float32 arrays for pictures 'image', 'content', 'style' (uint8 [H, W, 3] or None)."""
        picture, content, style = (pictures[role] for role in ('image', 'content', 'style'))
        maps = self.network.maps(picture)
        found = {'hand': hand_features.describe(picture), 'deep': deep_features.moments(maps)}
        local = deep_features.patches(maps)
        if self.bank is None:
            found['patches'] = local.astype(np.float16)
        else:
            found['patch_map'] = deep_features.nearest(local, self.bank, self._squares)
        if content is not None:
            known = self._reference(content.tobytes(), content.shape)
            found.update(compare=hand_features.compare(picture, content), content_hand=known[0],
                         content_deep=known[1], distances=deep_features.distances(maps, known[2]))
        if style is not None:
            known = self._reference(style.tobytes(), style.shape)
            found.update(style_hand=known[0], style_deep=known[1])
        return found

    def _look(self, pixels, shape):
        picture = np.frombuffer(pixels, np.uint8).reshape(shape)
        maps = self.network.maps(picture)
        return hand_features.describe(picture), deep_features.moments(maps), maps


def collect(features, rows, read, folder, *, limit=None, progress=None):
    """Features of rows, kept in parts; what an earlier call wrote is read.

    Args:
        features: Features.
        rows: list of dict.
        read: Callable row -> pictures.
        folder: Where they are kept.
        limit: Only so many rows; None for all.
        progress: As of `scorers.score`.
    Returns:
        dict name -> float32 [N, ...].
    """
    folder = pathlib.Path(folder)
    listed = json.dumps([VERSION, [[row.get('path') or row['image'], row.get('crop'), row.get('defect'),
                                    row.get('severity')] for row in rows[:PART]]])
    bank = b'' if features.bank is None else features.bank.tobytes()
    claim = {'sha256': hashlib.sha256(listed.encode() + bank).hexdigest()}
    path = folder / 'claim.json'
    if path.is_file() and json.loads(path.read_text()) != claim:
        raise scorers.ScoreError(f'{folder} holds features of other pictures. Give another --features, or remove it.')
    files.write_whole(path, json.dumps(claim).encode())
    parts, rows = [], rows[:limit]
    for start in range(0, len(rows), PART):
        chosen = rows[start:start + PART]
        path = folder / f'part-{start:06d}-{len(chosen)}.npz'
        is_fresh = not path.is_file()
        if is_fresh:
            each = [features(read(row)) for row in chosen]
            scorers.write_part(path, {name: np.stack([one[name] for one in each]) for name in each[0]})
        with np.load(path) as found:
            parts.append(dict(found))
        if progress is not None:
            progress(start + len(chosen), is_fresh)
    return {name: np.concatenate([part[name] for part in parts]).astype(np.float32) for name in parts[0]}


def training_rows(rows, sources, seed):
    """What simpler detectors are fitted on: each source clean, and with three defects of any kind and severity.

    Args:
        rows: list of sets.Row with references.
        sources: Number of pictures to use.
        seed: Decides all chance; use another one than of the sets.
    Returns:
        list of dict: image, content, style, defect ('' for clean), severity, number; sources one after another, so that
        more sources only add rows.
    """
    chosen = sorted(rows, key=lambda row: order.key_from(seed, 'training', row.image))[:sources]
    kinds, found = list(defects.DEFECTS), []
    for number, row in enumerate(chosen):
        draws = order.generator_from(seed, 'kinds', number)
        # Three neighbours in turn: every kind is there as often.
        picked = [kinds[(3 * number + step) % len(kinds)] for step in range(3)]
        common = {'image': row.image, 'content': row.content, 'style': row.style, 'number': number}
        found.append({**common, 'defect': '', 'severity': 0.0})
        found += [{**common, 'defect': kind, 'severity': float(draws.choice(defects.SEVERITIES))} for kind in picked]
    return found


def read_training(row, seed, size=256):
    """dict 'image', 'content', 'style' -> uint8 [size, size, 3] of a row of `training_rows`."""
    pictures = _source(row['image'], row['content'], row['style'], size, seed, row['number'])
    if row['defect']:
        kind = list(defects.DEFECTS).index(row['defect'])
        damaged, _ = defects.plant(pictures['image'], row['defect'], row['severity'],
                                   seed=(seed, row['number'], kind), content=pictures['content'])
        return {**pictures, 'image': damaged}
    return pictures


@functools.lru_cache(maxsize=2)
def _source(image, content, style, size, seed, number):
    pictures = {role: images.cover_crop(images.read(path), (size, size))
                for role, path in (('image', image), ('content', content), ('style', style))}
    return {**pictures, 'image': defects.recapture(pictures['image'], seed=(seed, number))}
