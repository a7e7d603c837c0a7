"""One run of a batch job: checks what was asked for, runs the pipeline, tells what came of it."""

import dataclasses
import json
import pathlib

import apache_beam as beam

from stylegan_serving.batch import backends, files, options, pipeline, records, summary, tasks
from stylegan_tf import commands, images


@dataclasses.dataclass(frozen=True)
class Request:
    """What a run is asked to do; the flags of `main` describe the fields."""

    content: tuple[str, ...]
    output: str
    style: str | None
    source: records.ModelSource
    tasks: tuple[str, ...]
    strength: float
    false_alarm_rate: float
    batch_size: int
    overwrite: bool
    has_provenance: bool
    metrics_file: str | None


def run(request, beam_options):
    """Runs a job.

    Args:
        request: Request.
        beam_options: Beam's PipelineOptions.
    Returns:
        The command's exit code.
    Raises:
        UsageError, BackendError, FilesError, ImageError: If it cannot begin; says what to do.
    """
    places = _places(request)
    job = _job(request, backends.open_backend(request.source).facts)
    files.check_writable(job.output)
    flow = beam.Pipeline(runner=options.runner(beam_options), options=beam_options)
    pipeline.build(flow, places, job, source=request.source, batch_size=request.batch_size)
    flow.run().wait_until_finish()
    return _report(request, job)


def _places(request):
    """The contents as absolute places; refuses what is not there or would be overwritten."""
    whole = ','.join(request.content)
    named = [whole] if pathlib.Path(whole).exists() else request.content  # a name with a comma in it
    places, output = [files.absolute(place) for place in named], files.absolute(request.output)
    for place in places:
        if not (files.has_wildcard(place) or files.is_remote(place) or pathlib.Path(place).exists()):
            raise commands.UsageError(f'--content: {place} is neither a file nor a folder.')
        files.check_listable(place)
        if files.base_of(place) == output:
            raise commands.UsageError('--output is the folder of the contents, which are never overwritten.')
    return places


def _job(request, facts):
    """The records.Job for a model; refuses what the model cannot do."""
    wanted = _tasks(request, facts)
    is_styled = records.STYLIZE in wanted and tasks.takes_style(facts)
    if is_styled != bool(request.style):
        raise commands.UsageError(f'--style is needed: the model {facts.name} repaints in the style of a picture.'
                                  if is_styled else '--style has no use here: leave it away.')
    style = files.read(files.absolute(request.style)) if is_styled else None
    if is_styled:
        images.read(style)
    return records.Job(
        output=files.absolute(request.output), model=facts, tasks=wanted, style=style,
        style_name=request.style.rpartition('/')[2] if is_styled else None, strength=request.strength,
        false_alarm_rate=request.false_alarm_rate, overwrite=request.overwrite, has_provenance=request.has_provenance)


def _tasks(request, facts):
    able = tasks.available(facts)
    can_stylize = bool(request.style) or not tasks.takes_style(facts)
    wanted = request.tasks or [task for task in able if task != records.STYLIZE or can_stylize]
    unable = [task for task in wanted if task not in able]
    if unable or not wanted:
        raise commands.UsageError(f'--tasks: the model {facts.name} can {", ".join(able) or "nothing of this"}'
                                  + (f'. Received: {", ".join(unable)}.' if unable else '; stylize needs --style.'))
    return tuple(task for task in records.TASKS if task in wanted)


def _report(request, job):
    document = json.loads(files.read(files.join(job.output, pipeline.SUMMARY_FILE)))
    if request.metrics_file:
        path = pathlib.Path(request.metrics_file).absolute()
        files.write(str(path), summary.as_prometheus(document, job_name=path.stem))
    if not document['pictures']:
        raise commands.UsageError(f'--content: no pictures in {", ".join(request.content)}.')
    print(summary.as_text(document))
    if document[records.FAILED]:
        print(f'failures, with stage and reason: {files.join(job.output, pipeline.FAILURES_FILE)}')
        return commands.SOME_FAILED
    return commands.DONE
