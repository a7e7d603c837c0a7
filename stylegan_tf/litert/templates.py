"""LiteRT models without their weights: what ships beside weights that are stored already.

A converted model holds each weight again, scaled and transposed. `cut` finds which stored array each large constant is
made of and removes it; `Template.fill` puts it back. A template of a few kilobytes then serves a checkpoint of
megabytes, and both engines compute with the same numbers.
"""

import dataclasses
import io
import json
import zipfile

import numpy as np

from stylegan_tf.litert.runtime import LiteRTError

FORMAT = 1
SMALLEST = 1024  # bytes; smaller constants stay in the template
_GRAPH, _RECORD = 'graph.tflite', 'constants.json'
_EXACTNESS = 1e-6  # largest deviation of a constant from its source, relative to its largest number


@dataclasses.dataclass(frozen=True)
class Constant:
    """Where a constant stands in the model file and what it is made of.

    Attributes:
        offset: Its first byte.
        size: Its bytes.
        source: Name of the stored array.
        is_power: Whether the array is squared and summed over height and width first (demodulation).
        axes: Permutation of the array's axes.
        factor: What the array is multiplied by.
    """

    offset: int
    size: int
    source: str
    is_power: bool
    axes: tuple
    factor: float

    def value(self, array):
        """The constant, float32, of the stored array."""
        array = np.asarray(array, np.float32)
        if self.is_power:
            array = np.square(array).sum(axis=(0, 1), dtype=np.float64)
        value = np.ascontiguousarray((array * self.factor).transpose(self.axes), '<f4')
        if value.nbytes != self.size:
            raise ValueError(f'{value.nbytes} bytes instead of {self.size}')
        return value


@dataclasses.dataclass(frozen=True)
class Template:
    """A LiteRT model whose large constants are zeros, and how to make them.

    Attributes:
        graph: Bytes of the model.
        constants: Tuple of Constant.
        facts: Dict of JSON values kept beside them.
    """

    graph: bytes
    constants: tuple
    facts: dict

    @property
    def sources(self):
        """Names of the arrays that `fill` needs."""
        return sorted({constant.source for constant in self.constants})

    def fill(self, arrays):
        """The whole model.

        Args:
            arrays: Mapping from the names of `sources` to arrays.
        Returns:
            bytes for `runtime.Runtime`.
        Raises:
            LiteRTError: If an array is missing or of another shape than the one it was made for.
        """
        filled = bytearray(self.graph)
        for constant in self.constants:
            try:
                value = constant.value(arrays[constant.source])
            except (KeyError, ValueError) as error:
                raise LiteRTError(f'A LiteRT template does not fit these weights: {constant.source} ({error}). Make it '
                                  'again with tools/make_graphs.py.') from error
            filled[constant.offset:constant.offset + constant.size] = value.tobytes()
        return bytes(filled)

    def to_bytes(self):
        """The template as the bytes of one file."""
        record = {'format': FORMAT, 'facts': self.facts,
                  'constants': [dataclasses.asdict(constant) for constant in self.constants]}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as file:
            for name, data in ((_GRAPH, self.graph), (_RECORD, json.dumps(record).encode())):
                file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()


def read(path):
    """Reads what `Template.to_bytes` made.

    Raises:
        LiteRTError: If the file is missing, damaged or of a newer format.
    """
    try:
        with zipfile.ZipFile(path) as file:
            graph, record = file.read(_GRAPH), json.loads(file.read(_RECORD))
        if record['format'] != FORMAT:
            raise LiteRTError(f'{path} has format {record["format"]}; this version reads {FORMAT}. Update stylegan_tf.')
        constants = tuple(Constant(**{**entry, 'axes': tuple(entry['axes'])}) for entry in record['constants'])
        return Template(graph, constants, record['facts'])
    except (OSError, zipfile.BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
        raise LiteRTError(f'{path} is missing or damaged ({error}). Install stylegan_tf again, or make it with '
                          'tools/make_graphs.py.') from error


def cut(model, sources, *, facts=None):
    """Removes the constants that can be made of stored arrays.

    Args:
        model: Bytes of a LiteRT model.
        sources: Dict name -> array that will be there when the model is opened.
        facts: Dict of JSON values to keep.
    Returns:
        A Template. Constants without a source stay in it: it is then larger, and as right.
    """
    graph, constants = bytearray(model), []
    for offset, value in _large_constants(model):
        found = _made_of(value, sources)
        if found is not None:
            constants.append(Constant(offset, value.nbytes, *found))
            graph[offset:offset + value.nbytes] = bytes(value.nbytes)
    return Template(bytes(graph), tuple(constants), dict(facts or {}))


def _large_constants(model):
    """[(offset, float32 array)] of the model's constants of at least SMALLEST bytes, each once."""
    from ai_edge_litert import schema_py_generated as schema

    parsed = schema.Model.GetRootAs(model, 0)
    start = np.frombuffer(model, np.uint8).__array_interface__['data'][0]
    found = {}
    for graph in (parsed.Subgraphs(index) for index in range(parsed.SubgraphsLength())):
        for tensor in (graph.Tensors(index) for index in range(graph.TensorsLength())):
            data = parsed.Buffers(tensor.Buffer()).DataAsNumpy()
            if (isinstance(data, np.ndarray) and data.nbytes >= SMALLEST
                    and tensor.Type() == schema.TensorType.FLOAT32):
                offset = data.__array_interface__['data'][0] - start
                found[offset] = np.frombuffer(data, '<f4').reshape(tensor.ShapeAsNumpy())
    return sorted(found.items(), key=lambda item: item[0])


def _made_of(value, sources):
    """(source, is_power, axes, factor) that gives `value`, or None."""
    for name, array in sources.items():
        array = np.asarray(array)
        if array.dtype.kind != 'f' or array.ndim < 2:
            continue
        array = array.astype(np.float64)
        candidates = [(False, array)]
        if array.ndim == 4:
            candidates.append((True, np.square(array).sum(axis=(0, 1))))
        for is_power, candidate in candidates:
            # LiteRT keeps kernels as [out, height, width, in] and matrices as [out, in].
            for axes in {tuple(range(candidate.ndim)), (candidate.ndim - 1, *range(candidate.ndim - 1))}:
                turned = candidate.transpose(axes)
                if turned.shape != value.shape:
                    continue
                factor = float(np.vdot(turned, value) / max(np.vdot(turned, turned), 1e-30))
                if np.abs(turned * factor - value).max() <= _EXACTNESS * max(np.abs(value).max(), 1e-30):
                    return name, is_power, axes, factor
    return None
