"""Flagged contents are shown more often: the share, the same on every run, and what reports cannot be used."""

import json
import types

import numpy as np
import pytest

from stylegan_tf import configs, data, images
from stylegan_tf.data import hard_examples
from stylegan_tf.systems.system import System
from stylegan_tf.training import launcher, run_folder

COUNT = 40


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp('pictures')
    for number in range(COUNT):
        images.save(root / f'content/{"ab"[number % 2]}/{number:02d}.png', np.full((8, 8, 3), number, np.uint8))
    for number in range(3):
        images.save(root / f'style/{number}.png', np.full((8, 8, 3), number, np.uint8))
    return root


def write_report(path, contents, **more):
    pictures = [{'file': 'out.png', 'content': content, 'is_flagged': True} for content in contents]
    pictures.append({'file': 'out.png', 'content': 'content/a/00.png', 'is_flagged': False})
    path.write_text(json.dumps({'images': pictures, **more}))
    return str(path)


def make_stream(folder, report='', share=0.5, seed=3):
    config = configs.get('style_transfer_28', hard_examples=report, hard_example_share=share)
    sources = {role: data.load(folder / role) for role in ('content', 'style')}
    return System.training_stream(types.SimpleNamespace(config=config), sources, (8, 8), seed)


def test_the_share_of_flagged_contents(folder, tmp_path):
    report = write_report(tmp_path / 'report.json', ['/elsewhere/content/b/01.png', 'content/b/03.png', 'b/03.png'])
    plain, stream = make_stream(folder), make_stream(folder, report, share=0.4)
    shown = np.array([stream.index('content', position) for position in range(8000)])
    usual = np.array([plain.index('content', position) for position in range(8000)])
    names = stream.sources['content'].names
    one, three = names.index('b/01.png'), names.index('b/03.png')
    moved = shown != usual
    assert set(shown[moved]) == {one, three}
    # 0.4, and of the rest each content once in 40; three standard deviations of a share of 8000 are 0.017.
    assert np.isin(shown, [one, three]).mean() == pytest.approx(0.4 + 0.6 * 2 / COUNT, abs=0.017)
    assert (shown[moved] == three).mean() == pytest.approx(2 / 3, abs=0.03)  # flagged twice
    assert [stream.index('style', position) for position in range(50)] == [
        plain.index('style', position) for position in range(50)]


def test_a_position_shows_the_same_whoever_asks(folder, tmp_path):
    report = write_report(tmp_path / 'report.json', ['content/b/01.png'])
    one, two = make_stream(folder, report), make_stream(folder, report)
    whole = one.batch(0, 24)
    for start in (16, 8, 0):  # as a run does that begins there
        part = two.batch(start, 8)
        for key in whole:
            np.testing.assert_array_equal(part[key], whole[key][start:start + 8])
    chosen = {seed: [make_stream(folder, report, seed=seed).index('content', i) for i in range(40)] for seed in (3, 4)}
    assert chosen[3] != chosen[4]


@pytest.mark.parametrize('text, told', [
    (None, 'cannot be read'),
    ('{', 'expected report.json'),
    ('{"scores": []}', 'expected report.json'),
    ('{"images": [{"file": "a.png", "content": "a/00.png", "is_flagged": false}]}', 'flags none of its 1 pictures'),
    ('{"images": [{"file": "a.png", "content": null, "is_flagged": true}]}', 'name no content'),
    ('{"images": [{"file": "a.png", "content": "other/99.png", "is_flagged": true}]}', 'none of the 1 contents'),
])
def test_reports_that_cannot_be_used(folder, tmp_path, text, told):
    path = tmp_path / 'report.json'
    if text is not None:
        path.write_text(text)
    with pytest.raises(data.DataError, match=told):
        make_stream(folder, str(path))


def test_a_file_name_that_two_contents_share_is_no_match():
    flagged = hard_examples.HardExamples('report.json', ('x/cat.png', 'x/dog.png', 'b/cat.png'))
    assert flagged.indices(['a/cat.png', 'b/cat.png', 'c/dog.png']) == (2, 1)


def test_a_run_is_not_continued_by_another_report(folder, tmp_path):
    report = write_report(tmp_path / 'report.json', ['content/b/01.png'])
    options = launcher.Options(
        preset='style_transfer_28', workdir=str(tmp_path / 'run'), data=str(folder / 'content'),
        style_data=str(folder / 'style'), settings=(f'hard_examples={report}', 'hard_example_share=0.3'))
    pictures, config = options.open_data(options.config())
    assert (config.hard_examples, config.hard_example_share) == (report, 0.3)
    before = launcher.describe(options, config, pictures)
    write_report(tmp_path / 'report.json', ['content/b/01.png'], seconds=3)
    assert run_folder.check_same_run(before, launcher.describe(options, config, pictures), 'run') == []
    write_report(tmp_path / 'report.json', ['content/b/05.png'])
    with pytest.raises(run_folder.RunFolderError, match=r'dataset\.hard_examples'):
        run_folder.check_same_run(before, launcher.describe(options, config, pictures), 'run')
    with pytest.raises(configs.ConfigError, match='hard_example_share'):
        configs.get('style_transfer_28', hard_example_share=0.0).check()
