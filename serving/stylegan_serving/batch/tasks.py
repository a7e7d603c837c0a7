"""What is done to pictures one after another: stylise, score, correct, each where the model has the signature."""

import time

import numpy as np

from stylegan_serving.batch.backends import STYLIZE_BYTES, RowError
from stylegan_serving.batch.records import CORRECT, SCORE, STYLIZE
from stylegan_tf import images

# The twins that compare with the content go before the others once there is a content to compare with.
_WITH_CONTENT = {SCORE: 'score_with_content_bytes', CORRECT: 'correct_with_content_bytes'}
_ALONE = {SCORE: 'score_bytes', CORRECT: 'correct_bytes'}
_NAMES_OF = {'defect_scores': 'defect_names', 'evidence': 'evidence_names'}  # outputs
_BYTES_SUFFIX = '_bytes'


def available(facts):
    """The tasks that a model can do, in the order of `records.TASKS`."""
    offers = set(facts.inputs)
    return tuple(task for task, signatures in (
        (STYLIZE, {STYLIZE_BYTES}), (SCORE, {_ALONE[SCORE], _WITH_CONTENT[SCORE]}),
        (CORRECT, {_ALONE[CORRECT], _WITH_CONTENT[CORRECT]})) if signatures & offers)


def takes_style(facts):
    """Whether stylising needs a style picture; models of one look do not."""
    return 'style_bytes' in facts.inputs.get(STYLIZE_BYTES, ())


def perform(works, job, backend):
    """Does the tasks of a job.

    Args:
        works: List of records.Work.
        job: records.Job.
        backend: As `backends.InProcess`.
    Returns:
        The works; those that a task failed on have a `failure` and are left out of the tasks that follow.
    """
    for task in job.tasks:
        going = [work for work in works if work.failure is None]
        if not going:
            break
        start = time.perf_counter()
        results = _stylized(going, job, backend) if task == STYLIZE else _judged(task, going, job, backend)
        seconds = (time.perf_counter() - start) / len(going)
        for work, result in zip(going, results, strict=True):
            if isinstance(result, RowError):
                work.failure = (task, str(result))
            else:
                work.receipt.setdefault('seconds', {})[task] = round(seconds, 3)
                _ABSORB[task](work, result, job)
    return works


def _stylized(works, job, backend):
    return backend.stylize([work.pixels for work in works], job.style, job.strength)


def _judged(task, works, job, backend):
    signature = _signature(task, works[0], job.model)
    declared = job.model.inputs[signature]
    rows = []
    for work in works:
        row = {'image_bytes': images.encode(work.pixels, backend.picture_format)}
        if 'content_bytes' in declared:
            row['content_bytes'] = images.encode(images.read(work.source), backend.picture_format)
        if 'false_alarm_rate' in declared:
            row['false_alarm_rate'] = np.float32(job.false_alarm_rate)
        rows.append(row)
    return backend.run(signature, rows)


def _signature(task, work, facts):
    first, second = (_WITH_CONTENT, _ALONE) if work.has_changed else (_ALONE, _WITH_CONTENT)
    return first[task] if first[task] in facts.inputs else second[task]


def _absorb_stylized(work, result, job):
    work.pixels, work.has_changed = result['stylized'], True
    _keep_numbers(work, 'scores', result, job)


def _absorb_scores(work, result, job):
    _keep_numbers(work, 'scores', result, job)
    for name, value in result.items():
        if name.endswith(_BYTES_SUFFIX):
            work.maps[name.removesuffix(_BYTES_SUFFIX)] = value


def _absorb_corrected(work, result, job):
    _keep_numbers(work, 'correction', result, job)
    if not bool(result.get('accepted', True)):
        return
    try:
        work.pixels, work.has_changed = images.read(result['corrected_bytes']), True
    except images.ImageError as error:
        work.failure = (CORRECT, f'the model returned no picture: {error}')


_ABSORB = {STYLIZE: _absorb_stylized, SCORE: _absorb_scores, CORRECT: _absorb_corrected}


def _keep_numbers(work, entry, result, job):
    numbers = {name: _plain(value) for name, value in result.items()
               if not isinstance(value, bytes) and name not in ('stylized', 'defect_names', 'evidence_names')}
    for entry_names, values in ((job.model.defect_names, 'defect_scores'), ((), 'evidence')):
        names = entry_names or tuple(_plain(result.get(_NAMES_OF[values])) or ())
        if values in numbers and len(names) == len(numbers[values]):
            numbers[values] = dict(zip(names, numbers[values], strict=True))
    if numbers:
        work.receipt.setdefault(entry, {}).update(numbers)


def _plain(value):
    """A NumPy value as numbers, booleans and texts that JSON knows; floats to 6 digits."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        return [_plain(element) for element in value]
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    value = value.item() if isinstance(value, np.generic) else value
    return round(value, 6) if isinstance(value, float) else value
