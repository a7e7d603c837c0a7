"""The Beam pipeline: places -> pictures -> model -> files -> one outcome for each picture -> summary and dead letters.

Pictures that cannot be read, decoded, done or written become outcomes of their own and fail nothing else. Running the
pipeline again does what is missing; running a bundle twice, as runners do, writes the same files twice.
"""

import time

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, RunInference

from stylegan_serving.batch import backends, files, records, summary, tasks
from stylegan_serving.batch.records import DONE, FAILED, SKIPPED, Outcome, Work
from stylegan_tf import images

FAILURES_FILE, SUMMARY_FILE = 'failures.jsonl', 'summary.json'  # below the output
_OUTCOMES = 'outcomes'


def build(root, places, job, *, source, batch_size):
    """Adds the transforms of a job to a pipeline.

    Args:
        root: beam.Pipeline.
        places: Folders, globs and files, as `files.absolute` makes them.
        job: records.Job.
        source: records.ModelSource that each worker opens.
        batch_size: Pictures that are handed to the model at a time.
    Returns:
        PCollection of `records.Outcome`, one for each picture.
    """
    found = (
        root
        | 'Places' >> beam.Create(list(places))
        | 'Find pictures' >> beam.FlatMap(files.find_pictures, outside=job.output)
        # Spreads the pictures over the workers, and brings together those that would write the same result.
        | 'By result' >> beam.Map(lambda found: (records.result_name(found[0]), found[1]))
        | beam.GroupByKey())
    prepared = found | 'Read' >> beam.ParDo(Prepare(job)).with_outputs(_OUTCOMES, main='works')
    written = (
        prepared.works
        | 'Model' >> RunInference(PictureModel(job, source, batch_size))
        | 'Write' >> beam.Map(finish, job))
    outcomes = (prepared[_OUTCOMES], written) | beam.Flatten()
    (outcomes
     | 'Failures' >> beam.Filter(lambda outcome: outcome.kind == FAILED)
     | 'As lines' >> beam.Map(Outcome.failure_line)
     | 'In one list' >> beam.combiners.ToList()
     | 'Dead letters' >> beam.Map(write_failures, job))
    (outcomes
     | 'Count' >> beam.CombineGlobally(summary.Summarize())
     | 'Summary' >> beam.Map(write_summary, job, time.time()))
    return outcomes


class Prepare(beam.DoFn):
    """(name of a result, paths of contents) -> Work; or an Outcome on its own output.

    Args:
        job: records.Job.
    """

    def __init__(self, job):
        self._job = job

    def process(self, element):
        name, paths = element
        first, *others = sorted(set(paths))
        for other in others:
            yield _failed(other, 'plan', f'{first} goes to the same result {name}; use another --output.')
        yield self._prepared(name, first)

    def _prepared(self, name, content):
        try:
            source = files.read(content)
            result = files.join(self._job.output, name)
            receipt = records.new_receipt(content, source, self._job)
            is_finished = self._is_finished(result, receipt)
        except files.FilesError as error:
            return _failed(content, 'read', error)
        except records.MadeOtherwiseError as error:
            return _failed(content, 'plan', error)
        if is_finished:
            return beam.pvalue.TaggedOutput(_OUTCOMES, Outcome(content, SKIPPED))
        try:
            return Work(content, result, source, receipt, images.read(source))
        except images.ImageError as error:
            return _failed(content, 'decode', str(error).removeprefix('<bytes>: '))

    def _is_finished(self, result, wanted):
        old = records.parse_receipt(files.read_if_there(result + records.RECEIPT_SUFFIX))
        output = files.read_if_there(result) if self._job.makes_pictures() else None
        return records.is_finished(old, wanted, output, self._job, result)


class PictureModel(ModelHandler):
    """Runs the tasks of a job on batches of Work, by a backend that each worker process opens once.

    Args:
        job: records.Job.
        source: records.ModelSource.
        batch_size: Largest number of pictures at a time.
    """

    def __init__(self, job, source, batch_size):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self._job, self._source = job, source

    def load_model(self):
        return backends.open_backend(self._source)

    def run_inference(self, batch, model, inference_args=None):
        return tasks.perform(list(batch), self._job, model)

    def get_num_bytes(self, batch):
        return sum(work.pixels.nbytes for work in batch)

    def get_metrics_namespace(self):
        return 'stylegan_serving.batch'


def finish(work, job):
    """Writes what a Work came to; its Outcome.

    The receipt goes first: one without its result is done again, a result without receipt is somebody else's.
    """
    if work.failure is not None:
        return Outcome(work.content, FAILED, *work.failure)
    try:
        encoded = records.encode_result(work, job) if job.makes_pictures() else None
        files.write(work.result + records.RECEIPT_SUFFIX,
                    records.encode_receipt(records.finished_receipt(work, encoded)))
        for name, data in work.maps.items():
            files.write(f'{work.result}.{name}.png', data)
        if encoded is not None:
            files.write(work.result, encoded)
    except (files.FilesError, images.ImageError) as error:
        return Outcome(work.content, FAILED, 'write', str(error))
    return Outcome(work.content, DONE, anomaly_score=(work.receipt.get('scores') or {}).get('anomaly_score'),
                   accepted=(work.receipt.get('correction') or {}).get('accepted'))


def write_failures(lines, job):
    """Writes OUTPUT/failures.jsonl, in the place of that of an earlier run."""
    files.write(files.join(job.output, FAILURES_FILE), ''.join(f'{line}\n' for line in sorted(lines)).encode())


def write_summary(counts, job, started):
    """Writes OUTPUT/summary.json: the counts with the seconds since the pipeline was started."""
    seconds = time.time() - started
    files.write(files.join(job.output, SUMMARY_FILE), summary.encode(counts, seconds, job))


def _failed(content, stage, reason):
    return beam.pvalue.TaggedOutput(_OUTCOMES, Outcome(content, FAILED, stage, ' '.join(str(reason).split())))
