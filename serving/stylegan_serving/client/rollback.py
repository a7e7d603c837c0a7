"""Puts a label back on the version it was on before the last promotion.

    python -m stylegan_serving.client rollback --server=grpc://localhost:8500 --config=models.config --model=style

`promote` notes its moves in CONFIG.labels.jsonl; each rollback undoes one more. The version is loaded first where it is
not. Exit codes: 0 moved, and the servers answer so; 2 bad usage, or refused: nothing was changed.
"""

from absl import flags

from stylegan_serving.client import call_flags
from stylegan_tf import commands

_SERVER = flags.DEFINE_list('server', None, 'grpc://HOST:PORT[,grpc://HOST:PORT...]')
_CONFIG = flags.DEFINE_string('config', None, 'The models.config (text proto) that the servers run with.')
_MODEL = flags.DEFINE_string('model', None, 'Model in the file.')
_LABEL = flags.DEFINE_string('label', 'stable', 'Label to move back.')
_DEADLINE_SECONDS = flags.DEFINE_float('deadline_seconds', 120.0, 'Longest time for loading and moving.')
_DRY_RUN = flags.DEFINE_bool('dry_run', False, 'Only show what would change; ask no server.')


def main():
    """Reads the flags and moves the label back; returns the exit code."""
    call_flags.require(_SERVER, _CONFIG, _MODEL, _LABEL)
    from stylegan_serving.client import label_runs

    return label_runs.run(_SERVER.value, _CONFIG.value, lambda config: config.way_back(_MODEL.value, _LABEL.value),
                          action='rollback', deadline_seconds=_DEADLINE_SECONDS.value, dry_run=_DRY_RUN.value)


if __name__ == '__main__':
    commands.run(main, errors=call_flags.label_errors)
