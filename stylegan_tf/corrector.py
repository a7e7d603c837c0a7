"""Correcting files and folders: outputs, receipts, a page and a sheet to look at; resuming, failures.

    OUTPUT/NAME          the repaired picture, or the picture itself, bit for bit
    OUTPUT/NAME.json     receipt: inputs and their hashes, settings, model, what was done or why nothing was
    OUTPUT/before_after.png, OUTPUT/report.html

A result whose receipt says that the same would come out again is skipped. Files appear complete or not at all.
"""

import dataclasses
import datetime
import hashlib
import json
import pathlib
import sys
import time

import numpy as np
import tqdm

from stylegan_tf import correction_page, files, images
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.version import __version__

SHEET_FILE, PAGE_FILE = 'before_after.png', 'report.html'
SHEET_ROWS = 24  # of the sheet, what changed most first
SHEET_SIDE = 256  # longer side of its pictures, pixels
DIGITS = 6  # of the numbers in a receipt
_NOT_WRITTEN = ('.gif', '.pgm', '.ppm')  # can be read; repaired pictures are written as PNG


class CorrectorError(Exception):
    """A run that cannot begin or go on; the message says what to do."""


class _PictureError(Exception):
    """One picture that cannot be done; the others can."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pictures are corrected.

    Attributes:
        false_alarm_rate: Share of good pictures that may be taken for bad ones, in (0, 1).
        has_provenance: Repaired pictures name the model and the repair in their metadata.
        overwrite: Replace results that were made otherwise.
    """

    false_alarm_rate: float = 0.05
    has_provenance: bool = True
    overwrite: bool = False


@dataclasses.dataclass
class Report:
    """What became of the pictures.

    Attributes:
        false_alarm_rate: Of the settings.
        model: {'name', 'hash'} of the model.
        entries: Receipts, with the 'file' they are of and 'path', where the picture came from.
        done, skipped: How many were looked at now, and before.
        failures: (path, reason) of pictures that could not be corrected.
    """

    false_alarm_rate: float
    model: dict
    entries: list = dataclasses.field(default_factory=list)
    done: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)

    @property
    def repaired(self):
        """Entries whose repair was accepted, what changed most first."""
        return sorted((entry for entry in self.entries if entry['accepted']), key=lambda entry: -entry['changed'])

    def text(self):
        """A few lines for people; every failure is named."""
        lines = [f'{self.done} done, {self.skipped} skipped (finished before), {len(self.failures)} failed']
        lines += [f'  failed: {reason}' for _, reason in self.failures]
        flagged = sum(entry['p_value'] <= self.false_alarm_rate for entry in self.entries)
        lines.append(f'{flagged} of {len(self.entries)} flagged at a promised false-alarm rate of '
                     f'{self.false_alarm_rate:g}, {len(self.repaired)} repaired; all others are as they were')
        lines += [f'  {entry["file"]}: {entry["repair"]}, score {entry["score_before"]:.3f} -> '
                  f'{entry["score_after"]:.3f}' for entry in self.repaired[:5]]
        return '\n'.join([*lines, f'  and {len(self.repaired) - 5} more'] if len(self.repaired) > 5 else lines)


def check_output(output, pairings):
    """Refuses an output folder in which a picture would be overwritten.

    Raises:
        CorrectorError: It is a file, or results would take the place of pictures.
    """
    output = pathlib.Path(output)
    if output.is_file() or output.suffix.lower() in images.IMAGE_SUFFIXES:
        raise CorrectorError(f'--output must be a folder. Received: {output}.')
    for pairing in pairings:
        target = output / pairing.name
        if target.exists() and target.samefile(pairing.image):
            raise CorrectorError(f'--output: {target} is the picture itself, which is never overwritten. '
                                 'Give another folder.')


class Corrector:
    """Corrects pictures into a folder.

    Args:
        model: An `anomaly_models.AnomalyModel`.
        output: The folder.
        settings: `Settings`.
        generator: None, or the `loaded_models.Model` that painted them.
    """

    def __init__(self, model, output, settings=Settings(), *, generator=None):
        self.model, self.generator, self.settings = model, generator, settings
        self.output = pathlib.Path(output)

    def run(self, pairings, *, show_progress=True):
        """Corrects pictures; a bad one is noted and the others go on.

        Args:
            pairings: List of `pairings.Pairing`.
            show_progress: Whether to draw a bar with the time left on stderr.
        Returns:
            Report; page and sheet have been written.
        Raises:
            CorrectorError: Results cannot be written at all.
        """
        report = Report(self.settings.false_alarm_rate, self._described_model(self.model))
        # On a terminal the bar moves; in a log file a line now and then is enough.
        interval = 0.1 if sys.stderr.isatty() else 30
        for pairing in tqdm.tqdm(pairings, unit='picture', mininterval=interval,
                                 disable=not show_progress or len(pairings) < 2):
            try:
                report.entries.append({**self._corrected(pairing, report), 'file': pairing.name,
                                       'path': str(pairing.image)})
            except (images.ImageError, ModelError, _PictureError) as error:
                message = ' '.join(str(error).split())
                report.failures.append((pairing.image, message if str(pairing.image) in message
                                        else f'{pairing.image}: {message}'))
        self._show(report)
        return report

    def _corrected(self, pairing, report):
        """The receipt of a picture, made or found."""
        wanted = self._wanted(pairing)
        receipt_path = self.output / f'{pairing.name}.json'
        found = self._finished(receipt_path, wanted)
        if found is not None:
            report.skipped += 1
            return found
        picture = images.open_picture(pairing.image)
        start = time.perf_counter()
        correction = self.model.correct(picture.pixels, pairing.content, pairing.style, generator=self.generator,
                                        false_alarm_rate=self.settings.false_alarm_rate)
        seconds = time.perf_counter() - start
        path, data = self._result(pairing, picture, correction)
        receipt = {**wanted, **_outcome(correction), 'output': {'name': path.name, 'sha256': _sha256(data)},
                   'seconds': round(seconds, 3), 'engine': self.model.engine,
                   'made': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
                   'package': f'stylegan_tf {__version__}'}
        # The receipt first: one without its output is redone, an output without receipt is foreign.
        self._write(receipt_path, (json.dumps(receipt, indent=2) + '\n').encode())
        self._write(path, data)
        report.done += 1
        return receipt

    def _result(self, pairing, picture, correction):
        """Where the result goes, and its bytes."""
        path = self.output / pairing.name
        if not correction.accepted:
            return path, _read(pairing.image)
        if path.suffix.lower() in _NOT_WRITTEN:
            path = path.with_name(f'{path.name}.png')
        metadata = None
        if self.settings.has_provenance:
            metadata = {'Software': f'stylegan_tf {__version__}',
                        'Description': f'Repaired by the model {self.model.name}', 'Model': self.model.name,
                        'ModelHash': self.model.hash, 'Repair': correction.repair}
        return path, images.encode(correction.image, path.suffix, metadata=metadata, picture=picture)

    def _wanted(self, pairing):
        """What decides a result."""
        inputs = {role: None if path is None else {'name': path.name, 'sha256': _sha256(_read(path))}
                  for role, path in (('image', pairing.image), ('content', pairing.content), ('style', pairing.style))}
        return {**inputs, 'settings': {'false_alarm_rate': self.settings.false_alarm_rate},
                'model': self._described_model(self.model),
                'generator': None if self.generator is None else self._described_model(self.generator)}

    @staticmethod
    def _described_model(model):
        return {'name': model.name, 'hash': model.hash}

    def _finished(self, receipt_path, wanted):
        """The receipt of the same result, if it stands there; refuses to replace another one."""
        try:
            receipt = json.loads(receipt_path.read_text(encoding='utf-8'))
            output = receipt_path.with_name(receipt['output']['name'])
            is_same = _identity(receipt) == _identity(wanted)
        except (OSError, ValueError, KeyError, TypeError):
            receipt, output, is_same = None, receipt_path.with_suffix(''), False
        if not output.exists():
            return None
        if is_same:
            return receipt if receipt['output']['sha256'] == _sha256(_read(output)) else None
        if not self.settings.overwrite:
            raise _PictureError(f'{output} exists and was made otherwise; use --overwrite, or another --output.')
        return None

    def _show(self, report):
        self._write(self.output / PAGE_FILE, correction_page.render(report, self.output).encode())
        rows, labels = [], []
        for entry in report.repaired[:SHEET_ROWS]:
            after = self.output / pathlib.PurePath(entry['file']).parent / entry['output']['name']
            pair = [images.fit_within(images.read(path), SHEET_SIDE) for path in (entry['path'], after)]
            rows.append([*pair, difference(*pair)])
            labels.append(f'{entry["file"]}: {entry["repair"]}')
        if rows:
            sheet = images.grid(rows, row_labels=labels, column_labels=['before', 'after', 'changed'])
            self._write(self.output / SHEET_FILE, images.encode(sheet, 'png'))

    def _write(self, path, data):
        try:
            files.write_whole(path, data)
        except OSError as error:
            raise CorrectorError(f'Cannot write {path}: {error.strerror or error}. Check that the folder is writable '
                                 'and the disk has space; then run the same command again, what is finished is kept.'
                                 ) from error


def difference(before, after):
    """How much each place changed, uint8 [H, W]: white where it is 64 levels or more."""
    change = np.abs(before.astype(np.int16) - after).max(axis=-1)
    return np.uint8(np.minimum(change * 4, 255))


def _outcome(correction):
    return {'accepted': correction.accepted, 'repair': correction.repair, 'reason': correction.reason,
            'score_before': round(correction.score_before, DIGITS),
            'score_after': round(correction.score_after, DIGITS), 'p_value': round(correction.p_value, DIGITS),
            'changed': round(correction.changed, DIGITS), 'changed_share': round(correction.changed_share, DIGITS)}


def _identity(receipt):
    """Hashes of the inputs and of the weights, and the settings, but no names."""
    parts = [receipt.get(role) for role in ('image', 'content', 'style')]
    models = [(receipt.get(role) or {}).get('hash') for role in ('model', 'generator')]
    return [(part or {}).get('sha256') for part in parts], models, receipt.get('settings')


def _read(path):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise images.ImageError(f'{path}: cannot be read: {error.strerror or error}.') from error


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
