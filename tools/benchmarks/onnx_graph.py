"""A stylisation generator as an ONNX model, so that ONNX Runtime can take its turn beside our engines.

Built by hand from a checkpoint's arrays. `StylizationGenerator.call` says what is computed, and
`systems.stylization_litert` which factors are joined on the way, so that both runtimes are given the same work.
"""

import math

import numpy as np

GAIN = math.sqrt(2.0)  # of `equalized.leaky_relu`
MEAN_OF_TWO = 0.7071  # the generator's factor for sums of two
STATISTICS_EPSILON, MODULATION_EPSILON = 0.03, 1e-8
OPSET = 17


def painter(arrays, channels, residual_blocks, prefix='generator_ema'):
    """Bytes of an ONNX model: content [1, H, W, 3] in [0, 1], code [1, D], statistics [1, S] -> painted, as content.

    Args:
        arrays: Dict name -> array of a checkpoint.
        channels: Of each level, full resolution first.
        residual_blocks: Their number.
        prefix: Name of the network in the checkpoint.
    """
    graph = _Graph(arrays, prefix)
    x = graph.op('Transpose', graph.op('Sub', graph.op('Mul', 'content', graph.number(2)), graph.number(1)),
                 perm=[0, 3, 1, 2])
    injected, start = [], 0
    for level, count in enumerate(channels):
        x = graph.encoded(x, f'content_encoder/{"stem" if level == 0 else f"down_{level}"}', 1 if level == 0 else 2)
        is_sum = level < len(channels) - 1
        injected.append(graph.injected(x, level, start, count, MEAN_OF_TWO if is_sum else 1.0))
        start += 2 * count
    x = injected[-1]
    for index in range(residual_blocks):
        middle = graph.styled(x, f'residual_{index}_a')
        y = graph.plus(graph.modulated(middle, f'residual_{index}_b'), f'residual_{index}_b')
        x = graph.op('Mul', graph.op('Add', x, y), graph.number(MEAN_OF_TWO))
    rgb = graph.to_rgb(x, len(channels) - 1)
    for level in reversed(range(len(channels) - 1)):
        # Factors and bias at the lower resolution, where they cost a quarter.
        x = graph.plus(graph.modulated(x, f'up_{level}', GAIN * MEAN_OF_TWO), f'up_{level}', GAIN * MEAN_OF_TWO)
        x = graph.op('Add', graph.leaky(graph.doubled(x)), injected[level])
        x = graph.styled(x, f'refine_{level}')
        rgb = graph.op('Add', graph.doubled(rgb), graph.to_rgb(x, level))
    rgb = graph.op('Add', graph.op('Mul', graph.op('Tanh', rgb), graph.number(0.5)), graph.number(0.5))
    return graph.model(graph.op('Transpose', rgb, perm=[0, 2, 3, 1]), code=graph.code_size, statistics=start)


class _Graph:
    """Nodes and weights so far; methods return the names of tensors, maps are [1, C, H, W]."""

    def __init__(self, arrays, prefix):
        self._arrays, self._prefix = arrays, prefix
        self._nodes, self._constants = [], {}
        self.code_size = self._array('up_0/affine/kernel').shape[0]

    def op(self, kind, *inputs, **attributes):
        from onnx import helper

        name = f'{kind}_{len(self._nodes)}'
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def number(self, value):
        return self._constant(f'number_{value:.9g}', np.float32(value))

    def encoded(self, x, layer, stride):
        kernel = self._array(f'{layer}/kernel')
        kernel = kernel * (GAIN / math.sqrt(math.prod(kernel.shape[:3])))
        bias = self._constant(f'{layer}/bias', self._array(f'{layer}/bias') * GAIN)
        return self.leaky(self._convolution(x, layer, kernel, stride, bias))

    def injected(self, x, level, start, count, gain):
        layer = f'inject_{level}'
        mean, deviation = (self.op('Slice', 'statistics', *(self._integers([at]) for at in (first, first + count, 1)))
                           for first in (start, start + count))
        factor = self.op('Div', self.op('Mul', self._scales(layer), self.number(gain)),
                         self.op('Add', deviation, self.number(STATISTICS_EPSILON)))
        kernel = self._kernel(layer)
        matrix = self._constant(f'{layer}/matrix', kernel[0, 0])
        offset = self.op('MatMul', self.op('Mul', mean, factor), matrix)
        painted = self._convolution(self._times(x, factor), layer, kernel)
        return self.op('Sub', painted, self._as_map(offset))

    def modulated(self, x, layer, gain=1.0):
        kernel, scales = self._kernel(layer), self._scales(layer)
        power = self._constant(f'{layer}/power', np.square(kernel).sum(axis=(0, 1)))
        variance = self.op('MatMul', self.op('Mul', scales, scales), power)
        deviation = self.op('Sqrt', self.op('Add', variance, self.number(MODULATION_EPSILON)))
        return self._times(self._convolution(self._times(x, scales), layer, kernel),
                           self.op('Div', self.number(gain), deviation))

    def styled(self, x, layer):
        # The gain of the activation goes before it, where it joins the other factors.
        return self.leaky(self.plus(self.modulated(x, layer, GAIN), layer, GAIN))

    def to_rgb(self, x, level):
        layer = f'to_rgb_{level}'
        bias = self._constant(f'{layer}/bias', self._array(f'{layer}/bias'))
        return self._convolution(self._times(x, self._scales(layer)), layer, self._kernel(layer), 1, bias)

    def plus(self, x, layer, gain=1.0):
        bias = self._array(f'{layer}/bias') * gain
        return self.op('Add', x, self._constant(f'{layer}/bias', bias.reshape(1, -1, 1, 1)))

    def leaky(self, x):
        return self.op('LeakyRelu', x, alpha=0.2)

    def doubled(self, x):
        scales = self._constant('doubled', np.array([1, 1, 2, 2], np.float32))
        return self.op('Resize', x, '', scales, mode='linear', coordinate_transformation_mode='half_pixel')

    def model(self, output, **sizes):
        from onnx import TensorProto, helper, numpy_helper

        def value(name, shape):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        picture = [1, 'height', 'width', 3]
        self._nodes.append(helper.make_node('Identity', [output], ['painted']))
        inputs = [value('content', picture), *(value(name, [1, size]) for name, size in sizes.items())]
        weights = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in
                   self._constants.items()]
        graph = helper.make_graph(self._nodes, 'painter', inputs, [value('painted', picture)], weights)
        # An older file format than this package's newest, which ONNX Runtime may not read yet.
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=9)
        return model.SerializeToString()

    def _array(self, name):
        return np.asarray(self._arrays[f'{self._prefix}/{name}'], np.float32)

    def _kernel(self, layer):
        kernel = self._array(f'{layer}/convolution/kernel')
        return kernel / np.float32(math.sqrt(math.prod(kernel.shape[:3])))

    def _constant(self, name, array):
        self._constants[name] = array
        return name

    def _integers(self, values):
        return self._constant(f'integers_{values}', np.array(values, np.int64))

    def _scales(self, layer):
        kernel = self._array(f'{layer}/affine/kernel')
        matrix = self._constant(f'{layer}/affine/kernel', kernel / np.float32(math.sqrt(len(kernel))))
        bias = self._constant(f'{layer}/affine/bias', self._array(f'{layer}/affine/bias'))
        return self.op('Add', self.op('MatMul', 'code', matrix), bias)

    def _as_map(self, vector):
        return self.op('Reshape', vector, self._integers([1, -1, 1, 1]))

    def _times(self, x, vector):
        return self.op('Mul', x, self._as_map(vector))

    def _convolution(self, x, layer, kernel, stride=1, bias=None):
        name = self._constant(f'{layer}/kernel', kernel.transpose(3, 2, 0, 1).astype(np.float32))
        if kernel.shape[0] == 3:
            x = self.op('Pad', x, self._integers([0, 0, 1, 1, 0, 0, 1, 1]), mode='reflect')
        return self.op('Conv', x, name, *([bias] if bias else []), strides=[stride, stride])
