"""One loaded version of a model: TensorFlow's own SavedModel loader and a Session.

A Session, because it is what TensorFlow Serving runs: a call names tensors, declared shapes are not looked at before
the graph runs, and the runtime's errors keep their words. The loader is `tf.compat.v1.saved_model.loader`; the
signatures' placeholders are replaced by ones of unknown shape while it imports the graph.
"""

import gc
import math
import os
import threading

import numpy as np
import tensorflow as tf
from google.protobuf import message
from tensorflow.core.protobuf import saved_model_pb2

from stylegan_serving.local_server import errors, tensors

DEFAULT_TAGS = ('serve',)


class Servable:
    """A SavedModel ready to run.

    Attributes:
        name: The model's name.
        version: Its version, int.
        path: The version's folder.
        signatures: Dict name -> SignatureDef, as the SavedModel has them.
        defaults: Dict signature name -> dict input name -> array of inputs that a request may leave out.
    """

    def __init__(self, name, version, path, *, tags=DEFAULT_TAGS, session_config=None):
        """Loads a SavedModel.

        Args:
            name: The model's name.
            version: Its version.
            path: The version's folder.
            tags: Tags of the graph to load, of those that the SavedModel has.
            session_config: tf.compat.v1.ConfigProto; None for the default.
        Raises:
            ServingError: With the loader's or the C++ server's words, if it cannot be loaded.
        """
        self.name, self.version, self.path = name, version, str(path)
        self.signatures = _read_signatures(self.path, tags)
        self.defaults = {key: {input_name: tensors.to_array(proto, input_name)
                               for input_name, proto in signature.defaults.items()}
                         for key, signature in self.signatures.items()}
        self._feed_order = {key: sorted(info.name for info in signature.inputs.values())
                            for key, signature in self.signatures.items()}
        self._is_idle = threading.Condition()
        self._holds = 0
        self._load(tags, session_config)

    def _load(self, tags, session_config):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(
            graph=graph, config=session_config or tf.compat.v1.ConfigProto(allow_soft_placement=True))
        try:
            with graph.as_default():
                self._feeds = self._placeholders()
                tf.compat.v1.saved_model.loader.load(
                    self._session, list(tags), self.path, input_map=dict(self._feeds))
            graph.finalize()
        except tf.errors.OpError as error:
            self.close()
            raise errors.from_tensorflow(error) from error
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            self.close()
            raise errors.ServingError('INVALID_ARGUMENT', str(error)) from error

    def _placeholders(self):
        feeds = {}
        for signature in self.signatures.values():
            for info in signature.inputs.values():
                if info.name and info.name not in feeds:
                    feeds[info.name] = tf.compat.v1.placeholder(info.dtype, name='fed_' + info.name.split(':')[0])
        return feeds

    def run(self, signature_name, inputs, output_names=None, *, timeout_seconds=None):
        """Runs a signature; blocks, from any thread.

        Args:
            signature_name: Key of `signatures`.
            inputs: Dict input name -> array, all that the signature has; of any shape.
            output_names: Names of the wanted outputs; None for all.
            timeout_seconds: The runtime is told to stop after this time.
        Returns:
            Dict output name -> array; strings are objects of bytes, a scalar is an array of rank 0.
        Raises:
            ServingError: With the runtime's words; DEADLINE_EXCEEDED after the timeout.
        """
        signature = self.signatures[signature_name]
        fetches = {name: self._fetch(signature.outputs[name].name)
                   for name in (signature.outputs if output_names is None else output_names)}
        feeds = {self._feeds[signature.inputs[name].name]: value for name, value in inputs.items()}
        self._check_types(signature_name, inputs)
        options = timeout_seconds and tf.compat.v1.RunOptions(timeout_in_ms=max(1, math.ceil(timeout_seconds * 1000)))
        self.acquire()
        try:
            outputs = self._session.run(fetches, feeds, options=options)
            return {name: _as_array(value) for name, value in outputs.items()}
        except tf.errors.OpError as error:
            raise errors.from_tensorflow(error) from error
        except (ValueError, TypeError) as error:
            raise errors.ServingError('INVALID_ARGUMENT', str(error)) from error
        finally:
            self.release()

    def _fetch(self, tensor_name):
        # A signature may hand an input through.
        return self._feeds.get(tensor_name, tensor_name)

    def _check_types(self, signature_name, inputs):
        """The check of the runtime's call frame, which `Session.run` would replace by a conversion."""
        signature = self.signatures[signature_name]
        for name, value in inputs.items():
            expected, came = signature.inputs[name].dtype, tensors.dtype_number(value)
            if came != expected:
                position = self._feed_order[signature_name].index(signature.inputs[name].name)
                raise errors.ServingError(
                    'INVALID_ARGUMENT', f'Expects arg[{position}] to be {tensors.dtype_name(expected)} but '
                    f'{tensors.dtype_name(came)} is provided')

    def acquire(self):
        """Holds the servable against `close`, once for each call."""
        with self._is_idle:
            self._holds += 1

    def release(self):
        """Ends one hold."""
        with self._is_idle:
            self._holds -= 1
            self._is_idle.notify_all()

    def wait_until_idle(self, timeout_seconds=None):
        """Waits until nobody holds the servable; returns whether that happened in time."""
        with self._is_idle:
            return self._is_idle.wait_for(lambda: not self._holds, timeout_seconds)

    def close(self):
        """Frees the Session and its graph; `run` must not be called any more."""
        self._session.close()
        self._session = None
        self._feeds = {}
        gc.collect()  # a graph is a web of cycles; left to chance it stays for many versions


def _read_signatures(path, tags):
    """The signatures of the SavedModel's graph with these tags.

    Raises:
        ServingError: With the texts of the C++ loader.
    """
    file = os.path.join(path, 'saved_model.pb')
    try:
        with tf.io.gfile.GFile(file, 'rb') as opened:
            data = opened.read()
        model = saved_model_pb2.SavedModel.FromString(data)
    except tf.errors.NotFoundError as error:
        raise errors.ServingError(
            'NOT_FOUND', 'Specified file path does not appear to contain a SavedModel bundle (should have a file '
            f'called `saved_model.pb`)\nSpecified file path: {path}') from error
    except tf.errors.OpError as error:
        raise errors.from_tensorflow(error) from error
    except message.DecodeError as error:
        raise errors.ServingError('OUT_OF_RANGE', 'Read less bytes than requested') from error
    for graph in model.meta_graphs:
        if set(graph.meta_info_def.tags) == set(tags):
            return {name: _copied(signature) for name, signature in graph.signature_def.items()}
    raise errors.ServingError(
        'NOT_FOUND', f'Could not find meta graph def matching supplied tags: {{ {" ".join(tags)} }}. To inspect '
        'available tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`')


def _as_array(value):
    # a scalar is a number or bytes of Python's, and bytes would become an array of fixed length
    return np.asarray(value, object if isinstance(value, (bytes, str)) else None)


def _copied(signature):
    # Alone, so that the graph's message can go.
    copy = type(signature)()
    copy.CopyFrom(signature)
    return copy
