"""Bodies of REST answers: arrays and messages to the JSON that the original writes, byte for byte but for key order.

Keys are written in alphabetical order; the original's order is that of a hash table and changes between processes.
"""

import binascii

import numpy as np
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from stylegan_serving.local_server import json_writer
from stylegan_serving.local_server.errors import ServingError
from stylegan_serving.local_server.json_writer import quoted


def error_body(message):
    """{"error": message}; `message` is str, with surrogate escapes for bytes that are not UTF-8."""
    return b'{\n    "error": %s\n}' % quoted(message)


def predict_body(outputs, *, in_rows):
    """The answer to a :predict.

    String outputs whose name ends in `_bytes` are written as {"b64": ...}, others as they are.

    Args:
        outputs: Dict output name -> array.
        in_rows: Whether the request had `instances`; every output needs the same first dimension then.
    Returns:
        bytes.
    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    if not outputs:
        raise ServingError('INVALID_ARGUMENT', 'Cannot convert empty tensor map to JSON')
    outputs = {name: np.asarray(outputs[name]) for name in sorted(outputs)}
    for array in outputs.values():
        if array.dtype.kind not in 'fiubO' and array.dtype.name != 'bfloat16':
            raise ServingError('INVALID_ARGUMENT', f'Failed to write JSON value for tensor type: {array.dtype.name}')
    return _rows_body(outputs) if in_rows else _columns_body(outputs)


def _rows_body(outputs):
    count = None
    for name, array in outputs.items():
        if not array.ndim:
            raise ServingError('INVALID_ARGUMENT', f'Tensor name: {name} has no shape information ')
        if count not in (None, len(array)):
            raise ServingError('INVALID_ARGUMENT', f'Tensor name: {name} has inconsistent batch size: {len(array)} '
                                                   f'expecting: {count}')
        count = len(array)
    if not count:
        return b'{\n    "predictions": []\n}'
    if len(outputs) == 1:
        (name, array), = outputs.items()
        return b'{\n    "predictions": [%s\n    ]\n}' % b', '.join(_rows(name, array, 2))
    names = [quoted(name) for name in outputs]
    columns = [_rows(name, array, 3) for name, array in outputs.items()]
    parts = []
    for row in zip(*columns, strict=True):
        parts.append(b',\n        {' if parts else b'{\n    "predictions": [\n        {')
        for index, value in enumerate(row):
            parts += (b',' if index else b'', b'\n            ', names[index], b': ', value)
        parts.append(b'\n        }')
    parts.append(b'\n    ]\n}')
    return b''.join(parts)


def _rows(name, array, level):
    """JSON of each row, lists on one line."""
    if array.dtype.kind != 'O':
        return [text.encode() for text in json_writer.rows(array, level, one_line=True)]
    return [_strings(row, name, level, one_line=True) for row in array]


def _columns_body(outputs):
    if len(outputs) == 1:
        (name, array), = outputs.items()
        return b'{\n    "outputs": %s\n}' % _tensor(name, array, 1)
    members = b',\n        '.join(b'%s: %s' % (quoted(name), _tensor(name, array, 2))
                                  for name, array in outputs.items())
    return b'{\n    "outputs": {\n        %s\n    }\n}' % members


def _tensor(name, array, level):
    """JSON of a whole array, an item a line."""
    if array.dtype.kind == 'O':
        return _strings(array if array.ndim else array[()], name, level, one_line=False)
    if not array.ndim:
        return json_writer.numbers(array)[0].encode()
    return json_writer.enclosed(json_writer.rows(array, level + 1, one_line=False), level, one_line=False).encode()


def _strings(value, name, level, *, one_line):
    """JSON of a string (bytes or str) or of an array of strings."""
    if not isinstance(value, np.ndarray):
        if not name.endswith('_bytes'):
            return quoted(value)
        encoded = binascii.b2a_base64(value.encode() if isinstance(value, str) else value, newline=False)
        indent = b'    ' * level
        return b'{\n    %s"b64": "%s"\n%s}' % (indent, encoded, indent)
    items = [_strings(item, name, level + 1, one_line=one_line) for item in value]
    if not items:
        return b'[]'
    if one_line:
        return b'[%s]' % b', '.join(items)
    line = b'\n' + b'    ' * (level + 1)
    return b'[%s%s\n%s]' % (line, (b',' + line).join(items), b'    ' * level)


def classification_body(result):
    """The answer to a :classify, of a ClassificationResult.

    Raises:
        ServingError: INVALID_ARGUMENT if it is empty.
    """
    if not result.classifications:
        raise ServingError('INVALID_ARGUMENT', 'Cannot convert empty ClassificationResults to JSON')
    rows = []
    for classifications in result.classifications:
        scores = json_writer.numbers(np.array([entry.score for entry in classifications.classes], np.float32))
        rows.append(b'[%s]' % b', '.join(b'[%s, %s]' % (quoted(entry.label), score.encode())
                                         for entry, score in zip(classifications.classes, scores, strict=True)))
    return b'{\n    "results": [%s\n    ]\n}' % b', '.join(rows)


def regression_body(result):
    """The answer to a :regress, of a RegressionResult.

    Raises:
        ServingError: INVALID_ARGUMENT if it is empty.
    """
    if not result.regressions:
        raise ServingError('INVALID_ARGUMENT', 'Cannot convert empty RegressionResults to JSON')
    values = np.array([entry.value for entry in result.regressions], np.float32)
    return b'{\n    "results": [%s]\n}' % ', '.join(json_writer.numbers(values)).encode()


def status_body(response):
    """The states of a model's versions, of a GetModelStatusResponse."""
    return f'{_json(response)}\n'.encode()


def metadata_body(response):
    """A version's signatures, of a GetModelMetadataResponse."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata['signature_def'].Unpack(signatures)
    return (f'{{\n"model_spec":{_json(response.model_spec)}\n,\n'
            f'"metadata": {{"signature_def": {_json(signatures)}\n}}\n}}\n').encode()


def _json(message):
    return json_format.MessageToJson(message, preserving_proto_field_name=True, indent=1, ensure_ascii=False,
                                     always_print_fields_with_no_presence=True)
