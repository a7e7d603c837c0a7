"""The pictures that a detector is measured on, from one table of good pictures with what they were made of.

    planted/            pictures with planted defects and their clean twins; see data/defect_benchmark.py
    sources.csv         the pictures behind them: image, content, style, label, photograph
    calibration.csv     clean pictures to set thresholds by
    clean.csv           clean pictures to count false alarms on: other photographs, with columns that say whether the
                        style and the generator are in the calibration too
    sets.json           settings, counts, hashes; written last

Both tables of clean pictures are cut into crops when they are scored; crop k of a picture is always the same one.
"""

import csv
import dataclasses
import hashlib
import itertools
import json
import pathlib

import numpy as np

from stylegan_tf import files, images
from stylegan_tf.data import defect_benchmark, defects, order

SIZE = 256  # of planted pictures and of the first crop of each clean one
WINDOW = 192  # of the other crops
RECORD_FILE = 'sets.json'
COLUMNS = ('image', 'content', 'style', 'label', 'photograph', 'style_name')
CLEAN_COLUMNS = (*COLUMNS, 'seen_style', 'seen_generator')


class SetError(ValueError):
    """Sets that cannot be made or read; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A good picture: absolute paths ('' where unknown), what made it, which photograph and style it shows."""

    image: str
    content: str
    style: str
    label: str
    photograph: str = ''
    style_name: str = ''


def read_table(path):
    """The rows of a CSV table image,content,style,label, paths relative to it, each with its photograph and style.

    Files named 'cat' and 'photos_cat' are one photograph, or one style. A picture without references is a photograph
    or, by its label, a painting itself.

    Raises:
        SetError: No such table, or one without pictures.
    """
    path = pathlib.Path(path)
    try:
        with open(path, newline='', encoding='utf-8') as file:
            found = list(csv.DictReader(file))
    except OSError as error:
        raise SetError(f'{path}: {error.strerror}.') from error
    if not found or not {'image', 'label'} <= set(found[0]):
        raise SetError(f'{path}: expected the columns image, content, style, label and rows. '
                       f'Received: {", ".join(found[0]) if found else "no rows"}.')
    plain = [Row(*(str(path.parent / row[name]) if row.get(name) else '' for name in ('image', 'content', 'style')),
                 row['label']) for row in found]
    stems = {role: sorted({pathlib.Path(getattr(row, role)).stem for row in plain if getattr(row, role)})
             for role in ('content', 'style')}
    return [_named(row, stems) for row in plain]


def _named(row, stems):
    def known(path, role):
        stem = pathlib.Path(path).stem
        return next((name for name in stems[role] if name.endswith(f'_{stem}')), stem if stem in stems[role] else '')

    if row.content or row.style:
        return dataclasses.replace(row, photograph=known(row.content, 'content'), style_name=known(row.style, 'style'))
    stem = pathlib.Path(row.image).stem
    photograph, style = known(row.image, 'content'), known(row.image, 'style')
    if (style and not photograph) or row.label == 'painting':
        return dataclasses.replace(row, style_name=style or stem)
    return dataclasses.replace(row, photograph=photograph or stem)


def make(rows, output, *, left_out=(), sources=71, severities=defects.SEVERITIES, seed=0, progress=None):
    """Writes the sets; refuses a folder that holds others.

    Args:
        rows: list of Row.
        output: Folder.
        left_out: Labels of generators that the calibration must not know.
        sources: Number of pictures to damage.
        severities: Of each defect.
        seed: Decides all chance.
        progress: Called with the number of damaged sources done, or None.
    Returns:
        dict as written to sets.json.
    Raises:
        SetError, defect_benchmark.BenchmarkError: As told by the message.
    """
    output = pathlib.Path(output)
    calibration, clean = split(rows, left_out=left_out, seed=seed)
    held = {row.image for row in calibration}
    chosen = choose_sources([row for row in rows if row.content and row.image not in held], sources, seed)
    output.mkdir(parents=True, exist_ok=True)
    _write_table(output / 'sources.csv', chosen, COLUMNS)
    _write_table(output / 'calibration.csv', calibration, COLUMNS)
    seen_styles, seen_labels = {row.style_name for row in calibration}, {row.label for row in calibration}
    _write_table(output / 'clean.csv', clean, CLEAN_COLUMNS, lambda row: {
        'seen_style': int(not row.style_name or row.style_name in seen_styles),
        'seen_generator': int(row.label in seen_labels)})
    samples = [defect_benchmark.Sample(*(pathlib.Path(path) if path else None
                                         for path in (row.image, row.content, row.style))) for row in chosen]
    settings = defect_benchmark.Settings(size=SIZE, severities=tuple(severities), seed=seed)
    planted, bad = defect_benchmark.write(samples, output / 'planted', settings, progress=progress)
    if bad:
        raise SetError(f'{bad[0][0]}: {bad[0][1]}')
    tables = b''.join((output / name).read_bytes() for name in ('sources.csv', 'calibration.csv', 'clean.csv'))
    record = {'seed': seed, 'table_version': defects.TABLE_VERSION, 'left_out_generators': list(left_out),
              'sources': len(chosen), 'photographs': len({row.photograph for row in chosen}),
              'planted_pictures': planted['pictures'], 'pixels_sha256': planted['pixels_sha256'],
              'calibration_pictures': len(calibration), 'clean_pictures': len(clean),
              'tables_sha256': hashlib.sha256(tables).hexdigest()}
    files.write_whole(output / RECORD_FILE, (json.dumps(record, indent=2) + '\n').encode())
    return record


def split(rows, *, left_out=(), seed=0):
    """Clean pictures for the calibration and for counting false alarms, without a photograph in common.

    Half of the photographs and two thirds of each label's styles go to the calibration. Pictures of its photographs
    in other styles, and paintings of its styles, are in neither.

    Returns:
        (list of Row, list of Row).
    """
    photographs = _shuffled({row.photograph for row in rows if row.photograph}, seed, 'photographs')
    ours = set(photographs[::2])
    seen = set()
    for label in sorted({row.label for row in rows if row.content}):
        # A style of two generators stays on one side.
        styles = _shuffled({row.style_name for row in rows if row.label == label and row.style_name}, seed, 'styles')
        seen |= {style for place, style in enumerate(styles) if place % 3 != 2 and label not in left_out}
    lonely = _shuffled({row.style_name for row in rows if not row.photograph} -
                       {row.style_name for row in rows if row.photograph}, seed, 'styles')
    seen |= {style for place, style in enumerate(lonely) if place % 3 != 2}

    def is_calibration(row):
        return (row.label not in left_out and (not row.photograph or row.photograph in ours)
                and (not row.style_name or row.style_name in seen))

    calibration = [row for row in rows if is_calibration(row)]
    clean = [row for row in rows if not is_calibration(row) and row.photograph not in ours]
    if not calibration or not clean:
        raise SetError(f'{len(rows)} pictures of {len(photographs)} photographs leave the calibration or the '
                       'measurement without any. Give more photographs.')
    return calibration, clean


def choose_sources(rows, count, seed):
    """Pictures to damage: in turn of each generator, of the photograph and the style that were used least."""
    used, waiting, chosen = {}, {}, []
    for row in rows:
        waiting.setdefault(row.label, []).append(row)
    for group in waiting.values():
        group.sort(key=lambda row: order.key_from(seed, 'source', pathlib.Path(row.image).name))
    for label in itertools.cycle(sorted(waiting)):
        if len(chosen) >= count or not any(waiting.values()):
            return chosen
        if waiting[label]:
            best = min(waiting[label], key=lambda row: (used.get(row.photograph, 0), used.get(row.style_name, 0)))
            waiting[label].remove(best)
            chosen.append(best)
            for name in (best.photograph, best.style_name):
                used[name] = used.get(name, 0) + 1


def _shuffled(names, seed, what):
    return sorted(names, key=lambda name: order.key_from(seed, what, name))


def _write_table(path, rows, columns, more=lambda row: {}):
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, columns, extrasaction='ignore')
        writer.writeheader()
        writer.writerows({**dataclasses.asdict(row), **more(row)} for row in rows)


def read_record(folder):
    """The record of finished sets.

    Raises:
        SetError: There are none.
    """
    try:
        return json.loads((pathlib.Path(folder) / RECORD_FILE).read_text(encoding='utf-8'))
    except OSError as error:
        raise SetError(f'{folder}: expected sets with {RECORD_FILE}. Make them with '
                       'tools/anomaly_benchmark.py sets.') from error


def read_rows(folder, name):
    """The rows of one of the tables in a folder of sets, as dicts."""
    with open(pathlib.Path(folder) / name, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def clean_crop(row, number, seed=0):
    """Crop `number` of a clean picture, with its references cut alike.

    Args:
        row: dict with image, content, style, as `read_rows` returns it.
        number: 0: the middle square; above: a random window, some of them mirrored.
        seed: Decides all chance.
    Returns:
        dict 'image', 'content', 'style' -> uint8 [S, S, 3] or None; S is SIZE for crop 0, else WINDOW.
    """
    name = pathlib.Path(row['image']).name
    rng = order.generator_from(seed, 'crop', name, number)
    picture = images.read(row['image'], min_short_side=2 * SIZE)
    content = images.read(row['content']) if row['content'] else None
    style = images.read(row['style']) if row['style'] else None
    size = (SIZE, SIZE) if number == 0 else (WINDOW, WINDOW)
    if number:
        short = min(picture.shape[:2])
        least = max(WINDOW, 0.8 * min(short, SIZE))
        side = int(rng.uniform(least, max(least, min(short, 1.5 * SIZE)) + 1))
        picture = images.cover_crop(picture, (side, side))
        top, left = (int(rng.integers(side - WINDOW + 1)) for _ in range(2))
        window = (slice(top, top + WINDOW), slice(left, left + WINDOW))
        picture = picture[window]
        content = None if content is None else images.cover_crop(content, (side, side))[window]
        if rng.random() < 0.5:
            picture, content, style = (None if part is None else part[:, ::-1] for part in (picture, content, style))
    seeds = [int(part) for part in rng.integers(1 << 31, size=2)]
    cut = {role: None if part is None else images.cover_crop(np.ascontiguousarray(part), size)
           for role, part in (('image', picture), ('content', content), ('style', style))}
    return {**cut, 'image': defects.recapture(cut['image'], seed=seeds)}
