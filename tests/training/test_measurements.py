"""Metrics of a run: what they measure, what is kept of the pictures they compare with, and what cannot be measured."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from keras import ops

from stylegan_tf import configs, images
from stylegan_tf.metrics import distribution, similarity
from stylegan_tf.training import guardian, launcher, loop, measurements, progress, run_folder, snapshots

from . import tiny

ALL = ('frechet', 'kernel', 'precision', 'recall', 'density', 'coverage', 'path_length', 'content_distance',
       'style_distance')


class FakeOnlooker:
    """Sees a picture as its corner: the vector is its nine colours, the map the corner itself."""

    seen = 0

    def __init__(self, network, kinds=('vector',)):
        self.name, self.weights_hash, self.licence, self.source = network, f'{network}-hash', 'none', 'nowhere'
        self.resize_rule, self.layers = 'as they are', dict.fromkeys(kinds, ('corner',))

    def vectors(self, pictures):
        FakeOnlooker.seen += len(pictures)
        corner = self.maps(pictures, 'vector')['corner']
        return corner.reshape(len(corner), -1).astype(np.float32)

    def maps(self, pictures, kind):
        floats = images.to_float(pictures) if pictures.dtype == np.uint8 else pictures
        return {'corner': floats[:, :2, :2]}


class Source:
    fingerprint = 'abc'


class Stream(tiny.TinyStream):
    """Twenty contents and forty styles, as data.stream.SampleStream offers them."""

    def __init__(self):
        super().__init__()
        self.sources = {'content': Source(), 'style': Source()}

    def names(self, position, batch_size):
        places = range(position, position + batch_size)
        return {'content': [f'c{place % 20}.png' for place in places], 'style': [f's{place % 40}' for place in places]}


class Painter(tiny.TinySystem):
    """Shifts each content by its code, twice the noise."""

    reference_role, noise_size, noise_space = 'style', 3, 'w'

    def encode_noise(self, batch, noise):
        return 2.0 * noise

    def draw_batch(self, batch, codes=None):
        codes = ops.zeros((1, 3)) if codes is None else codes
        return batch['content'] + 0.05 * ops.convert_to_tensor(codes)[:, None, None]


@pytest.fixture(autouse=True)
def fake_networks(monkeypatch, tmp_path):
    monkeypatch.setattr(measurements, 'Onlooker', FakeOnlooker)
    monkeypatch.setenv('STYLEGAN_TF_CACHE', str(tmp_path / 'cache'))
    FakeOnlooker.seen = 0


def config(*names, **changes):
    changed = dataclasses.replace(tiny.TinyConfig(), metrics=names, **{'metric_images': 32, **changes})
    changed.check()
    return changed


def measure(system=None, *names, note=print, stream=None, **changes):
    settings = config(*(names or [f'{base}@eye' for base in ALL]), **changes)
    return measurements.Measurements(settings, system or Painter(settings), stream or Stream(), Stream(), batch_size=5,
                                     note=note)


def test_every_metric_is_measured_as_its_function_says():
    notes = []
    made = measure(note=notes.append)
    found = made.measure()
    assert list(found) == [f'{base}@eye' for base in ALL]
    assert made.conditions['n'] == {'references': 32, 'outputs': 32, 'steps': 32, 'pairs': 20}
    assert made.conditions['networks']['eye']['sha256'] == 'eye-hash'
    assert 'metrics at each snapshot: frechet@eye' in notes[0] and 'frechet of 32 pictures' in notes[0]
    assert any('measuring the metrics took' in note for note in notes)

    eye, stream, system = FakeOnlooker('eye'), Stream(), Painter(config())
    real, outputs = eye.vectors(stream.batch(0, 32)['style']), []
    for start in range(0, 32, 5):
        noise = np.random.default_rng([0, 0, start]).standard_normal((5, 3)).astype(np.float32)
        batch = snapshots.to_floats(stream.batch(start, 5))
        outputs.append(eye.vectors(images.to_uint8(np.asarray(system.draw_batch(batch, 2.0 * noise)))))
    outputs = np.concatenate(outputs)[:32]
    assert found['frechet@eye'].value == pytest.approx(distribution.frechet_distance(real, outputs))
    kernel = distribution.kernel_distance(real, outputs)
    assert (found['kernel@eye'].value, found['kernel@eye'].interval) == (kernel.value, kernel.interval)
    near = distribution.neighbourhoods(real, outputs)
    for base in ('precision', 'recall', 'density', 'coverage'):
        assert found[f'{base}@eye'].value == near[base].mean()
        low, high = found[f'{base}@eye'].interval
        assert low <= near[base].mean() <= high
    pairs = stream.batch(0, 20)
    made = images.to_uint8(np.asarray(system.draw_batch(snapshots.to_floats(pairs))))
    for base, role in (('content_distance', 'content'), ('style_distance', 'style')):
        distances = getattr(similarity, base)(eye.maps(made, role), eye.maps(pairs[role], role), ('corner',))
        assert found[f'{base}@eye'].value == pytest.approx(distances.mean())
    assert found['content_distance@eye'].value < 0.01 < found['style_distance@eye'].value
    low, high = found['path_length@eye'].interval
    assert 0 < low < found['path_length@eye'].value < high


def test_the_path_length_grows_with_the_square_of_what_a_step_changes():
    class Slow(Painter):
        change = 0.02

        def draw_batch(self, batch, codes=None):
            return np.array([0.8, 0.4, 0.2], np.float32) + self.change * np.asarray(codes)[:, None, None] + 0 * batch[
                'content']

    class Quick(Slow):
        change = 0.04

    slow, quick = (measure(kind(config()), 'path_length@eye').measure()['path_length@eye'].value
                   for kind in (Slow, Quick))
    assert quick / slow == pytest.approx(4.0, rel=0.2)


def test_measuring_again_gives_the_same_numbers_and_other_weights_give_others():
    made = measure(None, 'kernel@eye', 'recall@eye')
    first, second = made.measure(), made.measure()
    assert first == second

    class Grey(Painter):
        def draw_batch(self, batch, codes=None):
            return 0.1 * super().draw_batch(batch, codes)

    grey = measure(Grey(config()), 'kernel@eye', 'recall@eye').measure()
    assert grey['kernel@eye'].value > first['kernel@eye'].value
    assert grey['recall@eye'].value < first['recall@eye'].value


def test_reference_pictures_are_looked_at_once_for_all_runs():
    notes = []
    for _ in range(3):
        measure(None, 'kernel@eye', note=notes.append)
    assert FakeOnlooker.seen == 35  # whole batches of 5 for 32 pictures
    assert sum('looks at 32 training pictures once' in note for note in notes) == 1


@pytest.mark.parametrize('change', ['pictures', 'names', 'network', 'resize', 'count', 'size'])
def test_another_key_is_looked_at_anew(change, monkeypatch):
    measure(None, 'kernel@eye')
    seen, stream, names, count = FakeOnlooker.seen, Stream(), ('kernel@eye',), 32
    if change == 'pictures':
        monkeypatch.setattr(Source, 'fingerprint', 'abd')
    elif change == 'names':
        monkeypatch.setattr(stream, 'names', lambda *where: {'content': [], 'style': [f's{k}x' for k in range(32)]})
    elif change == 'network':
        names = ('kernel@ear',)
    elif change == 'resize':
        made = FakeOnlooker.__init__
        monkeypatch.setattr(FakeOnlooker, '__init__',
                            lambda self, *given: (made(self, *given), setattr(self, 'resize_rule', 'halved'))[0])
    elif change == 'count':
        count = 20
    else:
        stream.size = (8, 9)
    measure(None, *names, stream=stream, metric_images=count)
    assert FakeOnlooker.seen > seen


@pytest.mark.parametrize('damage', ['flipped', 'cut', 'emptied', 'other'])
def test_a_damaged_file_is_made_anew_and_said_to_be(damage, tmp_path):
    notes = []
    expected = measure(None, 'kernel@eye').measure()
    path, = (tmp_path / 'cache' / 'references').iterdir()
    data = bytearray(path.read_bytes())
    if damage == 'flipped':
        data[len(data) // 2] ^= 1
    path.write_bytes({'flipped': data, 'cut': data[:-70], 'emptied': b'', 'other': b'no archive'}[damage])
    assert measure(None, 'kernel@eye', note=notes.append).measure() == expected
    assert any('is damaged' in note and str(path) in note for note in notes)
    notes.clear()
    measure(None, 'kernel@eye', note=notes.append)
    assert not any('damaged' in note or 'once' in note for note in notes)


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('STYLEGAN_TF_CACHE', str(tmp_path / 'file'))
    notes = []
    assert measure(None, 'kernel@eye', note=notes.append).measure()
    assert any('could not be kept' in note for note in notes)


def test_outputs_that_are_not_finite_measure_as_nan():
    class Broken(Painter):
        def draw_batch(self, batch, codes=None):
            return batch['content'] * np.nan

    found = measure(Broken(config())).measure()
    assert len(found) == len(ALL) and all(np.isnan(value.value) for value in found.values())


def test_a_path_length_needs_full_precision():
    with pytest.raises(configs.ConfigError, match='path_length needs precision=float32'):
        measure(None, 'path_length@eye', precision='mixed_bfloat16')
    measure(None, 'kernel@eye', precision='mixed_bfloat16')


@pytest.mark.parametrize('system, name, told', [
    (tiny.TinySystem, 'kernel', 'needs pictures that its outputs should be like, which tiny does not have. It can '
                                'measure: content_distance, style_distance'),
    (tiny.TinySystem, 'path_length', 'needs codes drawn from noise'),
    (type('Alone', (Painter,), {'roles': ('image',)}), 'style_distance', 'needs a content and a style picture')])
def test_what_a_system_does_not_offer_is_refused_at_the_start(system, name, told):
    with pytest.raises(configs.ConfigError, match=told):
        measure(system(config()), f'{name}@eye')


def test_too_few_pictures_and_missing_weights_are_refused_at_the_start(monkeypatch):
    class Few(Stream):
        def names(self, position, batch_size):
            return {'content': ['c'] * batch_size, 'style': [f's{place % 3}' for place in range(batch_size)]}

    with pytest.raises(configs.ConfigError, match='at least 8 training pictures of each kind'):
        measure(None, 'kernel@eye', stream=Few())
    monkeypatch.undo()
    with pytest.raises(configs.ConfigError, match="Setting 'metrics': There is no frozen network 'vgg61'"):
        measure(None, 'kernel@vgg61')


@pytest.mark.parametrize('changes, told', [
    ({'metrics': ('fid',)}, 'kept for the Inception network of its paper'),
    ({'metrics': ('kid@vgg16_hed',)}, 'Use frechet@NETWORK or kernel@NETWORK'),
    ({'metrics': ('kernal@vgg16_hed',)}, "Unknown metric 'kernal'. Did you mean 'kernel'"),
    ({'metrics': ('kernel',)}, 'must name the network that looks, as in kernel@vgg16_hed'),
    ({'metrics': ('kernel@a', 'kernel@a')}, 'each metric once'),
    ({'metric_images': 4}, 'at least 8. Received: 4'),
    ({'best_metric': 'kernel@a', 'metrics': ('kernel@b',)}, "Received: 'kernel@a', of kernel@b")])
def test_settings_that_cannot_be_are_refused_before_anything_is_loaded(changes, told):
    with pytest.raises(configs.ConfigError, match=told):
        dataclasses.replace(configs.get('style_transfer_28'), **changes).check()
    assert configs.metric_label('kernel@/somewhere/judge.safetensors') == 'kernel@judge'


def run(workdir, settings, measured, history=None):
    """A tiny run whose measurements are given, one dict a snapshot."""
    system = Painter(settings)
    lines = []

    class Measured:
        def measure(self):
            return next(measured)

    class Line(progress.ProgressLine):
        def note(self, text):
            lines.append(text)

    with run_folder.RunFolder(workdir) as folder:
        outcome = loop.Loop(tiny.EagerEngine(system, tiny.TinyStream(), settings), system, settings, folder,
                            held_out=snapshots.HeldOut(tiny.TinyStream(), 2, 2), measurements=Measured(),
                            history=history, line=Line(settings.total_steps, settings.batch_size)).run()
    rows = [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]
    return outcome, rows, lines


def test_metrics_are_written_with_their_intervals_and_end_a_run_that_no_longer_improves(tmp_path):
    settings = config('precision@eye', best_metric='-precision@eye', patience=2, total_images=400)
    values = iter([0.25, 0.75, 0.5, float('nan'), 1.0])
    measured = ({'precision@eye': measurements.Measurement(value, (0.125, 0.875))} for value in values)
    outcome, rows, lines = run(tmp_path, settings, measured)
    assert (outcome.status, outcome.step) == ('no_improvement', 16)
    assert [row['held_out/precision@eye'] for row in rows] == [0.25, 0.75, 0.5, None]
    assert rows[1]['intervals'] == {'precision@eye': [0.125, 0.875]}
    assert any('precision@eye 0.75 [0.125, 0.875]' in line and 'best so far' in line for line in lines)
    assert 'the best was step 8' in outcome.message


@dataclasses.dataclass(frozen=True)
class PainterConfig(tiny.TinyConfig):
    preset: str = 'painter'

    def build(self):
        return Painter(self)


def test_a_tiny_training_measures_shows_and_keeps_metrics(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(configs.PRESETS, 'painter', configs.Preset(
        PainterConfig(), 'a test', 1, 0.0, 0.0, 'never', is_measured=False))
    rng = np.random.default_rng(0)
    for role, index in itertools.product(('photos', 'paintings'), range(12)):
        images.save(tmp_path / role / f'{index}.png', rng.integers(0, 256, (12, 12, 3), np.uint8))
    names = [f'{base}@eye' for base in ALL]
    options = launcher.Options(
        preset='painter', workdir=str(tmp_path / 'run'), data=str(tmp_path / 'photos'),
        style_data=str(tmp_path / 'paintings'),
        settings=('total_images=16', f'metrics={",".join(names)}', 'metric_images=8', 'best_metric=kernel@eye'))
    assert launcher.train(options).status == 'finished'
    rows = [json.loads(line) for line in (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()]
    rows = [row for row in rows if 'held_out/kernel@eye' in row]
    assert [row['step'] for row in rows] == [4, 8]
    for row in rows:
        assert all(np.isfinite(row[f'held_out/{name}']) for name in names)
        assert row['intervals']['kernel@eye'][0] < row['held_out/kernel@eye'] < row['intervals']['kernel@eye'][1]
    page = (tmp_path / 'run' / 'report.html').read_text()
    assert 'Metrics at step 8' in page and page.count('path_length@eye') > 1
    assert 'networks.eye.sha256 eye-hash' in page
    record = json.loads((tmp_path / 'run' / 'config.json').read_text())
    assert record['measurements']['n'] == {'references': 8, 'outputs': 8, 'steps': 8, 'pairs': 1}
    newest = tmp_path / 'run' / 'checkpoints' / 'step-000000008' / 'checkpoint.json'
    history = guardian.History(**json.loads(newest.read_text())['history'])
    assert (history.best_metric, history.best_value) == ('kernel@eye', min(row['held_out/kernel@eye'] for row in rows))
    assert 'metrics at each snapshot: frechet@eye' in capsys.readouterr().out
    events = b''.join(path.read_bytes() for path in (tmp_path / 'run' / 'tensorboard').iterdir())
    assert b'held_out/recall@eye' in events and b'intervals' not in events
