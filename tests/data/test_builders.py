"""tfds: sources, with small data sets that TensorFlow Datasets itself prepares here."""

import numpy as np
import pytest

from stylegan_tf import data

tfds = pytest.importorskip('tensorflow_datasets')

COUNT = 12


def pixels(number):
    return np.full((8, 6, 1), 20 * number, np.uint8)


class TinyDigits(tfds.core.GeneratorBasedBuilder):
    """Grey pictures of three classes, like MNIST."""

    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({
            'image': tfds.features.Image(shape=(8, 6, 1)),
            'label': tfds.features.ClassLabel(names=['zero', 'one', 'two'])}))

    def _split_generators(self, dl_manager):
        return {'train': self._generate_examples(0, COUNT), 'test': self._generate_examples(0, 2)}

    def _generate_examples(self, start, stop):
        for number in range(start, stop):
            yield number, {'image': pixels(number), 'label': number % 3}


class TinyPhotos(tfds.core.GeneratorBasedBuilder):
    """Two configurations, file names, no class, no split called train."""

    VERSION = tfds.core.Version('1.0.0')
    BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name=name) for name in ('small', 'large')]

    def _info(self):
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({
            'photo': tfds.features.Image(shape=(None, None, 3)),
            'file_name': tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {'trainA': self._generate_examples()}

    def _generate_examples(self):
        side = 5 if self.builder_config.name == 'small' else 50
        for number in range(3):
            yield number, {'photo': np.full((side, side, 3), number, np.uint8),
                           'file_name': f'photo {number}.png'}


class TinyText(tfds.core.GeneratorBasedBuilder):
    """No pictures; needs a download, which never works."""

    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({'text': tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        if self._download:
            dl_manager.download('http://127.0.0.1:9/text.zip')
        return {'train': iter([(0, {'text': 'a'})])}

    def _generate_examples(self):
        raise NotImplementedError

    _download = True


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp('tfds')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TinyText, '_download', False)
        for builder in (TinyDigits(data_dir=folder), TinyText(data_dir=folder),
                        TinyPhotos(data_dir=folder, config='small'),
                        TinyPhotos(data_dir=folder, config='large')):
            builder.download_and_prepare()
    return folder


@pytest.fixture
def data_folder(prepared, monkeypatch):
    monkeypatch.setenv('TFDS_DATA_DIR', str(prepared))
    return prepared


def test_grey_pictures_become_rgb_with_their_classes(data_folder):
    source = data.load('tfds:tiny_digits')
    assert len(source) == COUNT and source.label_names == ('zero', 'one', 'two')
    assert source.spec == 'tfds:tiny_digits' and len(set(source.names)) == COUNT
    numbers = []
    for record in source:
        number = int(record.image[0, 0, 0]) // 20
        np.testing.assert_array_equal(record.image, np.repeat(pixels(number), 3, axis=2))
        assert record.label == number % 3
        numbers.append(number)
    assert sorted(numbers) == list(range(COUNT))  # the builder shuffles them
    assert data.load('tfds:tiny_digits').fingerprint == source.fingerprint


def test_splits_and_slices(data_folder):
    whole = data.load('tfds:tiny_digits:train').names
    assert len(data.load('tfds:tiny_digits:test')) == 2
    first = data.load('tfds:tiny_digits:train[:75%]').names
    rest = data.load('tfds:tiny_digits:train[75%:]').names
    assert first == whole[:9] and rest == whole[9:]
    with pytest.raises(data.DataError, match=r"no split 'valid'. Its splits: .*train"):
        data.load('tfds:tiny_digits:valid')


def test_configurations_and_file_names(data_folder):
    source = data.load('tfds:tiny_photos/large')
    assert sorted(source.names) == ['photo 0.png', 'photo 1.png', 'photo 2.png']
    assert source[0].image.shape == (50, 50, 3) and source.labels.tolist() == [-1] * 3
    assert source.label_names == ()
    assert data.load('tfds:tiny_photos/small:trainA')[0].image.shape == (5, 5, 3)
    with pytest.raises(data.DataError, match='tfds:tiny_photos/large, tfds:tiny_photos/small'):
        data.load('tfds:tiny_photos')


def test_data_without_pictures(data_folder):
    with pytest.raises(data.DataError, match=r'has no pictures\. Its features: text'):
        data.load('tfds:tiny_text')


def test_downloads_fail_after_few_retries(tmp_path, monkeypatch):
    from tensorflow_datasets.core.download import downloader
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    usual, during = downloader.MAX_RETRIES, []
    monkeypatch.setattr(TinyText, 'download_and_prepare',
                        lambda self: during.append(downloader.MAX_RETRIES) or 1 / 0)
    with pytest.raises(data.DataError, match='ZeroDivisionError'):
        data.load('tfds:tiny_text')
    assert during == [5]
    assert usual == downloader.MAX_RETRIES


def test_a_failing_download_gives_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    for spec in ('tfds:tiny_text', 'tfds:no_such_data_set_anywhere'):
        name = spec.partition(':')[2]
        with pytest.raises(data.DataError) as caught:
            data.load(spec)
        message = str(caught.value)
        assert message.startswith(f"{spec}: no data set '{name}' is prepared below {tmp_path}")
        assert f'tfds build {name}' in message and 'TFDS_DATA_DIR' in message
        assert '\n' not in message


def test_a_prepared_data_set_needs_no_builder_class(data_folder, monkeypatch):
    monkeypatch.setattr(tfds.core.registered, '_DATASET_REGISTRY', {})
    assert len(data.load('tfds:tiny_digits')) == COUNT


def test_an_empty_name():
    with pytest.raises(data.DataError, match="expected 'tfds:NAME"):
        data.load('tfds:')
