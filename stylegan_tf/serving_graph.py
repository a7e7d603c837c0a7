"""TensorFlow functions of an export: a System's float signatures, and a twin on encoded files.

Everything here is a plain graph: no XLA, no custom ops, nothing of Python left inside, so that a
process with nothing but TensorFlow runs it.
"""

import hashlib

import keras
import numpy as np
import tensorflow as tf

BYTES_SUFFIX = '_bytes'
# Float signature -> name of its twin that takes and returns encoded files.
BYTES_TWINS = {'stylize': 'serving_default', **{name: name + BYTES_SUFFIX for name in (
    'stylize_back', 'encode_style', 'stylize_from_code', 'encode_palette', 'stylize_with_hints',
    'stylize_with_dials', 'generate', 'score', 'score_with_content', 'score_with_references',
    'correct', 'correct_with_content', 'correct_with_references')}}
FILE_KINDS = {'image': 3, 'map': 1, 'overlay': 4}  # kinds that the twins hold as encoded files -> channels


class SignatureError(ValueError):
    """A System's signature that cannot be exported."""


def build(system, *, names=None, has_twins=True):
    """Traces signatures of a System.

    Args:
        system: A System (anything with `signatures()`) under the TensorFlow backend.
        names: Names of the float signatures to trace; None for all.
        has_twins: Whether the twins on encoded files are made too.
    Returns:
        Dict name -> concrete tf function that takes keyword tensors with unknown B, H, W and
        returns a dict of tensors: the float signatures and the twins of BYTES_TWINS.
    Raises:
        SignatureError: If the backend is another, or an input's kind is unknown.
    """
    if keras.backend.backend() != 'tensorflow':
        raise SignatureError(f'Exports are made with TensorFlow. Keras runs on '
                             f'{keras.backend.backend()!r}: set KERAS_BACKEND=tensorflow; the '
                             'weights cross by name.')
    functions = {}
    for name, signature in system.signatures().items():
        if names is not None and name not in names:
            continue
        functions[name] = _float_function(signature)
        if has_twins and name in BYTES_TWINS:
            functions[BYTES_TWINS[name]] = _bytes_function(signature, functions[name])
    return functions


def variables_of(functions):
    """All tf.Variables the functions read, each once, ordered by name."""
    found = {id(v): v for function in functions.values() for v in function.graph.variables}
    return sorted(found.values(), key=lambda variable: variable.name)


def weights_hash(functions):
    """First 12 hex digits of a SHA-256 of the weights the functions read, whatever their order."""
    digests = []
    for variable in variables_of(functions):
        value = np.ascontiguousarray(variable.numpy())
        digest = hashlib.sha256(f'{value.dtype.name}{value.shape}'.encode())
        digest.update(value.tobytes())
        digests.append(digest.hexdigest())
    # Names do not order them: Keras numbers layers anew in each process.
    return hashlib.sha256(''.join(sorted(digests)).encode()).hexdigest()[:12]


def describe(functions):
    """Dict name -> {'inputs': {name: 'float32 [?, ?, ?, 3]'}, 'outputs': {...}}, for the card."""
    return {name: {'inputs': _described(function.structured_input_signature[1]),
                   'outputs': _described(function.structured_outputs)}
            for name, function in functions.items()}


def input_spec(name, kind):
    """tf.TensorSpec of an input or output of a kind as in `systems.signature.Signature`.

    Raises:
        SignatureError: If the kind is unknown.
    """
    if isinstance(kind, int):
        return tf.TensorSpec([None, kind], tf.float32, name)
    known = {'image': ([None, None, None, 3], tf.float32), 'scalar': ([None], tf.float32),
             'label': ([None], tf.int32), 'bytes': ([None], tf.string), 'map': ([None, None, None, 1], tf.float32),
             'overlay': ([None, None, None, 4], tf.float32),
             'flag': ([None], tf.bool), 'names': ([None, None], tf.string)}
    if kind not in known:
        raise SignatureError(f'Input {name!r} must be one of {", ".join(known)} or a size. '
                             f'Received: {kind!r}.')
    return tf.TensorSpec(*known[kind], name)


def example_inputs(signature, size, *, batch=1, seed=0):
    """Inputs for a signature: pictures of smooth random colours, and numbers.

    Args:
        signature: A `systems.signature.Signature`.
        size: (height, width) of the first picture; further ones are a little different.
        batch: Rows.
        seed: Decides the values.
    Returns:
        Dict name -> NumPy array of the input's kind.
    """
    generator = np.random.default_rng(seed)
    inputs = {}
    for name, kind in signature.inputs.items():
        if kind in FILE_KINDS:
            inputs[name] = _smooth_pictures(generator, batch, size, FILE_KINDS[kind])
            size = (size[0] + 8, size[1] - 8)  # a style need not be of the content's size
        elif kind == 'label':
            inputs[name] = np.full(batch, -1, np.int32)
        elif kind == 'scalar':
            inputs[name] = np.linspace(0.7, 1.0, batch, dtype=np.float32)
        else:
            inputs[name] = generator.normal(size=(batch, kind)).astype(np.float32)
    return inputs


def as_bytes_inputs(inputs):
    """The inputs of a bytes twin that show the same: pictures as PNG files under 'NAME_bytes'."""
    converted = {}
    for name, value in inputs.items():
        if value.ndim == 4:
            files = [tf.io.encode_png(np.rint(picture * 255).astype(np.uint8)).numpy()
                     for picture in value]
            converted[name + BYTES_SUFFIX] = np.array(files, object)
        else:
            converted[name] = value
    return converted


def _smooth_pictures(generator, batch, size, channels):
    coarse = generator.uniform(size=(batch, 6, 6, channels)).astype(np.float32)
    pictures = tf.image.resize(coarse, size, method='bicubic').numpy()
    if channels != 3:  # masks and transparency are 0 or 1
        pictures[..., -1] = np.rint(np.clip(pictures[..., -1], 0, 1))
    # On the 8-bit grid, so that encoded files and floats show exactly the same.
    return np.rint(np.clip(pictures, 0, 1) * 255).astype(np.float32) / np.float32(255)


def _float_function(signature):
    def run(**inputs):
        outputs = signature.function(**inputs)
        return {name: tf.cast(outputs[name], input_spec(name, kind).dtype) for name, kind in signature.outputs.items()}

    return _trace(run, signature.inputs)


def _bytes_function(signature, float_function):
    """The twin, which calls the traced float function: its operations are there once."""
    kinds = signature.inputs
    pictures = {name: FILE_KINDS[kind] for name, kind in kinds.items() if kind in FILE_KINDS}

    def row(inputs):
        single = {name: (_decoded(inputs[name + BYTES_SUFFIX], pictures[name]) if name in pictures
                         else inputs[name])[None] for name in kinds}
        outputs = float_function(**single)
        return {_twin_name(name, kind): _encoded(outputs[name][0]) if kind in FILE_KINDS else outputs[name][0]
                for name, kind in signature.outputs.items()}

    def run(**inputs):
        # Row by row, because each has its own size; one at a time bounds the memory.
        return tf.map_fn(row, inputs, parallel_iterations=1, fn_output_signature={
            _twin_name(name, kind): tf.string if kind in FILE_KINDS else
            tf.TensorSpec(input_spec(name, kind).shape[1:], input_spec(name, kind).dtype)
            for name, kind in signature.outputs.items()})

    return _trace(run, {_twin_name(name, kind): 'bytes' if kind in FILE_KINDS else kind
                        for name, kind in kinds.items()})


def _trace(function, kinds):
    traced = tf.function(function, autograph=False, jit_compile=False)
    return traced.get_concrete_function(
        **{name: input_spec(name, kind) for name, kind in kinds.items()})


def _twin_name(name, kind):
    return name + BYTES_SUFFIX if kind in FILE_KINDS else name


def _decoded(file, channels):
    """Encoded file, string [] -> float32 [H, W, channels] in [0, 1]."""
    picture = tf.io.decode_image(file, channels=channels, expand_animations=False)
    picture.set_shape([None, None, channels])
    return tf.cast(picture, tf.float32) / 255.0


def _encoded(picture):
    """float32 [H, W, 3 or 1] in [0, 1] -> PNG file, string []."""
    levels = tf.round(tf.clip_by_value(tf.cast(picture, tf.float32), 0.0, 1.0) * 255.0)
    return tf.io.encode_png(tf.cast(levels, tf.uint8))


def _described(specs):
    return {name: f'{spec.dtype.name} [{", ".join(str(n or "?") for n in spec.shape)}]'
            for name, spec in specs.items()}
