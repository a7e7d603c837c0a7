"""What the studio does behind its page: pictures made and judged, and what it says of bad uploads."""

import string
import struct
import zlib

import numpy as np
import pytest

from stylegan_serving.studio import texts, workshop
from stylegan_tf import anomaly_models, api, identity_floor, images, look_models, looks
from stylegan_tf.data import defects


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Folder of photo.png (72x96), look.png, other.png, and files that are none."""
    folder = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for name, size in (('photo', (72, 96, 3)), ('look', (64, 64, 3)), ('other', (64, 80, 3))):
        images.save(folder / f'{name}.png', rng.integers(0, 256, size, np.uint8))
    images.save(folder / 'whole.jpg', rng.integers(0, 256, (200, 200, 3), np.uint8))
    (folder / 'damaged.jpg').write_bytes((folder / 'whole.jpg').read_bytes()[:2000])
    (folder / 'empty.jpg').write_bytes(b'')
    (folder / 'text.jpg').write_text('no picture')
    header = b'IHDR' + struct.pack('>IIBBBBB', 20_000, 20_000, 8, 2, 0, 0, 0)
    (folder / 'huge.png').write_bytes(b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + header
                                      + struct.pack('>I', zlib.crc32(header)) + struct.pack('>I', 0) + b'IDAT')
    return folder


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    return workshop.Workshop(folder=tmp_path_factory.mktemp('results'))


def test_a_result_has_its_metadata_its_size_and_two_previews_that_match(shop, pictures):
    shares = []
    made = shop.make(workshop.Request(pictures / 'photo.png', (pictures / 'look.png', pictures / 'other.png'),
                                      strength=0.5, side=64, shares='2, 1'), tell=shares.append)
    pixels = images.read(made.result)
    assert pixels.shape == (48, 64, 3) == (*made.size, 3)
    assert images.check_header(made.before) == images.check_header(made.after) == made.size
    said = images.read_metadata(made.result)
    assert (said['Model'], said['Strength'], said['Styles']) == ('arbitrary_style', '0.5', 'look.png, other.png')
    assert said['ModelHash'] and made.result.name == 'photo_arbitrary_style.png' and made.takes_style
    content = images.fit_within(images.read(pictures / 'photo.png'), 64)
    assert np.abs(pixels.astype(int) - content).mean() > 2  # it did something
    same = shop.make(workshop.Request(pictures / 'photo.png', (pictures / 'look.png',), strength=0.0, side=0))
    assert np.abs(images.read(same.result).astype(int) - images.read(pictures / 'photo.png')).max() <= 1


def test_an_imagined_look_needs_no_pictures_and_depends_on_its_number(shop, pictures):
    assert shop.dials('arbitrary_style').can_imagine
    results = [images.read(shop.make(workshop.Request(pictures / 'photo.png', seed=seed, side=64)).result)
               for seed in (1, 1, 2)]
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


@pytest.mark.parametrize(('changes', 'key'), [
    ({'portrait': None}, 'no_portrait'), ({'portrait': 'empty.jpg'}, 'empty'),
    ({'portrait': 'text.jpg'}, 'not_a_picture'), ({'portrait': 'damaged.jpg'}, 'damaged'),
    ({'portrait': 'huge.png'}, 'huge'), ({'portrait': 'absent.png'}, 'gone'),
    ({'looks': ('damaged.jpg',)}, 'damaged'), ({'mask': 'text.jpg'}, 'not_a_picture'), ({'looks': ()}, 'no_looks'),
    ({'shares': '1'}, 'bad_shares'), ({'shares': '1, x'}, 'bad_shares'), ({'shares': '0, 0'}, 'bad_shares'),
    ({'model': '/etc'}, 'no_model'), ({'strength': 1.5}, 'model_failed'), ({'direction': 'back'}, 'model_failed')])
def test_what_the_user_can_put_right_is_said_in_both_languages(shop, pictures, changes, key):
    request = {'portrait': 'photo.png', 'looks': ('look.png', 'other.png'), **changes}
    for name in ('portrait', 'mask'):
        if request.get(name):
            request[name] = pictures / request[name]
    request['looks'] = tuple(pictures / look for look in request['looks'])
    with pytest.raises(workshop.StudioError) as caught:
        shop.make(workshop.Request(**request))
    assert caught.value.key == key
    said = [caught.value.text(language) for language in texts.LANGUAGES]
    assert len(set(said)) == len(texts.LANGUAGES) and not any('{' in text for text in said)
    if 'file' in caught.value.values:
        assert all(caught.value.values['file'] in text and str(pictures) not in text for text in said)


class _Critic:
    """Stands in for the model that ships, which takes a minute to load; keeps what it was asked."""

    def score(self, image, content=None, style=None, *, false_alarm_rate):
        self.asked = image.shape, content.shape, None if style is None else style.shape
        return anomaly_models.Score(0.75, 0.01, false_alarm_rate, {'jpeg': 0.9, 'noise': 0.1}, {},
                                    np.ones(image.shape[:2], np.float32), 99)


def test_a_result_is_judged_beside_the_photograph_and_a_single_look(shop, pictures, monkeypatch):
    critic, load = _Critic(), workshop._load
    monkeypatch.setattr(workshop, '_load',
                        lambda source, options: critic if source == 'anomaly' else load(source, options))
    one, two = (shop.make(workshop.Request(pictures / 'photo.png', looks, side=64)) for looks in (
        (pictures / 'look.png',), (pictures / 'look.png', pictures / 'other.png')))
    verdict = shop.judge(one)
    assert critic.asked == ((48, 64, 3), (72, 96, 3), (64, 64, 3))
    assert (verdict.score, verdict.is_anomalous, verdict.named, verdict.is_calibrated) == (0.75, True, ('jpeg',), True)
    assert not np.array_equal(images.read(verdict.overlay), images.read(one.result))
    shop.judge(two)
    assert critic.asked[2] is None
    with pytest.raises(workshop.StudioError, match='no result yet'):
        shop.judge(None)


def test_only_models_that_change_pictures_are_shown_and_the_first_given_is_taken_first(tmp_path, shop):
    assert {'arbitrary_style', 'crane', 'gatys'} <= set(shop.sources) and not {'anomaly', 'digits'} & set(shop.sources)
    assert shop.takes_style('arbitrary_style') and not shop.takes_style('crane')
    with pytest.raises(api.ModelError, match='changes no pictures'):
        workshop.Workshop([str(api.PRETRAINED / 'digits')], folder=tmp_path)
    with pytest.raises(api.ModelError, match='neither a folder'):
        workshop.Workshop(['nowhere'], folder=tmp_path)
    base = tmp_path / 'mine' / '3'
    base.mkdir(parents=True)
    (base / 'saved_model.pb').touch()
    extended = workshop.Workshop([str(base), str(base)], folder=tmp_path)
    assert extended.default == 'mine' and list(extended.sources)[-2:] == ['mine', str(base)]


def test_both_languages_say_the_same_things():
    english, chinese = texts.TEXTS['en'], texts.TEXTS['zh']
    assert list(english) == list(chinese)
    for key, text in english.items():
        if isinstance(text, dict):
            assert key in ('defects', 'purposes') or list(text) == list(chinese[key])
        else:
            assert _fields(text) == _fields(chinese[key]), key
    assert set(chinese['defects']) == set(defects.DEFECTS)
    assert set(workshop.api.shipped_models()) >= set(chinese['purposes'])


def _fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(('header', 'language'), [
    ('zh-CN,zh;q=0.9,en;q=0.8', 'zh'), ('de,en;q=0.7,zh;q=0.8', 'zh'), ('en-US,en;q=0.9,zh;q=0.8', 'en'),
    ('fr', 'en'), ('', 'en'), (None, 'en'), ('zh;q=x,en', 'en')])
def test_the_browser_chooses_the_language(header, language):
    assert texts.preferred(header) == language


def test_a_photographic_look_comes_with_its_table(shop, pictures):
    made = shop.make(workshop.Request(pictures / 'photo.png', (pictures / 'look.png',), 'photographic_look', side=0))
    table = looks.read_cube(made.table)
    assert table.shape == (33, 33, 33, 3) and made.table.name == 'photo_photographic_look.cube'
    plain = shop.make(workshop.Request(pictures / 'photo.png', (pictures / 'look.png',), side=64))
    assert plain.table is None


def test_faces_are_held_to_the_floor_of_the_model(shop, pictures, monkeypatch):
    class Floor:
        def __init__(self, floor):
            assert floor == 0.3

        def hold(self, content, result):
            return content, [identity_floor.Outcome((0, 0, 9, 9), 0.9, 0.2, 0.5),
                             identity_floor.Outcome((9, 9, 18, 18), 0.1, 0.1, 1.0)]

    request = workshop.Request(pictures / 'photo.png', (pictures / 'look.png',), 'photographic_look', side=0)
    assert shop.make(request).held == 0
    monkeypatch.setattr(identity_floor, 'IdentityFloor', Floor)
    monkeypatch.setattr(look_models.LookModel, 'identity_floor', 0.3)
    made = shop.make(request)
    assert made.held == 1 and np.array_equal(images.read(made.result), images.read(pictures / 'photo.png'))
