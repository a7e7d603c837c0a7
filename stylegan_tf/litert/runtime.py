"""Runs model.tflite files by LiteRT, whose package is ai-edge-litert. Imports no TensorFlow."""

import contextlib
import hashlib
import importlib.util
import os
import pathlib
import sys
import threading

import numpy as np

from stylegan_tf import cores

PACKAGE = 'ai_edge_litert'
MISSING = ('The package ai-edge-litert, which runs LiteRT models, is not installed. Run: pip install ai-edge-litert. '
           'Without it use a SavedModel or a run folder with --engine=tensorflow.')


class LiteRTError(RuntimeError):
    """A LiteRT model that cannot be opened or run, or a missing runtime; the message says what to do."""


def is_available():
    """Whether the runtime is installed; loads nothing."""
    if PACKAGE in sys.modules:
        return sys.modules[PACKAGE] is not None
    return importlib.util.find_spec(PACKAGE) is not None


def has_gpu():
    """Whether an NVIDIA GPU is there and visible to this process, told without loading TensorFlow."""
    hidden = os.environ.get('CUDA_VISIBLE_DEVICES', 'all').strip() in ('', '-1')
    return not hidden and os.path.exists('/dev/nvidiactl') and any(
        os.path.exists(f'/dev/nvidia{index}') for index in range(16))


def file_hash(path):
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(_read(pathlib.Path(path))).hexdigest()


class Runtime:
    """The signatures of one LiteRT model. Threads may share it; they take turns.

    Args:
        model: Path of a .tflite file, or its bytes.
        threads: CPU threads; None for all that this process may use.
        name: What errors call it; the path if None.
    Attributes:
        signatures: Dict name -> sorted names of its inputs.
    Raises:
        LiteRTError: If the runtime is missing, or the model is missing or damaged.
    """

    def __init__(self, model, *, threads=None, name=None):
        self._name = name or ('a LiteRT model' if isinstance(model, bytes) else str(model))
        self._interpreter = _open(model, threads or cores.available(), self._name)
        self._runners = {}
        self._lock = threading.Lock()  # an interpreter runs one call at a time
        self.signatures = {name: sorted(parts['inputs'])
                           for name, parts in self._interpreter.get_signature_list().items()}

    def run_unnamed(self, *inputs):
        """Runs a model that has no signatures, as files of other people often have none.

        Args:
            *inputs: Arrays in the model's order, of the shapes and kinds that it declares.
        Returns:
            List of arrays in the model's order.
        Raises:
            LiteRTError: If an input does not fit.
        """
        try:
            with self._lock:
                for tensor, value in zip(self._interpreter.get_input_details(), inputs, strict=True):
                    self._interpreter.set_tensor(tensor['index'], value)
                self._interpreter.invoke()
                return [self._interpreter.get_tensor(tensor['index'])
                        for tensor in self._interpreter.get_output_details()]
        except (ValueError, RuntimeError) as error:
            sizes = ', '.join(str(np.shape(value)) for value in inputs)
            raise LiteRTError(f'{self._name} failed with {sizes}: '
                              f'{" ".join(str(error).split())[:200]}.') from error

    def run(self, signature, **inputs):
        """Runs a signature.

        Args:
            signature: A name of `signatures`.
            **inputs: Arrays by name; height and width may differ from call to call.
        Returns:
            Dict name -> array.
        Raises:
            LiteRTError: If there is no such signature, an input does not fit, or the memory does not suffice.
        """
        if signature not in self.signatures:
            raise LiteRTError(f'{self._name} has no signature {signature!r}. It has: '
                              f'{", ".join(sorted(self.signatures)) or "none"}.')
        try:
            with self._lock:
                if signature not in self._runners:
                    self._runners[signature] = self._interpreter.get_signature_runner(signature)
                return self._runners[signature](**inputs)
        except (ValueError, RuntimeError, MemoryError) as error:
            sizes = ', '.join(f'{name} {np.shape(value)}' for name, value in sorted(inputs.items()))
            raise LiteRTError(f'{self._name} failed in {signature!r} with {sizes}: '
                              f'{" ".join(str(error).split())[:200]}.') from error


def read_model(model, name):
    """The bytes of a LiteRT model, given as such or as a path; raises LiteRTError where it is none."""
    data = model if isinstance(model, bytes) else _read(pathlib.Path(model))
    # The interpreter trusts what it maps: these four letters keep other files out.
    if data[4:8] != b'TFL3':
        raise LiteRTError(f'{name} is no LiteRT model, or a damaged one. Export or copy it again.')
    return data


def _open(model, threads, name):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise LiteRTError(MISSING if not is_available() else
                          f'The package ai-edge-litert cannot be loaded ({error}). Install it again.') from error
    data = read_model(model, name)
    try:
        interpreter = Interpreter(model_content=data, num_threads=threads)
        # The first signature's memory, so that the line LiteRT writes to stderr once a process comes while loading,
        # where commands turn it away. Networks of free size fail here, which means nothing.
        with contextlib.suppress(RuntimeError):
            interpreter.allocate_tensors()
        return interpreter
    except (ValueError, RuntimeError) as error:
        raise LiteRTError(f'{name} is damaged: {" ".join(str(error).split())[:200]}. Export or copy it again.'
                          ) from error


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise LiteRTError(f'{path} cannot be read ({error.strerror}). Export or copy the model again.') from error
