"""A tiny real run folder and its export, made once a test process."""

import atexit
import functools
import json
import pathlib
import shutil
import tempfile

import numpy as np

PRESET = 'style_transfer_28'


@functools.cache
def system():
    """The System of the smallest preset, untrained; its averages differ from its weights."""
    import keras

    import stylegan_tf as sg
    keras.utils.set_random_seed(1)
    built = sg.config(PRESET).build()
    for variable in built.generator.trainable_variables:
        variable.assign(variable * 0.0)
    return built


@functools.cache
def run_folder():
    """A run folder with one checkpoint of `system`."""
    return _written_run('run', system(), 'sample:photos', 'sample:styles')


@functools.cache
def exported():
    """The base folder of the exported versions; it holds version 1."""
    from stylegan_tf import exporter

    base = _folder() / 'models' / 'tiny'
    exporter.export(run_folder(), base)
    return base


@functools.cache
def exported_litert():
    """The base folder of the LiteRT versions; it holds version 1."""
    from stylegan_tf import litert_exporter

    base = _folder() / 'models' / 'tiny_litert'
    litert_exporter.export(run_folder(), base)
    return base


@functools.cache
def model():
    """The loaded export."""
    import stylegan_tf as sg
    return sg.load(exported())


@functools.cache
def anomaly_system():
    """A tiny detector, untrained; calibrated on 99 invented scores where it has the content, or nothing at all."""
    import keras

    from stylegan_tf.systems import anomaly_signatures
    from tests.systems.shrinking import shrunk
    keras.utils.set_random_seed(2)
    built = shrunk('anomaly_128').build()
    scores = anomaly_signatures.empty_calibration()
    scores[:2, :99] = np.linspace(-1, 1, 99)
    built.calibration.assign(scores)
    return built


@functools.cache
def anomaly_run_folder():
    """A run folder with one checkpoint of `anomaly_system`."""
    return _written_run('anomaly_run', anomaly_system(), 'table:pairs.csv')


@functools.cache
def exported_anomaly():
    """The base folder of its exported versions; it holds version 1."""
    from stylegan_tf import exporter

    base = _folder() / 'models' / 'tiny_anomaly'
    exporter.export(anomaly_run_folder(), base)
    return base


@functools.cache
def generator_system():
    """A tiny StyleGAN of the classes 'cat' and 'dog', untrained, whose codes differ more than those of a new one."""
    import keras

    from tests.systems.shrinking import shrunk
    keras.utils.set_random_seed(3)
    built = shrunk('stylegan_28', 'label_names=cat,dog').build()
    for network in built.twins.values():
        for variable in (variable for variable in network.variables if 'float' in str(variable.dtype)):
            scale = 0.15 if 'to_rgb/convolution' in variable.path else 1.0  # so that pictures keep within their range
            variable.assign(scale * (variable + 0.3 * keras.random.normal(variable.shape)))
    built.style_mean.assign(keras.random.normal(built.style_mean.shape))
    return built


@functools.cache
def generator_run_folder():
    """A run folder with one checkpoint of `generator_system`."""
    return _written_run('generator_run', generator_system(), 'pictures/')


@functools.cache
def generator_model():
    """The loaded run folder of `generator_system`."""
    import stylegan_tf as sg
    return sg.load(generator_run_folder())


def picture(height, width, seed=0):
    """A colourful uint8 picture [H, W, 3] of soft blobs."""
    from stylegan_tf import images
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return images.resize(coarse, (height, width))


def card():
    """The model card of the export."""
    path = exported() / '1' / 'assets' / 'model_card.json'
    return json.loads(path.read_text(encoding='utf-8'))


def _written_run(name, built, data, style_data=None):
    from stylegan_tf.training import checkpoints
    from stylegan_tf.training.run_folder import RunFolder

    path = _folder() / name
    with RunFolder(path) as folder:
        folder.write_config({'preset': built.config.preset, 'seed': 1, 'config': built.config.as_dict(),
                             'data': data, 'style_data': style_data})
        checkpoints.save(folder.checkpoints, 500, checkpoints.to_arrays(built.state()),
                         {'images': 4000, 'metrics': {'objective': 2.5},
                          'history': {'seconds': 1800.0, 'best_step': None}})
    return path


@functools.cache
def _folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix='stylegan_tf_tests_'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
