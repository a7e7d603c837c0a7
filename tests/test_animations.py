import cv2
import numpy as np
import pytest
from PIL import Image

from stylegan_tf import animations
from stylegan_tf.images import ImageError


def frames(count=4, height=33, width=40):
    for index in range(count):
        yield np.full((height, width, 3), (60 * index, 20, 200 - 50 * index), np.uint8)


def test_gif_has_each_frame_and_its_time(tmp_path):
    assert animations.write(tmp_path / 'new' / 'walk.gif', frames(), 10) == 4
    with Image.open(tmp_path / 'new' / 'walk.gif') as film:
        assert film.n_frames == 4 and film.info['duration'] == 100 and film.info['loop'] == 0
        film.seek(2)
        np.testing.assert_allclose(np.array(film.convert('RGB'))[5, 5], (120, 20, 100), atol=8)


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_videos_have_each_frame_in_its_colours(tmp_path, suffix):
    path = tmp_path / f'walk{suffix}'
    assert animations.write(path, frames(), 12) == 4
    film = cv2.VideoCapture(str(path))
    found = [film.read()[1] for _ in range(4)]
    assert not film.read()[0] and film.get(cv2.CAP_PROP_FPS) == 12
    assert found[0].shape == (34, 40, 3)  # codecs want even sides
    for expected, frame in zip(frames(), found):
        np.testing.assert_allclose(frame[10, 10, ::-1].astype(int), expected[10, 10], atol=12)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_what_is_no_film_is_refused_and_leaves_nothing(tmp_path):
    for path, pictures, message in ((tmp_path / 'walk.mov', frames(), r'\.gif, \.mp4, \.avi. Received: \.mov'),
                                    (tmp_path / 'walk.gif', [], 'at least one frame'),
                                    (tmp_path / 'walk.gif', [*frames(1), *frames(1, 20)], r'one size.*\[20, 40, 3\]')):
        with pytest.raises(ImageError, match=message):
            animations.write(path, pictures)
    assert not list(tmp_path.iterdir())
