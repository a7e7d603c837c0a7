"""Options, held-out splits, warm starts and the budget."""

import dataclasses

import numpy as np
import pytest

from stylegan_tf import configs, images
from stylegan_tf.data import DataError
from stylegan_tf.training import budget, checkpoints, launcher, splits

from . import tiny


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for role, count in (('photos', 12), ('paintings', 9)):
        for index in range(count):
            images.save(base / role / f'class{index % 2}' / f'{role}{index}.png',
                        rng.integers(0, 256, (20, 24, 3), np.uint8))
    return base


def load(folders, holdout, notes=None):
    return splits.load(str(folders / 'photos'), str(folders / 'paintings'), holdout=holdout,
                       default_share=0.2, max_bad_share=0.1, note=(notes or []).append)


def options(**changes):
    return launcher.Options(**{'preset': 'style_transfer_28', 'workdir': 'w', 'data': 'd',
                               **changes})


def test_options_resolve_to_a_config():
    config = options(settings=('batch_size=4', 'generator_optimizer.learning_rate=0.5'),
                     precision='mixed_bfloat16').config()
    assert (config.batch_size, config.precision) == (4, 'mixed_bfloat16')
    assert config.generator_optimizer.learning_rate == 0.5


@pytest.mark.parametrize('changes, told', [
    ({'strategy': 'cloud'}, "must be one of auto, one_device, mirrored, multi_worker, tpu. Received: 'cloud'"),
    ({'xla': 'maybe'}, 'must be one of auto, on, off'),
    ({'resume': 'always'}, 'must be one of auto, never')])
def test_options_that_do_not_exist_name_those_that_do(changes, told):
    with pytest.raises(launcher.OptionError, match=told):
        options(**changes).config()


def test_a_share_is_held_out_of_each_source(folders):
    notes = []
    data = splits.load(str(folders / 'photos'), str(folders / 'paintings'), holdout='0.3',
                       default_share=0.2, max_bad_share=0.1, note=notes.append)
    training, held_out = data.of_roles(('content', 'style'))
    for role, count in (('content', 12), ('style', 9)):
        assert len(training[role]) + len(held_out[role]) == count
        assert not set(training[role].names) & set(held_out[role].names)
    assert any('held out' in note for note in notes)
    assert data.label_names == ('class0', 'class1')


def test_names_in_a_file_are_held_out_of_whichever_source_has_them(folders, tmp_path):
    (tmp_path / 'names.txt').write_text('# kept for the table\nphotos3.png\nclass1/paintings5.png\n')
    _, held_out = load(folders, str(tmp_path / 'names.txt')).of_roles(('content', 'style'))
    assert held_out['content'].names == ('class1/photos3.png',)
    assert held_out['style'].names == ('class1/paintings5.png',)


def test_a_source_without_listed_names_falls_back_to_the_share(folders, tmp_path):
    (tmp_path / 'names.txt').write_text('photos3.png\n')
    training, held_out = load(folders, str(tmp_path / 'names.txt')).of_roles(('content', 'style'))
    assert len(held_out['content']) == 1
    assert len(held_out['style']) >= 1 and len(training['style']) >= 1


@pytest.mark.parametrize('text, told', [
    ('names-nowhere.png', r'in no source: names-nowhere\.png'), ('', 'names no picture')])
def test_a_file_of_unknown_or_no_names_is_refused(folders, tmp_path, text, told):
    (tmp_path / 'names.txt').write_text(text)
    with pytest.raises(splits.HoldoutError, match=told):
        load(folders, str(tmp_path / 'names.txt'))


@pytest.mark.parametrize('holdout', ['1.5', '0', 'no-such-file.txt'])
def test_other_values_of_holdout_are_refused(holdout):
    with pytest.raises(splits.HoldoutError, match='--holdout must'):
        splits.parse_holdout(holdout, 0.1)


def test_one_source_serves_both_roles(folders):
    data = splits.load(str(folders / 'photos'), holdout=None, default_share=0.2, max_bad_share=0.1)
    training, _ = data.of_roles(('content', 'style'))
    assert training['content'] is training['style']
    assert data.fingerprints().keys() == {'data'}


def test_errors_of_the_data_are_meant_for_the_user(tmp_path):
    assert DataError in launcher.user_errors()
    with pytest.raises(DataError, match='no such folder'):
        options(data=str(tmp_path / 'nowhere')).open_data(configs.get('style_transfer_28'))


def test_init_takes_weights_by_name_and_lists_mismatches(tmp_path, capsys):
    old = tiny.TinyConfig().build()
    arrays = checkpoints.to_arrays(old.state())
    arrays['generator/mix/bias'] = np.zeros(4, np.float32)
    arrays['step'] = np.array(99, np.int32)
    path = checkpoints.save(tmp_path, 5, arrays, {})
    new = tiny.TinyConfig().build()
    kernel = new.networks['generator'].mix.kernel
    assert not np.array_equal(kernel.numpy(), arrays['generator/mix/kernel'])
    launcher.initialise(new, path)
    np.testing.assert_array_equal(kernel.numpy(), arrays['generator/mix/kernel'])
    assert int(new.step.numpy()) == 0
    told = capsys.readouterr().out
    assert '--init mismatch: shape: generator/mix/bias is (4,), expected (3,)' in told
    assert '3 of 4 variables matched' in told


def test_init_from_a_run_without_a_matching_weight_is_refused(tmp_path):
    path = checkpoints.save(tmp_path, 5, {'other/kernel': np.zeros(3, np.float32)}, {})
    with pytest.raises(checkpoints.CheckpointError, match='No weight in'):
        launcher.initialise(tiny.TinyConfig().build(), path)


# Budget.

def tiny_budget(batch_size, pixels=budget.DIRECT_PIXELS):
    config = dataclasses.replace(tiny.TinyConfig(), batch_size=batch_size, total_images=800)
    system = config.build()
    sizes = []

    def feed(size):
        sizes.append(size)
        return budget.synthetic_feed(system, config)(size)

    before, budget.DIRECT_PIXELS = budget.DIRECT_PIXELS, pixels
    try:
        return budget.measure(system, config, feed, picture_bytes=2 ** 30), sizes
    finally:
        budget.DIRECT_PIXELS = before


def test_a_budget_adds_up():
    needs, sizes = tiny_budget(4)
    assert sizes == [4] and needs.parameters == {'generator': 12}
    assert 0 < needs.step_seconds < 1
    assert needs.total_seconds == pytest.approx(
        needs.tracing_seconds + 200 * needs.step_seconds + 100 * needs.snapshot_seconds)
    assert needs.memory_bytes > 2 ** 30 and needs.cache_bytes == 2 ** 30
    text = '\n'.join(needs.lines())
    assert 'generator' in text and '12 parameters' in text and 'GiB' in text


def test_a_large_budget_is_continued_from_small_batches():
    needs, sizes = tiny_budget(16, pixels=0)
    assert sizes == [1, 2] and 'batches of 1 and 2 pictures' in needs.how


def test_stages_count_by_their_share_of_the_run():
    class Staged:
        def due(self, step):
            return ('warm',) if step < 25 else ('main', 'lazy') if step % 16 == 0 else ('main',)

    shares = budget.stage_shares(Staged(), 1000)
    assert shares[('warm',)] == pytest.approx(0.025, abs=1e-3)
    assert shares[('main', 'lazy')] == pytest.approx(0.061, abs=2e-3)
    assert sum(shares.values()) == pytest.approx(1)
    large = budget.stage_shares(Staged(), 1_000_000)
    assert set(large) == {('main',), ('main', 'lazy')}
    assert large[('main', 'lazy')] == pytest.approx(1 / 16, abs=1e-3)
