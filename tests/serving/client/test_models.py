"""The API against a running server: answers equal those of the SavedModel in this process."""

import asyncio
import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf

from stylegan_serving import client
from stylegan_serving.client import exchanges
from stylegan_tf import images
from tests import tiny_models


@pytest.fixture(scope='module')
def loaded(served_models):
    """Function (model, signature, inputs) -> outputs of the SavedModel as NumPy arrays."""
    models = {}

    def run(name, signature, **inputs):
        model = models.setdefault(name, tf.saved_model.load(str(served_models / name / '1')))
        return {key: value.numpy() for key, value in model.signatures[signature](
            **{key: tf.constant(value) for key, value in inputs.items()}).items()}

    return run


def test_any_signature_is_checked_sent_and_read_back(connect):
    pair = connect('pair')
    outputs = pair.predict('dtypes', {
        'i32': [1, -2], 'i64': [2**60, 3], 'u8': [255, 0], 'flag': [True, False], 'f64': [0.5, 2],
        'text': ['é', b'\x00\xff']})
    assert {name: (array.dtype, list(array)) for name, array in outputs.items()} == {
        'i32': (np.int32, [1, -2]), 'i64': (np.int64, [2**60, 3]), 'u8': (np.uint8, [255, 0]), 'flag': (bool, [1, 0]),
        'f64': (np.float64, [0.5, 2]), 'text': (object, ['é'.encode(), b'\x00\xff'])}
    outputs = pair.predict('special', {'x': [[0, -1, 2]]})
    np.testing.assert_array_equal(outputs['inv'], [[np.inf, -1, 0.5]])
    np.testing.assert_array_equal(np.isnan(outputs['log']), [[False, True, False]])
    assert pair.predict('mixed', {'x': [[1, 2, 3]]})['total'] == 6  # a scalar, which row format would refuse
    np.testing.assert_array_equal(pair.predict('unbatched', {'x': [1, 2, 3]})['y'], [101, 104, 109])
    large = np.arange(300, dtype=np.float32).reshape(100, 3)
    np.testing.assert_allclose(pair.predict('single', {'x': large})['y'], large * [1, 2, 3] + 100, rtol=1e-6)


def test_versions_and_status(connect):
    pair = connect('pair')
    x = {'x': [[1, 2, 3]]}
    assert pair.of('pair', version=1).predict('single', x)['y'][0, 0] == 1
    assert pair.of('pair', version=2).predict('single', x)['y'][0, 0] == 101
    assert pair.metadata().version == 2 and pair.of('pair', version=1).metadata().version == 1
    assert pair.status() == [exchanges.VersionStatus(2, 'AVAILABLE'), exchanges.VersionStatus(1, 'AVAILABLE')]
    with pytest.raises(client.ServerError, match=r'NOT_FOUND: Servable not found for request: Latest\(nope\)'):
        connect('nope').predict('single', x)
    with pytest.raises(client.ServerError, match='Unrecognized servable version label: nope'):
        connect('pair', label='nope').predict('single', x)
    with pytest.raises(client.ServerError, match='NOT_FOUND: Could not find any versions of model nope'):
        connect('nope').status()


def test_bad_rows_are_named_by_a_real_server(connect, pictures):
    files = [pictures.photo.read_bytes(), b'junk', pictures.tall.read_bytes()]
    with pytest.raises(client.RowsError, match='1 of 3 rows were refused: row 1: INVALID_ARGUMENT: Unknown') as caught:
        connect('image').predict('serving_default', {'image_bytes': files, 'strength': [0.5] * 3})
    assert caught.value.rows == [0, 2] and len(caught.value.results['stylized_bytes']) == 2


def test_stylize_equals_the_saved_model(connect, pictures, loaded):
    files = [pictures.photo.read_bytes(), pictures.tall.read_bytes()]
    expected = loaded('style', 'serving_default', content_bytes=files, style_bytes=[pictures.painting.read_bytes()] * 2,
                      strength=[0.7, 0.7])['stylized_bytes']
    results = connect('style').stylize([pictures.photo, files[1]], pictures.painting, strength=0.7)
    assert [result.encoded for result in results] == list(expected)
    assert [result.pixels.shape for result in results] == [(40, 56, 3), (64, 32, 3)]
    single = connect('style').stylize(images.read(pictures.photo), pictures.painting, strength=0)
    np.testing.assert_allclose(single.pixels, images.read(pictures.photo), atol=1)  # strength 0: the content itself
    assert single.anomaly_score is None


def test_pictures_are_turned_upright_before_they_are_sent(connect, pictures):
    turned = connect('style').stylize(pictures.turned, pictures.painting, strength=0)
    assert turned.pixels.shape == (40, 56, 3)
    assert np.abs(turned.pixels.astype(int) - images.read(pictures.photo)).mean() < 3


def test_a_broken_file_is_named_and_nothing_is_sent(pictures, free_port):
    with (client.connect(f'http://127.0.0.1:{free_port()}', model='style') as nowhere,
          pytest.raises(images.ImageError, match=r'broken.jpg: cannot be decoded')):
        nowhere.stylize([pictures.photo, pictures.broken], pictures.painting)


def test_several_styles_are_mixed(connect, pictures, served_models):
    import stylegan_tf as sg
    local = sg.load(served_models / 'style', engine='tensorflow')
    # Without loss: TensorFlow decodes a JPEG file a little differently.
    content, styles = pictures.tall, [pictures.painting, pictures.tall]
    expected = local.stylize(content, styles, style_weights=[3, 1], strength=0.9)
    result = connect('style').stylize(content, styles, style_weights=[3, 1], strength=0.9)
    np.testing.assert_allclose(result.pixels.astype(int), expected, atol=1)


def test_large_pictures_go_in_tiles(address, pictures):
    large = tiny_models.picture(120, 400, 5)
    with (client.connect(address, model='style') as whole,
          client.connect(address, model='style', max_pixels=40_000) as in_tiles):
        expected = whole.stylize([large, pictures.photo], pictures.painting, strength=0.9)
        results = in_tiles.stylize([large, pictures.photo], pictures.painting, strength=0.9)
    assert results[1].encoded == expected[1].encoded
    difference = np.abs(results[0].pixels.astype(int) - expected[0].pixels)
    # Over REST the statistics are those of a reduced picture: colours differ a little, and seams would by more.
    assert difference.max() <= (1 if address.startswith('grpc') else 3) and difference.mean() < 1


def test_score_with_and_without_content(connect, pictures, loaded):
    critic = connect('critic')
    files = [pictures.photo.read_bytes(), pictures.tall.read_bytes()]
    expected = loaded('critic', 'score_bytes', image_bytes=files)
    for row, score in enumerate(critic.score([pictures.photo, pictures.tall])):
        np.testing.assert_allclose(score.anomaly_score, expected['anomaly_score'][row], rtol=1e-6)
        np.testing.assert_allclose(score.p_value, 1 - score.anomaly_score, rtol=1e-6)
        np.testing.assert_allclose(list(score.defect_scores.values()), expected['defect_scores'][row], rtol=1e-6)
        assert list(score.defect_scores) == ['red', 'green', 'blue']
        assert score.anomaly_map.encoded == expected['anomaly_map_bytes'][row]
    assert critic.score(pictures.photo, pictures.photo).anomaly_score == 0
    paired = critic.score([pictures.photo, pictures.tall], [pictures.photo, pictures.painting])
    assert paired[0].anomaly_score == 0 < paired[1].anomaly_score
    with pytest.raises(client.InputError, match='Received: 3 contents for 2 pictures'):
        critic.score([pictures.photo] * 2, [pictures.photo] * 3)


def test_correct_by_a_false_alarm_rate(connect, pictures):
    critic = connect('critic')
    strict = critic.correct(pictures.tall, false_alarm_rate=0)
    assert not strict.accepted and strict.score_after == strict.score_before
    np.testing.assert_array_equal(strict.pixels, images.read(pictures.tall))
    eager = critic.correct(pictures.tall, pictures.painting, false_alarm_rate=1)
    assert eager.accepted and 0 < eager.score_after < 0.6 * eager.score_before
    assert eager.pixels.shape == strict.pixels.shape


def test_generate_repeats_by_seed(connect):
    critic = connect('critic')
    first, again, other = (critic.generate(2, seed=seed, label=1) for seed in (5, 5, 6))
    assert [picture.encoded for picture in first] == [picture.encoded for picture in again]
    assert first[0].encoded != other[0].encoded and first[0].pixels.shape == (6, 8, 3)
    latent = np.zeros((1, 4), np.float32)
    np.testing.assert_array_equal(critic.generate(latent=latent, label=0)[0].pixels, np.full((6, 8, 3), 128))


@pytest.mark.parametrize(('call', 'message'), [
    (lambda style, critic, files: critic.stylize(files.photo, files.tall), "'critic', version 1, has no signature "
     "'serving_default'; it has correct_bytes, .*, score_bytes"),
    (lambda style, critic, files: style.score(files.photo), "has no signature 'score_bytes'; it has code_from_noise"),
    (lambda style, critic, files: style.stylize(files.photo), 'needs style_bytes, which was not given'),
    (lambda style, critic, files: style.stylize(files.photo, files.tall, strength=2), 'from 0 to 1. Received: 2'),
    (lambda style, critic, files: style.of('image').stylize(files.photo, files.tall), 'takes no content_bytes and no '
     'style_bytes; it takes image_bytes, strength'),
    (lambda style, critic, files: style.predict('encode_style', {'style': np.zeros((1, 8, 8, 4))}),
     r'\[\?, \?, \?, 3\]. Received the shape \[1, 8, 8, 4\]')])
def test_what_a_model_cannot_do_is_said(connect, pictures, call, message):
    with pytest.raises(client.InputError, match=message):
        call(connect('style'), connect('critic'), pictures)


def test_threads_share_a_client(connect):
    pair = connect('pair')
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda n: pair.predict('single', {'x': [[n, 0, 0]]})['y'][0, 0], range(40)))
    assert rows == [100 + n for n in range(40)]


def test_asyncio_calls_run_together(address, pictures, loaded):
    async def run():
        async with client.connect_async(address, model='style') as styles:
            pair = styles.of('pair')
            await styles.wait_until_available()
            return await asyncio.gather(
                styles.stylize([pictures.photo, pictures.tall], pictures.painting, strength=0.7), pair.status(),
                *(pair.predict('single', {'x': [[n, 0, 0]]}) for n in range(20)))

    results, status, *rows = asyncio.run(run())
    files = [pictures.photo.read_bytes(), pictures.tall.read_bytes()]
    expected = loaded('style', 'serving_default', content_bytes=files,
                      style_bytes=[pictures.painting.read_bytes()] * 2, strength=[0.7, 0.7])['stylized_bytes']
    assert [result.encoded for result in results] == list(expected)
    assert [entry.version for entry in status] == [2, 1]
    assert [row['y'][0, 0] for row in rows] == [100 + n for n in range(20)]


def test_float16_needs_grpc(connect, address):
    half = {'h': np.array([0.5, 1.5], np.float16)}
    if address.startswith('grpc'):
        assert connect('pair').predict('half', half)['h'].tolist() == [0.5, 1.5]
    else:
        with pytest.raises(client.InputError, match='float16, which REST cannot carry'):
            connect('pair').predict('half', half)


def test_messages_beyond_4_mib_pass(connect):
    invert = connect('image')
    picture = np.tile(tiny_models.picture(60, 60)[None] / np.float32(255), (1, 12, 12, 1)) if invert.server.startswith(
        'grpc') else np.zeros((1, 60, 60, 3), np.float32)
    np.testing.assert_allclose(invert.predict('invert', {'image': picture})['image'], 1 - picture, atol=1e-6)


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'server': 'localhost:8500'}, r'grpc://HOST:PORT.*Received: .localhost:8500'),
    ({'server': 'grpc://localhost'}, 'Received'), ({'server': 'ftp://a:1'}, 'Received'),
    ({'server': 'http://a:99999'}, 'Received'), ({'server': 'grpc://a:1/path'}, 'Received'),
    ({'version': 1, 'label': 'stable'}, 'a version or a label, not both'),
    ({'version': -1}, 'whole number'), ({'model': ''}, 'have names'), ({'label': ''}, 'have names'),
    ({'deadline': 3}, "Unknown option 'deadline'. Options: ca_file, deadline_seconds"), ({'max_rows': 0}, 'from 1 up')])
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(client.InputError, match=message):
        client.connect(**{'server': 'http://localhost:1', 'model': 'pair', **arguments})


def test_calls_without_a_model_are_refused():
    with client.connect('http://localhost:1') as plain, pytest.raises(client.InputError, match='needs a model'):
        plain.metadata()
