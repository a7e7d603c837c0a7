"""SavedModels as TensorFlow writes them, honest and not: only what computes is let through."""

import os
import pathlib

import pytest

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
tf = pytest.importorskip('tensorflow')

from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

from stylegan_serving.competition import model_check  # noqa: E402


class Painter(tf.Module):
    """A model with variables, a branch, a loop and the codecs, as exports have them; `extra` runs in the branch."""

    def __init__(self, extra=lambda pixels: pixels):
        super().__init__()
        self.kernel, self._extra = tf.Variable(tf.ones([3, 3, 3, 3]) / 27), extra

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'content_bytes'),
                                  tf.TensorSpec([None], tf.float32, 'strength')])
    def serve(self, content_bytes, strength):
        def paint(data):
            pixels = tf.image.decode_image(data, expand_animations=False)
            pixels.set_shape([None, None, 3])
            pixels = tf.cast(pixels, tf.float32)[None]
            smooth = tf.nn.conv2d(pixels, self.kernel, 1, 'SAME')
            pixels = tf.cond(tf.reduce_mean(pixels) > 0, lambda: self._extra(smooth), lambda: pixels)
            return tf.io.encode_png(tf.cast(pixels[0], tf.uint8))

        return {'stylized_bytes': tf.map_fn(paint, content_bytes, fn_output_signature=tf.string),
                'strength': tf.nn.relu(strength)}


def saved(folder, extra=lambda pixels: pixels, **attributes):
    module = Painter(extra)
    for name, value in attributes.items():
        setattr(module, name, value)
    tf.saved_model.save(module, str(folder), signatures={'serving_default': module.serve})
    return folder


@pytest.fixture(scope='module')
def honest(tmp_path_factory):
    return saved(tmp_path_factory.mktemp('models') / 'honest')


def edited(honest, folder, change):
    """A copy of the honest model's graph after `change(proto)`."""
    model = saved_model_pb2.SavedModel.FromString((honest / 'saved_model.pb').read_bytes())
    change(model)
    folder.mkdir(exist_ok=True)
    (folder / 'saved_model.pb').write_bytes(model.SerializeToString())
    return folder


def test_an_honest_model_passes(honest):
    operations = model_check.check(honest)
    assert {'Conv2D', 'DecodeImage', 'EncodePng', 'RestoreV2', 'If', 'While'} <= {
        name.removeprefix('Stateless') for name in operations}


def _with_files(pixels):
    return pixels + tf.cast(tf.strings.length(tf.io.read_file('/etc/passwd')), tf.float32)


def _with_writing(pixels):
    with tf.control_dependencies([tf.io.write_file('/tmp/x', 'x')]):
        return tf.identity(pixels)


def _with_python(pixels):
    return tf.reshape(tf.numpy_function(lambda x: x, [pixels], tf.float32), tf.shape(pixels))


def _with_printing(pixels):
    tf.print('x', output_stream='file:///tmp/x')
    return pixels


def _with_data(pixels):
    for line in tf.data.TextLineDataset('/etc/passwd'):
        pixels += tf.cast(tf.strings.length(line), tf.float32)
    return pixels


@pytest.mark.parametrize('extra, operation', [
    (_with_files, 'ReadFile'), (_with_writing, 'WriteFile'), (_with_python, 'PyFunc|EagerPyFunc'),
    (_with_printing, 'PrintV2'), (_with_data, 'TextLineDataset|ReduceDataset')])
def test_operations_inside_functions_inside_functions_are_found(tmp_path, extra, operation):
    with pytest.raises(model_check.ModelRefused, match=operation):
        model_check.check(saved(tmp_path / 'model', extra))


def test_what_loading_would_open_is_refused(tmp_path):
    words = tmp_path / 'words.txt'
    words.write_text('a\nb\n')
    table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
        str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
    with pytest.raises(model_check.ModelRefused, match='asset'):
        model_check.check(saved(tmp_path / 'model', table=table))


def _rename(graph, old, new):
    function = next(function for function in graph.graph_def.library.function
                    for node in function.node_def if node.op == old)
    next(node for node in function.node_def if node.op == old).op = new


def _call_the_saver(model):
    """A node of the signature's function calls the function that restores, whose file name it could choose."""
    library = model.meta_graphs[0].graph_def.library.function
    restore = next(function.signature.name for function in library
                   for node in function.node_def if node.op == 'RestoreV2')
    serve = next(function for function in library for node in function.node_def if node.op == 'Relu')
    node = serve.node_def.add(name='evil', op='StatefulPartitionedCall')
    node.attr['f'].func.name = restore


def _call_the_saver_from_the_graph(model):
    graph = model.meta_graphs[0]
    restore = next(function.signature.name for function in graph.graph_def.library.function
                   for node in function.node_def if node.op == 'RestoreV2')
    node = graph.graph_def.node.add(name='evil', op='PartitionedCall')
    node.attr['f'].func.attr['hidden'].func.name = restore


def _offer_the_saver(model):
    graph = model.meta_graphs[0]
    restore = next(function.signature.name for function in graph.graph_def.library.function
                   for node in function.node_def if node.op == 'RestoreV2')
    graph.object_graph_def.concrete_functions[restore].SetInParent()


def _missing_function(model):
    node = model.meta_graphs[0].graph_def.node.add(name='evil', op='PartitionedCall')
    node.attr['f'].func.name = 'not_there'


def _twice(model):
    library = model.meta_graphs[0].graph_def.library
    library.function.add().CopyFrom(library.function[0])


@pytest.mark.parametrize('change, match', [
    (lambda model: _rename(model.meta_graphs[0], 'Relu', 'MyCustomOp'), 'MyCustomOp'),
    (lambda model: _rename(model.meta_graphs[0], 'Relu', 'ReadFile'), 'ReadFile'),
    (lambda model: _rename(model.meta_graphs[0], 'Relu', 'XlaCallModule'), 'XlaCallModule'),
    (_call_the_saver, 'could be called|reads or writes'), (_call_the_saver_from_the_graph, 'reads or writes files'),
    (_offer_the_saver, 'could be called'), (_missing_function, 'does not hold'), (_twice, 'have one name'),
    (lambda model: model.meta_graphs[0].ClearField('object_graph_def'), 'TensorFlow 1'),
    (lambda model: model.meta_graphs.add().CopyFrom(model.meta_graphs[0]), 'Expected one graph'),
    (lambda model: model.ClearField('meta_graphs'), 'Expected one graph'),
    (lambda model: model.meta_graphs[0].object_graph_def.nodes.add().resource.SetInParent(), 'holds a resource'),
    (lambda model: model.meta_graphs[0].object_graph_def.nodes[0].saveable_objects['x'].SetInParent(),
     'restores itself')])
def test_crafted_graphs_are_refused(honest, tmp_path, change, match):
    with pytest.raises(model_check.ModelRefused, match=match):
        model_check.check(edited(honest, tmp_path / 'model', change))


@pytest.mark.parametrize('data', [None, b'', b'\xff' * 100, b'not a model at all'])
def test_what_cannot_be_read_is_refused(tmp_path, data):
    if data is not None:
        (tmp_path / 'saved_model.pb').write_bytes(data)
    with pytest.raises(model_check.ModelRefused):
        model_check.check(tmp_path)


def test_any_cut_model_is_refused(honest, tmp_path):
    whole = pathlib.Path(honest / 'saved_model.pb').read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / 'saved_model.pb').write_bytes(whole[:int(len(whole) * share)])
        with pytest.raises(model_check.ModelRefused):
            model_check.check(tmp_path)
