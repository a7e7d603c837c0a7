"""The report page and what it is made of."""

import dataclasses
import html.parser
import re

import numpy as np
import pytest

from stylegan_tf import images
from stylegan_tf.training import charts, explained, guardian, health, progress, report, run_folder

VOID = {'meta', 'img', 'line', 'circle', 'polyline'}


def run_rows(count, **series):
    return [{'step': k + 1, 'images': 8 * (k + 1), 'seconds': 1.0 * k, 'images_per_second': 4.0,
             **{name.replace('__', '/'): values[k] for name, values in series.items()}}
            for k in range(count)]


# Health.

def test_a_healthy_run_gets_no_advice():
    rows = run_rows(60, discriminator__accuracy=[0.75] * 60,
                    generator__total=np.linspace(3, 1, 60).tolist(),
                    held_out__objective=np.linspace(3, 1, 60).tolist())
    assert health.advise(rows, best_metric='objective') == []
    assert health.advise([]) == []


@pytest.mark.parametrize('accuracy, sign, remedy', [
    (0.99, 'tells every result', 'Lower discriminator_optimizer.learning_rate'),
    (0.5, 'hardly better than guessing', 'Raise discriminator_optimizer.learning_rate')])
def test_discriminator_accuracy_outside_its_range(accuracy, sign, remedy):
    advice, = health.advise(run_rows(5, discriminator__accuracy=[accuracy] * 5))
    assert sign in advice.sign and f'{accuracy:.2f}' in advice.sign and remedy in advice.remedy


def test_held_out_accuracy_is_trusted_before_the_training_one():
    rows = run_rows(5, discriminator__accuracy=[0.99] * 5,
                    held_out__discriminator_accuracy=[0.8] * 5)
    assert health.advise(rows) == []


def test_rising_losses_stale_snapshots_and_lost_speed_are_noticed():
    loss = [1.0] * 40 + [3.0] * 10
    rising, = health.advise(run_rows(50, generator__total=loss, r1__total=loss, path_length_16__total=loss))
    assert 'generator/total has risen to' in rising.sign
    stale, = health.advise(run_rows(10, held_out__objective=[2, 1, *[1.5] * 8]),
                           best_metric='objective')
    assert 'best at step 2' in stale.sign and '8 snapshots' in stale.sign
    higher, = health.advise(run_rows(10, held_out__objective=[1, 2, *[1.5] * 8]),
                            best_metric='-objective')
    assert 'best at step 2 (2)' in higher.sign
    rows = run_rows(30)
    for row in rows[-8:]:
        row['images_per_second'] = 1.0
    slow, = health.advise(rows)
    assert 'fell to 1 images/s from 4' in slow.sign


@pytest.mark.parametrize('name, healthy, sick, sign', [
    ('variety', 0.7, 0.03, 'only 3.0% of what real pictures do'), ('contrast', 0.7, 0.05, 'flat or black: 5.0%'),
    ('class_variety', 0.7, 0.2, 'one class differ from each other by only 20%'),
    ('clipped', 0.01, 0.6, '60% more of the values'), ('luminance_likeness', 0.9, -0.5, '(correlation -0.50)')])
def test_what_is_wrong_with_the_results_is_told_at_the_second_snapshot(name, healthy, sick, sign):
    for values, count in (([healthy, healthy], 0), ([healthy, sick], 0), ([sick, sick], 1), ([sick, healthy], 0)):
        found = health.advise(run_rows(2, **{f'held_out__{name}': values}))
        assert len(found) == count, values
    assert sign in health.advise(run_rows(3, **{f'held_out__{name}': [healthy, sick, sick]}))[0].sign


@pytest.mark.parametrize('penalty, distance, kinds', [
    ([0.2] * 60, np.linspace(0.1, 0.4, 60), []), ([4.0] * 60, np.linspace(0.1, 0.4, 60), ['steep critic']),
    ([0.2] * 60, [0.4] * 50 + [0.001] * 10, ['blind critic']),
    ([0.2] * 60, [0.1] * 50 + [0.9] * 10, ['running critic'])])
def test_a_critic_that_helps_nobody_is_named(penalty, distance, kinds):
    # Its total has no level of its own: rising from almost nothing is no sign.
    rows = run_rows(60, discriminator__penalty=list(penalty), discriminator__distance=list(distance),
                    discriminator__total=[0.1] * 50 + [0.3] * 10)
    assert [advice.kind for advice in health.advise(rows)] == kinds
    assert 'discriminator/total' in [advice.kind for advice in health.advise(
        run_rows(60, discriminator__total=[0.1] * 50 + [0.3] * 10))]


def test_what_a_system_explains_stands_in_the_report(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        explained.write(folder, 40, [
            {'title': 'Who <is> it', 'lines': ['median .4'], 'table': [('name', 'distance'), ('a & b', '0.61')]},
            {'title': 'Colours', 'picture': np.zeros((4, 6, 3), np.uint8)}])
        report.write(folder, report.Status('training'))
        page = folder.report_file.read_text()
    assert 'Who &lt;is&gt; it (step 40)' in page and 'a &amp; b' in page and '<p>median .4</p>' in page
    assert page.count('data:image/png;base64,') == 1
    (tmp_path / 'explained.json').write_text('{')
    assert explained.read(tmp_path) == []


def learnt(seen, held_out, **options):
    rows = run_rows(6, discriminator__real_accuracy=[seen] * 6)
    for row in rows[1::2]:
        row['held_out/discriminator_real_accuracy'] = held_out
    return health.advise(rows, **options)


def test_few_pictures_learnt_by_heart():
    found, = learnt(0.95, 0.5, real_pictures=30)
    assert '95% of its 30 training pictures for real, but only 50%' in found.sign
    assert 'discriminator_augmentation=ada' in found.remedy
    found, = learnt(0.95, 0.5, augmentation='ada')
    assert 'lower ada_target' in found.remedy and 'more pictures' in found.remedy
    assert learnt(0.8, 0.7, real_pictures=30) == [] == learnt(0.5, 0.9)


def test_augmentation_that_may_leak_and_half_precision_that_skips():
    leaking, = health.advise(run_rows(10, augmentation__probability=[0.5] * 2 + [0.9] * 8))
    assert 'stays at 0.90' in leaking.sign and 'ada_target' in leaking.remedy
    assert health.advise(run_rows(10, augmentation__probability=[0.9] * 9 + [0.7])) == []
    skipping, = health.advise(run_rows(10, generator__skipped=[0.5] * 10))
    assert "50% of the steps of phase 'generator'" in skipping.sign


def test_a_sign_is_announced_once_and_again_after_it_went_away(folder):
    told = []
    announcer = health.Announcer(folder, told.append)
    announcer.tick({})
    for _ in range(2):
        announcer.snapshot(30, {}, None)
    assert len(told) == 1 and 'tells every result' in told[0] and 'What to do: Lower' in told[0]
    log = progress.MetricsLog(folder.metrics_file)
    log.append({'step': 31, 'event': 'rollback', 'discriminator/accuracy': 0.0})
    for accuracy, count in ((0.7, 1), (1.0, 2)):
        for step in range(8):
            log.append({'step': 31 + step, 'discriminator/accuracy': accuracy})
        announcer.snapshot(40, {}, None)
        assert len(told) == count


# Charts.

def points(figure, kind):
    text = re.search(rf'class="{kind}" points="([^"]*)"', figure)[1]
    return np.array([[float(n) for n in pair.split(',')] for pair in text.split()])


def test_a_chart_draws_rising_values_upwards_to_the_right_edge():
    raw = points(charts.line_chart('a <b>', [1, 2, 4], [1.0, 2.0, 3.0]), 'raw')
    assert np.all(np.diff(raw[:, 0]) > 0) and np.all(np.diff(raw[:, 1]) < 0)
    assert raw[-1, 0] == charts._WIDTH - charts._RIGHT
    assert 'a &lt;b&gt;' in charts.line_chart('a <b>', [1, 2], [1.0, 1.0])


def test_a_fall_through_decades_gets_a_logarithmic_axis():
    raw = points(charts.line_chart('loss', [1, 2, 3], [100.0, 10.0, 1.0]), 'raw')
    assert np.diff(raw[:, 1]) == pytest.approx([np.diff(raw[:, 1])[0]] * 2, abs=0.2)
    linear = points(charts.line_chart('loss', [1, 2, 3], [30.0, 10.0, 1.0]), 'raw')
    assert np.diff(linear[:, 1])[0] > 1.5 * np.diff(linear[:, 1])[1]


def test_thinning_keeps_the_mean_and_the_newest_step():
    steps, values = charts.thin(range(1, 10001), np.arange(10000) % 7, 100)
    assert len(steps) == len(values) == 100 and steps[-1] == 10000
    assert np.mean(values) == pytest.approx(3.0, abs=0.01)


def test_smoothing_keeps_a_constant_and_calms_noise():
    assert charts.smooth([2.0] * 50) == pytest.approx([2.0] * 50)
    noise = np.random.default_rng(0).normal(size=400)
    assert np.std(charts.smooth(list(noise))[100:]) < 0.4 * np.std(noise)


@pytest.mark.parametrize('value, text', [
    (0, '0'), (0.01234, '0.0123'), (12300, '12,300'), (3.1e7, '3.1e+07'), (2e-5, '2.0e-05')])
def test_numbers_are_short(value, text):
    assert charts.number(value) == text


# The page.

class Balanced(html.parser.HTMLParser):
    """Sees that every element is closed in order, and collects what the page refers to."""

    def __init__(self):
        super().__init__()
        self.open, self.references, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.references += [v for k, v in attributes if k in ('src', 'href', 'data')]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.references += [v for k, v in attributes if k in ('src', 'href', 'data')]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def folder(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        folder.write_config({
            'preset': 'style_transfer_28', 'command': 'train --set=<x>',
            'config': {'preset': 'style_transfer_28', 'total_images': 960, 'batch_size': 8,
                       'best_metric': 'objective', 'content_weight': 2.5}})
        log = progress.MetricsLog(folder.metrics_file)
        for row in run_rows(30, discriminator__accuracy=[0.99] * 30,
                            held_out__objective=np.linspace(2, 1, 30).tolist()):
            log.append(row)
        picture = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
        for step in range(1, 41):
            images.save(folder.samples / f'step-{step:09d}.png', picture)
        yield folder


def parse(folder):
    page = Balanced()
    page.feed(folder.report_file.read_text())
    assert not page.open
    return page, ' '.join(page.text)


def test_the_page_is_whole_and_refers_to_nothing_outside(folder):
    report.write(folder, report.Status('training', is_live=True, parameters={'generator': 12345}))
    page, text = parse(folder)
    assert all(reference.startswith('data:image/jpeg;base64,') for reference in page.references)
    assert len(page.references) == report.MAX_SAMPLES
    assert 'step 1 ' in text and 'step 40' in text
    for part in ('30 of 120', '240 of 960', '4 images/s', '3m 00s', '12,345', 'objective',
                 'tells every result', 'What to do:', 'train --set=<x>'):
        assert part in text, part
    written = folder.report_file.read_text()
    assert '<meta http-equiv="refresh" content="30">' in written
    assert '<tr class="changed"><td>content_weight</td><td>2.5</td>' in written
    assert '<tr class="changed"><td>batch_size' not in written


def test_a_finished_page_stops_refreshing(folder):
    observer = report.Report(folder, {'generator': 1})
    observer.tick({})
    assert 'http-equiv="refresh"' in folder.report_file.read_text()

    class Outcome:
        status, message = 'finished', 'Finished at step 120.'

    observer.finish(Outcome)
    written = folder.report_file.read_text()
    assert 'http-equiv="refresh"' not in written and 'Finished at step 120.' in written


def test_the_page_of_a_run_that_has_just_begun(tmp_path):
    with run_folder.RunFolder(tmp_path) as folder:
        report.write(folder, report.Status('training', is_live=True))
        _, text = parse(folder)
    assert 'No numbers yet' in text and 'first snapshot' in text


def test_a_rollback_stands_on_the_page_and_not_among_the_numbers(folder):
    event = guardian.Rollback('generator/style became nan', 34, 30, 0.5, False, {'style': ['<odd>.png']}, ['w'], 3)
    log = progress.MetricsLog(folder.metrics_file)
    log.append({'step': 30, 'event': 'rollback', **dataclasses.asdict(event)})
    report.write(folder, report.Status('training'))
    _, text = parse(folder)
    for part in ('generator/style became nan at step 34: back to step 30', '0.5 of what was set', '<odd>.png',
                 'w and 2 more', '30 of 120', '240 of 960'):
        assert part in text, part


def test_spread_keeps_both_ends():
    assert report.spread(list(range(100)), 4) == [0, 33, 66, 99]
    assert report.spread([1, 2], 4) == [1, 2]
