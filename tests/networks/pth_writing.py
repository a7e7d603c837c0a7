"""Writes PyTorch's two containers from NumPy arrays, without PyTorch, for tests."""

import io
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

from stylegan_tf.networks.pth import LEGACY_MAGIC, STORAGE_TYPES


def _module(name, **members):
    module = types.ModuleType(name)
    for key, value in members.items():
        value.__module__, value.__qualname__ = name, key
        setattr(module, key, value)
    return module


def _rebuild(*_):
    raise AssertionError('only pickled, never called')


_STORAGES = {name: type(name, (), {}) for name in STORAGE_TYPES}
_MODULES = {'torch': _module('torch', **_STORAGES),
            'torch._utils': _module('torch._utils', _rebuild_tensor_v2=_rebuild)}


class _Reference:
    def __init__(self, key, array):
        self.key, self.array = key, array


class _Tensor:
    def __init__(self, reference, shape):
        self.reference, self.shape = reference, shape

    def __reduce__(self):
        array = self.reference.array
        strides = tuple(stride // array.itemsize for stride in array.strides)
        return _rebuild, (self.reference, 0, self.shape or array.shape, strides[:len(self.shape or array.shape)], False,
                          {})


class _Pickler(pickle.Pickler):
    is_legacy = False

    def persistent_id(self, item):
        if isinstance(item, _Reference):
            name = next(name for name, code in STORAGE_TYPES.items() if np.dtype(code) == item.array.dtype)
            reference = ('storage', _STORAGES[name], item.key, 'cpu', item.array.size)
            return reference + (None,) if self.is_legacy else reference
        return None


def _with_references(content, stated_shape):
    references = []

    def convert(item):
        if isinstance(item, np.ndarray):
            references.append(_Reference(str(len(references)), item))
            return _Tensor(references[-1], stated_shape)
        return type(item)((key, convert(value)) for key, value in item.items())

    return convert(content), references


def _raw(array):
    """Bytes in the order of memory, which is the storage's order for transposed views too."""
    return array.ravel(order='K').tobytes()


def _pickled(content, is_legacy):
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, protocol=2)
    pickler.is_legacy = is_legacy
    before = {name: sys.modules.get(name) for name in _MODULES}
    sys.modules.update(_MODULES)
    try:
        pickler.dump(content)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return buffer.getvalue()


def write_archive(path, content, stated_shape=None):
    """Writes the zip form (PyTorch 1.6 and later); `stated_shape` lies about the tensors' shape."""
    content, references = _with_references(content, stated_shape)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('archive/data.pkl', _pickled(content, is_legacy=False))
        for reference in references:
            archive.writestr(f'archive/data/{reference.key}', _raw(reference.array))


def write_stream(path, content):
    """Writes the older plain pickle stream."""
    content, references = _with_references(content, None)
    with open(path, 'wb') as file:
        for item in (LEGACY_MAGIC, 1001, {'little_endian': True}):
            pickle.dump(item, file, protocol=2)
        file.write(_pickled(content, is_legacy=True))
        pickle.dump([reference.key for reference in references], file, protocol=2)
        for reference in references:
            file.write(struct.pack('<q', reference.array.size) + _raw(reference.array))
