"""Floating-point operations of a TensorFlow graph: 2 for each multiplication of a convolution or matrix product.

Elementwise work is left out, as `torch.utils.flop_counter` leaves it out.
"""

import math


def of_graph(graph):
    """FLOPs of a graph and of the functions that it calls, each counted once for every call.

    Args:
        graph: `FuncGraph` of a concrete function, all of whose convolutions and products have known shapes.
    Returns:
        Integer. What no output and no assignment needs is left out, as it is not run.
    Raises:
        ValueError: A shape is known only when it runs.
    """
    ends = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    return sum(map(_of_operation, _needed(ends)))


def _needed(ends):
    """Operations that the given ones depend on, and those themselves."""
    waiting, seen = list(ends), set()
    while waiting:
        operation = waiting.pop()
        if operation not in seen:
            seen.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return seen


def _of_operation(operation):
    kind = operation.type
    if kind in ('PartitionedCall', 'StatefulPartitionedCall'):
        name = operation.get_attr('f').name
        return of_graph(operation.graph._get_function(name).graph)
    if kind not in _COUNTERS:
        return 0
    try:
        return 2 * _COUNTERS[kind](operation)
    except (TypeError, ValueError) as error:  # None in a shape, or no shape at all
        raise ValueError(f'{operation.name} ({kind}) has no known shape; trace it with one.') from error


def _size(tensor):
    return math.prod(tensor.shape.as_list())


def _product(operation):
    transposed = operation.get_attr('transpose_a' if operation.type == 'MatMul' else 'adj_x')
    return _size(operation.outputs[0]) * operation.inputs[0].shape[-2 if transposed else -1]


def _filter_products(kernel):
    """Multiplications for one number of a convolution's output."""
    height, width, depth, _ = kernel.shape.as_list()
    return height * width * depth


_COUNTERS = {
    'MatMul': _product,
    'BatchMatMulV2': _product,
    'Conv2D': lambda x: _size(x.outputs[0]) * _filter_products(x.inputs[1]),
    'Conv2DBackpropInput': lambda x: _size(x.inputs[2]) * _filter_products(x.inputs[1]),
    'Conv2DBackpropFilter': lambda x: _size(x.inputs[2]) * _filter_products(x.outputs[0]),
    'DepthwiseConv2dNative': lambda x: _size(x.outputs[0]) * math.prod(x.inputs[1].shape.as_list()[:2]),
    'DepthwiseConv2dNativeBackpropInput':
        lambda x: _size(x.inputs[2]) * math.prod(x.inputs[1].shape.as_list()[:2]),
    'DepthwiseConv2dNativeBackpropFilter':
        lambda x: _size(x.inputs[2]) * math.prod(x.outputs[0].shape.as_list()[:2]),
}
