"""Where results of a folder go, and what is finished already: pictures with receipts, or one report of scores."""

import datetime
import hashlib
import json
import pathlib
import threading

from stylegan_serving.client import folders
from stylegan_serving.client.errors import ClientError
from stylegan_tf import images
from stylegan_tf.version import __version__


class PictureStore:
    """Pictures, each with a receipt OUTPUT.json: inputs and their hashes, settings, model, time, measures.

    Args:
        settings: Dict of all that decides a result besides the files: operation, model, strength, styles and so on.
        facts: Dict of what else the receipts note, such as the version that the server has loaded.
        has_provenance: Whether the pictures say in their metadata that a model made them.
        overwrite: Whether to replace pictures that were made otherwise.
    """

    def __init__(self, settings, facts, *, has_provenance=True, overwrite=False):
        self._settings = settings
        self._facts = facts
        self._has_provenance = has_provenance
        self._overwrite = overwrite

    def identity(self, job, digests):
        return {'inputs': digests, 'settings': self._settings}

    def is_finished(self, job, identity):
        if not job.output.exists():
            return False
        try:
            receipt = json.loads(_receipt_path(job).read_text(encoding='utf-8'))
        except (OSError, ValueError):
            receipt = {}
        if isinstance(receipt, dict) and all(receipt.get(name) == value for name, value in identity.items()):
            # Another hash: the run ended between receipt and picture, or somebody edited the picture.
            return receipt.get('output', {}).get('sha256') == _sha256(job.output.read_bytes())
        if not self._overwrite:
            raise images.ImageError(f'{job.output} exists and was made otherwise; use --overwrite, or another '
                                    '--output.')
        return False

    def save(self, item, result):
        """Writes the picture and its receipt. `result` has `pixels`, and maybe measures as of `operations`."""
        job, pixels = item.job, result.pixels
        encoded = images.encode(pixels, job.output.suffix, picture=item.picture.picture, metadata=self._provenance())
        receipt = {
            **item.identity, 'source': {'name': job.source.name, 'content': job.content and job.content.name},
            'output': {'name': job.output.name, 'height': pixels.shape[0], 'width': pixels.shape[1],
                       'sha256': _sha256(encoded)},
            'measures': {name: value for name in ('anomaly_score', 'accepted', 'score_before', 'score_after')
                         if (value := getattr(result, name, None)) is not None},
            **self._facts, 'made': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
            'package': f'stylegan_serving {__version__}'}
        # The receipt first: one without its picture is redone, a picture without receipt is foreign.
        folders.write_json(_receipt_path(job), receipt)
        folders.write(job.output, encoded)

    def _provenance(self):
        if not self._has_provenance:
            return None
        named = {'Software': f'stylegan_serving {__version__}',
                 'Description': f'{self._settings["operation"].capitalize()} by the model {self._facts["model"]}',
                 'Model': str(self._facts['model']), 'ModelVersion': str(self._facts['model_version'])}
        if 'strength' in self._settings:
            named['Strength'] = f'{self._settings["strength"]:g}'
        return named


class ScoreStore:
    """One report.json of all scores, and the anomaly maps as PNG files in a folder beside it.

    Scores are noted in REPORT.partial as they come, so that a broken run is continued.

    Args:
        path: Of the report.
        root: Folder of the pictures, below which they are named.
        settings: Dict of what decides a score besides the files.
        facts: Dict of what else the report notes.
        false_alarm_rate: Pictures with a p-value up to it are flagged.
    """

    def __init__(self, path, root, settings, facts, *, false_alarm_rate):
        self.path = pathlib.Path(path)
        self._root = pathlib.Path(root)
        self._settings = settings
        self._facts = facts
        self._false_alarm_rate = false_alarm_rate
        self._journal = self.path.with_name(f'{self.path.name}.partial')
        self._maps = self.path.with_name(f'{self.path.stem}_maps')
        self._lock = threading.Lock()
        self._entries = self._read()

    def identity(self, job, digests):
        return {'inputs': digests, 'settings': self._settings}

    def is_finished(self, job, identity):
        entry = self._entries.get(self._name(job))
        if entry is None or entry['identity'] != identity:
            return False
        return 'map' not in entry or (self.path.parent / entry['map']).is_file()

    def save(self, item, result):
        """Notes a score and writes its map. `result` is an `operations.Score`."""
        name = self._name(item.job)
        entry = {'file': name, 'identity': item.identity, 'anomaly_score': result.anomaly_score}
        if result.p_value is not None:
            entry['p_value'] = result.p_value
        if result.defect_scores is not None:
            scores = result.defect_scores
            entry['defect_scores'] = scores if isinstance(scores, dict) else [float(score) for score in scores]
        if isinstance(result.evidence, dict):
            entry['evidence'] = result.evidence
        if result.anomaly_map is not None:
            path = self._maps / f'{name}.png'
            folders.write(path, result.anomaly_map.encoded)
            entry['map'] = path.relative_to(self.path.parent).as_posix()
        with self._lock:
            self._entries[name] = entry
            self._append(b'\n' + json.dumps(entry).encode())  # the end of an earlier line may be missing

    def finish(self, jobs, report):
        """Writes the report of these jobs; the notes stay until nothing is missing."""
        entries = [dict(self._entries[name]) for name in sorted(map(self._name, jobs)) if name in self._entries]
        failed = {str(path) for path, _ in report.failures}
        entries = [entry for entry in entries if str(self._root / entry['file']) not in failed]
        for entry in entries:
            if 'p_value' in entry:
                entry['is_flagged'] = entry['p_value'] <= self._false_alarm_rate
        folders.write_json(self.path, {**self._facts, 'false_alarm_rate': self._false_alarm_rate, **report.as_dict(),
                                       'images': entries})
        if not report.unfinished:
            self._journal.unlink(missing_ok=True)

    def _append(self, line):
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._journal, 'ab') as journal:
                journal.write(line)
        except OSError as error:
            raise folders.FolderError(f'Cannot write {self._journal}: {error.strerror or error}.') from error

    def _name(self, job):
        return job.source.relative_to(self._root).as_posix()

    def _read(self):
        """Dict file name -> entry of an earlier run."""
        entries = {}
        try:
            document = json.loads(self.path.read_text(encoding='utf-8'))
            entries = {entry['file']: entry for entry in document['images']}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ClientError(f'{self.path} exists and is no report of scores; give another --output.') from error
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


def _receipt_path(job):
    return job.output.with_name(job.output.name + '.json')


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
