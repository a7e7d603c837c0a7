"""A test set of planted defects, made from any folder of pictures: the same pictures for everyone who makes it again.

Written are index.csv, one row a picture, and

    clean/NAME.png                      the picture as it came, in the benchmark's size
    damaged/DEFECT/SEVERITY/NAME.png    the same with one defect
    masks/DEFECT/SEVERITY/NAME.png      255 where it was damaged
    content/NAME.png, style/NAME.png    the references, where there are any
    benchmark.json                      settings, versions, counts and hashes; written last
"""

import csv
import dataclasses
import hashlib
import json
import pathlib

import cv2
import numpy as np

from stylegan_tf import files, images
from stylegan_tf.data import defects

FORMAT_VERSION = 1
INDEX_FILE, RECORD_FILE = 'index.csv', 'benchmark.json'
COLUMNS = ('path', 'defect', 'severity', 'clean', 'mask', 'content', 'style', 'source')


class BenchmarkError(ValueError):
    """A benchmark that cannot be made or read; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a benchmark holds.

    Attributes:
        size: Side of the squares that the pictures are cut to, in pixels.
        severities: Severities of every defect, each in (0, 1].
        names: Defects; None for all that the references allow.
        seed: Whole number that decides all chance.
    """

    size: int = 256
    severities: tuple[float, ...] = defects.SEVERITIES
    names: tuple[str, ...] | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Sample:
    """A picture to damage: paths of itself and of its references, or None."""

    image: pathlib.Path
    content: pathlib.Path | None = None
    style: pathlib.Path | None = None


def find_samples(folder, pairs=None):
    """Samples of a folder, or of a table of pictures with their references.

    Args:
        folder: Folder of pictures, at any depth.
        pairs: CSV file with the columns image, content and style (the last two may be absent or empty);
            paths are relative to `folder` for images and to the file for the others, or absolute.
    Returns:
        list of Sample in order of their names.
    Raises:
        BenchmarkError: No pictures, a missing column or a missing file.
    """
    folder = pathlib.Path(folder)
    if pairs is None:
        try:
            found = [Sample(path) for path in images.find_images(folder)]
        except images.ImageError as error:
            raise BenchmarkError(str(error)) from error
    else:
        found = _read_pairs(folder, pathlib.Path(pairs))
    if not found:
        raise BenchmarkError(f'{pairs or folder}: expected pictures. Received: none.')
    return sorted(found, key=lambda sample: str(sample.image))


def _read_pairs(folder, table):
    try:
        with open(table, newline='', encoding='utf-8') as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise BenchmarkError(f'{table}: {error.strerror}.') from error
    if rows and 'image' not in rows[0]:
        raise BenchmarkError(f'{table}: expected the columns image, content, style. Received: {", ".join(rows[0])}.')

    def path(base, text, line):
        if not text:
            return None
        if not (base / text).is_file():
            raise BenchmarkError(f'{table}, line {line}: {base / text} is no file.')
        return base / text

    return [Sample(path(folder, row['image'], line), path(table.parent, row.get('content'), line),
                   path(table.parent, row.get('style'), line))
            for line, row in enumerate(rows, start=2)]


def write(samples, output, settings=Settings(), *, progress=None):
    """Makes a benchmark; an interrupted one is begun anew.

    Args:
        samples: list of Sample, from `find_samples`.
        output: Folder to write; must not hold a finished benchmark of other settings.
        settings: Settings.
        progress: Called with the number of samples done so far, or None.
    Returns:
        (the record as written to benchmark.json, list of (path, reason) of pictures left out).
    Raises:
        BenchmarkError: Another benchmark is there, or no picture was good.
        ValueError: Unknown defects or bad severities.
    """
    output = pathlib.Path(output)
    facts = _facts(samples, settings)
    if (output / RECORD_FILE).exists() and read_record(output)['facts'] != facts:
        raise BenchmarkError(f'{output}: holds a benchmark of other pictures, settings or version. '
                             'Give another --output, or remove it first.')
    (output / RECORD_FILE).unlink(missing_ok=True)
    rows, bad = [], []
    for number, sample in enumerate(samples):
        try:
            rows += _write_sample(number, sample, output, settings)
        except images.ImageError as error:
            bad.append((str(sample.image), str(error)))
        if progress is not None:
            progress(number + 1)
    if not rows:
        raise BenchmarkError(f'None of {len(samples)} pictures could be read; the first: {bad[0][1]}')
    return _finish(output, facts, rows, bad), bad


def _facts(samples, settings):
    listed = '\n'.join(f'{part.name}' for sample in samples
                       for part in (sample.image, sample.content, sample.style) if part)
    return {'format_version': FORMAT_VERSION, 'table_version': defects.TABLE_VERSION,
            'settings': json.loads(json.dumps(dataclasses.asdict(settings))),
            'samples': len(samples), 'names_sha256': hashlib.sha256(listed.encode()).hexdigest()}


def _write_sample(number, sample, output, settings):
    name = f'{number:05d}_{sample.image.stem}.png'
    size = (settings.size, settings.size)
    pictures = {part: images.cover_crop(images.read(path), size)
                for part, path in dataclasses.asdict(sample).items() if path is not None}
    references = {part: f'{part}/{name}' for part in ('content', 'style') if part in pictures}
    for part, path in references.items():
        images.save(output / path, pictures[part])
    clean = defects.recapture(pictures['image'], seed=(settings.seed, number))
    images.save(output / 'clean' / name, clean)
    common = {'clean': f'clean/{name}', 'source': str(sample.image), **references}
    rows = [{'path': f'clean/{name}', 'defect': '', 'severity': 0.0, **common}]
    every = settings.names or defects.names(with_content='content' in pictures)
    for kind, defect in enumerate(every):
        for severity in settings.severities:
            where = f'{defect}/{severity:.2f}/{name}'
            damaged, mask = defects.plant(clean, defect, severity, seed=(settings.seed, number, kind),
                                          content=pictures.get('content'))
            images.save(output / 'damaged' / where, damaged)
            _save_mask(output / 'masks' / where, mask)
            rows.append({'path': f'damaged/{where}', 'defect': defect, 'severity': severity,
                         'mask': f'masks/{where}', **common})
    return rows


def _save_mask(path, mask):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), (mask > 0).astype(np.uint8) * 255):
        raise BenchmarkError(f'{path}: cannot be written. Check that the folder is writable and the disk has space.')


def _finish(output, facts, rows, bad):
    with open(output / INDEX_FILE, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, COLUMNS, restval='')
        writer.writeheader()
        writer.writerows(rows)
    digest = hashlib.sha256()
    for row in rows:
        digest.update(images.read(output / row['path']).tobytes())
    record = {'facts': facts, 'pictures': len(rows), 'left_out': [name for name, _ in bad],
              'pixels_sha256': digest.hexdigest(), 'opencv': cv2.__version__}
    files.write_whole(output / RECORD_FILE, (json.dumps(record, indent=2) + '\n').encode())
    return record


def read_record(folder):
    """The record of a finished benchmark.

    Raises:
        BenchmarkError: There is none.
    """
    try:
        return json.loads((pathlib.Path(folder) / RECORD_FILE).read_text(encoding='utf-8'))
    except OSError as error:
        raise BenchmarkError(f'{folder}: expected a finished benchmark with {RECORD_FILE}. '
                             'Make one with tools/make_defect_benchmark.py.') from error


def read_index(folder):
    """The rows of a finished benchmark: list of dict with the keys of COLUMNS, severity as float.

    Raises:
        BenchmarkError: There is none.
    """
    read_record(folder)
    with open(pathlib.Path(folder) / INDEX_FILE, newline='', encoding='utf-8') as file:
        return [{**row, 'severity': float(row['severity'])} for row in csv.DictReader(file)]
