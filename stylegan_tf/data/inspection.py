"""The data doctor: finds what is wrong with a folder of pictures before a training run does.

What counts as a near duplicate, and how sure that is, stands in `likeness`.
"""

import collections
import concurrent.futures
import csv
import dataclasses
import hashlib
import json
import os
import pathlib

from PIL import Image

from stylegan_tf import cores, images
from stylegan_tf.data import likeness, sources

ERROR, WARNING, GOOD = 'error', 'warning', 'good'
CONSTANT_RANGE = 2  # grey levels between the darkest and the lightest pixel

# kind -> (severity, what to do)
KINDS = {
    'unreadable': (ERROR, 'Check its permissions and that its disk is there.'),
    'empty': (ERROR, 'Fetch it again or remove it.'),
    'not_a_picture': (ERROR, 'Remove it, or save it as PNG or JPEG.'),
    'truncated': (ERROR, 'The file ends early: fetch it again or remove it.'),
    'damaged': (ERROR, 'Fetch it again or remove it.'),
    'decompression_bomb': (ERROR, 'Make it smaller, or raise --max_pixels if you trust it.'),
    'too_small': (ERROR, 'Remove it, or lower --min_size.'),
    'constant': (ERROR, 'It shows one colour only: remove it.'),
    'leak': (ERROR, 'Remove it from one of the two sets.'),
    'near_leak': (ERROR, 'Look at both; keep them in the same set.'),
    'odd_mode': (WARNING, 'It is converted when read; save it as 8-bit RGB to decide how yourself.'),
    'animated': (WARNING, 'Only its first frame is used; save the frames you want one by one.'),
    'wrong_suffix': (WARNING, 'Rename it, because other programs trust the suffix.'),
    'not_listed': (WARNING, 'Training does not see it; save it as PNG or JPEG.'),
    'duplicate': (WARNING, 'Remove all but one, or it counts several times.'),
    'near_duplicate': (WARNING, 'Look at both and remove one if they are the same picture.'),
}
_SUFFIXES = {
    'JPEG': ('.jpg', '.jpeg', '.jpe', '.jfif'),
    'MPO': ('.jpg', '.jpeg', '.jpe', '.jfif', '.mpo'),  # what phones write for JPEG
    'PNG': ('.png',), 'GIF': ('.gif',), 'BMP': ('.bmp',), 'WEBP': ('.webp',), 'TIFF': ('.tif', '.tiff'),
    'PPM': ('.ppm', '.pgm', '.pbm', '.pnm'),
}
_PICTURES_NOT_LISTED = (
    '.avif', '.heic', '.heif', '.jp2', '.jxl', '.psd', '.svg', '.tga', '.dng', '.nef', '.cr2', '.arw')
_ODD_MODES = {
    'CMYK': 'four inks (CMYK)', 'LAB': 'LAB colours', 'YCbCr': 'YCbCr colours', 'P': 'a palette',
    'PA': 'a palette with transparency', '1': 'black and white only', 'F': 'floating-point pixels',
    'I': '16 or 32 bit', 'I;16': '16 bit', 'I;16B': '16 bit', 'I;16L': '16 bit', 'I;16N': '16 bit',
}
_MIRRORED = ', mirrored'


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing wrong with one file; `kind` is a key of KINDS."""

    path: str
    kind: str
    reason: str

    @property
    def severity(self):
        return KINDS[self.kind][0]

    def __str__(self):
        return f'{self.severity.upper():7} {self.kind:18} {self.path}: {self.reason} {KINDS[self.kind][1]}'


@dataclasses.dataclass
class Entry:
    """One file of the set, as it stands in the manifest; sizes are 0 where they cannot be known."""

    path: str
    height: int = 0
    width: int = 0
    mode: str = ''
    format: str = ''
    bytes: int = 0
    sha256: str = ''
    findings: list[Finding] = dataclasses.field(default_factory=list)
    signature: likeness.Signature | None = None

    @property
    def verdict(self):
        """'error', 'warning' or 'good': the worst of its findings."""
        found = {finding.severity for finding in self.findings}
        return next((severity for severity in (ERROR, WARNING) if severity in found), GOOD)

    def add(self, kind, reason):
        self.findings.append(Finding(self.path, kind, reason))


@dataclasses.dataclass
class Report:
    """What was found in a folder."""

    folder: pathlib.Path
    entries: list[Entry]
    other_unreadable: int = 0

    @property
    def findings(self):
        """All findings, errors first, then by path."""
        found = [finding for entry in self.entries for finding in entry.findings]
        return sorted(found, key=lambda finding: (finding.severity != ERROR, finding.path))

    def exit_code(self, *, strict=False):
        """0 nothing bad, 1 bad files; with `strict` warnings count as bad."""
        return int(any(finding.severity == ERROR or strict for finding in self.findings))

    def summary(self):
        """A few lines: how many pictures are good, and how often each kind was found."""
        verdicts = collections.Counter(entry.verdict for entry in self.entries)
        kinds = collections.Counter(finding.kind for finding in self.findings)
        lines = [f'{self.folder}: {len(self.entries)} files, {verdicts[GOOD]} good, '
                 f'{verdicts[WARNING]} with warnings, {verdicts[ERROR]} bad.']
        lines += [f'  {count:6} {kind}' for kind, count in kinds.most_common()]
        if self.other_unreadable:
            lines.append(f'  {self.other_unreadable} files of the other set are bad and were not compared.')
        return '\n'.join(lines)


def inspect(folder, *, other=None, min_size=64, max_pixels=images.MAX_PIXELS, near_duplicates=True,
            progress=None, workers=None):
    """Examines every picture below a folder.

    Args:
        folder: Path.
        other: Second folder; pictures that are in both are leaks.
        min_size: Shortest allowed side in pixels.
        max_pixels: Larger pictures are called decompression bombs and not decoded.
        near_duplicates: False compares files byte by byte only.
        progress: Function (iterable, total) -> iterable, such as tqdm.
        workers: Threads; None takes one a core.
    Returns:
        A Report.
    Raises:
        DataError: If a folder does not exist or holds no pictures, or one lies in the other.
    """
    folder = pathlib.Path(folder)
    settings = {'min_size': min_size, 'max_pixels': max_pixels, 'signatures': near_duplicates}
    others = []
    if other is not None:
        _check_apart(folder, pathlib.Path(other))
        others = _examine_all(pathlib.Path(other), settings, progress, workers)
    entries = _examine_all(folder, settings, progress, workers)
    _find_same_bytes(entries, others, other)
    if near_duplicates:
        _find_same_looks(entries, others, other)
    entries += _overlooked(folder)
    unreadable = sum(1 for entry in others if entry.verdict == ERROR)
    return Report(folder, entries, unreadable)


def examine(path, name, *, min_size=64, max_pixels=images.MAX_PIXELS, signatures=True):
    """Examines one file by itself.

    Args:
        path: File.
        name: What to call it.
        min_size, max_pixels: As for `inspect`.
        signatures: Also computes what near duplicates are told by.
    Returns:
        An Entry.
    """
    entry = Entry(name)
    try:
        entry.bytes = os.path.getsize(path)
        entry.sha256 = _sha256(path)
    except OSError as error:
        entry.add('unreadable', f'{error.strerror or error}.')
        return entry
    if not entry.bytes:
        entry.add('empty', 'has no content.')
        return entry
    if not _examine_header(path, entry, max_pixels):
        return entry
    if min(entry.height, entry.width) < min_size:
        entry.add('too_small', f'{entry.width}x{entry.height} pixels; at least {min_size} are wanted.')
    try:
        pixels = images.read(path, max_pixels=max_pixels, min_short_side=128)
    except images.ImageError as error:
        # Decoders say "truncated" in several ways; other damage has no such word.
        kind = 'truncated' if 'truncat' in str(error).lower() else 'damaged'
        entry.add(kind, _without_path(error, path))
        return entry
    span = pixels.max(axis=(0, 1)).astype(int) - pixels.min(axis=(0, 1))
    if span.max() <= CONSTANT_RANGE:
        entry.add('constant', f'all pixels are near {tuple(int(v) for v in pixels[0, 0])}.')
    elif signatures and min(entry.height, entry.width) >= likeness.LEAST_SIDE:
        entry.signature = likeness.signature(pixels)
    return entry


def write_manifest(path, report):
    """Writes path, size, mode, format, bytes, sha256, verdict and reasons of every file.

    Args:
        path: Ends in .json for one JSON object, else a table with tabs. Replaced at the end.
        report: Report.
    """
    path = pathlib.Path(path)
    fields = ('path', 'width', 'height', 'mode', 'format', 'bytes', 'sha256', 'verdict')
    rows = [{field: getattr(entry, field) for field in fields} |
            {'reasons': [f'{finding.kind}: {finding.reason}' for finding in entry.findings]}
            for entry in report.entries]
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    with open(temporary, 'w', encoding='utf-8', errors='surrogateescape', newline='') as file:
        if path.suffix.lower() == '.json':
            json.dump({'folder': str(report.folder), 'files': rows}, file, indent=1)
        else:
            writer = csv.writer(file, delimiter='\t', lineterminator='\n')
            writer.writerow((*fields, 'reasons'))
            writer.writerows((*(row[field] for field in fields), '; '.join(row['reasons'])) for row in rows)
    os.replace(temporary, path)


def _examine_all(folder, settings, progress, workers):
    if not folder.is_dir():
        raise sources.DataError(f'{folder}: no such folder.')
    paths = images.find_images(folder)
    if not paths:
        raise sources.DataError(f'{folder}: holds no pictures. Expected files ending in '
                                f'{", ".join(images.IMAGE_SUFFIXES)}.')

    def one(path):
        return examine(path, path.relative_to(folder).as_posix(), **settings)

    with concurrent.futures.ThreadPoolExecutor(workers or cores.available()) as pool:
        entries = pool.map(one, paths)
        return list(progress(entries, len(paths)) if progress else entries)


def _check_apart(folder, other):
    one, two = folder.resolve(), other.resolve()
    if one == two or one in two.parents or two in one.parents:
        raise sources.DataError(f'{folder} and {other} share files, so that every picture would be a leak. '
                                'Give two folders of which neither lies in the other.')


def _examine_header(path, entry, max_pixels):
    """Fills in what the header says; False where there is no sense in decoding."""
    try:
        images.check_header(path, max_pixels=max_pixels)
    except images.ImageError as error:
        entry.add(_kind_of(error), _without_path(error, path))
        return False
    with Image.open(path) as image:
        entry.width, entry.height = image.size
        entry.mode, entry.format = image.mode, image.format
        try:
            has_frames = getattr(image, 'is_animated', False) and image.format != 'MPO'
        except (OSError, EOFError, SyntaxError, ValueError):
            has_frames = False  # the second frame is damaged; only the first is ever used
    if entry.mode in _ODD_MODES:
        entry.add('odd_mode', f'has {_ODD_MODES[entry.mode]}.')
    if has_frames:
        entry.add('animated', 'has several frames.')
    expected = _SUFFIXES.get(entry.format, ())
    if expected and pathlib.Path(entry.path).suffix.lower() not in expected:
        entry.add('wrong_suffix', f'is a {entry.format} file, whose names end in {expected[0]}.')
    return True


def _overlooked(folder):
    """Entries for pictures that `images.find_images` leaves out because of their suffix."""
    entries = []
    for parent, subfolders, files in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith('.'))
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()
            if not name.startswith('.') and (suffix in _PICTURES_NOT_LISTED or not suffix):
                path = pathlib.Path(parent, name)
                if suffix or _is_picture(path):
                    entry = Entry(path.relative_to(folder).as_posix())
                    entry.add('not_listed', f'is a picture, but names ending in {suffix!r} are not read.')
                    entries.append(entry)
    return entries


def _is_picture(path):
    try:
        images.check_header(path)
    except images.ImageError:
        return False
    return True


def _find_same_bytes(entries, others, other):
    theirs = {entry.sha256: entry.path for entry in others if entry.sha256}
    first = {}
    for entry in entries:
        if not entry.sha256 or not entry.bytes:
            continue
        if entry.sha256 in theirs:
            entry.add('leak', f'is also in the other set: {pathlib.Path(other, theirs[entry.sha256])}.')
        if entry.sha256 in first:
            entry.add('duplicate', f'has the same bytes as {first[entry.sha256]}.')
        first.setdefault(entry.sha256, entry.path)


def _find_same_looks(entries, others, other):
    seen = [entry for entry in entries if entry.signature is not None]
    theirs = [entry for entry in others if entry.signature is not None]
    signatures = [entry.signature for entry in seen]
    for one, two, is_mirrored in likeness.pairs_within(signatures):
        if seen[one].sha256 != seen[two].sha256:
            seen[one].add('near_duplicate', f'looks like {seen[two].path}{_MIRRORED * is_mirrored}.')
    for one, two, is_mirrored in likeness.pairs_between(signatures, [entry.signature for entry in theirs]):
        if seen[one].sha256 != theirs[two].sha256:
            path = pathlib.Path(other, theirs[two].path)
            seen[one].add('near_leak', f'looks like {path} of the other set{_MIRRORED * is_mirrored}.')


def _sha256(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _kind_of(error):
    if isinstance(error.__cause__, Image.UnidentifiedImageError):
        return 'not_a_picture'
    if isinstance(error.__cause__, Image.DecompressionBombError) or error.__cause__ is None:
        return 'decompression_bomb'  # the one refusal that no decoder's complaint stands behind
    return 'damaged'


def _without_path(error, path):
    return str(error).removeprefix(f'{path}: ')
