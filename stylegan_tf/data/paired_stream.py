"""Pairs of pictures of the same name: the content and what it should become, cut alike."""

import pathlib

from stylegan_tf import images
from stylegan_tf.data import augmentation as augmentations
from stylegan_tf.data import order
from stylegan_tf.data.sources import DataError
from stylegan_tf.data.stream import SampleStream


class PairedStream(SampleStream):
    """An endless sequence of 'content' and the 'style' picture of the same name, in the same crop and flip.

    Names are paths below the two folders without their endings: 'night/bridge.jpg' goes with 'night/bridge.png'.
    Contents without a partner are left out.
    """

    def __init__(self, sources, size, augmentation=None, seed=0):
        """Plans the stream; decodes nothing yet.

        Args:
            sources: dict with a Source under 'content' and one under 'style'.
            size: (height, width) of all pictures, pixels.
            augmentation: Of both pictures of a pair, as of `SampleStream`; None takes the centred crop.
            seed: int.
        Raises:
            DataError: If not one name is in both sources.
        """
        super().__init__(sources, size, {'content': augmentation}, seed)
        self._alike = augmentation
        wanted = {_stem(name): index for index, name in enumerate(sources['style'].names)}
        self._pairs = [(index, wanted[_stem(name)]) for index, name in enumerate(sources['content'].names)
                       if _stem(name) in wanted]
        if not self._pairs:
            raise DataError(
                'Paired training needs pictures of the same names in --data and --style_data. No name is in both: '
                f'{sources["content"].names[0]!r} and {sources["style"].names[0]!r} are the first.')

    def index(self, role, position) -> int:
        pair = order.permuted_index(self._moved(position), len(self._pairs), self._keys['content'])
        return self._pairs[pair][role == 'style']

    def sample(self, position) -> dict:
        # The same draws for both, so that they stay a pair.
        draws, sample = self._draws('pair', position), {}
        side = augmentations.needed_short_side(self.size, draws, self._alike)
        records = {role: source.read(self.index(role, position), min_short_side=side)
                   for role, source in self.sources.items()}
        size = records['content'].image.shape[:2]
        for role, record in records.items():
            image = record.image if record.image.shape[:2] == size else images.resize(record.image, size)
            sample[role] = augmentations.apply(image, self.size, draws, self._alike)
        return {**sample, 'label': records['style'].label}


def _stem(name) -> str:
    return str(pathlib.PurePosixPath(name).with_suffix(''))
