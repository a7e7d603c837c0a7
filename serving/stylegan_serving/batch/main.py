"""Stylises, scores and corrects folders and buckets of pictures as an Apache Beam job.

    python -m stylegan_serving.batch --content=photos/ --style=painting.jpg --output=styled/
    python -m stylegan_serving.batch --content='gs://b/in/**.jpg' --style=gs://b/painting.jpg --output=gs://b/out \\
        --model=gs://b/models/first --runner=DataflowRunner --project=P --region=R --temp_location=gs://b/temp

Beside each result stands a receipt, RESULT.json. OUTPUT/failures.jsonl names the pictures that failed, with stage and
reason; OUTPUT/summary.json counts. The same command run again does what is missing. Flags that are not listed here go
to Apache Beam: --runner (DirectRunner when not given), --direct_running_mode=multi_processing --direct_num_workers=2,
--flink_master, --job_endpoint, ... docs/serving.md has more.

Exit codes: 0 all done; 1 some pictures failed; 2 bad usage.
"""

import importlib.util
import logging
import sys

from absl import flags

from stylegan_serving.batch import options
from stylegan_tf import commands

_CONTENT = flags.DEFINE_list(
    'content', [], 'Folder, glob (** crosses folders) or picture, local or gs://, s3://, hdfs://; several with commas.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for results, receipts, failures.jsonl and summary.json.')
_STYLE = flags.DEFINE_string('style', None, 'Style picture; needed where the model takes one.')
_MODEL = flags.DEFINE_string(
    'model', 'arbitrary_style', 'Name of a model that ships, export, base folder of exports (also in a bucket), or run '
    'folder; with --server the name of the served model.')
_SERVER = flags.DEFINE_string(
    'server', None, 'grpc://HOST:PORT or http://HOST:PORT of a model server; the model runs in the workers when not '
    'given.')
_LABEL = flags.DEFINE_string(
    'label', None, 'With --server: label of the version to ask, such as stable; the highest version when not given.')
_TASKS = flags.DEFINE_list(
    'tasks', [], 'Of stylize, score, correct; all that the model has when not given (stylize only with --style where '
    'it takes one). What is scored and corrected is the stylised picture, or the content where none is made.')
_STRENGTH = flags.DEFINE_float('strength', 1.0, 'From 0 (the content itself) to 1.')
_FALSE_ALARM_RATE = flags.DEFINE_float('false_alarm_rate', 0.05, 'Of good pictures, the share that may be corrected.')
_BATCH_SIZE = flags.DEFINE_integer('batch_size', 8, 'Pictures that the model is handed at a time.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace results that were made otherwise.')
_PROVENANCE = flags.DEFINE_enum('provenance', 'on', ['on', 'off'], 'Whether results name model and strength.')
_METRICS_FILE = flags.DEFINE_string(
    'metrics_file', None, "Also write the summary as Prometheus text, for node_exporter's textfile collector: "
    'FOLDER/NAME.prom.')


def run():
    """What `python -m stylegan_serving.batch` calls; exits the process."""
    ours, for_beam = options.split(sys.argv[1:], _own_flags())
    sys.argv = [sys.argv[0], *ours]

    def main():
        logging.getLogger().setLevel(logging.ERROR)  # what Beam warns of is not the user's to mend
        return run_job(for_beam)

    commands.run(main, errors=_errors)


def run_job(for_beam):
    """Reads the flags and runs the job; returns the exit code.

    Args:
        for_beam: Arguments for Beam's PipelineOptions.
    """
    _check_flags()
    with commands.without_native_talk():
        from stylegan_serving.batch import records, runs
    return runs.run(runs.Request(
        content=tuple(_CONTENT.value), output=_OUTPUT.value, style=_STYLE.value,
        source=records.ModelSource(_MODEL.value, _SERVER.value, _LABEL.value), tasks=tuple(_TASKS.value),
        strength=_STRENGTH.value, false_alarm_rate=_FALSE_ALARM_RATE.value, batch_size=_BATCH_SIZE.value,
        overwrite=_OVERWRITE.value, has_provenance=_PROVENANCE.value == 'on', metrics_file=_METRICS_FILE.value),
        options.pipeline_options(for_beam, _own_flags()))


def _own_flags():
    return flags.FLAGS.get_flags_for_module(__name__)


def _check_flags():
    if not _CONTENT.value or not _OUTPUT.value:
        raise commands.UsageError('--content and --output are required; see --help.')
    for flag in (_STRENGTH, _FALSE_ALARM_RATE):
        if not 0 <= flag.value <= 1:
            raise commands.UsageError(f'--{flag.name} must lie between 0 and 1. Received: {flag.value}.')
    if _LABEL.value and not _SERVER.value:
        raise commands.UsageError('--label belongs to --server.')
    for package in ('apache_beam', *(['prometheus_client'] if _METRICS_FILE.value else [])):
        if not importlib.util.find_spec(package):
            raise commands.UsageError(f"{package} is not installed: pip install 'stylegan-tf[batch]'.")
    if _BATCH_SIZE.value < 1:
        raise commands.UsageError(f'--batch_size must be 1 or more. Received: {_BATCH_SIZE.value}.')


def _errors():
    from stylegan_serving.batch import backends, files
    from stylegan_tf import images

    return backends.BackendError, files.FilesError, images.ImageError
