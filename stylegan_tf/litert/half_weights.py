"""LiteRT models with their large constants stored as float16, at half the size.

TensorFlow's own converter would also round small constants, such as the 1e-8 that keeps a division finite, to zero.
"""

import numpy as np

from stylegan_tf.litert.runtime import LiteRTError

SMALLEST = 4096  # bytes of float32; smaller constants stay as they are
_DEQUANTIZE_VERSION = 3  # the first that reads float16


def halve(model):
    """Stores the float32 constants of at least SMALLEST bytes as float16; the model still computes in float32.

    Args:
        model: Bytes of a LiteRT model.
    Returns:
        bytes.
    Raises:
        LiteRTError: If a constant does not fit float16.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = _DEQUANTIZE_VERSION
    parsed.operatorCodes.append(code)
    is_large = [buffer.data is not None and len(buffer.data) >= SMALLEST for buffer in parsed.buffers]
    halved = set()
    for graph in parsed.subgraphs:
        reads = []
        for index, tensor in enumerate(list(graph.tensors)):
            if tensor.type == schema.TensorType.FLOAT32 and is_large[tensor.buffer]:
                halved.add(tensor.buffer)
                reads.append(_read_half(schema, graph, index, len(parsed.operatorCodes) - 1))
        graph.operators = [*reads, *graph.operators]
    for index in halved:
        parsed.buffers[index].data = _half(parsed.buffers[index].data)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(parsed.Pack(builder), b'TFL3')
    return bytes(builder.Output())


def _read_half(schema, graph, index, code):
    """Makes tensor `index` the result of an operation that reads a float16 twin; returns the operation."""
    tensor = graph.tensors[index]
    twin = schema.TensorT()
    twin.shape, twin.buffer, twin.type = tensor.shape, tensor.buffer, schema.TensorType.FLOAT16
    twin.name, twin.hasRank = tensor.name + b'_half', tensor.hasRank
    tensor.buffer = 0  # the empty one
    graph.tensors.append(twin)
    operation = schema.OperatorT()
    operation.opcodeIndex, operation.inputs, operation.outputs = code, [len(graph.tensors) - 1], [index]
    return operation


def _half(data):
    with np.errstate(over='ignore'):
        halved = np.asarray(data, np.uint8).view('<f4').astype('<f2')
    if not np.isfinite(halved).all():
        raise LiteRTError('A weight does not fit float16. Use --weights=float32.')
    return halved.view(np.uint8)
