"""Puts a label on another version of a model, on running servers and in the models.config they start with.

    python -m stylegan_serving.client promote --server=grpc://localhost:8500 --config=models.config --model=style

puts `stable` on the version that `canary` is on; --version and --label name others. The version is loaded first where
it is not; versions that were loaded stay loaded. --config must be the configuration that the servers run with: a
reload replaces all of it, and models that are not in it are unloaded. Several servers: --server=grpc://A:8500,grpc://B:8500.
Exit codes: 0 moved, and the servers answer so; 2 bad usage, or refused: nothing was changed.
"""

from absl import flags

from stylegan_serving.client import call_flags
from stylegan_tf import commands

_SERVER = flags.DEFINE_list('server', None, 'grpc://HOST:PORT[,grpc://HOST:PORT...]')
_CONFIG = flags.DEFINE_string('config', None, 'The models.config (text proto) that the servers run with.')
_MODEL = flags.DEFINE_string('model', None, 'Model in the file.')
_LABEL = flags.DEFINE_string('label', 'stable', 'Label to move.')
_VERSION = flags.DEFINE_integer('version', None, 'Version to put it on; that of --from when not given.')
_FROM = flags.DEFINE_string('from', 'canary', 'Label whose version to take when there is no --version.')
_DEADLINE_SECONDS = flags.DEFINE_float('deadline_seconds', 120.0, 'Longest time for loading and moving.')
_DRY_RUN = flags.DEFINE_bool('dry_run', False, 'Only show what would change; ask no server.')


def main():
    """Reads the flags and moves the label; returns the exit code."""
    call_flags.require(_SERVER, _CONFIG, _MODEL, _LABEL)
    from stylegan_serving.client import label_runs

    return label_runs.run(_SERVER.value, _CONFIG.value, lambda config: config.promotion(
        _MODEL.value, _LABEL.value, _VERSION.value, source_label=_FROM.value),
        action='promote', deadline_seconds=_DEADLINE_SECONDS.value, dry_run=_DRY_RUN.value)


if __name__ == '__main__':
    commands.run(main, errors=call_flags.label_errors)
