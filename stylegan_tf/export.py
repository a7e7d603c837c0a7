"""Turns a run into a versioned SavedModel that a model server loads.

    python -m stylegan_tf.export --workdir=runs/first --output=models/first

writes models/first/1/saved_model.pb, and models/first/2 the next time. The averaged weights are
exported, the SavedModel is reloaded and compared with Python before it appears, and a version is
never overwritten.
"""

from absl import flags

from stylegan_tf import commands

_WORKDIR = flags.DEFINE_string('workdir', None, 'Run folder of a training.')
_OUTPUT = flags.DEFINE_string('output', None, 'Base folder of the versions; a server watches it.')
_VERSION = flags.DEFINE_integer(
    'version', None, 'Whole number from 1 on; one more than the newest when not given.')
_CHECKPOINT = flags.DEFINE_string(
    'checkpoint', 'newest', "newest, or best: the best by the run's best_metric.")


def main():
    """Reads the flags and exports; returns the exit code."""
    for flag in (_WORKDIR, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    commands.import_tensorflow()
    from stylegan_tf import exporter

    path = exporter.export(_WORKDIR.value, _OUTPUT.value, version=_VERSION.value,
                           checkpoint=_CHECKPOINT.value)
    print(f'Exported {path}')
    print(f'Model card: {path / exporter.CARD_FILE}')
    print(f'Try it: stylegan-tf stylize --model={path} --content=PHOTO --style=PAINTING '
          '--output=RESULT.png')
    return commands.DONE


def _errors():
    from stylegan_tf import configs, exporter, serving_graph
    from stylegan_tf.training import checkpoints, run_folder

    return (exporter.ExportError, serving_graph.SignatureError, run_folder.RunFolderError,
            checkpoints.CheckpointError, configs.ConfigError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
