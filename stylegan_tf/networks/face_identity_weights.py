"""The weights of `face_identity`: 8 bits each, as they come and as they ship. Imports no Keras."""

import functools
import json
import math
import pathlib

import numpy as np

from stylegan_tf.networks import feature_weights
from stylegan_tf.networks.feature_weights import FeatureWeightsError, FrozenWeights

WEIGHTS = pathlib.Path(__file__).parent.parent / 'pretrained' / 'face_identity' / 'face_identity.safetensors'
ARCHITECTURE = 'dlib_resnet'


@functools.cache
def shipped_weights():
    """The FrozenWeights that ship, as `unpacked` takes them.

    Raises:
        FeatureWeightsError: If they are missing or damaged.
    """
    weights = feature_weights.read_converted(WEIGHTS)
    if weights.architecture != ARCHITECTURE:
        raise FeatureWeightsError(f'Expected weights of {ARCHITECTURE} at {WEIGHTS}. Received: {weights.architecture}. '
                                  'Install the package again.')
    return weights


def unpacked(tensors):
    """float32 tensors by name.

    Args:
        tensors: Tensors by name; those that have a NAME/range, float32 [2] (scale, least), are NAME * scale + least.
    """
    full = {}
    for name, values in tensors.items():
        if not name.endswith('/range'):
            scale, least = tensors.get(f'{name}/range', (1.0, 0.0))
            full[name] = values.astype(np.float32) * np.float32(scale) + np.float32(least)
    return full


def read_manifest(path, *, licence='unknown', source=None):
    """FrozenWeights of TensorFlow.js weights, as face-api has them.

    Args:
        path: The file ...-weights_manifest.json; the weights lie beside it.
        licence, source: As of FrozenWeights; the file's name where no source is given.
    Raises:
        ValueError: If there is no such file, or the weights are of another kind than float32 or 8 bits.
    """
    path = pathlib.Path(path)
    if not path.is_file() or path.suffix != '.json':
        raise ValueError(f'Expected the file face_recognition_model-weights_manifest.json. Received: {path}.')
    tensors = {}
    for group in json.loads(path.read_text()):
        data, start = b''.join((path.parent / part).read_bytes() for part in group['paths']), 0
        for entry in group['weights']:
            name, ranges = entry['name'], entry.get('quantization')
            kind = np.dtype(ranges['dtype'] if ranges else entry['dtype'])
            if kind not in (np.uint8, np.float32):
                raise ValueError(f'Expected weights of 8 bits or float32. {path} holds {name} as {kind}.')
            values = np.frombuffer(data, kind, math.prod(entry['shape']), start).reshape(entry['shape'])
            start += values.nbytes
            tensors[name] = values
            if ranges:
                tensors[f'{name}/range'] = np.array([ranges['scale'], ranges['min']], np.float32)
    return FrozenWeights(name='face_identity', architecture=ARCHITECTURE, tensors=tensors, mean_activations={},
                         preprocessing='dlib', licence=licence, source=source or path.name)
