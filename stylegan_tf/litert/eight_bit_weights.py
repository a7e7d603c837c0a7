"""LiteRT models whose convolutions compute in 8-bit integers: two to three times as fast, not quite the same picture.

Weights are rounded to 8 bits channel by channel. What a convolution is given is rounded while it runs, by the range of
the map at hand, so that nothing is calibrated; maps between the operations stay float32.
"""

import numpy as np

from stylegan_tf.litert.runtime import LiteRTError

SMALLEST = 1024  # weights of a convolution; smaller ones, such as those at either end, stay float32
LEVELS = 127  # the weights' integers go from -127 to 127
_CONVOLUTION_VERSION = 5  # the first that takes float32 maps and a scale for each channel


def quantize(model, signatures):
    """Rounds the weights of the large convolutions of some signatures to 8 bits.

    Args:
        model: Bytes of a LiteRT model.
        signatures: Names of those whose convolutions are changed; the others stay as they are.
    Returns:
        bytes.
    Raises:
        LiteRTError: If they have none of float32 weights.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    convolutions = {index for index, code in enumerate(parsed.operatorCodes)
                    if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.CONV_2D}
    for index in convolutions:
        parsed.operatorCodes[index].version = max(parsed.operatorCodes[index].version, _CONVOLUTION_VERSION)
    wanted = {signature.subgraphIndex for signature in parsed.signatureDefs
              if signature.signatureKey.decode() in signatures}
    twins = {}  # buffer of float weights -> buffer of integers, which signatures share
    for index in wanted:
        graph = parsed.subgraphs[index]
        for operation in graph.operators:
            if operation.opcodeIndex in convolutions:
                _quantize_weights(schema, parsed, graph.tensors[operation.inputs[1]], twins)
    if not twins:
        raise LiteRTError('The model has no float32 convolutions to compute in 8 bits: if it was exported with '
                          '--weights=float16, export it with float32.')
    builder = flatbuffers.Builder(len(model))
    builder.Finish(parsed.Pack(builder), b'TFL3')
    return bytes(builder.Output())


def _quantize_weights(schema, parsed, tensor, twins):
    """Makes a tensor of float32 weights [out, height, width, in] one of integers."""
    data = parsed.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) < 4 * SMALLEST:
        return
    weights = np.asarray(data, np.uint8).view('<f4').reshape(tensor.shape)
    scales = np.maximum(np.abs(weights).max(axis=(1, 2, 3)) / LEVELS, np.float32(1e-30))
    if tensor.buffer not in twins:
        twin = schema.BufferT()
        twin.data = np.rint(weights / scales[:, None, None, None]).astype(np.int8).ravel().view(np.uint8)
        twins[tensor.buffer] = len(parsed.buffers)
        parsed.buffers.append(twin)
    tensor.buffer, tensor.type = twins[tensor.buffer], schema.TensorType.INT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
    tensor.quantization.quantizedDimension = 0
