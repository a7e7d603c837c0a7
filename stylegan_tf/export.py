"""Turns a run into a versioned SavedModel that a model server loads, or into a LiteRT model for CPUs and phones.

    python -m stylegan_tf.export --workdir=runs/first --output=models/first
    python -m stylegan_tf.export --workdir=runs/first --output=lean/first --format=litert
    python -m stylegan_tf.export --workdir=arbitrary_style --output=models/arbitrary_style
    python -m stylegan_tf.export --workdir=runs/mine --output=mine.zip --format=pack

writes models/first/1/saved_model.pb or lean/first/1/model.tflite, and .../2 the next time. The averaged
weights are exported, the result is reloaded and compared with Python before it appears, and a version
is never overwritten. A style pack is one file, which `stylize --model`, `export --workdir` and the studio take.
"""

import json

from absl import flags

from stylegan_tf import commands

_WORKDIR = flags.DEFINE_string(
    'workdir', None, 'Run folder of a training, style pack, or the name of a model that ships (`stylegan-tf models` '
    'lists them).')
_OUTPUT = flags.DEFINE_string(
    'output', None, 'Base folder of the versions; a server watches it. With --format=pack the file, NAME.zip.')
_VERSION = flags.DEFINE_integer(
    'version', None, 'Whole number from 1 on; one more than the newest when not given.')
_CHECKPOINT = flags.DEFINE_string(
    'checkpoint', 'newest', "newest, or best: the best by the run's best_metric.")
_FORMAT = flags.DEFINE_string(
    'format', 'savedmodel', 'savedmodel, for TensorFlow and its model server; litert: one model.tflite, which '
    '`stylize` runs on CPUs without TensorFlow; pack: one file of a model that has its own look, to hand on.')
_WEIGHTS = flags.DEFINE_string(
    'weights', 'float32', 'With --format=litert or pack: float32, or float16 for half the size.')
_SCORER = flags.DEFINE_string(
    'scorer', None, 'Run folder or name of a detector of anomalies: stylised pictures then come with their '
    '`anomaly_score`, and the export has the signatures of the detector too.')
_CHOICES = {'format': ('savedmodel', 'litert', 'pack'), 'weights': ('float32', 'float16')}


def main():
    """Reads the flags and exports; returns the exit code."""
    for flag in (_WORKDIR, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    for flag in (_FORMAT, _WEIGHTS):
        if flag.value not in _CHOICES[flag.name]:
            raise commands.UsageError(f'--{flag.name} must be one of {", ".join(_CHOICES[flag.name])}. '
                                      f'Received: {flag.value!r}.')
    if _FORMAT.value == 'savedmodel' and _WEIGHTS.value != 'float32':
        raise commands.UsageError('--weights belongs to --format=litert and --format=pack.')
    if _FORMAT.value != 'savedmodel' and _SCORER.value:
        raise commands.UsageError('--scorer belongs to --format=savedmodel.')
    if _FORMAT.value == 'pack':
        return _pack()
    commands.import_tensorflow()
    path, card = _export()
    print(f'Exported {path}')
    print(f'Model card: {card}')
    signatures = json.loads(card.read_text(encoding='utf-8'))['signatures']
    inputs = signatures.get('stylize', {}).get('inputs', {})
    if inputs:
        also = ''.join(f' --{name}={value}' for name, value in (('style', 'PAINTING'), ('mask', 'MASK.png'))
                       if name in inputs)
        print(f'Try it: stylegan-tf stylize --model={path} --content=PHOTO{also} --output=RESULT.png')
    if 'score' in signatures:
        print(f'Try it: stylegan-tf score --model={path} --images=RESULTS --output=report.json')
    return commands.DONE


def _pack():
    if _VERSION.value is not None or _CHECKPOINT.value != 'newest':
        raise commands.UsageError('--version and --checkpoint do not belong to --format=pack, which takes the newest.')
    commands.import_tensorflow()
    from stylegan_tf import style_pack_exporter

    path = style_pack_exporter.export(_WORKDIR.value, _OUTPUT.value, weights=_WEIGHTS.value)
    print(f'Wrote {path} ({path.stat().st_size / 1e6:.1f} MB)')
    print(f'Try it: stylegan-tf stylize --model={path} --content=PHOTO --output=RESULT.png')
    return commands.DONE


def _export():
    """(folder, model card) of the written version."""
    options = {'version': _VERSION.value, 'checkpoint': _CHECKPOINT.value}
    if _FORMAT.value == 'savedmodel':
        from stylegan_tf import exporter

        path = exporter.export(_WORKDIR.value, _OUTPUT.value, scorer=_SCORER.value, **options)
        return path, path / exporter.CARD_FILE
    from stylegan_tf import litert_exporter, litert_models

    with commands.without_native_talk():
        path = litert_exporter.export(_WORKDIR.value, _OUTPUT.value, weights=_WEIGHTS.value, **options)
    return path, path / litert_models.CARD_FILE


def _errors():
    from stylegan_tf import api, configs, exporter, serving_graph, slim_runs, style_packs
    from stylegan_tf.litert.runtime import LiteRTError
    from stylegan_tf.training import checkpoints, run_folder

    return (exporter.ExportError, LiteRTError, serving_graph.SignatureError, run_folder.RunFolderError,
            checkpoints.CheckpointError, configs.ConfigError, api.ModelError, slim_runs.SlimRunError,
            style_packs.StylePackError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
