"""What travels through the pipeline, the receipts beside the results, and when a picture is finished.

A receipt, RESULT.json, names content, style, settings and model by hashes, and the result's hash. A picture is finished
when its receipt says that the same would come out again and the result beside it has that hash, so that the same job
run again only does what is missing.
"""

import dataclasses
import datetime
import hashlib
import json

import numpy as np

from stylegan_tf import images
from stylegan_tf.version import __version__

STYLIZE, SCORE, CORRECT = 'stylize', 'score', 'correct'
TASKS = (STYLIZE, SCORE, CORRECT)  # in the order in which they are done
DONE, SKIPPED, FAILED = 'done', 'skipped', 'failed'
RECEIPT_SUFFIX = '.json'
_NOT_WRITTEN = ('.gif', '.pgm', '.ppm')  # can be read; results are written as PNG


class MadeOtherwiseError(Exception):
    """A result that is there already and would be replaced."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be done to each picture; the same object on every worker."""

    output: str  # folder for results
    tasks: tuple[str, ...]  # of TASKS, in their order
    model: 'ModelFacts'
    style: bytes | None = None  # encoded file
    style_name: str | None = None
    strength: float = 1.0
    false_alarm_rate: float = 0.05
    overwrite: bool = False
    has_provenance: bool = True

    def identity(self):
        """The entries of a receipt that are the same for all pictures of the job."""
        style = None if self.style is None else {'name': self.style_name, 'sha256': sha256(self.style)}
        settings = {'tasks': list(self.tasks)}
        if STYLIZE in self.tasks:
            settings['strength'] = self.strength
        if CORRECT in self.tasks:
            settings['false_alarm_rate'] = self.false_alarm_rate
        return {'style': style, 'settings': settings,
                'model': {'name': self.model.name, 'hash': self.model.hash}}

    def makes_pictures(self):
        """Whether there is a picture to write, or numbers alone."""
        return self.tasks != (SCORE,)


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """Where a model is found; the same object on every worker."""

    model: str  # shipped name, export, base folder of exports or run folder; with a server the served name
    server: str | None = None  # 'grpc://HOST:PORT' or 'http://HOST:PORT'; None: the model runs in the workers
    label: str | None = None  # of a served version; the highest version when None


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """What a job must know of its model."""

    name: str
    hash: str  # of the weights, or of name and version where a server tells no more
    inputs: dict  # signature -> tuple of the names of its inputs
    defect_names: tuple[str, ...] = ()


@dataclasses.dataclass
class Work:
    """A picture on its way."""

    content: str  # path
    result: str  # path of what is written; the receipt is RESULT.json
    source: bytes  # the file
    receipt: dict  # what is known so far
    pixels: np.ndarray  # the picture as it is by now, uint8 [H, W, 3]
    has_changed: bool = False  # `pixels` are no longer those of the content
    maps: dict = dataclasses.field(default_factory=dict)  # suffix of a further result -> encoded file
    failure: tuple[str, str] | None = None  # (stage, reason)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a picture: one for each, whatever happened."""

    content: str
    kind: str  # DONE, SKIPPED or FAILED
    stage: str = ''  # of a failure: read, decode, plan, stylize, score, correct, write
    reason: str = ''
    anomaly_score: float | None = None
    accepted: bool | None = None  # by the corrector

    def failure_line(self):
        """The line of failures.jsonl."""
        return json.dumps({'content': self.content, 'stage': self.stage, 'reason': self.reason})


def sha256(data):
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def result_name(name):
    """Name of a result: the content's own, with .png behind the formats that are not written."""
    return f'{name}.png' if name.lower().endswith(_NOT_WRITTEN) else name


def new_receipt(content, source, job):
    """The beginning of a receipt: what decides the result."""
    return {'content': {'name': content.rpartition('/')[2], 'sha256': sha256(source)}, **job.identity()}


def finished_receipt(work, encoded):
    """The whole receipt of a Work, and of its result as it is written; None where there is only a receipt."""
    output = None if encoded is None else {
        'name': work.result.rpartition('/')[2], 'height': work.pixels.shape[0], 'width': work.pixels.shape[1],
        'sha256': sha256(encoded)}
    return {**work.receipt, 'output': output, 'made': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
            'package': f'stylegan_tf {__version__}'}


def encode_receipt(receipt):
    """A receipt as the bytes of its file."""
    return (json.dumps(receipt, indent=2) + '\n').encode()


def parse_receipt(data):
    """The dict in the bytes of a receipt; empty where they are None or no JSON object."""
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_finished(receipt, wanted, output, job, result):
    """Whether a picture was done before, of the same content, style and model with the same settings.

    Args:
        receipt: Dict of the receipt that is there; empty where there is none.
        wanted: Dict of `new_receipt`.
        output: Bytes of the result that is there, or None.
        job: Job.
        result: Path of the result, for the message.
    Raises:
        MadeOtherwiseError: If what is there was made otherwise, and the job may not replace it.
    """
    is_same = _decisive(receipt) == _decisive(wanted)
    if not is_same and not job.overwrite and (receipt or output is not None):
        raise MadeOtherwiseError(f'{result} exists and was made otherwise; use --overwrite, or another --output.')
    if not is_same or (job.makes_pictures() and output is None):
        return False
    return not job.makes_pictures() or (receipt.get('output') or {}).get('sha256') == sha256(output)


def _decisive(receipt):
    return ((receipt.get('content') or {}).get('sha256'), (receipt.get('style') or {}).get('sha256'),
            receipt.get('settings'), (receipt.get('model') or {}).get('hash'))


def provenance(job):
    """What results carry in their metadata, as `stylegan-tf stylize` writes it; None where it is switched off."""
    if not job.has_provenance:
        return None
    entries = {'Software': f'stylegan_tf {__version__}', 'Description': f'Edited by the model {job.model.name}',
               'Model': job.model.name, 'ModelHash': job.model.hash}
    if STYLIZE in job.tasks:
        entries.update(Strength=f'{job.strength:g}', Styles=job.style_name or 'none')
    return entries


def encode_result(work, job):
    """The file in the format of the result's name; keeps the content's EXIF, colour profile and transparency."""
    suffix = work.result[work.result.rindex('.'):]
    return images.encode(work.pixels, suffix, picture=images.open_picture(work.source), metadata=provenance(job))
