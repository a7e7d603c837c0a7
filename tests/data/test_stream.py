"""stream and pipeline: sample i depends on (seed, i) alone, whoever computes it."""

import itertools
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from stylegan_tf import data, images
from stylegan_tf.data import pipeline

SIZE = (16, 24)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Content: 7 flat colours. Style: 5 noises in two classes."""
    root = tmp_path_factory.mktemp('pictures')
    for number in range(7):
        images.save(root / f'content/{number}.png',
                    np.full((20, 30, 3), [10 * number, 5, 0], np.uint8))
    rng = np.random.default_rng(0)
    for number in range(5):
        images.save(root / f'style/{"ab"[number % 2]}/{number}.png',
                    rng.integers(0, 256, (40, 32, 3), np.uint8))
    return root


@pytest.fixture(scope='module')
def stream(folder):
    return make(folder)


def make(folder, seed=3):
    sources = {'content': data.load(folder / 'content'), 'style': data.load(folder / 'style')}
    style = data.Augmentation(crop_scale=(0.5, 1), hue=0.5)
    return data.SampleStream(sources, SIZE, {'style': style}, seed=seed)


def assert_equal(left, right):
    assert left.keys() == right.keys()
    for key in left:
        np.testing.assert_array_equal(left[key], right[key], err_msg=key)


def test_a_sample_depends_on_seed_and_position_alone(folder, stream):
    again = make(folder)
    for position in (11, 2, 10 ** 12, 2):
        assert_equal(stream.sample(position), again.sample(position))
    other = make(folder, seed=4)
    assert any(not np.array_equal(stream.sample(i)['style'], other.sample(i)['style'])
               for i in range(3))


def test_skipped_samples_are_replaced_and_no_others(folder, stream):
    skipping = make(folder)
    skipping.skip(4, 2)
    for position in (3, 6):
        assert_equal(skipping.sample(position), stream.sample(position))
    for position in (4, 5):
        assert not np.array_equal(skipping.sample(position)['style'], stream.sample(position)['style'])
    whole = stream.names(2, 8)
    for role, names in skipping.names(2, 8).items():
        assert names[:2] == whole[role][:2] and names[4:] == whole[role][4:]
    skipping.skip(4, 2)
    again = make(folder)
    again.skip(4, 2)
    assert_equal(skipping.batch(3, 4), again.batch(3, 4))


def test_every_role_visits_all_its_pictures_each_epoch(stream):
    for role, count in (('content', 7), ('style', 5)):
        for epoch in range(3):
            positions = range(epoch * count, (epoch + 1) * count)
            assert sorted(stream.index(role, p) for p in positions) == list(range(count))
    orders = {role: [stream.index(role, p) for p in range(35)] for role in stream.roles}
    assert orders['content'][:7] != orders['content'][7:14]
    reds = [int(stream.sample(p)['content'][0, 0, 0]) // 10 for p in range(14)]
    assert reds == orders['content'][:14]


def test_a_picture_is_augmented_anew_each_time(stream):
    views = [stream.sample(p)['style'] for p in range(10) if stream.index('style', p) == 0]
    assert len(views) == 2 and not np.array_equal(views[0], views[1])


def test_batches_are_stacked_samples_with_the_styles_labels(stream):
    batch = stream.batch(4, 3)
    assert {key: (value.shape, value.dtype.name) for key, value in batch.items()} == {
        'content': ((3, 16, 24, 3), 'uint8'), 'style': ((3, 16, 24, 3), 'uint8'),
        'label': ((3,), 'int32')}
    for offset in range(3):
        assert_equal({key: value[offset] for key, value in batch.items()},
                     stream.sample(4 + offset))
    names = stream.names(4, 3)
    assert [name[0] for name in names['style']] == ['ab'[label] for label in batch['label']]
    assert [int(name[0]) * 10 for name in names['content']] == batch['content'][:, 0, 0, 0].tolist()


def test_label_of_other_roles(folder):
    style = data.load(folder / 'style')
    for role in ('image', 'content'):
        only = data.SampleStream({role: style}, SIZE)
        assert only.sample(0)['label'] == style.labels[only.index(role, 0)]
        assert set(only.sample(0)) == {role, 'label'}
    with pytest.raises(data.DataError, match='at least one source'):
        data.SampleStream({}, SIZE)
    with pytest.raises(data.DataError, match='augmentation for photo, but only for image'):
        data.SampleStream({'image': style}, SIZE, {'photo': data.Augmentation()})


def test_batches_start_anywhere_and_run_on(stream):
    batches = list(itertools.islice(
        data.to_batches(stream, start=5, batch_size=4, prefetch=3, threads=3), 6))
    for number, batch in enumerate(batches):
        assert_equal(batch, stream.batch(5 + 4 * number, 4))
    # A run that resumes after two steps sees what the first one would have seen.
    resumed = next(data.to_batches(stream, start=5 + 2 * 4, batch_size=4, prefetch=0, threads=1))
    assert_equal(resumed, batches[2])


def test_shards_together_are_the_global_batch(stream):
    parts = [itertools.islice(data.to_batches(stream, start=8, batch_size=6, shard=(r, 3)), 4)
             for r in range(3)]
    for number, slices in enumerate(zip(*parts, strict=True)):
        joined = {key: np.concatenate([part[key] for part in slices]) for key in slices[0]}
        assert_equal(joined, stream.batch(8 + 6 * number, 6))
    for batch_size, shard in ((6, (0, 4)), (6, (3, 3)), (0, (0, 1))):
        with pytest.raises(data.DataError, match='multiple of the number of workers'):
            data.to_batches(stream, start=0, batch_size=batch_size, shard=shard)
        with pytest.raises(data.DataError, match='multiple of the number of workers'):
            data.to_tf_dataset(stream, start=0, batch_size=batch_size, shard=shard)


def test_tf_dataset_holds_the_same_as_floats(stream):
    dataset = data.to_tf_dataset(stream, start=7, batch_size=6, shard=(1, 2))
    spec = dataset.element_spec
    assert {key: (tuple(value.shape), value.dtype.name) for key, value in spec.items()} == {
        'content': ((3, 16, 24, 3), 'float32'), 'style': ((3, 16, 24, 3), 'float32'),
        'label': ((3,), 'int32')}
    for _ in range(2):  # each iterator starts anew
        for number, batch in enumerate(dataset.take(3)):
            expected = stream.batch(7 + 6 * number + 3, 3)
            np.testing.assert_array_equal(batch['label'], expected.pop('label'))
            for role, pixels in expected.items():
                np.testing.assert_allclose(batch[role], images.to_float(pixels), atol=1e-6)


def test_tensors_are_the_elements_of_the_dataset(stream):
    options = {'start': 7, 'batch_size': 6, 'shard': (1, 2)}
    for batch, expected in zip(data.to_tensors(stream, **options), data.to_tf_dataset(stream, **options).take(2)):
        assert batch.keys() == expected.keys()
        for key, value in expected.items():
            assert batch[key].dtype == value.dtype
            np.testing.assert_allclose(batch[key], value, atol=1e-6)


def test_errors_reach_the_consumer(folder, tmp_path):
    for number in range(4):
        content = (folder / 'content/1.png').read_bytes()
        (tmp_path / f'{number}.png').write_bytes(content[:content.index(b'IDAT') + 8])
    stream = data.SampleStream({'image': data.load(tmp_path)}, SIZE)
    with pytest.raises(data.DataError, match=r'4 pictures (are bad|can be decoded)'):
        next(data.to_batches(stream, start=0, batch_size=2))
    with pytest.raises(Exception, match=r'4 pictures (are bad|can be decoded)'):
        next(iter(data.to_tf_dataset(stream, start=0, batch_size=2)))
    with pytest.raises(data.DataError, match=r'4 pictures (are bad|can be decoded)'):
        next(data.to_tensors(stream, start=0, batch_size=2))


def test_an_abandoned_generator_stops_its_threads(stream):
    import threading
    batches = data.to_batches(stream, start=0, batch_size=2, threads=2)
    next(batches)
    workers = [t for t in threading.enumerate() if t.name.startswith('stylegan_tf_data')]
    assert workers
    batches.close()
    for worker in workers:
        worker.join(10)
    assert not any(worker.is_alive() for worker in workers)


@pytest.mark.slow
def test_a_process_ends_while_batches_are_being_made(folder):
    program = textwrap.dedent(f'''
        import itertools
        from stylegan_tf import data
        source = data.load({str(folder / "content")!r})
        stream = data.SampleStream({{'image': source}}, (256, 256), seed=1)
        iterator = iter(data.to_tf_dataset(stream, start=0, batch_size=16, prefetch=8))
        print(next(iterator)['image'].shape)
    ''')
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            timeout=120, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert '(16, 256, 256, 3)' in result.stdout


def test_the_package_needs_no_tensorflow_for_batches(folder):
    program = textwrap.dedent(f'''
        import sys
        from stylegan_tf import data
        stream = data.SampleStream({{'image': data.load({str(folder / "style")!r})}}, (8, 8))
        next(data.to_batches(stream, start=0, batch_size=2))
        assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules
    ''')
    subprocess.run([sys.executable, '-c', program], check=True, timeout=60)


def test_threads_default_is_bounded(stream, monkeypatch):
    monkeypatch.setattr(pipeline.cores, 'available', lambda: 500)
    batches = data.to_batches(stream, start=0, batch_size=64, prefetch=0)
    next(batches)
    import threading
    workers = [t for t in threading.enumerate() if t.name.startswith('stylegan_tf_data')]
    batches.close()
    assert 0 < len(workers) <= 16


def test_samples_do_not_depend_on_what_is_in_memory(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        coarse = rng.integers(0, 256, (20, 30, 3), np.uint8)
        images.save(tmp_path / f'{number}.jpg', images.resize(coarse, (200, 300)))
    kept, read_anew = (data.SampleStream({'image': data.load(tmp_path, cache_bytes=size)}, (32, 32),
                                         {'image': data.Augmentation(crop_scale=(0.2, 0.5))}, seed=1)
                       for size in (1 << 30, 0))
    for position in (*range(12), *range(12)):
        assert_equal(kept.sample(position), read_anew.sample(position))
    factors = {factor for _, factor in kept.sources['image']._cache._items}
    assert factors == {1, 2}  # large crops came from pictures that were decoded smaller
