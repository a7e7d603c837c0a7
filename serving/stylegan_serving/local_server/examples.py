"""Classify, Regress and MultiInference: requests of tf.Example messages."""

from google.protobuf import text_format
from tensorflow_serving.apis import classification_pb2, regression_pb2

from stylegan_serving.local_server import errors, signatures

CLASSIFY, REGRESS = 'tensorflow/serving/classify', 'tensorflow/serving/regress'
_INPUTS, _CLASSES, _SCORES, _OUTPUTS = 'inputs', 'classes', 'scores', 'outputs'


def signature_of(servable, signature_name):
    """The SignatureDef of a name.

    Raises:
        ServingError: INVALID_ARGUMENT, with other words than for Predict.
    """
    if signature_name not in servable.signatures:
        raise errors.ServingError('INVALID_ARGUMENT', f'No signature was found with the name: {signature_name}')
    return servable.signatures[signature_name]


def serialized(request_input):
    """The tf.Example messages of a request as bytes, the shared context in each.

    Args:
        request_input: tensorflow.serving.Input.
    Returns:
        List of bytes.
    Raises:
        ServingError: INVALID_ARGUMENT if there is none.
    """
    if request_input.WhichOneof('kind') == 'example_list_with_context':
        # Messages one after the other are merged when they are read; the later one wins.
        shared = request_input.example_list_with_context.context.SerializeToString()
        found = [shared + example.SerializeToString()
                 for example in request_input.example_list_with_context.examples]
    else:
        found = [example.SerializeToString() for example in request_input.example_list.examples]
    if not found:
        raise errors.ServingError('INVALID_ARGUMENT', 'Input is empty.')
    return found


def classification_outputs(signature):
    """Names of the outputs that a classification fetches: classes, scores or both.

    Raises:
        ServingError: INVALID_ARGUMENT if the signature cannot classify.
    """
    _check(len(signature.inputs) == 1, 'Expected one input Tensor.')
    _check(len(signature.outputs) in (1, 2),
           f'Expected one or two output Tensors, found {len(signature.outputs)}')
    _check(_INPUTS in signature.inputs, 'No classification inputs found in SignatureDef: ', signature)
    names = [name for name in (_CLASSES, _SCORES) if name in signature.outputs]
    _check(names, 'Expected classification signature outputs to contain at least one of '
           f'"{_CLASSES}" or "{_SCORES}". Signature was: ', signature)
    return names


def regression_outputs(signature):
    """Name of the output that a regression fetches, in a list.

    Raises:
        ServingError: INVALID_ARGUMENT if the signature cannot regress.
    """
    _check(len(signature.inputs) == 1, 'Expected one input Tensor.')
    _check(len(signature.outputs) == 1, 'Expected one output Tensor.')
    _check(_INPUTS in signature.inputs, 'No regression inputs found in SignatureDef: ', signature)
    _check(_OUTPUTS in signature.outputs, 'No regression outputs found in SignatureDef: ', signature)
    return [_OUTPUTS]


def classification_result(outputs, count):
    """The message of a classification's outputs.

    Args:
        outputs: Dict with `classes`, bytes [B, K], `scores`, float32 [B, K], or both.
        count: B, the examples of the request.
    Returns:
        ClassificationResult.
    Raises:
        ServingError: INVALID_ARGUMENT for outputs of another type or shape.
    """
    for name, kind, type_name in ((_CLASSES, 'O', 'DT_STRING'), (_SCORES, 'f', 'DT_FLOAT')):
        if name in outputs:
            array = outputs[name]
            _check(array.dtype.kind == kind, f'Expected {name} Tensor of {type_name}. Was: {array.dtype}')
            _check(array.ndim == 2, f'Expected Tensor shape: [batch_size num_classes] but got {list(array.shape)}')
            _check(len(array) == count, f'Expected {name} output batch size of {count}. Got: {len(array)}')
    shapes = {array.shape for array in outputs.values()}
    _check(len(shapes) == 1, f'Tensors class and score should have the same shape. Got: {sorted(shapes)}')
    result = classification_pb2.ClassificationResult()
    for row in range(count):
        classifications = result.classifications.add()
        for column in range(next(iter(shapes))[1]):
            entry = classifications.classes.add()
            if _CLASSES in outputs:
                entry.label = outputs[_CLASSES][row, column]
            if _SCORES in outputs:
                entry.score = outputs[_SCORES][row, column]
    return result


def regression_result(outputs, count):
    """The message of a regression's output, float32 [B] or [B, 1].

    Returns:
        RegressionResult.
    Raises:
        ServingError: INVALID_ARGUMENT for an output of another type or shape.
    """
    array = outputs[_OUTPUTS]
    _check(array.shape in ((count,), (count, 1)), 'Expected output Tensor shape to be either [batch_size] or '
           f'[batch_size, 1] but got {list(array.shape)}')
    _check(array.dtype.kind == 'f', f'Expected output Tensor of DT_FLOAT. Was: {array.dtype}')
    result = regression_pb2.RegressionResult()
    for value in array.ravel():
        result.regressions.add(value=value)
    return result


def check_tasks(tasks):
    """Refuses tasks of a MultiInferenceRequest that cannot share one run.

    Raises:
        ServingError: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    _check(tasks and tasks[0].model_spec.name, 'ModelSpec has no name specified.')
    seen = set()
    for task in tasks:
        _check(task.model_spec.name == tasks[0].model_spec.name,
               'All ModelSpecs in a MultiInferenceRequest must access the same model name.')
        name = task.model_spec.signature_name
        _check(name not in seen, f'Duplicate evaluation of signature: {name}')
        seen.add(name)
        if task.method_name not in (CLASSIFY, REGRESS):
            raise errors.ServingError('UNIMPLEMENTED', f'Unsupported signature method_name: {task.method_name}')


def add_result(response, task, version, result):
    """Adds one task's result to a MultiInferenceResponse."""
    entry = response.results.add()
    entry.model_spec.CopyFrom(task.model_spec)
    entry.model_spec.ClearField('version_choice')
    entry.model_spec.version.value = version
    entry.model_spec.signature_name = task.model_spec.signature_name or signatures.DEFAULT
    if task.method_name == CLASSIFY:
        entry.classification_result.CopyFrom(result)
    else:
        entry.regression_result.CopyFrom(result)


def _check(is_met, text, signature=None):
    if not is_met:
        shown = '' if signature is None else text_format.MessageToString(signature)
        raise errors.ServingError('INVALID_ARGUMENT', text + shown)
