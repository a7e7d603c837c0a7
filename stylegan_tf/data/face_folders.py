"""Aligned faces of all pictures of a folder, with a table of them; an interrupted run goes on where it stopped."""

import csv
import dataclasses
import json
import pathlib

from stylegan_tf import images
from stylegan_tf.data import faces, sources

TABLE, SETTINGS = 'faces.tsv', 'faces.json'
COLUMNS = ('crop', 'picture', 'left', 'top', 'right', 'bottom', 'score', 'roll', 'yaw', 'enlargement', 'note')


@dataclasses.dataclass(frozen=True)
class Settings:
    """How faces are cut out.

    Attributes:
        size: Side of the crops in pixels.
        scale: Side of the frame in sides of FFHQ's.
        least_score: Of a face.
        most_faces: Of a picture, the largest first; 0 for all.
        most_enlarged: Crops enlarged more are left out; 0 for none.
        is_turned: Whether turned copies are searched too.
    """

    size: int = 256
    scale: float = 1.0
    least_score: float = faces.LEAST_SCORE
    most_faces: int = 0
    most_enlarged: float = 0.0
    is_turned: bool = True


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a folder: pictures and faces in all, pictures `kept` from an earlier run, the table's path, and
    (name, reason) of the pictures without a face."""

    pictures: int
    faces: int
    kept: int
    table: pathlib.Path
    without: list


def align_folder(folder, output, settings=None, *, overwrite=False, progress=iter):
    """Cuts the faces out of all pictures of a folder.

    Args:
        folder: Folder of pictures, anywhere below it.
        output: Folder that is made; crops stand in it as the pictures stand in `folder`.
        settings: Settings.
        overwrite: Whether a table of other settings is replaced.
        progress: Called with the list of names; what it gives back is walked through.
    Returns:
        A Result.
    Raises:
        ImageError: If there is no such folder.
        DataError: If it holds no pictures, or `output` was made with other settings.
    """
    settings, folder, output = settings or Settings(), pathlib.Path(folder), pathlib.Path(output)
    names = [path.relative_to(folder).as_posix() for path in images.find_images(folder)
             if not path.is_relative_to(output)]
    if not names:
        raise sources.DataError(f'{folder}: holds no pictures. Expected files like *.jpg or *.png.')
    rows = _start(output, settings, overwrite)
    done = {row['picture'] for row in rows}
    with open(output / TABLE, 'a', encoding='utf-8', errors='surrogateescape', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter='\t', lineterminator='\n')
        for name in progress([name for name in names if name not in done]):
            new = _faces_of(folder, name, output, settings)
            # A picture's rows go out together, so that a picture in the table is a finished one.
            writer.writerows(new)
            file.flush()
            rows += new
    listed = set(names)
    rows = [row for row in rows if row['picture'] in listed]
    return Result(len(names), sum(bool(row['crop']) for row in rows), len(done & listed), output / TABLE,
                  [(row['picture'], row['note']) for row in rows if not row['crop']])


def _start(output, settings, overwrite):
    """Rows of an earlier run; makes folder, settings and table."""
    output.mkdir(parents=True, exist_ok=True)
    table, known = output / TABLE, output / SETTINGS
    wanted = json.dumps(dataclasses.asdict(settings), indent=1)
    if table.is_file() and known.is_file() and known.read_text(encoding='utf-8') == wanted:
        with open(table, encoding='utf-8', errors='surrogateescape', newline='') as file:
            rows = [row for row in csv.DictReader(file, delimiter='\t') if row['note'] is not None]
        pictures = {row['picture'] for row in rows if not row['crop'] or (output / row['crop']).is_file()}
        rows = [row for row in rows if row['picture'] in pictures]
    elif table.exists() and not overwrite:
        raise sources.DataError(f'{output}: was made with other settings. Give --overwrite or another --output.')
    else:
        rows = []
    known.write_text(wanted, encoding='utf-8')
    with open(table, 'w', encoding='utf-8', errors='surrogateescape', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter='\t', lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    return rows


def _faces_of(folder, name, output, settings):
    try:
        pixels = images.read(folder / name)
    except images.ImageError as error:
        return [_row(picture=name, note=str(error).removeprefix(f'{folder / name}: '))]
    found = faces.detect_faces(pixels, least_score=settings.least_score, turned=settings.is_turned)
    rows = []
    for face in found:
        crop, placement = faces.align_face(pixels, face, settings.size, scale=settings.scale)
        enlargement = settings.size / placement.square.side
        if settings.most_enlarged and enlargement > settings.most_enlarged:
            continue
        # The suffix stays in the name: a.jpg and a.png are two pictures.
        target = f'{name}.{len(rows)}.png'
        images.save(output / target, crop)
        left, top, right, bottom = (f'{value:.1f}' for value in face.box)
        rows.append(_row(crop=target, picture=name, left=left, top=top, right=right, bottom=bottom,
                         score=f'{face.score:.3f}', roll=f'{face.roll:.1f}', yaw=f'{face.yaw:.1f}',
                         enlargement=f'{enlargement:.3f}'))
        if settings.most_faces and len(rows) == settings.most_faces:
            break
    if rows:
        return rows
    return [_row(picture=name, note='Its faces are too small; lower --size or raise --most_enlarged.' if found else
                 'No face was found. Look at it; a lower --least_score may find one.')]


def _row(**values):
    return {column: ' '.join(str(values.get(column, '')).split('\t')).replace('\n', ' ') for column in COLUMNS}
