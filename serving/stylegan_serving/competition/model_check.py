"""Reads a participant's SavedModel before anything runs it: only operations that compute are let in.

Every operation of the graph and of every function in it must stand in a list of allowed ones; what is unknown, reads or
writes files, talks, calls Python or is a custom operation is refused, as is everything that loading would run. File
operations that save and restore variables are let in where nothing but the model's own saver can call them; the
sandbox's program never does. Fails closed: what cannot be read is refused.
"""

import itertools
import pathlib

MOST_PROBLEMS_TOLD = 10
_LARGEST_GRAPH_BYTES = 512 << 20
_CALLS = 'PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile Case StatelessCase'
_VARIABLES = '''
VarHandleOp DisableCopyOnRead ReadVariableOp AssignVariableOp VarIsInitializedOp ResourceGather VariableShape
'''
_ARRAYS = '''
Const Identity IdentityN NoOp Placeholder PlaceholderWithDefault StopGradient PreventGradient Shape ShapeN Size Rank
Reshape ExpandDims Squeeze Transpose ConjugateTranspose Concat ConcatV2 ConcatOffset Split SplitV Slice StridedSlice
Pack Unpack Tile Pad PadV2 MirrorPad Fill ZerosLike OnesLike Range LinSpace Gather GatherV2 GatherNd ScatterNd
TensorScatterUpdate TensorScatterAdd BroadcastTo BroadcastArgs BroadcastGradientArgs OneHot Where Select SelectV2
Reverse ReverseV2 Roll Cast Bitcast Unique UniqueV2 InvertPermutation DepthToSpace SpaceToDepth SpaceToBatch
SpaceToBatchND BatchToSpace BatchToSpaceND Diag DiagPart MatrixDiag MatrixDiagV2 MatrixDiagV3 MatrixDiagPart
MatrixDiagPartV2 MatrixDiagPartV3 MatrixBandPart MatrixSetDiagV3 Snapshot EnsureShape Assert CheckNumerics
UnravelIndex EmptyTensorList TensorListReserve TensorListPushBack TensorListPopBack TensorListStack
TensorListFromTensor TensorListGetItem TensorListSetItem TensorListLength TensorListConcatV2 TensorListElementShape
TensorListGather TensorListScatterV2 TensorListResize TensorListConcat ExtractImagePatches DynamicStitch
DynamicPartition Bucketize SearchSorted LowerBound UpperBound
'''
_NUMBERS = '''
Abs Add AddV2 AddN Sub Mul MulNoNan Div DivNoNan RealDiv FloorDiv TruncateDiv FloorMod Mod TruncateMod Neg Reciprocal
Inv Square Sqrt Rsqrt Exp Expm1 Log Log1p Pow Sin Cos Tan Asin Acos Atan Atan2 Sinh Cosh Tanh Asinh Acosh Atanh
Sigmoid Erf Erfc Erfinv Ndtri Lgamma Digamma Sign Floor Ceil Round Rint Maximum Minimum SquaredDifference Xdivy Xlogy
Xlog1py ClipByValue Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot IsNan IsInf
IsFinite All Any Sum Mean Prod Max Min ArgMax ArgMin Cumsum Cumprod CumulativeLogsumexp EuclideanNorm SegmentSum
SegmentMean UnsortedSegmentSum UnsortedSegmentMax SegmentMeanV2 BitwiseAnd BitwiseOr BitwiseXor Invert LeftShift
RightShift MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum Cross TopK TopKV2 Sort Bincount DenseBincount
HistogramFixedWidth Cholesky MatrixInverse MatrixDeterminant MatrixSolve MatrixTriangularSolve Qr QR Svd
SelfAdjointEigV2 Complex Real Imag Conj ComplexAbs Angle FFT FFT2D IFFT IFFT2D RFFT RFFT2D IRFFT IRFFT2D
'''
_NETWORKS = '''
Conv2D Conv2DBackpropInput Conv3D DepthwiseConv2dNative BiasAdd BiasAddV1 Relu Relu6 LeakyRelu Elu Selu Softplus
Softsign Softmax LogSoftmax AvgPool MaxPool MaxPoolV2 AvgPool3D MaxPool3D FusedBatchNorm FusedBatchNormV2
FusedBatchNormV3 LRN L2Loss Conv ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate
CropAndResize ImageProjectiveTransformV2 ImageProjectiveTransformV3 RGBToHSV HSVToRGB AdjustContrastv2 AdjustHue
AdjustSaturation DecodeImage DecodePng DecodeJpeg DecodeBmp DecodeGif DecodeWebP DecodeAndCropJpeg EncodePng
EncodeJpeg ExtractJpegShape Dilation2D Erosion2D QuantizeAndDequantizeV2 QuantizeAndDequantizeV4
FakeQuantWithMinMaxVars FakeQuantWithMinMaxArgs
'''
_RANDOM = '''
RandomUniform RandomStandardNormal TruncatedNormal RandomUniformInt RandomShuffle StatelessRandomUniform
StatelessRandomUniformV2 StatelessRandomNormal StatelessRandomNormalV2 StatelessTruncatedNormal
StatelessTruncatedNormalV2 StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomGetKeyCounter
StatelessRandomGetAlg StatelessRandomGetKeyCounterAlg StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2
'''
_TEXT = 'StringJoin StringLength AsString StringFormat Substr StringLower StaticRegexFullMatch'
ALLOWED = frozenset(' '.join((_CALLS, _VARIABLES, _ARRAYS, _NUMBERS, _NETWORKS, _RANDOM, _TEXT)).split())
# Of the saver that every SavedModel carries.
SAVER_ONLY = frozenset(('SaveV2', 'RestoreV2', 'MergeV2Checkpoints', 'ShardedFilename'))
_OBJECTS = frozenset(('user_object', 'function', 'bare_concrete_function', 'variable', 'constant'))


class ModelRefused(ValueError):  # noqa: N818
    """A model that is not run; the text is for the participant, `problems` has every line of it."""

    def __init__(self, problems):
        self.problems = list(problems)
        told = self.problems[:MOST_PROBLEMS_TOLD]
        if rest := len(self.problems) - len(told):
            told.append(f'... and {rest} more.')
        super().__init__('\n'.join(told))


def check(folder):
    """Lets a SavedModel through, or not.

    Args:
        folder: That holds saved_model.pb.
    Returns:
        Sorted list of the operations it uses.
    Raises:
        ModelRefused: It may not be run.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = pathlib.Path(folder) / 'saved_model.pb'
    try:
        if path.stat().st_size > _LARGEST_GRAPH_BYTES:
            raise ModelRefused([f'saved_model.pb has more than {_LARGEST_GRAPH_BYTES >> 20} MiB.'])
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (OSError, DecodeError, ValueError, RecursionError) as error:
        if isinstance(error, ModelRefused):
            raise
        raise ModelRefused(['saved_model.pb cannot be read: it is missing or damaged.']) from error
    if len(model.meta_graphs) != 1:
        raise ModelRefused([f'Expected one graph in saved_model.pb. Received: {len(model.meta_graphs)}.'])
    graph = model.meta_graphs[0]
    problems = [*_unknown_parts(graph), *_forbidden_operations(graph)]
    if problems:
        raise ModelRefused(dict.fromkeys(problems))
    return sorted({node.op for node in _all_nodes(graph)})


def _unknown_parts(graph):
    """What loading would run or open, beside variables."""
    if not graph.HasField('object_graph_def'):
        yield 'The model is of TensorFlow 1, whose loading runs it. Export it with TensorFlow 2.'
    if graph.asset_file_def:
        yield 'The model reads asset files; a style transfer needs none.'
    names = [function.signature.name for function in graph.graph_def.library.function]
    if len(set(names)) != len(names):
        yield 'Two functions of the model have one name.'
    for node in graph.object_graph_def.nodes:
        kind = node.WhichOneof('kind')
        if kind is not None and kind not in _OBJECTS:
            yield f'The model holds a {kind.replace("_", " ")}, which loading would open. Export plain variables.'
        if node.saveable_objects:
            yield 'The model restores itself by functions of its own. Export plain variables.'


def _forbidden_operations(graph):
    library = {function.signature.name: function for function in graph.graph_def.library.function}
    calls = {name: {called for node in function.node_def for called in _called(node)}
             for name, function in library.items()}
    for name, function in library.items():  # a node may also have a function's name as its operation
        calls[name] |= {node.op for node in function.node_def if node.op in library}
    savers = {name for name, function in library.items()
              if any(node.op in SAVER_ONLY for node in function.node_def)}
    # Whoever calls a saver is one.
    while more := {name for name, called in calls.items() if called & savers} - savers:
        savers |= more
    saver = graph.saver_def
    own = {name.split(':')[0] for name in (saver.save_tensor_name, saver.restore_op_name) if name}
    for node in graph.graph_def.node:
        yield from _node_problems(node, 'the graph', library, ALLOWED)
        if savers.intersection((node.op, *_called(node))) and node.name not in own:
            yield f'{node.name}: calls a function that reads or writes files.'
    for name, function in library.items():
        allowed = ALLOWED | SAVER_ONLY if name in savers else ALLOWED
        for node in function.node_def:
            yield from _node_problems(node, f'function {name[:60]}', library, allowed)
    for name in savers.intersection(graph.object_graph_def.concrete_functions):
        yield f'function {name[:60]}: reads or writes files and could be called.'


def _node_problems(node, place, library, allowed):
    if node.op not in allowed and node.op not in library:
        yield f'Operation {node.op[:60]} in {place} is not allowed.'
    for called in _called(node):
        if called not in library:
            yield f'{place} calls {called[:60]}, which the model does not hold.'


def _called(node):
    """Names of the functions that the attributes of a node, or of a function among them, name."""
    for value in node.attr.values():
        for function in itertools.chain((value.func,) if value.HasField('func') else (), value.list.func):
            if function.name:
                yield function.name
            yield from _called(function)


def _all_nodes(graph):
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def
