"""From traced TensorFlow functions to the bytes of a LiteRT model. Needs TensorFlow."""

import pathlib
import tempfile

from stylegan_tf import commands
from stylegan_tf.litert import half_weights
from stylegan_tf.litert.runtime import LiteRTError

WEIGHTS = ('float32', 'float16')


def convert(functions, save, *, weights='float32'):
    """Converts functions, each to a signature; constants that several of them read are stored once.

    Args:
        functions: Dict name -> concrete tf function of keyword tensors, of operations that LiteRT has.
        save: Function (functions, folder) that writes their SavedModel. The way through one is the one on which
            variables become constants reliably; compare the result all the same.
        weights: 'float32', or 'float16': half the size, the computation stays float32.
    Returns:
        bytes.
    Raises:
        LiteRTError: If an operation has no LiteRT form; names it.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory(prefix='stylegan_tf_litert_') as folder:
        save(functions, pathlib.Path(folder))
        try:
            with commands.without_native_talk():
                converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=sorted(functions))
                model = converter.convert()
        except tf.errors.OpError as error:
            raise LiteRTError(f'The SavedModel for the conversion cannot be read: {error.message}') from error
        except Exception as error:
            if type(error).__name__ != 'ConverterError':  # a class that TensorFlow does not publish
                raise
            unsupported = [line for line in str(error).splitlines() if 'ops:' in line]
            reason = '; '.join(unsupported) or str(error)[:300]
            raise LiteRTError(f'This model has no LiteRT form: {reason}') from error
    return half_weights.halve(model) if weights == 'float16' else model
