"""From a run folder to a versioned SavedModel that a model server loads.

    BASE/3/saved_model.pb, variables/       the signatures, float and on encoded files
    BASE/3/assets/model_card.json           what the model is, and what it was checked for
    BASE/3/assets.extra/tf_serving_warmup_requests

A version appears complete or not at all: it is written under a hidden name, reloaded, compared
with Python, and renamed.
"""

import json
import math
import os
import pathlib
import secrets
import shutil

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from stylegan_tf import configs, serving_graph, style_packs, warm_up
from stylegan_tf.systems.scored_stylization import ScoredStylization
from stylegan_tf.training import checkpoints, run_folder
from stylegan_tf.version import __version__

TOLERANCE = 1e-4  # largest difference between Python and the reloaded SavedModel, of [0, 1]
CHECKPOINT_CHOICES = ('newest', 'best')
CARD_FILE = pathlib.PurePath('assets', 'model_card.json')
WARM_UP_FILE = pathlib.PurePath('assets.extra', 'tf_serving_warmup_requests')


class ExportError(Exception):
    """An export that cannot be made or may not be published; the message says what to do."""


def export(workdir, output, *, version=None, checkpoint='newest', scorer=None):
    """Exports a run's averaged weights as the next version below `output`.

    Args:
        workdir: Run folder, style pack, or the name of a model that ships where there is no such folder.
        output: The base folder a model server watches; made when absent.
        version: Whole number from 1 on; None is one more than the newest there.
        checkpoint: 'newest' or 'best' (by the run's `best_metric`).
        scorer: None, or run folder or name of a detector: the export then scores what it stylises, and has the
            detector's signatures too.
    Returns:
        pathlib.Path of the version's folder.
    Raises:
        ExportError: If the version exists, the output cannot be written, the reloaded SavedModel
            differs from Python by more than TOLERANCE, or the two models do not go together.
        RunFolderError, CheckpointError, ConfigError: If the run folder does not hold a run.
    """
    version = check_version(output, version)
    system, functions, card = load_run(workdir, checkpoint=checkpoint)
    if scorer is not None:
        detector, judging, scorer_card = load_run(scorer)
        try:
            system = ScoredStylization(system, detector)
        except ValueError as error:
            raise ExportError(f'--scorer={scorer}: {error}') from error
        # The rest of both is traced already.
        functions = {**functions, **judging, **serving_graph.build(system, names=('stylize',))}
        card = {**card, **{name: scorer_card[name] for name in ('calibration',) if name in scorer_card}}
    return export_system(system, output, version=version, card=card, functions=functions)


def load_run(workdir, *, checkpoint='newest', has_twins=True):
    """Builds a run's System for inference, in float32, with the weights of a checkpoint.

    Args:
        workdir, checkpoint: As of `export`.
        has_twins: As of `serving_graph.build`.
    Returns:
        (System, its traced functions as of `serving_graph.build`, dict of what the run folder adds
        to the model card).
    Raises:
        ExportError, RunFolderError, CheckpointError, ConfigError: If the folder holds no run, or
            its checkpoint does not fit.
    """
    workdir, name = find_run(workdir)
    record = run_folder.read_config(workdir)
    if record is None:
        raise ExportError(f'{workdir} is not a run folder: it has no {run_folder.CONFIG_FILE}. '
                          'Give the --workdir of a training, or the name of a model that ships.')
    config = configs.from_dict(record['config'])
    found = _checkpoint(workdir, checkpoint)
    system = config.for_inference().build()
    system.config = config  # the card tells how it was trained
    functions = serving_graph.build(system, has_twins=has_twins)
    _restore_weights(system, functions, found)
    card = {'config': config.as_dict(), 'step': found.step, 'checkpoint': found.path.name,
            'seed': record.get('seed'), 'training': _training_facts(record, found), **({'name': name} if name else {})}
    if 'calibration' in found.record:
        card['calibration'] = found.record['calibration']
    card.update({entry: record[entry] for entry in ('purpose', 'notes') if record.get(entry)})  # of models that ship
    return system, functions, card


def export_system(system, output, *, version=None, card=None, functions=None):
    """Exports a System as it is; `export` describes arguments, result and errors.

    Args:
        system: A built System.
        output: The base folder.
        version: As in `export`.
        card: Dict of entries added to the model card.
        functions: What `serving_graph.build` made of the System, if it has been asked.
    """
    output = pathlib.Path(output)
    version = check_version(output, version)
    functions = functions or serving_graph.build(system)
    temporary = output / f'.tmp-{version}-{secrets.token_hex(4)}'
    try:
        output.mkdir(parents=True, exist_ok=True)
        save_functions(functions, temporary)
        parity = compare(system, temporary)
        write_json(temporary / CARD_FILE, {
            **make_card(system, functions), **(card or {}), 'version': version, 'parity': parity})
        warm_up.write(temporary / WARM_UP_FILE, output.name, system.signatures(),
                      _size(system.config, largest=256))
        return publish(temporary, output / str(version))
    except (OSError, tf.errors.OpError) as error:
        raise ExportError(f'Cannot write {output / str(version)}: '
                          f'{getattr(error, "strerror", None) or error}. Check that the folder is '
                          'writable and the disk has space.') from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def versions(output):
    """Version numbers below a base folder, ascending; empty where there is none."""
    folder = pathlib.Path(output)
    if not folder.is_dir():
        return []
    return sorted(int(entry.name) for entry in folder.iterdir()
                  if entry.name.isdecimal() and entry.is_dir())


def check_version(output, version):
    """The version to write: `version`, or one more than the newest if None.

    Raises:
        ExportError: If it is not a whole number from 1 on, or exists.
    """
    known = versions(output)
    if version is None:
        return max(known, default=0) + 1
    if version < 1:
        raise ExportError(f'A version must be a whole number from 1 on. Received: {version}.')
    if version in known or (pathlib.Path(output) / str(version)).exists():
        raise ExportError(f'{pathlib.Path(output) / str(version)} exists, and a version is never '
                          'overwritten: a server may be reading it. Leave --version away to write '
                          f'version {max(known, default=0) + 1}.')
    return version


def make_card(system, functions):
    """What the model card says of a System, whether exported or in memory."""
    config = system.config
    return {
        'name': config.preset, 'preset': config.preset, 'resolution': [config.height, config.width],
        'label_names': list(config.label_names), **system.model_card(),
        'config_hash': config.hash(), 'weights_hash': serving_graph.weights_hash(functions),
        'parameters': sum(int(np.prod(v.shape)) for v in serving_graph.variables_of(functions)),
        'signatures': serving_graph.describe(functions),
        'package': f'stylegan_tf {__version__}', 'versions': run_folder.package_versions()}


def compare(system, folder):
    """Runs signatures in Python and in a reloaded SavedModel, at two sizes.

    Of those that are not warmed, which are dear and share one graph, the last stands for all, at one size.

    Args:
        system: The System the SavedModel was made of.
        folder: The SavedModel.
    Returns:
        Dict: 'largest_difference' (of float signatures), 'largest_difference_bytes' (of pictures
        that went through encoded files, in 8-bit levels), 'sizes', 'tolerance'.
    Raises:
        ExportError: If any output differs by more than TOLERANCE, a pixel by more than one
            level, or is not finite.
    """
    loaded = tf.saved_model.load(str(folder)).signatures
    height, width = _size(system.config, largest=96)
    sizes = [(height, width), (height + 24, width + 42)]  # the second is no multiple of anything
    worst, worst_level = 0.0, 0
    signatures = system.signatures()
    dear = [name for name, signature in signatures.items() if not signature.is_warmed]
    for seed, size in enumerate(sizes):
        for name, signature in signatures.items():
            if name in dear and (seed or name != dear[-1]):
                continue
            inputs = serving_graph.example_inputs(signature, size, batch=2, seed=seed)
            expected = signature.function(**tensors(inputs))
            worst = max(worst, _difference(f'{name} at {size[0]}x{size[1]}', expected,
                                           loaded[name](**tensors(inputs))))
            twin = serving_graph.BYTES_TWINS.get(name)
            if twin:
                result = loaded[twin](**tensors(serving_graph.as_bytes_inputs(inputs)))
                files = {output for output, kind in signature.outputs.items() if kind in serving_graph.FILE_KINDS}
                worst_level = max(worst_level, _level_difference(
                    twin, {output: expected[output] for output in files}, result))
                worst = max(worst, _difference(f'{twin} at {size[0]}x{size[1]}', {
                    output: expected[output] for output in set(expected) - files}, result))
    return {'largest_difference': worst, 'largest_difference_bytes': worst_level,
            'tolerance': TOLERANCE, 'sizes': [list(size) for size in sizes]}


def _difference(what, expected, received):
    worst = 0.0
    for name, value in expected.items():
        value, other = np.asarray(value), np.asarray(received[name])
        if value.dtype == object:  # texts
            difference = 0.0 if np.array_equal(value, other) else math.inf
        else:
            value, other = value.astype(np.float64), other.astype(np.float64)
            difference = float(np.max(np.abs(value - other) / np.maximum(np.abs(value), 1.0)))
        if not difference <= TOLERANCE:  # so that NaN is refused too
            raise ExportError(
                f'Refused: output {name!r} of {what} differs by {difference:.3g} between Python '
                f'and the reloaded SavedModel; at most {TOLERANCE} is allowed. '
                + ('The weights hold values that are not finite: export an earlier checkpoint.'
                   if math.isnan(difference) else 'Nothing was published.'))
        worst = max(worst, difference)
    return worst


def _level_difference(what, expected, received):
    worst = 0
    for name, value in expected.items():
        wanted = np.rint(np.clip(np.asarray(value), 0, 1) * 255).astype(int)
        files = received[name + serving_graph.BYTES_SUFFIX].numpy()
        for row, file in zip(wanted, files, strict=True):
            worst = max(worst, int(np.max(np.abs(tf.io.decode_png(file).numpy() - row))))
    if worst > 1:
        raise ExportError(f'Refused: pictures of {what} differ by {worst} of 255 levels from '
                          'Python; at most 1 is allowed. Nothing was published.')
    return worst


def tensors(inputs):
    """Dict of arrays -> dict of tf tensors."""
    return {name: tf.constant(value) for name, value in inputs.items()}


def _size(config, *, largest):
    scale = min(1.0, largest / max(config.height, config.width))
    return tuple(max(16, round(side * scale)) for side in (config.height, config.width))


def find_run(workdir):
    """(run folder, name of the shipped model or the style pack, or None); a folder of that name goes before it.

    Raises:
        StylePackError: It is a style pack that must not be opened.
    """
    workdir = pathlib.Path(workdir)
    if style_packs.is_pack(workdir):
        folder, card = style_packs.unpack(workdir)
        return folder / style_packs.MODEL_FOLDER, card['name']
    shipped = configs.PRETRAINED / workdir
    if not workdir.exists() and len(workdir.parts) == 1 and shipped.is_dir():
        return shipped, workdir.name
    return workdir, None


def _checkpoint(workdir, choice):
    if choice == 'newest':
        return checkpoints.find(workdir)
    if choice != 'best':
        raise ExportError(f'A checkpoint is one of {", ".join(CHECKPOINT_CHOICES)}. '
                          f'Received: {choice!r}.')
    step = checkpoints.find(workdir).record.get('history', {}).get('best_step')
    if step is None:
        raise ExportError(f'The run in {workdir} has no best checkpoint: it was not evaluated, or '
                          'its best_metric is empty. Use --checkpoint=newest.')
    return checkpoints.read(workdir / 'checkpoints' / checkpoints.name_of(step))


def _restore_weights(system, functions, checkpoint):
    """Restores the variables that the functions read; those for training alone may differ."""
    used = {id(variable) for variable in serving_graph.variables_of(functions)}
    state = {name: v for name, v in system.state().items() if id(v.value) in used}
    weights = {name: checkpoint.arrays[name] for name in state if name in checkpoint.arrays}
    _, mismatches = checkpoints.initialise_from(state, weights)
    if mismatches:
        more = f' and {len(mismatches) - 5} more' if len(mismatches) > 5 else ''
        raise checkpoints.CheckpointError(f'{checkpoint.path} does not fit the model of config.json'
                                          f': {"; ".join(mismatches[:5])}{more}.')


def _training_facts(record, checkpoint):
    history = checkpoint.record.get('history', {})
    return {
        'images': checkpoint.record.get('images'),
        'hours': round(history.get('seconds', 0.0) / 3600, 3),
        'machine': record.get('machine'),
        'data': {'content': record.get('data'), 'style': record.get('style_data'),
                 'fingerprint': record.get('dataset')},
        'held_out': checkpoint.record.get('metrics', {}),
        'versions': checkpoint.record.get('versions')}


def save_functions(functions, folder):
    """Writes concrete tf functions, dict by name, as the signatures of a SavedModel without gradients."""
    module = tf.Module()
    module.weights = serving_graph.variables_of(functions)
    tf.saved_model.save(module, str(folder), signatures=functions,
                        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False))
    _drop_gradients(folder / 'saved_model.pb')


def _drop_gradients(path):
    """Removes references to custom gradients: nobody trains a served graph, and loaders warn."""
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in model.meta_graphs:
        graph = meta_graph.graph_def
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        for node in nodes:
            if not node.op.endswith('PartitionedCall'):
                node.attr.pop('_gradient_op_type', None)
    path.write_bytes(model.SerializeToString(deterministic=True))
    # It is a checksum of the former bytes, and optional.
    path.with_name('fingerprint.pb').unlink(missing_ok=True)


def write_json(path, values):
    """Writes a dict as an indented JSON file; its folder is made when absent."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + '\n', encoding='utf-8')


def publish(temporary, final):
    """Makes a finished folder appear under its name, safe against a power cut; returns the name.

    Raises:
        ExportError: If the name is taken meanwhile.
    """
    for path in [*temporary.rglob('*'), temporary]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    try:
        os.rename(temporary, final)
    except OSError as error:
        if final.exists():
            raise ExportError(f'{final} has appeared meanwhile and is not overwritten. Export '
                              'again.') from error
        raise
    run_folder.fsync_folder(final.parent)
    return final
