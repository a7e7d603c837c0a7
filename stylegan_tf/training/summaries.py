"""TensorBoard files of a run: the numbers of metrics.jsonl and the sample pictures."""

import contextlib

from stylegan_tf import images
from stylegan_tf.training import run_folder


class TensorBoard:
    """An observer of the loop that writes WORKDIR/tensorboard.

    TensorFlow is imported at the first tick. The `tensorboard` package is needed only to look at
    the files: `tf.summary.scalar` and `.image` would need it to write them, `.write` does not.

    Args:
        folder: Where the event files go.
    """

    def __init__(self, folder):
        self._folder = folder
        self._writer = None

    def tick(self, row):
        """Writes every number of a row of metrics.jsonl under its name."""
        import tensorflow as tf

        with self._at(row['step']):
            for name, value in row.items():
                if name != 'step' and isinstance(value, (int, float)):
                    tf.summary.write(name, tf.constant(value, tf.float32),
                                     metadata=_kind('scalars', 'DATA_CLASS_SCALAR'))

    def snapshot(self, step, metrics, picture):
        """Writes the sample picture, uint8 [H, W, 3] or None, and brings all to disk."""
        import tensorflow as tf

        with self._at(step):
            if picture is not None:
                height, width = picture.shape[:2]
                encoded = [str(width).encode(), str(height).encode(), images.encode(picture)]
                tf.summary.write('samples', tf.constant(encoded),
                                 metadata=_kind('images', 'DATA_CLASS_BLOB_SEQUENCE'))
            self._writer.flush()

    def finish(self, outcome):
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()

    @contextlib.contextmanager
    def _at(self, step):
        import tensorflow as tf

        try:
            if self._writer is None:
                self._writer = tf.summary.create_file_writer(str(self._folder))
            with self._writer.as_default(step=step):
                yield
        except tf.errors.OpError as error:
            raise run_folder.RunFolderError(
                f'Cannot write {self._folder}: {error.message}. See that the disk has space and '
                'the folder is writable, and run the same command again.') from error


def _kind(plugin, data_class):
    import tensorflow as tf

    kind = tf.compat.v1.SummaryMetadata(
        data_class=tf.compat.v1.SummaryMetadata.DESCRIPTOR.fields_by_name['data_class']
        .enum_type.values_by_name[data_class].number)
    kind.plugin_data.plugin_name = plugin
    return kind
