"""From a run folder to a LiteRT model, for CPUs and phones: small, quick to start, no TensorFlow.

    BASE/3/model.tflite         the networks; inputs of any height and width (resize them)
    BASE/3/model_card.json      what the model is, and how far it is from Python

`pack` writes the same beside a shipped checkpoint, without the weights that stand in it already.
"""

import hashlib
import json
import os
import pathlib
import secrets
import shutil

import numpy as np

from stylegan_tf import exporter, litert_models, serving_graph
from stylegan_tf.exporter import ExportError
from stylegan_tf.litert import conversion, runtime, templates
from stylegan_tf.litert.runtime import LiteRTError
from stylegan_tf.litert.stylization import Stylization
from stylegan_tf.networks import litert_features
from stylegan_tf.training import checkpoints

# Largest difference of a picture between Python and LiteRT, of [0, 1], by the type of the stored weights.
TOLERANCES = {'float32': 1 / 255, 'float16': 3 / 255}
CODE_TOLERANCE = 0.01  # the same of codes and statistics, relative to their largest number


def export(workdir, output, *, version=None, checkpoint='newest', weights='float32'):
    """Exports a run's averaged weights as the next LiteRT version below `output`.

    Args:
        workdir, output, version, checkpoint: As of `exporter.export`.
        weights: One of `conversion.WEIGHTS`.
    Returns:
        pathlib.Path of the version's folder.
    Raises:
        ExportError: If the version exists, the output holds SavedModels or cannot be written, the system has no LiteRT
            form, or a result differs from Python by more than its tolerance of TOLERANCES.
        LiteRTError: If the runtime is missing, or an operation has no LiteRT form.
        RunFolderError, CheckpointError, ConfigError: If the run folder does not hold a run.
    """
    output = pathlib.Path(output)
    version = exporter.check_version(output, version)
    _refuse_other_kinds(output)
    if not runtime.is_available():
        raise LiteRTError(runtime.MISSING)
    system, functions, card = exporter.load_run(workdir, checkpoint=checkpoint)
    model, facts = convert(system, weights=weights)
    parity = compare(system, model, facts, tolerance=TOLERANCES[weights])
    facts = {**facts, 'sha256': hashlib.sha256(model).hexdigest(), 'weights': weights}
    card = {**exporter.make_card(system, functions), **card, 'version': version, 'litert': facts, 'parity': parity}
    temporary = output / f'.tmp-{version}-{secrets.token_hex(4)}'
    try:
        temporary.mkdir(parents=True)
        (temporary / litert_models.MODEL_FILE).write_bytes(model)
        exporter.write_json(temporary / litert_models.CARD_FILE, card)
        return exporter.publish(temporary, output / str(version))
    except OSError as error:
        raise ExportError(f'Cannot write {output / str(version)}: {error.strerror or error}. Check that the folder is '
                          'writable and the disk has space.') from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def pack(folder):
    """Writes FOLDER/litert of a run folder, from which `api.load` runs its newest checkpoint without TensorFlow.

    Args:
        folder: Run folder, such as stylegan_tf/pretrained/NAME. An older graph is replaced.
    Returns:
        (pathlib.Path of the graph, dict as of `compare`).
    Raises:
        ExportError, LiteRTError, RunFolderError, CheckpointError, ConfigError: As `export`.
    """
    folder = pathlib.Path(folder)
    system, functions, card = exporter.load_run(folder)
    checkpoint = checkpoints.find(folder)
    model, facts = convert(system)
    template = templates.cut(model, {**checkpoint.arrays, **_frozen_arrays(system)},
                             facts={'checkpoint': litert_models.checkpoint_hash(checkpoint)})
    filled = template.fill(litert_models.Weights(checkpoint.arrays))
    parity = compare(system, filled, facts)
    path = folder / litert_models.GRAPH_FILE
    path.parent.mkdir(exist_ok=True)
    card = {**exporter.make_card(system, functions), **card, 'litert': facts, 'parity': parity}
    # The card first: a graph without its card could not be loaded.
    for target, data in ((folder / litert_models.GRAPH_CARD_FILE, (json.dumps(card, indent=1) + '\n').encode()),
                         (path, template.to_bytes())):
        temporary = target.with_name(f'.{target.name}.partial')
        temporary.write_bytes(data)
        os.replace(temporary, target)
    return path, parity


def convert(system, *, weights='float32'):
    """(bytes of the LiteRT model, facts for its caller) of a System that has a LiteRT form.

    Raises:
        ExportError: If it has none.
        LiteRTError: If an operation has none.
    """
    if not hasattr(system, 'litert_functions'):
        raise ExportError(f'{type(system).__name__} has no LiteRT form. Export it with --format=savedmodel.')
    functions, facts = system.litert_functions()
    return conversion.convert(functions, exporter.save_functions, weights=weights), facts


def compare(system, model, facts, *, tolerance=TOLERANCES['float32']):
    """Runs every signature in Python and by LiteRT, at sizes below and above those at which copies are reduced.

    Args:
        system: The System the model was made of.
        model: Bytes of the model.
        facts: What `convert` told.
        tolerance: Largest difference of a picture in [0, 1] that is allowed.
    Returns:
        Dict: 'largest_difference' of pictures in [0, 1], 'largest_difference_levels' of the same in 8 bits, 'codes'
        (largest relative difference of codes and statistics), 'tolerance', 'sizes'.
    Raises:
        ExportError: If a picture differs by more than the tolerance or a code by more than CODE_TOLERANCE.
    """
    received_by = Stylization(runtime.Runtime(model, name='The converted model').run, facts).signatures
    sizes = [(40, 56), (61, 83), (292, 275)]
    allowed = {True: tolerance, False: CODE_TOLERANCE}
    worst = {'picture': 0.0, 'levels': 0, 'code': 0.0}
    for seed, size in enumerate(sizes):
        for name, signature in system.signatures().items():
            inputs = _example_inputs(system, signature, size, seed)
            expected = signature.function(**exporter.tensors(inputs))
            received = received_by[name](**inputs)
            for output, kind in signature.outputs.items():
                what = f'{output} of {name} at {size[0]}x{size[1]}'
                is_picture = kind == 'image'
                _note_difference(worst, what, is_picture, np.asarray(expected[output]), received[output],
                                 allowed[is_picture])
    return {'largest_difference': worst['picture'], 'largest_difference_levels': worst['levels'],
            'codes': worst['code'], 'tolerance': tolerance, 'sizes': [list(size) for size in sizes]}


def _example_inputs(system, signature, size, seed):
    inputs = serving_graph.example_inputs(signature, size, seed=seed)
    if 'statistics' in inputs:
        # Deviations drawn at random divide by nearly nothing, which pictures do not.
        whole = system.signatures()['encode_content'].function(**exporter.tensors({'content': inputs['content']}))
        inputs = {name: np.asarray(whole.get(name, value)) for name, value in inputs.items()}
    return inputs


def _note_difference(worst, what, is_picture, expected, received, allowed):
    difference = float(np.max(np.abs(expected - received)))
    if not is_picture:
        difference /= max(1e-6, float(np.max(np.abs(expected))))
    if not difference <= allowed:  # so that NaN is refused too
        raise ExportError(f'Refused: {what} differs by {difference:.3g} between Python and LiteRT; at most '
                          f'{allowed:.3g} is allowed. Nothing was written. Use --weights=float32, or '
                          '--format=savedmodel.')
    kind = 'picture' if is_picture else 'code'
    worst[kind] = max(worst[kind], difference)
    if is_picture:
        levels = np.abs(np.rint(expected * 255) - np.rint(received * 255))
        worst['levels'] = max(worst['levels'], int(levels.max()))


def _frozen_arrays(system):
    """The style encoder's frozen network as stored where it comes from, under 'NETWORK:TENSOR'."""
    network = system.config.style_encoder
    if not litert_features.is_offline(network):
        return {}  # stays in the graph
    return {f'{network}:{name}': array for name, array in litert_features.frozen_weights(network).tensors.items()}


def _refuse_other_kinds(output):
    for version in exporter.versions(output):
        if (output / str(version) / 'saved_model.pb').is_file():
            raise ExportError(f'{output} holds SavedModels, and a server that watches it would try to load a LiteRT '
                              'model too. Give another --output.')
