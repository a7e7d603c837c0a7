"""Makes the LiteRT graphs that ship: of the networks that measure results, and of a packaged model.

    python tools/make_graphs.py --networks=vgg16_hed,efficientnet_lite0
    python tools/make_graphs.py --model=stylegan_tf/pretrained/arbitrary_style

A graph holds no weights: those come from the packages and the checkpoint that hold them already. Each graph is filled
and compared with Keras before it is written. tools/package_weights.py does the second by itself.
"""

import pathlib

import numpy as np
from absl import flags

from stylegan_tf import commands

_NETWORKS = flags.DEFINE_list('networks', [], 'Frozen networks whose graphs to make.')
_MODEL = flags.DEFINE_string('model', None, 'Run folder beside whose checkpoint to write the graph.')
_OUTPUT = flags.DEFINE_string('output', None, "Folder for the networks' graphs; the package's own when not given.")
SIDE = 256  # pixels at which results are measured
TOLERANCE = 1e-4  # largest relative difference of a feature map


def main():
    """Writes the graphs and says how large and how exact they are."""
    if not _NETWORKS.value and not _MODEL.value:
        raise commands.UsageError('Give --networks or --model; see --help.')
    commands.import_tensorflow()
    from stylegan_tf import litert_exporter
    from stylegan_tf.networks import litert_features

    for name in _NETWORKS.value:
        path = pathlib.Path(_OUTPUT.value or litert_features.GRAPHS) / f'{name}.zip'
        difference = _make_network(name, path)
        print(f'{path}: {path.stat().st_size / 1e3:.0f} kB, relative difference {difference:.1e}')
    if _MODEL.value:
        path, parity = litert_exporter.pack(_MODEL.value)
        print(f'{path}: {path.stat().st_size / 1e3:.0f} kB, largest difference {parity["largest_difference"]:.1e} '
              f'({parity["largest_difference_levels"]} of 255 levels)')


def _make_network(name, path):
    """Writes the graph of the layers that `stylize` measures; returns its largest relative difference from Keras."""
    import tensorflow as tf

    from stylegan_tf import evaluator, exporter
    from stylegan_tf.litert import conversion, runtime, templates
    from stylegan_tf.networks import features, litert_features

    table = evaluator.LAYERS[features.architecture(name)]
    network = features.load(name, tuple(dict.fromkeys((*table['style'], *table['content']))))
    weights = litert_features.frozen_weights(name)
    traced = tf.function(lambda images: network(images), autograph=False).get_concrete_function(
        images=tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32, 'images'))
    template = templates.cut(
        conversion.convert({litert_features.SIGNATURE: traced}, exporter.save_functions), weights.tensors,
        facts={'layers': list(network.layer_names), 'sha256': weights.sha256})
    picture = np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    received = runtime.Runtime(template.fill(weights.tensors)).run(litert_features.SIGNATURE, images=picture)
    difference = max(float(np.abs(received[layer] - value).max() / np.abs(value).max())
                     for layer, value in network(picture).items())
    if not difference <= TOLERANCE:
        raise commands.UsageError(f'{name} differs from Keras by {difference:.3g}; at most {TOLERANCE} is allowed.')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(template.to_bytes())
    return difference


def _errors():
    from stylegan_tf import configs, exporter
    from stylegan_tf.litert import runtime
    from stylegan_tf.networks import feature_weights
    from stylegan_tf.training import checkpoints, run_folder

    return (exporter.ExportError, runtime.LiteRTError, feature_weights.FeatureWeightsError, run_folder.RunFolderError,
            checkpoints.CheckpointError, configs.ConfigError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
