"""The pictures of a folder of sets, in the order in which they are scored."""

import math
import pathlib

from detection import sets
from stylegan_tf import images
from stylegan_tf.data import defect_benchmark, defects

CONDITIONS = ('references', 'content', 'none')  # what a detector is told besides the picture
QUICK_SOURCES, QUICK_CROPS = 12, 80


def planted(folder, sources=None):
    """Rows of the planted set: those of data/defect_benchmark.py with label and photograph, all of a source together.

    Args:
        folder: Of the sets.
        sources: Only so many sources; None for all.
    Returns:
        list of dict: path, clean, mask, content, style absolute ('' where there is none), defect, severity, label,
        photograph, is_local.
    """
    folder = pathlib.Path(folder)
    behind = {row['image']: row for row in sets.read_rows(folder, 'sources.csv')}
    allowed = list(behind)[:sources or None]
    rows = []
    for row in defect_benchmark.read_index(folder / 'planted'):
        if row['source'] in allowed:
            paths = {name: str(folder / 'planted' / row[name]) if row[name] else ''
                     for name in ('path', 'clean', 'mask', 'content', 'style')}
            rows.append({**row, **paths, 'label': behind[row['source']]['label'],
                         'photograph': behind[row['source']]['photograph'],
                         'is_local': bool(row['defect']) and defects.DEFECTS[row['defect']].is_local})
    return rows


def crops(folder, table, least):
    """Rows of clean crops: of each picture of the table as many, at least `least` of those with references in all.

    Args:
        folder: Of the sets.
        table: 'calibration.csv' or 'clean.csv'.
        least: Crops of pictures with references; where there are more such pictures, some are left out, evenly.
    Returns:
        list of dict: the table's columns and crop, its number.
    """
    rows = sets.read_rows(folder, table)
    with_references = sum(bool(row['content']) for row in rows) or len(rows)
    rows = rows[::max(1, with_references // least)]
    with_references = sum(bool(row['content']) for row in rows) or len(rows)
    return [{**row, 'crop': number} for row in rows for number in range(math.ceil(least / with_references))]


def read_planted(row):
    """dict 'image', 'content', 'style' -> uint8 [H, W, 3] or None."""
    return {'image': images.read(row['path']),
            **{role: images.read(row[role]) if row[role] else None for role in ('content', 'style')}}


def read_crop(row):
    """As `read_planted`, for a row of `crops`."""
    return sets.clean_crop(row, row['crop'])


def read_mask(row):
    """bool [H, W], where a planted row is damaged."""
    return images.read(row['mask'])[..., 0] > 127


def suits(row, condition):
    """Whether a row has the references of a condition: photographs and paintings themselves have none."""
    return condition == 'none' or bool(row['content'] and (row['style'] or condition == 'content'))
