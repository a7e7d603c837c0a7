"""What a served model takes and returns, and the checks that model servers leave to their clients.

A model server does not compare inputs with the declared shapes: four channels go through a signature of three and come
back as a wrong answer, and 256 for a uint8 becomes 0. So the client compares them first.
"""

import dataclasses
import difflib

import numpy as np

from stylegan_serving.client.errors import InputError

# TensorFlow's name of a type -> NumPy's; strings are object arrays of bytes.
DTYPES = {
    'DT_FLOAT': np.dtype(np.float32), 'DT_DOUBLE': np.dtype(np.float64), 'DT_HALF': np.dtype(np.float16),
    'DT_INT8': np.dtype(np.int8), 'DT_INT16': np.dtype(np.int16), 'DT_INT32': np.dtype(np.int32),
    'DT_INT64': np.dtype(np.int64), 'DT_UINT8': np.dtype(np.uint8), 'DT_UINT16': np.dtype(np.uint16),
    'DT_UINT32': np.dtype(np.uint32), 'DT_UINT64': np.dtype(np.uint64), 'DT_BOOL': np.dtype(bool),
    'DT_STRING': np.dtype(object)}
_INTERNAL_PREFIX = '__saved_model_'


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One input or output as the model declares it."""

    name: str
    type_name: str  # of DTYPES, or another that this client cannot send
    shape: tuple[int | None, ...] | None  # None: any rank; None inside: any size

    @property
    def dtype(self):
        return DTYPES.get(self.type_name)

    @property
    def has_rows(self):
        """Whether its first dimension counts rows, so that requests can be cut."""
        return bool(self.shape) and self.shape[0] is None

    def __str__(self):
        kind = 'string' if self.type_name == 'DT_STRING' else self.dtype or self.type_name
        if self.shape is None:
            return f'{self.name}: {kind} of any shape'
        return f'{self.name}: {kind} [{", ".join("?" if size is None else str(size) for size in self.shape)}]'


@dataclasses.dataclass(frozen=True)
class Signature:
    """One function of a model: named inputs, named outputs."""

    name: str
    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]

    @property
    def has_rows(self):
        """Whether every input has rows: then the request can be cut and joined."""
        return bool(self.inputs) and all(info.has_rows for info in self.inputs.values())

    def arrays(self, inputs):
        """The inputs as arrays of the declared types.

        Args:
            inputs: Dict name -> array, nested lists, numbers, bytes or str.
        Returns:
            Dict name -> array; strings as object arrays of bytes.
        Raises:
            InputError: If a name, a type, a value's range or a shape is not as declared, the inputs differ in rows,
                or there is no row.
        """
        self._check_names(inputs)
        arrays = {name: _as_array(inputs[name], info) for name, info in self.inputs.items()}
        if self.has_rows:
            counts = {name: len(array) for name, array in arrays.items()}
            if len(set(counts.values())) > 1:
                raise InputError(f'Inputs of {self.name!r} must have the same number of rows. Received: '
                                 f'{", ".join(f"{name} {count}" for name, count in counts.items())}.')
            if 0 in counts.values():  # under batching a real server would not answer at all
                raise InputError(f'A request to {self.name!r} needs at least one row. Received none.')
        return arrays

    def filled(self, count, *, given, defaults=None):
        """The declared inputs out of what a caller gave and defaults.

        Args:
            count: Rows; a single number is repeated for each.
            given: Dict name -> value, or None for what was not given.
            defaults: Dict name -> value, used where the input is declared and was not given.
        Raises:
            InputError: If something given is not declared, or something declared is missing.
        """
        extra = [name for name, value in given.items() if value is not None and name not in self.inputs]
        if extra:
            raise InputError(f'The model\'s signature {self.name!r} takes no {" and no ".join(extra)}; it takes '
                             f'{", ".join(self.inputs)}.')
        inputs = {}
        for name in self.inputs:
            value = given.get(name)
            value = (defaults or {}).get(name) if value is None else value
            if value is None:
                raise InputError(f'The model\'s signature {self.name!r} needs {name}, which was not given.')
            inputs[name] = [value] * count if isinstance(value, int | float) else value
        return inputs

    def _check_names(self, inputs):
        if set(inputs) != set(self.inputs):
            declared = '; '.join(str(info) for info in self.inputs.values()) or 'nothing'
            came = ', '.join(sorted(inputs)) or 'nothing'
            raise InputError(f'Signature {self.name!r} takes {declared}. Received: {came}.')


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """The signatures of one loaded version."""

    name: str
    version: int
    signatures: dict[str, Signature]

    def signature(self, *names):
        """The first of `names` that the model has.

        Raises:
            InputError: If it has none of them; the message lists those it has.
        """
        for name in names:
            if name in self.signatures:
                return self.signatures[name]
        close = difflib.get_close_matches(names[0], self.signatures, 1)
        hint = f' Did you mean {close[0]!r}?' if close else ''
        raise InputError(f'Model {self.name!r}, version {self.version}, has no signature '
                         f'{" or ".join(map(repr, names))}; it has {", ".join(sorted(self.signatures)) or "none"}.'
                         f'{hint}')


def from_json(name, document):
    """ModelMetadata from the parsed answer to GET /v1/models/NAME/metadata."""
    definitions = document['metadata']['signature_def']['signature_def']
    return ModelMetadata(name, int(document['model_spec']['version']), {
        key: Signature(key, _infos_from_json(value['inputs']), _infos_from_json(value['outputs']))
        for key, value in definitions.items() if not key.startswith(_INTERNAL_PREFIX)})


def from_proto(name, version, definitions):
    """ModelMetadata from a map name -> tensorflow.SignatureDef, read by attributes only."""
    return ModelMetadata(name, version, {
        key: Signature(key, _infos_from_proto(value.inputs), _infos_from_proto(value.outputs))
        for key, value in definitions.items() if not key.startswith(_INTERNAL_PREFIX)})


def _infos_from_json(tensors):
    infos = {}
    for name, tensor in sorted((tensors or {}).items()):
        shape = tensor.get('tensor_shape') or {}
        sizes = None if shape.get('unknown_rank') else [int(dim['size']) for dim in shape.get('dim') or []]
        infos[name] = _info(name, tensor['dtype'], sizes)
    return infos


def _infos_from_proto(tensors):
    infos = {}
    for name, tensor in sorted(tensors.items()):
        shape = tensor.tensor_shape
        type_name = tensor.DESCRIPTOR.fields_by_name['dtype'].enum_type.values_by_number[tensor.dtype].name
        infos[name] = _info(name, type_name, None if shape.unknown_rank else [dim.size for dim in shape.dim])
    return infos


def _info(name, type_name, sizes):
    return TensorInfo(name, type_name, None if sizes is None else tuple(None if n < 0 else n for n in sizes))


def _as_array(value, info):
    if info.dtype is None:
        raise InputError(f'Input {info.name!r} is {info.type_name}, which this client cannot send.')
    array = _strings(value, info) if info.dtype == object else _numbers(value, info)
    if info.shape is not None and (array.ndim != len(info.shape) or any(
            wanted not in (None, came) for wanted, came in zip(info.shape, array.shape))):
        raise InputError(f'Expected {info}. Received the shape {list(array.shape)}.')
    return array


def _strings(value, info):
    if isinstance(value, np.ndarray) and value.dtype.kind == 'S':
        raise InputError(f'Input {info.name!r}: NumPy cuts zero bytes off the end of {value.dtype} arrays. Give a list '
                         'of bytes, or an array of dtype object.')
    array = np.array(value, dtype=object)
    for index, element in np.ndenumerate(array):
        if isinstance(element, str):
            array[index] = element.encode()
        elif not isinstance(element, bytes):
            raise InputError(f'Expected {info}, each element bytes or str. Received: {type(element).__name__}.')
    return array


def _numbers(value, info):
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f'Expected {info}. Received lists of different lengths.') from error
    accepted = {'f': 'fiu', 'i': 'iu', 'u': 'iu', 'b': 'b'}[info.dtype.kind]
    if array.size and array.dtype.kind not in accepted:
        raise InputError(f'Expected {info}. Received: {array.dtype} values.')
    if not array.size or array.dtype == info.dtype:
        return array.astype(info.dtype, copy=False)
    if info.dtype.kind in 'iu':
        limits = np.iinfo(info.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise InputError(f'Expected {info}, from {limits.min} to {limits.max}. Received: {array.min()} to '
                             f'{array.max()}.')
    with np.errstate(over='ignore'):
        converted = array.astype(info.dtype)
    if info.dtype.kind == 'f' and array.dtype.kind == 'f' and np.any(np.isinf(converted) & ~np.isinf(array)):
        raise InputError(f'Expected {info}. Received numbers beyond the range of {info.dtype}.')
    return converted
