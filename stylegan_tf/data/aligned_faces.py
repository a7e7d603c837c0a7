"""Pictures of any size as portraits: faces found, turned upright and cut out alike.

    source = AlignedFaces(load('my_portraits'), 256, cache='runs/mine/faces')
    record = source[0]          # image uint8 [256, 256, 3], mask uint8 [256, 256]: 255 in the face

A picture without a face stays whole and has no mask. What was found is kept in a folder, so that a run that
continues does not look again.
"""

import dataclasses
import hashlib
import json
import pathlib

import cv2
import numpy as np

from stylegan_tf import files, images
from stylegan_tf.data import sources
from stylegan_tf.data.sources import Source

TABLE_FILE = 'faces.json'
FORMAT = 1
LARGEST_SIDE = 2048  # pixels of a picture that is searched; in portraits faces are large


@dataclasses.dataclass(frozen=True)
class Portrait:
    """What was found in one picture.

    Attributes:
        name: Of the picture in its source.
        size: (height, width) of the picture, pixels.
        face: Longer side of its largest face in pixels; 0 where none was found.
        count: Faces found.
    """

    name: str
    size: tuple[int, int]
    face: int
    count: int


class AlignedFaces(Source):
    """The largest face of each picture of another source.

    Attributes:
        portraits: List of Portrait, one a picture that could be read, in the source's order.
    """

    def __init__(self, parent, side, *, widest=1.0, cache=None, note=print):
        """Looks for the faces of all pictures.

        Args:
            parent: Source.
            side: Side of the portraits, pixels.
            widest: Where a face is smaller than that, more of the picture is taken, up to this many times FFHQ's frame,
                so that strokes and grain are not enlarged to blur.
            cache: Folder that keeps them for the next time; None finds them anew.
            note: Callable that prints one line.
        Raises:
            DataError: If too many pictures are bad.
        """
        super().__init__(parent.spec, parent.names, parent.labels, label_names=parent.label_names,
                         fingerprint=sources.fingerprint_of(parent.fingerprint, 'faces', FORMAT, side, widest),
                         health=parent._health)
        self._parent, self._side, self._widest = parent, side, widest
        self._folder = None if cache is None else pathlib.Path(cache) / self.fingerprint
        self.portraits = self._read_table() or self._look(note)

    def _look(self, note):
        found = {}
        for index in range(len(self)):
            crop, mask, portrait = self._aligned(index)
            self._cache.put((index, 1), (crop, mask))
            found[portrait.name] = portrait
            if not portrait.face:
                note(f'{portrait.name}: no face was found; it is used whole')
        portraits = [found[name] for name in self.names if name in found]
        if self._folder is not None:
            table = {'format': FORMAT, 'portraits': [dataclasses.asdict(portrait) for portrait in portraits]}
            files.write_whole(self._folder / TABLE_FILE, json.dumps(table, indent=1).encode())
        return portraits

    def _read_table(self):
        if self._folder is None:
            return None
        try:
            table = json.loads((self._folder / TABLE_FILE).read_text(encoding='utf-8'))
            return [Portrait(**{**row, 'size': tuple(row['size'])}) for row in table['portraits']]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # looked for again

    def _aligned(self, index):
        """(crop uint8 [side, side, 3], mask uint8 [side, side] or None, Portrait); kept where there is a folder."""
        from stylegan_tf.data import faces

        record = self._parent.read(index)
        picture = images.fit_within(record.image, LARGEST_SIDE)
        found = faces.detect_faces(picture)
        if found:
            _, placement = faces.align_face(picture, found[0], self._side)
            scale = float(np.clip(self._side / placement.square.side, 1.0, self._widest))
            whole = np.rint(255 * faces.face_mask(picture.shape[:2], found[0])).astype(np.uint8)
            crop, mask = (faces.align_face(pixels, found[0], self._side, scale=scale)[0]
                          for pixels in (picture, np.repeat(whole, 3, axis=2)))
            mask = mask[:, :, 0]
        else:
            crop, mask = images.fit_within(picture, 2 * self._side), None
        if self._folder is not None:
            planes = crop[:, :, ::-1] if mask is None else np.dstack([crop[:, :, ::-1], mask])
            files.write_whole(self._path(index), cv2.imencode('.png', planes)[1].tobytes())
        scale = record.image.shape[0] / picture.shape[0]
        face = round(scale * float(found[0].size)) if found else 0
        return crop, mask, Portrait(record.name, record.image.shape[:2], face, len(found))

    def _path(self, index):
        name = hashlib.sha256(self.names[index].encode('utf-8', 'surrogateescape')).hexdigest()[:16]
        return self._folder / f'{name}.png'

    def _load(self, index, min_short_side):
        return super()._load(index, None)  # they are of one size already

    def _decode(self, index, factor):
        planes = None
        if self._folder is not None and self._path(index).is_file():
            planes = cv2.imread(str(self._path(index)), cv2.IMREAD_UNCHANGED)
        if planes is None:
            return self._aligned(index)[:2]
        mask = np.ascontiguousarray(planes[:, :, 3]) if planes.shape[2] == 4 else None
        return np.ascontiguousarray(planes[:, :, 2::-1]), mask
