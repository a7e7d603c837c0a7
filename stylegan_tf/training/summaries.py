"""TensorBoard files of a run: the numbers of metrics.jsonl and the sample pictures."""

from stylegan_tf import images


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

        with self._open().as_default(step=row['step']):
            for name, value in row.items():
                if name != 'step' and value is not None:
                    tf.summary.write(name, tf.constant(value, tf.float32),
                                     metadata=_kind('scalars', 'DATA_CLASS_SCALAR'))

    def snapshot(self, step, metrics, picture):
        """Writes the sample picture, uint8 [H, W, 3] or None, and brings all to disk."""
        import tensorflow as tf

        with self._open().as_default(step=step):
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

    def _open(self):
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        return self._writer


def _kind(plugin, data_class):
    import tensorflow as tf

    kind = tf.compat.v1.SummaryMetadata(
        data_class=tf.compat.v1.SummaryMetadata.DESCRIPTOR.fields_by_name['data_class']
        .enum_type.values_by_name[data_class].number)
    kind.plugin_data.plugin_name = plugin
    return kind
