"""Reads PyTorch weight files (.pth) without PyTorch and without running what is in them.

Both containers are understood: the zip archive of PyTorch 1.6 and later and the older plain pickle stream.
The unpickler knows the names of tensors, parameters, storages and OrderedDict; any other ends the
reading.
"""

import collections
import dataclasses
import math
import pickle
import struct
import zipfile

import numpy as np

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

STORAGE_TYPES = {
    'FloatStorage': '<f4', 'DoubleStorage': '<f8', 'HalfStorage': '<f2', 'LongStorage': '<i8',
    'IntStorage': '<i4', 'ShortStorage': '<i2', 'CharStorage': 'i1', 'ByteStorage': 'u1',
    'BoolStorage': '?',
}


class PthError(ValueError):
    """A file that is no PyTorch weight file, is damaged, or holds more than tensors."""


@dataclasses.dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype
    count: int


@dataclasses.dataclass(frozen=True)
class _TensorView:
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _rebuild_tensor(storage, offset, shape, strides, *_):
    return _TensorView(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor, *_):
    return tensor


ALLOWED_NAMES = {
    ('collections', 'OrderedDict'): collections.OrderedDict,
    ('torch._utils', '_rebuild_tensor'): _rebuild_tensor,
    ('torch._utils', '_rebuild_tensor_v2'): _rebuild_tensor,
    ('torch._utils', '_rebuild_parameter'): _rebuild_parameter,
    **{('torch', name): np.dtype(code) for name, code in STORAGE_TYPES.items()},
}


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds placeholders for tensors and refuses every name that weights do not need."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) not in ALLOWED_NAMES:
            raise PthError(f'the file asks for {module}.{name}, which is no part of plain weights; '
                           'save the state dict alone')
        return ALLOWED_NAMES[module, name]

    def persistent_load(self, reference):
        kind, dtype, key, _, count = reference[:5]
        if kind != 'storage' or not isinstance(dtype, np.dtype):
            raise PthError(f'unknown reference {reference!r}')
        if len(reference) > 5 and reference[5] is not None:
            raise PthError('views of storages are not supported')
        storage = self.storages.setdefault(str(key), _Storage(str(key), dtype, int(count)))
        return storage


def read(path):
    """Reads a state dict.

    Args:
        path: A .pth or .pt file holding a dict of tensors, or a dict with one under 'state_dict' or 'model'.
    Returns:
        Dict of NumPy arrays by parameter name, in the file's order; floats as float32.
    Raises:
        PthError: If the file is no PyTorch file, is damaged, or holds anything but tensors.
    """
    try:
        if zipfile.is_zipfile(path):
            content, storages = _read_archive(path)
        else:
            content, storages = _read_stream(path)
        for key in ('state_dict', 'model'):
            if isinstance(content, dict) and isinstance(content.get(key), dict):
                content = content[key]
        if not isinstance(content, dict):
            raise PthError(f'it holds a {type(content).__name__}, not a dict of tensors')
        return {name: _array(view, storages) for name, view in content.items()
                if isinstance(view, _TensorView)}
    except PthError as error:
        raise PthError(f'{path}: {error}.') from None
    except (pickle.UnpicklingError, struct.error, EOFError, KeyError, IndexError, TypeError, ValueError,
            AttributeError, zipfile.BadZipFile) as error:
        raise PthError(f'{path} is not a whole PyTorch weight file ({error}). Download it again.') from error


def _read_archive(path):
    with zipfile.ZipFile(path) as archive:
        pickle_name = next(name for name in archive.namelist() if name.endswith('data.pkl'))
        folder = pickle_name.removesuffix('data.pkl')
        with archive.open(pickle_name) as file:
            content = _RestrictedUnpickler(file).load()
        storages = {name.removeprefix(f'{folder}data/'): archive.read(name)
                    for name in archive.namelist() if name.startswith(f'{folder}data/')}
    return content, storages


def _read_stream(path):
    with open(path, 'rb') as file:
        if _RestrictedUnpickler(file).load() != LEGACY_MAGIC:
            raise PthError('it does not begin like a PyTorch file')
        _RestrictedUnpickler(file).load()  # protocol version
        _RestrictedUnpickler(file).load()  # sizes of C types
        unpickler = _RestrictedUnpickler(file)
        content = unpickler.load()
        storages = {}
        for key in _RestrictedUnpickler(file).load():
            storage = unpickler.storages[str(key)]
            count, = struct.unpack('<q', file.read(8))
            if count != storage.count:
                raise PthError(f'storage {key} has {count} numbers instead of {storage.count}')
            storages[str(key)] = file.read(count * storage.dtype.itemsize)
    return content, storages


def _array(view, storages):
    numbers = np.frombuffer(storages[view.storage.key], view.storage.dtype)
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides))
    if view.offset < 0 or min(view.strides, default=0) < 0 or last >= max(len(numbers), 1):
        raise PthError(f'a tensor of shape {view.shape} reaches outside its storage')
    if math.prod(view.shape) == 0:
        return np.zeros(view.shape, np.float32)
    array = np.lib.stride_tricks.as_strided(
        numbers[view.offset:], view.shape, [stride * numbers.itemsize for stride in view.strides])
    return array.astype(np.float32) if array.dtype.kind == 'f' else array.copy()
