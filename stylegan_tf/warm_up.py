"""Warm-up requests of a SavedModel: a model server replays them before it takes real ones.

The file is a TFRecord of `tensorflow.serving.PredictionLog` messages. They are written by hand
(nested messages of length-delimited fields), so that an export needs no package of the server.
"""

import tensorflow as tf

from stylegan_tf import serving_graph

# Field numbers in tensorflow_serving/apis: prediction_log.proto, predict.proto, model.proto.
_PREDICTION_LOG_PREDICT_LOG = 6
_PREDICT_LOG_REQUEST = 1
_PREDICT_REQUEST_MODEL_SPEC = 1
_PREDICT_REQUEST_INPUTS = 2
_MODEL_SPEC_NAME = 1
_MODEL_SPEC_SIGNATURE_NAME = 3
_MAP_KEY, _MAP_VALUE = 1, 2


def write(path, model_name, signatures, size):
    """Writes one request a signature that is to be warmed, bytes twins included.

    Args:
        path: The file; its folder is made when absent.
        model_name: Name of the model in the requests.
        signatures: Dict name -> `systems.signature.Signature`.
        size: (height, width) of the pictures in the requests.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, signature in signatures.items():
            if not signature.is_warmed:
                continue
            inputs = serving_graph.example_inputs(signature, size)
            writer.write(record(model_name, name, inputs))
            twin = serving_graph.BYTES_TWINS.get(name)
            if twin:
                writer.write(record(model_name, twin, serving_graph.as_bytes_inputs(inputs)))


def record(model_name, signature_name, inputs):
    """A serialised PredictionLog that asks for one signature.

    Args:
        model_name: Name of the model.
        signature_name: Name of the signature.
        inputs: Dict name -> NumPy array.
    Returns:
        bytes.
    """
    spec = (_field(_MODEL_SPEC_NAME, model_name.encode())
            + _field(_MODEL_SPEC_SIGNATURE_NAME, signature_name.encode()))
    request = _field(_PREDICT_REQUEST_MODEL_SPEC, spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(_PREDICT_REQUEST_INPUTS,
                          _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, tensor))
    return _field(_PREDICTION_LOG_PREDICT_LOG, _field(_PREDICT_LOG_REQUEST, request))


def _field(number, payload):
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value):
    encoded = bytearray()
    while value > 0x7f:
        encoded.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes([*encoded, value])
