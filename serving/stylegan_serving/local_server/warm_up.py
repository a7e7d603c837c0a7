"""Replays the requests that a SavedModel brings along, before it takes real ones."""

import logging
import os
import time

import numpy as np
import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import prediction_log_pb2

from stylegan_serving.local_server import errors, examples, signatures

FILE = os.path.join('assets.extra', 'tf_serving_warmup_requests')
MAX_RECORDS = 1000

_log = logging.getLogger(__name__)


def replay(servable, *, iterations=1):
    """Runs the warm-up requests of a version, if it has any.

    Args:
        servable: `servable.Servable`.
        iterations: How often each is run.
    Returns:
        Number of requests in the file.
    Raises:
        ServingError: If one fails, or the file cannot be read.
    """
    file = os.path.join(servable.path, FILE)
    if not tf.io.gfile.exists(file):
        return 0
    started, count = time.monotonic(), 0
    for record in _records(file):
        count += 1
        if count > MAX_RECORDS:
            raise errors.ServingError(
                'INVALID_ARGUMENT', f'Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}')
        for _ in range(iterations):
            _run(servable, record)
    _log.info('Warmed up %s version %d with %d requests in %.1f s', servable.name, servable.version, count,
              time.monotonic() - started)
    return count


def _records(file):
    try:
        for data in tf.compat.v1.io.tf_record_iterator(file):
            yield prediction_log_pb2.PredictionLog.FromString(data)
    except tf.errors.OpError as error:
        raise errors.from_tensorflow(error) from error
    except message.DecodeError as error:
        raise errors.ServingError('INVALID_ARGUMENT', f'Failed to parse warmup record from {file}') from error


def _run(servable, record):
    kind = record.WhichOneof('log_type')
    if kind == 'predict_log':
        request = record.predict_log.request
        name = request.model_spec.signature_name
        inputs, outputs = signatures.checked(
            servable, name, signatures.arrays(servable, request), request.output_filter)
        servable.run(name or signatures.DEFAULT, inputs, outputs)
    elif kind == 'classify_log':
        _run_examples(servable, record.classify_log.request, examples.classification_outputs)
    elif kind == 'regress_log':
        _run_examples(servable, record.regress_log.request, examples.regression_outputs)
    elif kind == 'multi_inference_log':
        request = record.multi_inference_log.request
        for task in request.tasks:
            is_classification = task.method_name == examples.CLASSIFY
            _run_examples(servable, request, examples.classification_outputs if is_classification
                          else examples.regression_outputs, task.model_spec.signature_name)
    else:
        raise errors.ServingError('UNIMPLEMENTED', f'Unsupported log_type for warmup: {kind}')


def _run_examples(servable, request, output_names, signature_name=None):
    name = (request.model_spec.signature_name if signature_name is None else signature_name) or signatures.DEFAULT
    names = output_names(examples.signature_of(servable, name))
    rows = examples.serialized(request.input)
    servable.run(name, {'inputs': np.array(rows, np.object_)}, names)
