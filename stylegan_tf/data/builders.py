"""TensorFlow Datasets: whatever is prepared locally works offline; the rest is downloaded."""

import contextlib
import logging
import os
import pathlib

from stylegan_tf.data import sources, tfrecords

_log = logging.getLogger(__name__)
_NAME_FEATURES = ('image/filename', 'file_name', 'filename', 'image/file_name')


def load(name, *, spec, max_bad_share, cache_bytes, cache_folder=None):
    """Opens 'NAME[/CONFIG][:SPLIT]', SPLIT in TensorFlow Datasets' slicing language.

    The data is looked for in the folder that the environment variable TFDS_DATA_DIR names, or
    ~/tensorflow_datasets; the split is 'train' unless given. Of the features, the picture called
    'image' (or the first picture) and the class called 'label' (or the first class) are read.
    Arguments and errors otherwise as `data.load`.

    Returns:
        A RecordSource.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise sources.DataError(f"{spec}: 'tfds:' needs the package tensorflow-datasets "
                                f'({error}). Run `pip install tensorflow-datasets`.') from error
    name, _, split = name.partition(':')
    if not name:
        raise sources.DataError(f"{spec}: expected 'tfds:NAME[/CONFIG][:SPLIT]', such as "
                                "'tfds:mnist:train'.")
    builder = _builder(tfds, name, spec)
    keys, label_names = _features(tfds, builder, spec)
    shards = []
    for instruction in _instructions(builder, split, spec):
        shard = tfrecords.scan(instruction.filename, keys=keys, cache_folder=cache_folder)
        shards.append(shard.part(instruction.skip, instruction.take))
    return tfrecords.RecordSource(shards, keys=keys, label_names=label_names, spec=spec,
                                  max_bad_share=max_bad_share, cache_bytes=cache_bytes)


def _data_folder(tfds):
    folder = os.environ.get('TFDS_DATA_DIR') or tfds.core.constants.DATA_DIR
    return pathlib.Path(folder).expanduser()


def _builder(tfds, name, spec):
    """The builder, from local files alone where they are there, else downloaded."""
    folder = _data_folder(tfds)
    prepared = _prepared_folder(folder, name, spec)
    if prepared is not None:
        return tfds.builder_from_directory(prepared)
    _log.warning('%s: nothing is prepared below %s; trying to download it', spec, folder)
    try:
        builder = tfds.builder(name, data_dir=folder, file_format='tfrecord')
        with _few_retries():
            builder.download_and_prepare()
    # TensorFlow Datasets passes on what its many downloaders and builders raise.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [''])[0]
        raise sources.DataError(
            f'{spec}: no data set {name!r} is prepared below {folder}, and it could not be '
            f'downloaded and prepared ({type(error).__name__}: {reason:.200}). Prepare it on a '
            f'machine with network by `tfds build {name}` and copy it there, or set '
            'TFDS_DATA_DIR to the folder that holds it.') from error
    return builder


@contextlib.contextmanager
def _few_retries():
    """Without network, TensorFlow Datasets' ten retries take 200 seconds to fail; five take 6."""
    from tensorflow_datasets.core.download import downloader
    usual = getattr(downloader, 'MAX_RETRIES', 10)
    downloader.MAX_RETRIES = 5
    try:
        yield
    finally:
        downloader.MAX_RETRIES = usual


def _prepared_folder(data_folder, name, spec):
    """The newest version's folder of a prepared data set, or None."""
    versions = _versions(data_folder / name)
    if not versions and '/' not in name:
        configs = [config for config in sorted(data_folder.glob(f'{name}/*')) if _versions(config)]
        if len(configs) > 1:
            raise sources.DataError(
                f'{spec}: several configurations are prepared below {data_folder}. Name one: '
                f'{", ".join(f"tfds:{name}/{config.name}" for config in configs)}.')
        versions = _versions(configs[0]) if configs else []
    return versions[-1] if versions else None


def _versions(folder):
    """Folders of prepared versions, oldest first."""
    found = [file.parent for file in folder.glob('*/dataset_info.json')
             if file.parent.name.replace('.', '').isdigit()]
    return sorted(found, key=lambda path: [int(part) for part in path.name.split('.')])


def _features(tfds, builder, spec):
    """(FeatureKeys, class names)."""
    file_format = getattr(builder.info.file_format, 'value', str(builder.info.file_format))
    if file_format != 'tfrecord':
        raise sources.DataError(f'{spec}: is prepared as {file_format}, but only tfrecord can be '
                                "read. Prepare it again with file_format='tfrecord'.")
    features = dict(builder.info.features.items())
    pictures = [key for key, feature in features.items()
                if isinstance(feature, tfds.features.Image)]
    if not pictures:
        raise sources.DataError(f'{spec}: has no pictures. Its features: {", ".join(features)}.')
    classes = [key for key, feature in features.items()
               if isinstance(feature, tfds.features.ClassLabel)]
    label = 'label' if 'label' in classes else next(iter(classes), None)
    keys = tfrecords.FeatureKeys(
        image='image' if 'image' in pictures else pictures[0], label=label, mask=None,
        name=next((key for key in _NAME_FEATURES if key in features), None))
    return keys, tuple(features[label].names or ()) if label else ()


def _instructions(builder, split, spec):
    """The files of a split and which of their records belong to it."""
    splits = builder.info.splits
    split = split or ('train' if 'train' in splits else next(iter(splits)))
    try:
        return splits[split].file_instructions
    except (KeyError, ValueError) as error:
        raise sources.DataError(f'{spec}: has no split {split!r}. Its splits: '
                                f'{", ".join(splits)}; slices such as train[:80%] work.') from error
