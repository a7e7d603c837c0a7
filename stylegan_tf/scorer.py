"""Scoring files and folders: a report, heat-maps, a page to look at; resuming, failures.

Scores are noted in REPORT.partial as they come, and what is noted for the same files and the same weights is not
computed again. Another false-alarm rate only decides anew what is flagged. Files appear complete or not at all.
"""

import dataclasses
import hashlib
import json
import pathlib
import sys

import tqdm

from stylegan_tf import anomaly_models, files, heat_maps, images, score_page
from stylegan_tf.loaded_models import ModelError
from stylegan_tf.version import __version__

DIGITS = 6  # of the numbers in a report


class ScorerError(Exception):
    """A run that cannot begin or go on; the message says what to do."""


@dataclasses.dataclass
class Report:
    """What became of the pictures.

    Attributes:
        entries: Dicts as report.json lists them under 'images', in order of their names.
        done, skipped: How many were scored now, and before.
        failures: (path, reason) of pictures that could not be scored.
        false_alarm_rate: The promised rate.
        facts: What the report says of the model.
        warning: A sentence about the calibration, or None.
    """

    false_alarm_rate: float
    facts: dict
    warning: str | None = None
    entries: list = dataclasses.field(default_factory=list)
    done: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)

    @property
    def flagged(self):
        """Entries that are flagged, the worst first."""
        return [entry for entry in score_page.worst_first(self.entries) if entry['is_flagged']]

    def text(self):
        """A few lines for people; every failure is named."""
        lines = [f'{self.done} scored, {self.skipped} skipped (scored before), {len(self.failures)} failed']
        lines += [f'  failed: {reason}' for _, reason in self.failures]
        lines.append(f'{len(self.flagged)} of {len(self.entries)} flagged at a promised false-alarm rate of '
                     f'{self.false_alarm_rate:g}')
        lines += [f'  {entry["file"]}: score {entry["anomaly_score"]:.3f}, p {entry["p_value"]:.4f}'
                  f'{", " if entry["named"] else ""}{", ".join(entry["named"])}' for entry in self.flagged[:5]]
        if len(self.flagged) > 5:
            lines.append(f'  and {len(self.flagged) - 5} more')
        if self.warning:
            lines.append(f'Note: {self.warning}')
        return '\n'.join(lines)

    def as_dict(self):
        """For report.json."""
        return {**self.facts, 'false_alarm_rate': self.false_alarm_rate, 'warning': self.warning,
                'flagged': len(self.flagged), 'failures': [{'file': str(path), 'reason': reason}
                                                           for path, reason in self.failures],
                'package': f'stylegan_tf {__version__}', 'images': self.entries}


class Scorer:
    """Scores pictures into a report.

    Args:
        model: An `anomaly_models.AnomalyModel`.
        output: Path of the report, REPORT.json. Beside it come the folder REPORT_maps of overlays and REPORT.html.
        false_alarm_rate: Pictures with a p-value up to it are flagged; in (0, 1).
    Raises:
        ModelError: The model does not score, or the rate is out of range.
        ScorerError: At `output` there is something else than a report.
    """

    def __init__(self, model, output, *, false_alarm_rate=0.05):
        anomaly_models.check_false_alarm_rate(false_alarm_rate)
        if not isinstance(model, anomaly_models.AnomalyModel):
            model.score()  # raises what it cannot do
        self.model = model
        self.path = pathlib.Path(output)
        self.page = self.path.with_suffix('.html')
        self.maps = maps_folder(self.path)
        self._rate = false_alarm_rate
        self._journal = self.path.with_name(f'{self.path.name}.partial')
        self._entries = self._read()

    def run(self, pairings, *, show_progress=True):
        """Scores pictures; a bad one is noted and the others go on.

        Args:
            pairings: List of `pairings.Pairing`.
            show_progress: Whether to draw a bar with the time left on stderr.
        Returns:
            Report; it has been written.
        Raises:
            ModelError: The model cannot judge with these references.
            ScorerError: Results cannot be written.
        """
        names = sorted({self._signature(pairing) for pairing in pairings})
        warnings = filter(None, (self.model.calibration_warning(name, self._rate) for name in names))
        report = Report(self._rate, self._facts(names), ' '.join(warnings) or None)
        # On a terminal the bar moves; in a log file a line now and then is enough.
        interval = 0.1 if sys.stderr.isatty() else 30
        bar = tqdm.tqdm(pairings, unit='picture', mininterval=interval, disable=not show_progress or len(pairings) < 2)
        for pairing in bar:
            try:
                report.entries.append(self._scored(pairing, report))
            except (images.ImageError, ModelError) as error:
                message = ' '.join(str(error).split())
                report.failures.append((pairing.image, message if str(pairing.image) in message
                                        else f'{pairing.image}: {message}'))
        for entry in report.entries:
            entry['is_flagged'] = entry['p_value'] <= self._rate
        report.entries.sort(key=lambda entry: entry['file'])
        self._write(self.path, (json.dumps(report.as_dict(), indent=2) + '\n').encode())
        self._write(self.page, score_page.render(report, self.path.parent).encode())
        self._journal.unlink(missing_ok=True)
        return report

    def _scored(self, pairing, report):
        """The entry of a picture, computed or found."""
        signature = self._signature(pairing)
        identity = {'inputs': {role: _sha256(path) for role, path in _files(pairing)}, 'signature': signature,
                    'weights': self.model.hash}
        found = self._entries.get(pairing.name)
        if found and found['identity'] == identity and (self.path.parent / found['overlay']).is_file():
            report.skipped += 1
            return {**found, **_paths(pairing)}
        score = self.model.score(pairing.image, pairing.content, pairing.style, false_alarm_rate=self._rate)
        overlay = self.maps / f'{pairing.name}.png'
        self._write(overlay, images.encode(heat_maps.overlay(images.read(pairing.image), score.map), 'png'))
        entry = {'file': pairing.name, **_paths(pairing), 'anomaly_score': round(score.score, DIGITS),
                 'p_value': round(score.p_value, DIGITS), 'named': list(score.named),
                 'damaged_share': round(float(score.map.mean()), DIGITS),
                 'defect_scores': {name: round(value, DIGITS) for name, value in score.defects.items()},
                 'evidence': {name: round(value, DIGITS) for name, value in score.evidence.items()},
                 'overlay': overlay.relative_to(self.path.parent).as_posix(), 'identity': identity}
        self._note(entry)
        report.done += 1
        return entry

    def _signature(self, pairing):
        return self.model.score_signature(pairing.content is not None, pairing.style is not None)

    def _facts(self, signatures):
        card = self.model.card
        return {'model': {'name': self.model.name, 'hash': self.model.hash, 'config_hash': card.get('config_hash')},
                'signatures': signatures,
                'calibration_pictures': {name: self.model.calibration_pictures(name) for name in signatures},
                'score_thresholds': {name: card.get('score_thresholds', {}).get(name, {}).get(f'{self._rate:g}')
                                     for name in signatures}}

    def _note(self, entry):
        try:
            with open(self._journal, 'ab') as journal:
                journal.write(b'\n' + json.dumps(entry).encode())  # the end of an earlier line may be missing
        except OSError as error:
            raise ScorerError(f'Cannot write {self._journal}: {error.strerror or error}.') from error

    def _write(self, path, data):
        try:
            files.write_whole(path, data)
        except OSError as error:
            raise ScorerError(f'Cannot write {path}: {error.strerror or error}. Check that the folder is writable and '
                              'the disk has space; then run the same command again: what is done is kept.') from error

    def _read(self):
        """Dict name -> entry of earlier runs."""
        entries = {}
        try:
            entries = {entry['file']: entry for entry in json.loads(self.path.read_text(encoding='utf-8'))['images']
                       if 'identity' in entry and 'overlay' in entry}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ScorerError(f'{self.path} exists and is no report of scores; give another --output.') from error
        try:
            lines = self._journal.read_text(encoding='utf-8').splitlines()
        except OSError:
            return entries
        for line in lines:
            try:
                entry = json.loads(line)
                entries[entry['file']] = entry
            except (ValueError, KeyError, TypeError):  # the last line of a run that was killed
                continue
        return entries


def maps_folder(output):
    """Folder of the overlays that belong to the report at `output`."""
    output = pathlib.Path(output)
    return output.with_name(f'{output.stem}_maps')


def _files(pairing):
    return [(role, path) for role in ('image', 'content', 'style') if (path := getattr(pairing, role)) is not None]


def _paths(pairing):
    return {role: str(path) for role, path in _files(pairing)}


def _sha256(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise images.ImageError(f'{path}: cannot be read: {error.strerror or error}.') from error
