"""A table of pictures with the pictures they were made of: `table:FILE.csv`.

    image,content,style,label
    out/0001.png,photos/cat.jpg,paintings/oak.jpg,gatys
    photos/cat.jpg,,,

Paths are relative to the table. `content` is the photograph behind the picture, `style` the picture whose look it
took; both may be empty or absent. `label` is a class, such as what made the picture.
"""

import csv
import pathlib

from stylegan_tf import images
from stylegan_tf.data import sources

REFERENCES = ('content', 'style')


class TableSource(sources.Source):
    """The pictures that a CSV table lists, each with its references."""

    def __init__(self, table, *, spec=None, max_bad_share=0.05, cache_bytes=sources.CACHE_BYTES):
        """Reads the table and the header of every picture it names.

        Args:
            table: Path of the CSV file.
            spec: What messages call it; 'table:PATH' by default.
            max_bad_share: Largest tolerated share of rows with a bad picture, which are left out.
            cache_bytes: Largest number of bytes of decoded pictures kept in memory.
        Raises:
            DataError: No such table, no column `image`, no rows, or too many bad ones.
        """
        self._folder = pathlib.Path(table).parent
        spec = spec or f'table:{table}'
        rows = _read(pathlib.Path(table), spec)
        good, bad, self._headers = [], [], []
        for row in rows:
            try:
                header = images.read_header(self._folder / row['image'])
                for column in REFERENCES:
                    if row.get(column):
                        images.check_header(self._folder / row[column])
                good.append(row)
                self._headers.append(header)
            except images.ImageError as error:
                bad.append((row['image'], str(error)))
        health = sources.Health(spec, len(rows), max_bad_share, bad)
        if not good:
            raise sources.DataError(f'{spec}: none of its {len(rows)} rows has pictures that can be read.')
        self._rows = good
        label_names = sorted({row['label'] for row in good if row.get('label')})
        labels = [label_names.index(row['label']) if row.get('label') else -1 for row in good]
        cells = (row.get(column) or '' for row in good for column in ('image', *REFERENCES, 'label'))
        super().__init__(
            spec, [row['image'] for row in good], labels, label_names=label_names, health=health,
            fingerprint=sources.fingerprint_of(*cells), cache_bytes=cache_bytes)

    def _reduction(self, index, min_short_side):
        return sources.reduction(self._headers[index].short_side, min_short_side)

    def _decode(self, index, factor):
        path = self._folder / self._rows[index]['image']
        return images.read_reduced(path, factor, self._headers[index]), None

    def references_of(self, index):
        return {role: self._rows[index][role] for role in REFERENCES if self._rows[index].get(role)}

    def _load_references(self, index, min_short_side):
        found = {}
        for role, path in self.references_of(index).items():
            key = (path, min_short_side)
            cached = self._cache.get(key)
            if cached is None:
                cached = (images.read(self._folder / path, min_short_side=min_short_side),)
                cached[0].flags.writeable = False
                self._cache.put(key, cached)
            found[role] = cached[0]
        return found


def _read(path, spec):
    try:
        with open(path, newline='', encoding='utf-8') as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise sources.DataError(f'{spec}: expected a CSV table with the columns image, content, style, label. '
                                f'{getattr(error, "strerror", None) or error}.') from error
    if not rows or 'image' not in rows[0] or not all(row['image'] for row in rows):
        columns = ', '.join(map(str, rows[0])) if rows else 'no rows'
        raise sources.DataError(f'{spec}: expected rows with the column image filled. Received: {columns}.')
    return rows
