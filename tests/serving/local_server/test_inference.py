"""Requests against signatures without a graph: names, outputs, tf.Examples, deadlines."""

import asyncio
import contextlib
import time
import types

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import inference_pb2, input_pb2

from stylegan_serving.local_server import catalog, errors, examples, signatures
from stylegan_serving.local_server.inference import Inference, ModelSpec


def signature_of(inputs, outputs):
    """A SignatureDef of these names."""
    signature = meta_graph_pb2.SignatureDef()
    for name in inputs:
        signature.inputs[name].name = f'{name}:0'
    for name in outputs:
        signature.outputs[name].name = f'out_{name}:0'
    return signature


class FakeServable:
    """A version whose outputs are given."""

    name, version = 'm', 3

    def __init__(self, outputs=None, **of_names):
        self.signatures = {name: signature_of(*names) for name, names in of_names.items()}
        self.defaults = {name: {} for name in of_names}
        self.outputs, self.asked = outputs or {}, []

    def run(self, signature_name, inputs, output_names, timeout_seconds=None):
        self.asked.append((signature_name, inputs, output_names, timeout_seconds))
        return self.outputs


@contextlib.contextmanager
def inference_of(servable, **options):
    """An Inference of one servable."""
    made = Inference(types.SimpleNamespace(open=lambda *_: contextlib.nullcontext(servable)), **options)
    yield made
    made.close()


@pytest.mark.parametrize('names, defaults, text', [
    (['x'], (), 'input size does not match signature: 1!=2 len({x}) != len({strength,x}). Sent extra: {}. '
     'Missing but required: {strength}.'),
    (['strength', 'x', 'z'], (), 'input size does not match signature: 3!=2 len({strength,x,z}) != len({strength,x}). '
     'Sent extra: {z}. Missing but required: {}.'),
    (['strength', 'z'], (), 'Signature input alias: x(feed name: x:0) not found in request and no default value '
     'provided. Inputs expected to be in the request {strength,z}, or default input alias set: '),
    (['x'], ('strength',), None), (['x', 'z'], ('strength',), None), (['x', 'strength'], ('strength',), None)])
def test_names_of_inputs(names, defaults, text):
    signature = signature_of(['x', 'strength'], ['y'])
    with contextlib.nullcontext() if text is None else pytest.raises(errors.ServingError) as caught:
        signatures.check_input_names(signature, names, defaults)
    assert text is None or (caught.value.code, caught.value.message) == ('INVALID_ARGUMENT', text)


def test_what_reaches_the_graph():
    servable = FakeServable({'y': np.ones(1)}, serving_default=(['x', 'scale'], ['y', 'z']))
    servable.defaults['serving_default']['scale'] = 5
    with inference_of(servable) as inference:
        came = asyncio.run(inference.predict(servable, '', {'x': 1, 'other': 2}, ['y'], deadline=time.monotonic() + 9))
        assert came is servable.outputs
        asyncio.run(inference.predict(servable, 'serving_default', {'x': 1, 'scale': 7}, []))
    (name, inputs, outputs, timeout), (_, given, all_outputs, no_timeout) = servable.asked
    assert (name, inputs, outputs) == ('serving_default', {'x': 1, 'scale': 5}, ['y']) and 8 < timeout <= 9
    assert (given, all_outputs, no_timeout) == ({'x': 1, 'scale': 7}, None, None)


def test_a_request_whose_time_is_over_is_not_run():
    servable = FakeServable(serving_default=(['x'], ['y']))
    with inference_of(servable) as inference, pytest.raises(errors.ServingError, match=r'^DEADLINE_EXCEEDED'):
        asyncio.run(inference.predict(servable, '', {'x': 1}, deadline=time.monotonic() - 1))
    assert servable.asked == []


@pytest.mark.parametrize('signature_name, outputs, code, text', [
    ('nope', [], 'FAILED_PRECONDITION', 'Serving signature key "nope" not found.'),
    ('', ['no'], 'INVALID_ARGUMENT', 'output tensor alias not found in signature: no Outputs expected to be in the set '
     '{a,y}.'), ('', ['y', 'y'], 'INVALID_ARGUMENT', 'duplicate output tensor alias: y')])
def test_unknown_signatures_and_outputs(signature_name, outputs, code, text):
    servable = FakeServable(serving_default=(['x'], ['y', 'a']))
    with inference_of(servable) as inference, pytest.raises(errors.ServingError) as caught:
        asyncio.run(inference.predict(servable, signature_name, {'x': 1}, outputs))
    assert (caught.value.code, caught.value.message) == (code, text)


def test_a_scheduler_gets_the_requests():
    servable, asked = FakeServable(serving_default=(['x'], ['y'])), []

    class Scheduler:
        async def run(self, *arguments):
            asked.append(arguments)
            return {'y': 'joined'}
    with inference_of(servable, scheduler=Scheduler()) as inference:
        assert asyncio.run(inference.predict(servable, '', {'x': 1})) == {'y': 'joined'}
    assert asked == [(servable, 'serving_default', {'x': 1}, None, None)] and servable.asked == []


def example(**features):
    """A tf.train.Example of float features."""
    return tf.train.Example(features=tf.train.Features(feature={
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value])) for name, value in features.items()}))


def test_a_context_is_in_each_example_and_gives_way():
    request = input_pb2.Input()
    request.example_list_with_context.context.CopyFrom(example(x=3, c=4))
    request.example_list_with_context.examples.extend([example(), example(x=1)])
    found = tf.io.parse_example(examples.serialized(request),
                                {name: tf.io.FixedLenFeature([], tf.float32) for name in 'xc'})
    assert found['x'].numpy().tolist() == [3, 1] and found['c'].numpy().tolist() == [4, 4]


LABELS = np.array([[b'pos', b'neg'], [b'a', b'b']], object)
SCORES = np.float32([[1, 2], [3, 4]])


@pytest.mark.parametrize('outputs, expected', [
    ({'classes': LABELS, 'scores': SCORES}, [('pos', 1), ('neg', 2), ('a', 3), ('b', 4)]),
    ({'classes': LABELS}, [('pos', 0), ('neg', 0), ('a', 0), ('b', 0)]),
    ({'scores': SCORES}, [('', 1), ('', 2), ('', 3), ('', 4)])], ids=['both', 'classes', 'scores'])
def test_classes(outputs, expected):
    result = examples.classification_result(outputs, 2)
    assert [(entry.label, entry.score) for row in result.classifications for entry in row.classes] == expected


@pytest.mark.parametrize('outputs, text', [
    ({'scores': SCORES[0]}, r'\[batch_size num_classes\] but got \[2\]'),
    ({'scores': SCORES[:1]}, r'Expected scores output batch size of 2\. Got: 1'),
    ({'scores': LABELS}, 'Expected scores Tensor of DT_FLOAT'), ({'classes': SCORES}, 'Expected classes Tensor'),
    ({'classes': LABELS[:, :1], 'scores': SCORES}, 'should have the same shape')],
    ids=['rank', 'rows', 'strings', 'floats', 'shapes'])
def test_outputs_that_are_no_classes(outputs, text):
    with pytest.raises(errors.ServingError, match=f'INVALID_ARGUMENT: .*{text}'):
        examples.classification_result(outputs, 2)


def test_regressions():
    for shape in ((2,), (2, 1)):
        result = examples.regression_result({'outputs': np.float32([1, 2]).reshape(shape)}, 2)
        assert [entry.value for entry in result.regressions] == [1, 2]
    for wrong in (np.float32([[1, 2]]), np.int32([1, 2])):
        with pytest.raises(errors.ServingError, match='INVALID_ARGUMENT: Expected output Tensor'):
            examples.regression_result({'outputs': wrong}, 2)


@pytest.mark.parametrize('names, check, text', [
    ((['inputs', 'x'], ['scores']), examples.classification_outputs, 'Expected one input Tensor.'),
    ((['inputs'], ['a', 'b', 'c']), examples.classification_outputs, 'Expected one or two output Tensors, found 3'),
    ((['x'], ['scores']), examples.classification_outputs, 'No classification inputs found in SignatureDef: inputs {'),
    ((['inputs'], ['a']), examples.classification_outputs, 'Expected classification signature outputs to contain'),
    ((['inputs'], ['a', 'b']), examples.regression_outputs, 'Expected one output Tensor.'),
    ((['x'], ['outputs']), examples.regression_outputs, 'No regression inputs found in SignatureDef: inputs {'),
    ((['inputs'], ['a']), examples.regression_outputs, 'No regression outputs found in SignatureDef: inputs {')])
def test_signatures_that_cannot_classify_or_regress(names, check, text):
    with pytest.raises(errors.ServingError) as caught:
        check(signature_of(*names))
    assert caught.value.message.startswith(text)


def test_multi_inference_answers_each_task():
    servable = FakeServable({'scores': SCORES[:1], 'outputs': np.float32([7])},
                            serving_default=(['inputs'], ['scores']), reg=(['inputs'], ['outputs']))
    request = inference_pb2.MultiInferenceRequest()
    for name, method in (('', 'classify'), ('reg', 'regress')):
        task = request.tasks.add(method_name=f'tensorflow/serving/{method}')
        task.model_spec.name, task.model_spec.signature_name = 'm', name
    request.input.example_list.examples.append(example(x=1))
    # The fake hands out both outputs; each task asks for its own.
    servable.run = lambda name, inputs, outputs, timeout_seconds=None: {key: servable.outputs[key] for key in outputs}
    with inference_of(servable) as inference:
        first, second = asyncio.run(inference.multi_inference(request)).results
    assert (first.model_spec.signature_name, first.model_spec.version.value) == ('serving_default', 3)
    assert [entry.score for entry in first.classification_result.classifications[0].classes] == [1, 2]
    assert [entry.value for entry in second.regression_result.regressions] == [7]


def test_status_of_a_version_that_failed():
    failed = catalog.VersionStatus(3, catalog.END, errors.ServingError('OUT_OF_RANGE', 'Read less'))
    with inference_of(None) as inference:
        inference.catalog.status = lambda name, version: [failed]
        entry = inference.status(ModelSpec('m')).model_version_status[0]
    assert (entry.version, entry.state, entry.status.error_code, entry.status.error_message) == (3, 50, 11, 'Read less')
    with inference_of(None) as inference, pytest.raises(errors.ServingError, match='no name'):
        inference.status(ModelSpec(''))
