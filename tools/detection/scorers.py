"""Detectors as functions of batches, and their scores of many pictures, kept on disk so that a run goes on."""

import dataclasses
import hashlib
import io
import json
import pathlib
import time

import numpy as np

from stylegan_tf import files

PART = 64  # pictures in a file of scores
SIGNATURES = {'references': ('score_with_references', ('content', 'style')),
              'content': ('score_with_content', ('content',)), 'none': ('score', ())}


class ScoreError(ValueError):
    """A detector that cannot be used, or scores of another one; the message says what to do."""


@dataclasses.dataclass
class Scorer:
    """A detector.

    Attributes:
        name: What tables call it.
        facts: dict of what a report must say: hash, step, left_out_defects, networks.
        defect_names: Order of its `defects`.
        function: Callable (pictures, condition) -> dict of arrays: 'score' [B], 'defects' [B, K], 'map' [B, h, w] and,
            if it is calibrated, 'p_value' [B]. pictures: dict 'image', 'content', 'style' -> uint8 [B, H, W, 3].
    """

    name: str
    facts: dict
    defect_names: tuple
    function: object


def load(name):
    """The Scorer of a shipped name, an export or a run folder.

    Raises:
        ScoreError: If there is no such model, or it scores nothing.
    """
    import stylegan_tf as sg
    from stylegan_tf import api

    try:
        model = sg.load(name)
    except api.ModelError as error:
        raise ScoreError(str(error)) from error
    if 'score' not in model.offers:
        raise ScoreError(f'{name} scores nothing. It offers: {", ".join(model.offers)}.')
    names = tuple(model.card['defect_names'])
    facts = {'hash': model.hash, 'step': model.card.get('step'), 'preset': model.card.get('preset'),
             'left_out_defects': _left_out_defects(name, model.card),
             'calibration_pictures': model.card.get('calibration_pictures')}

    def function(pictures, condition):
        signature, roles = SIGNATURES[condition]
        inputs = {role: np.float32(pictures[role]) / 255 for role in ('image', *roles)}
        found = model.run_signature(signature, **inputs)
        return {'score': found['anomaly_score'], 'p_value': found['p_value'], 'defects': found['defect_scores'],
                'map': found['anomaly_map'][..., 0]}

    return Scorer(pathlib.Path(name).resolve().name, facts, names, function)


def _left_out_defects(name, card):
    """Defects that a run's training never showed; an export says so in its card, or not at all."""
    try:
        settings = json.loads((pathlib.Path(name) / 'config.json').read_text(encoding='utf-8'))['config']
    except (OSError, KeyError, ValueError):
        settings = card
    return list(settings.get('left_out_defects', ()))


def score(scorer, rows, condition, read, folder, *, keep_map=lambda row: False, batch_size=8, progress=None):
    """Scores of rows; those that an earlier call with the same arguments wrote are read.

    Args:
        scorer: Scorer.
        rows: list of dict.
        condition: Of pictures.CONDITIONS; what the scorer is told.
        read: Callable row -> dict of pictures.
        folder: Where scores are kept, one for each scorer, table and condition.
        keep_map: Callable row -> whether its map is wanted.
        batch_size: Pictures at once, of one size.
        progress: Called with the number of pictures done and whether they were scored now, or None.
    Returns:
        dict 'score' float64 [N], 'defects' float32 [N, K], 'p_value' float64 [N] (nan where not calibrated), and
        'map': dict row index -> float16 [h, w].
    Raises:
        ScoreError: The folder holds scores of another scorer or of other rows.
    """
    folder = pathlib.Path(folder)
    _claim(folder, scorer, rows, condition)
    parts = []
    for start in range(0, len(rows), PART):
        path = folder / f'part-{start:06d}.npz'
        is_fresh = not path.is_file()
        if is_fresh:
            write_part(path, _score_part(scorer, rows[start:start + PART], condition, read, keep_map, batch_size))
        with np.load(path) as found:
            parts.append(dict(found))
        if progress is not None:
            progress(min(start + PART, len(rows)), is_fresh)
    maps = {}
    for number, part in enumerate(parts):
        for index, picture in zip(part['map_index'], part['map']):
            maps[number * PART + int(index)] = picture
    return {**{name: np.concatenate([part[name] for part in parts]) for name in ('score', 'p_value', 'defects')},
            'map': maps}


def _claim(folder, scorer, rows, condition):
    """Notes in the folder whose scores it holds."""
    listed = json.dumps([[row.get('path') or row['image'], row.get('crop')] for row in rows])
    claim = {'hash': scorer.facts['hash'], 'condition': condition, 'pictures': len(rows),
             'rows_sha256': hashlib.sha256(listed.encode()).hexdigest()}
    path = folder / 'claim.json'
    if path.is_file() and json.loads(path.read_text()) != claim:
        raise ScoreError(f'{folder} holds scores of other weights or pictures. Give another --output, or remove it.')
    files.write_whole(path, json.dumps(claim).encode())


def _score_part(scorer, rows, condition, read, keep_map, batch_size):
    found = [None] * len(rows)
    pictures = [read(row) for row in rows]
    sizes = {}
    for index, picture in enumerate(pictures):
        sizes.setdefault(picture['image'].shape, []).append(index)
    roles = ('image', *SIGNATURES[condition][1])
    for indices in sizes.values():
        for start in range(0, len(indices), batch_size):
            chosen = indices[start:start + batch_size]
            batch = {role: np.stack([pictures[index][role] for index in chosen]) for role in roles}
            result = scorer.function(batch, condition)
            for place, index in enumerate(chosen):
                found[index] = {name: np.asarray(values)[place] for name, values in result.items()}
    kept = [index for index, row in enumerate(rows) if keep_map(row)]
    return {'score': np.array([one['score'] for one in found], np.float64),
            'p_value': np.array([one.get('p_value', np.nan) for one in found], np.float64),
            'defects': np.array([one['defects'] for one in found], np.float32),
            'map_index': np.array(kept, np.int64),
            'map': np.array([found[index]['map'] for index in kept], np.float16)}


def write_part(path, arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    files.write_whole(path, buffer.getvalue())


class Eta:
    """Says how far a long job is and how long it will take; for `progress`."""

    def __init__(self, what, total, note):
        self.what, self.total, self.note = what, total, note
        self.began, self.before = time.monotonic(), 0

    def __call__(self, done, is_fresh=True):
        if not is_fresh:  # what was there already took no time
            self.began, self.before = time.monotonic(), done
            return
        rest = (time.monotonic() - self.began) / (done - self.before) * (self.total - done)
        self.note(f'{self.what}: {done} of {self.total} pictures, {rest / 60:.1f} min left')
