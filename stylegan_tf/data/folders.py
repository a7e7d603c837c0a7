"""Pictures in a folder, at any depth; the first folder level is their class."""

import pathlib

from stylegan_tf import images
from stylegan_tf.data import sources


class FolderSource(sources.Source):
    """The pictures below a folder, sorted by their path in it.

    A picture's class is the folder directly below `folder` that holds it; pictures that lie in
    `folder` itself have none (label -1).
    """

    def __init__(self, folder, *, spec=None, max_bad_share=0.05,
                 cache_bytes=sources.CACHE_BYTES):
        """Lists the folder and reads the header of every picture.

        Args:
            folder: Path.
            spec: What messages call it; the folder's path by default.
            max_bad_share: Largest tolerated share of bad pictures.
            cache_bytes: Largest number of bytes of decoded pictures kept in memory.
        Raises:
            DataError: If there is no such folder, no picture in it, or too many bad ones.
        """
        self._folder = pathlib.Path(folder)
        spec = spec or str(folder)
        if not self._folder.is_dir():
            raise sources.DataError(f'{spec}: no such folder. Expected a folder of pictures, '
                                    "'tfds:NAME', 'tfrecord:GLOB', 'pack:FOLDER', 'table:FILE.csv' or 'sample:NAME'.")
        paths = images.find_images(self._folder)
        if not paths:
            raise sources.DataError(f'{spec}: holds no pictures. Expected files ending in '
                                    f'{", ".join(images.IMAGE_SUFFIXES)}.')
        good, bad, self._headers = [], [], []
        for path in paths:
            name = path.relative_to(self._folder).as_posix()
            try:
                header = images.read_header(path)
                good.append((name, path.stat().st_size))
                self._headers.append(header)
            except images.ImageError as error:
                bad.append((name, str(error)))
        health = sources.Health(spec, len(paths), max_bad_share, bad)
        if not good:
            raise sources.DataError(f'{spec}: none of its {len(paths)} pictures can be read.')
        names = [name for name, _ in good]
        classes = [name.split('/', 1)[0] if '/' in name else None for name in names]
        label_names = sorted({name for name in classes if name is not None})
        positions = {name: position for position, name in enumerate(label_names)}
        super().__init__(
            spec, names, [positions.get(name, -1) for name in classes], label_names=label_names,
            fingerprint=sources.fingerprint_of(*(part for pair in good for part in pair)),
            health=health, cache_bytes=cache_bytes)

    def path(self, index) -> pathlib.Path:
        """Where a picture lies."""
        return self._folder / self.names[index]

    def _reduction(self, index, min_short_side):
        return sources.reduction(self._headers[index].short_side, min_short_side)

    def _decode(self, index, factor):
        path = f'{self._folder}/{self.names[index]}'  # a pathlib.Path takes as long as the opening of a file
        return images.read_reduced(path, factor, self._headers[index]), None
