"""One loaded version against the same SavedModel in plain TensorFlow, and what fails as in the C++ server."""

import os
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2, regression_pb2

from stylegan_serving.local_server import errors, servable, signatures, tensors, warm_up

X = np.float32([[1, 2, 3], [4, 5, 6]])


@pytest.fixture(scope='module')
def pair(golden_models):
    """Version 1 of `pair`."""
    loaded = servable.Servable('pair', 1, golden_models / 'pair' / '1')
    yield loaded
    loaded.close()


def test_all_signatures_answer_as_plain_tensorflow(pair, golden_models):
    plain = tf.saved_model.load(str(golden_models / 'pair' / '1'))
    values = {'x': X, 'strength': np.float32([2, 3]), 'loops': np.int32([3]), 'h': np.float16([0.1]),
              'i32': np.int32([1]), 'i64': np.int64([2]), 'u8': np.uint8([3]), 'flag': np.array([True]),
              'f64': np.float64([0.1]), 'text': np.array([b'a\xff'], object), 'blob_bytes': np.array([b'\0'], object)}
    special = {'scalar_arg': {'strength': np.float32(2)}, 'unbatched': {'x': X[0]}}
    names = [name for name in pair.signatures if not name.startswith('__')]
    assert len(names) == 16
    for name in names:
        inputs = {key: {**values, **special.get(name, {})}[key] for key in pair.signatures[name].inputs}
        expected = plain.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        came = pair.run(name, inputs)
        assert came.keys() == expected.keys()
        for key, value in expected.items():
            assert came[key].dtype == value.numpy().dtype and came[key].shape == value.shape, (name, key)
            np.testing.assert_array_equal(came[key], value.numpy())


def test_scalar_outputs_are_arrays(tmp_path):
    module = tf.Module()
    module.join = tf.function(lambda t: {'joined': tf.strings.reduce_join(t), 'count': tf.size(t)},
                              input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(module, str(tmp_path), signatures=module.join)
    outputs = servable.Servable('m', 1, tmp_path).run('serving_default', {'t': np.array([b'a\0', b'b\0'], object)})
    assert {name: (value.dtype, value.shape, value[()]) for name, value in outputs.items()} == {
        'joined': (np.dtype(object), (), b'a\0b\0'), 'count': (np.dtype(np.int32), (), 2)}


def test_declared_shapes_are_not_checked_before_the_graph(pair):
    inputs = {'x': X[None]}
    np.testing.assert_array_equal(pair.run('single', inputs)['y'], X[None] * [1, 2, 3])
    with pytest.raises(errors.ServingError) as caught:
        pair.run('single', {'x': X[:, :2]})
    assert caught.value.code == 'INVALID_ARGUMENT'
    assert caught.value.message.startswith('Incompatible shapes: [3] vs. [2,2]\n\t [[{{function_node ')


def test_types_are_those_of_the_signature_and_named_by_their_place(pair):
    right = {'x': X, 'strength': np.float32([1, 1])}
    for name, text in (('strength', 'Expects arg[0] to be float but int64 is provided'),
                       ('x', 'Expects arg[1] to be float but int64 is provided')):
        with pytest.raises(errors.ServingError) as caught:
            pair.run('vector_arg', {**right, name: right[name].astype(np.int64)})
        assert caught.value.message == text


def test_a_graph_is_stopped_at_the_timeout(pair):
    inputs = {'x': X[:1], 'loops': np.int32([2_000_000_000])}
    started = time.monotonic()
    with pytest.raises(errors.ServingError, match=r'^DEADLINE_EXCEEDED: Timed out waiting for notification$'):
        pair.run('slow', inputs, timeout_seconds=0.2)
    assert time.monotonic() - started < 10
    np.testing.assert_array_equal(pair.run('single', {'x': X}, timeout_seconds=60)['y'], X * [1, 2, 3])


def test_threads_share_a_servable(pair):
    wrong = []

    def work(number):
        for _ in range(20):
            came = pair.run('single', {'x': X + number})['y']
            if not np.array_equal(came, (X + number) * np.float32([1, 2, 3])):
                wrong.append(number)
    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize('content, code, text', [
    (None, 'NOT_FOUND', 'Specified file path does not appear to contain a SavedModel bundle (should have a file called '
     '`saved_model.pb`)\nSpecified file path: {path}'),
    (b'garbage', 'OUT_OF_RANGE', 'Read less bytes than requested'),
    (b'', 'NOT_FOUND', 'Could not find meta graph def matching supplied tags: { serve }'),
], ids=['none', 'bad', 'empty'])
def test_what_is_no_saved_model(tmp_path, content, code, text):
    if content is not None:
        (tmp_path / 'saved_model.pb').write_bytes(content)
    with pytest.raises(errors.ServingError) as caught:
        servable.Servable('m', 1, tmp_path)
    assert caught.value.code == code
    assert caught.value.message.startswith(text.format(path=tmp_path) if '{path}' in text else text)


def test_missing_variables_and_tags(golden_models, tmp_path):
    source = golden_models / 'pair' / '1' / 'saved_model.pb'
    (tmp_path / 'saved_model.pb').write_bytes(source.read_bytes())
    with pytest.raises(errors.ServingError) as caught:
        servable.Servable('m', 1, tmp_path)
    assert 'variables' in caught.value.message
    with pytest.raises(errors.ServingError, match=r'matching supplied tags: \{ serve gpu \}'):
        servable.Servable('m', 1, tmp_path, tags=('serve', 'gpu'))


def test_inputs_that_may_be_left_out_and_inputs_that_are_handed_through(tmp_path):
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None], 'x')
        scale = tf.compat.v1.placeholder(tf.float32, [], 'scale')
        builder = tf.compat.v1.saved_model.Builder(str(tmp_path / 'm'))
        signature = tf.compat.v1.saved_model.predict_signature_def({'x': x, 'scale': scale}, {'y': x * scale, 'x': x})
        signature.defaults['scale'].CopyFrom(tf.make_tensor_proto(np.float32(3)))
        builder.add_meta_graph_and_variables(session, ['serve'], {'serving_default': signature})
        builder.save()
    loaded = servable.Servable('m', 1, tmp_path / 'm')
    for inputs, factor in (({}, 3), ({'scale': np.float32(5)}, 5)):
        given, names = signatures.checked(loaded, '', {'x': X[0], **inputs}, [])
        came = loaded.run('serving_default', given, names)
        np.testing.assert_array_equal(came['y'], X[0] * factor)
        np.testing.assert_array_equal(came['x'], X[0])
    loaded.close()


def test_warm_up(golden_models, pair):
    assert warm_up.replay(pair) == 0
    good = servable.Servable('warm_good', 1, golden_models / 'warm_good' / '1')
    assert warm_up.replay(good, iterations=3) == 1
    good.close()
    bad = servable.Servable('warm_bad', 1, golden_models / 'warm_bad' / '1')
    with pytest.raises(errors.ServingError, match='INVALID_ARGUMENT: Incompatible shapes'):
        warm_up.replay(bad)
    bad.close()


def warm_up_file(folder, *records):
    """Writes a warm-up file for a servable of `folder`."""
    path = folder / warm_up.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def test_warm_up_with_examples_and_files_that_are_none(golden_models, tmp_path):
    loaded = servable.Servable('examples', 1, golden_models / 'examples' / '1')
    ran = []
    run, loaded.run, loaded.path = loaded.run, lambda *arguments: ran.append(run(*arguments)), str(tmp_path)
    request = regression_pb2.RegressionRequest()
    request.model_spec.signature_name = 'reg'
    request.input.example_list.examples.add().features.feature['x'].float_list.value.append(2)
    log = prediction_log_pb2.PredictionLog()
    log.regress_log.request.CopyFrom(request)
    warm_up_file(tmp_path, log.SerializeToString())
    assert warm_up.replay(loaded) == 1
    np.testing.assert_array_equal(ran[0]['outputs'], [2.5])
    warm_up_file(tmp_path, b'\xff\xff\xff')
    with pytest.raises(errors.ServingError, match='Failed to parse warmup record'):
        warm_up.replay(loaded)
    (tmp_path / warm_up.FILE).write_bytes(b'no record file at all')
    with pytest.raises(errors.ServingError, match='DATA_LOSS'):
        warm_up.replay(loaded)
    loaded.close()


def resident_bytes():
    """Memory of this process."""
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@pytest.mark.slow
def test_memory_does_not_grow_with_versions(golden_models):
    def cycle(version):
        loaded = servable.Servable('pair', version, golden_models / 'pair' / '1')
        loaded.run('single', {'x': X})
        loaded.close()
    for version in range(3):
        cycle(version)
    before = resident_bytes()
    for version in range(6):
        cycle(version)
    # A version that stays takes 3 MB: the graph of `pair` and its functions.
    assert resident_bytes() - before < 9e6


def test_protos_go_through_a_signature_whole(pair):
    request = prediction_log_pb2.PredictionLog().predict_log.request
    request.model_spec.signature_name = 'vector_arg'
    request.inputs['x'].CopyFrom(tensors.to_proto(X))
    with pytest.raises(errors.ServingError) as caught:
        signatures.arrays(pair, request)
    assert caught.value.message == (
        'input size does not match signature: 1!=2 len({x}) != len({strength,x}). Sent extra: {}. '
        'Missing but required: {strength}.')
    request.inputs['strength'].CopyFrom(tensors.to_proto(np.float32([1, 2])))
    came = signatures.arrays(pair, request)
    np.testing.assert_array_equal(came['x'], X)
