"""Stylising files and folders: what is written, resumed, refused and reported."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageCms

from stylegan_tf import images, stylizer
from stylegan_tf.loaded_models import ModelError
from tests import tiny_models


@pytest.fixture
def style(tmp_path):
    path = tmp_path / 'styles' / 'waves, large.png'
    images.save(path, tiny_models.picture(40, 50, seed=2))
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures and a damaged one."""
    folder = tmp_path / 'photos'
    images.save(folder / 'a.png', tiny_models.picture(36, 48, seed=11))
    images.save(folder / 'trip' / 'b.jpg', tiny_models.picture(40, 30, seed=12))
    Image.fromarray(tiny_models.picture(33, 33, seed=13)).save(folder / 'a.gif')
    (folder / 'broken.jpg').write_bytes((folder / 'trip' / 'b.jpg').read_bytes()[:300])
    (folder / 'notes.txt').write_text('no picture')
    return folder


def run(content, styles, output, **settings):
    """Plans and runs; returns the Report."""
    settings = stylizer.Settings(**settings)
    jobs = stylizer.plan(content, output, is_sweep=settings.is_sweep)
    worker = stylizer.Stylizer(tiny_models.model(), styles, settings)
    return worker.run(jobs, show_progress=False)


def receipt_of(output):
    return json.loads(output.with_name(output.name + '.json').read_text(encoding='utf-8'))


def test_one_file(tmp_path, photos, style):
    output = tmp_path / 'result.png'
    report = run(photos / 'a.png', [style], output, strength=0.5)
    assert report.done == [output] and not report.failures
    expected = tiny_models.model().stylize(photos / 'a.png', style, strength=0.5)
    np.testing.assert_array_equal(images.read(output), expected)
    receipt = receipt_of(output)
    card = tiny_models.card()
    assert receipt['model'] == {'name': card['name'], 'hash': card['weights_hash'],
                                'config_hash': card['config_hash']}
    assert receipt['content']['name'] == 'a.png' and len(receipt['content']['sha256']) == 64
    assert receipt['styles'][0]['name'] == 'waves, large.png'
    assert receipt['settings']['strength'] == 0.5
    assert receipt['output']['height'] == 36 and receipt['seconds'] > 0
    measures = receipt['measures']
    retention = next(value for name, value in measures.items() if 'content' in name)
    distance = next(value for name, value in measures.items() if 'style' in name)
    assert np.isfinite([retention, distance]).all()
    metadata = images.read_metadata(output)
    assert metadata['ModelHash'] == card['weights_hash'] and metadata['Strength'] == '0.5'
    assert tiny_models.PRESET in metadata['Description']


def test_strength_0_measures_as_unchanged(tmp_path, photos, style):
    measures = []
    for strength in (0.0, 1.0):
        output = tmp_path / f'{strength}.png'
        run(photos / 'a.png', [style], output, strength=strength)
        measures.append(receipt_of(output)['measures'])
    retention = [next(value for name, value in m.items() if 'content' in name) for m in measures]
    assert retention[0] == pytest.approx(1.0, abs=1e-3)
    assert retention[1] < retention[0]


def test_folder_goes_on_after_a_bad_file_and_resumes(tmp_path, photos, style):
    output = tmp_path / 'results'
    report = run(photos, [style], output)
    assert report.done == [output / 'a.gif.png', output / 'a.png', output / 'trip' / 'b.jpg']
    assert [path.name for path, _ in report.failures] == ['broken.jpg']
    assert 'broken.jpg' in report.text() and '3 done' in report.text()
    assert not list(output.rglob('*.partial'))

    before = {path: path.stat().st_mtime_ns for path in report.done}
    images.save(photos / 'new.png', tiny_models.picture(20, 20, seed=14))
    damaged = output / 'a.png'
    damaged.write_bytes(b'cut short by something else')
    (output / 'trip' / 'b.jpg').unlink()
    again = run(photos, [style], output)
    assert sorted(path.name for path in again.done) == ['a.png', 'b.jpg', 'new.png']
    assert again.skipped == [output / 'a.gif.png']
    assert again.skipped[0].stat().st_mtime_ns == before[again.skipped[0]]
    assert images.read(damaged).shape == (36, 48, 3)


def test_other_settings_do_not_silently_replace(tmp_path, photos, style):
    output = tmp_path / 'results'
    run(photos / 'a.png', [style], output, strength=0.5)
    first = (output / 'a.png').read_bytes()
    refused = run(photos / 'a.png', [style], output, strength=0.9)
    assert 'use --overwrite' in refused.failures[0][1]
    assert (output / 'a.png').read_bytes() == first
    assert run(photos / 'a.png', [style], output, strength=0.9, overwrite=True).done
    assert (output / 'a.png').read_bytes() != first
    assert receipt_of(output / 'a.png')['settings']['strength'] == 0.9

    foreign = tmp_path / 'mine.png'
    foreign.write_bytes(b'precious')
    refused = run(photos / 'a.png', [style], foreign)
    assert refused.failures and foreign.read_bytes() == b'precious'


def test_killed_between_receipt_and_output_is_redone(tmp_path, photos, style):
    output = tmp_path / 'a.png'
    run(photos / 'a.png', [style], output)
    whole = output.read_bytes()
    output.unlink()
    assert run(photos / 'a.png', [style], output).done == [output]
    assert output.read_bytes() == whole
    receipt = output.with_name('a.png.json')
    values = json.loads(receipt.read_text(encoding='utf-8'))
    receipt.write_text(json.dumps({**values, 'was_interrupted': True}))
    assert run(photos / 'a.png', [style], output).done == [output]
    assert run(photos / 'a.png', [style], output).skipped == [output]


def test_exif_profile_and_transparency_are_kept(tmp_path, style):
    pixels = tiny_models.picture(30, 44, seed=15)
    alpha = np.linspace(0, 255, 44).astype(np.uint8)[None].repeat(30, 0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    exif = Image.Exif()
    exif[0x010F] = 'A camera'
    exif[0x0112] = 6  # turned: stored lying on its side
    Image.fromarray(np.dstack([pixels, alpha])).save(
        tmp_path / 'clear.png', icc_profile=profile, exif=exif)
    Image.fromarray(pixels).save(tmp_path / 'photo.jpg', icc_profile=profile, exif=exif)
    for name, has_alpha in (('clear.png', True), ('photo.jpg', False)):
        run(tmp_path / name, [style], tmp_path / 'out')
        with Image.open(tmp_path / 'out' / name) as result:
            assert result.size == (30, 44)  # upright
            assert result.getexif()[0x010F] == 'A camera'
            assert result.getexif().get(0x0112, 1) == 1
            assert result.info['icc_profile'] == profile
            assert (result.mode == 'RGBA') == has_alpha
            if has_alpha:
                np.testing.assert_array_equal(np.asarray(result)[..., 3], np.rot90(alpha, -1))
    assert images.read_metadata(tmp_path / 'out' / 'photo.jpg')['Model'] == tiny_models.PRESET


def test_provenance_can_be_left_out(tmp_path, photos, style):
    run(photos / 'a.png', [style], tmp_path / 'plain.png', has_provenance=False)
    assert images.read_metadata(tmp_path / 'plain.png') == {}


def test_mask_weights_and_colours_reach_the_model(tmp_path, photos, style):
    second = tmp_path / 'styles' / 'second.png'
    images.save(second, tiny_models.picture(20, 20, seed=7))
    mask = tmp_path / 'mask.png'
    images.save(mask, np.full((4, 4, 3), 255, np.uint8))
    options = {'style_weights': (1.0, 3.0), 'keep_colors': 'luminance'}
    run(photos / 'a.png', [style, second], tmp_path / 'out.png', mask=mask, **options)
    expected = tiny_models.model().stylize(photos / 'a.png', [style, second], mask=mask, **options)
    np.testing.assert_array_equal(images.read(tmp_path / 'out.png'), expected)
    receipt = receipt_of(tmp_path / 'out.png')
    assert [entry['weight'] for entry in receipt['styles']] == [0.25, 0.75]
    assert receipt['mask']['name'] == 'mask.png'


def test_sweep_is_a_labelled_sheet(tmp_path, photos, style):
    report = run(photos / 'a.png', [style], tmp_path / 'out', is_sweep=True)
    assert report.done == [tmp_path / 'out' / 'a.png.sweep.png']
    sheet = images.read(report.done[0])
    assert sheet.shape[1] >= 5 * 48 and sheet.shape[0] > 40
    content = images.read(photos / 'a.png')
    windows = np.lib.stride_tricks.sliding_window_view(sheet, content.shape)[:, :, 0]
    starts = windows[:, :, 0, 0] == content[0, 0]
    found = [np.array_equal(windows[y, x], content) for y, x in np.argwhere(starts.all(-1))]
    assert any(found), 'the picture of strength 0 is the content itself'
    measures = receipt_of(report.done[0])['measures']
    assert set(measures) == {f'strength {s:g}' for s in stylizer.SWEEP_STRENGTHS}


def test_styles_from_noise_need_no_picture(tmp_path, photos):
    report = run(photos / 'a.png', [], tmp_path / 'noise.png', style_seed=4)
    assert report.done
    assert receipt_of(tmp_path / 'noise.png')['settings']['style_seed'] == 4
    assert not any('style' in name for name in receipt_of(tmp_path / 'noise.png')['measures'])


@pytest.mark.parametrize('content, output, message', [
    ('missing.png', 'out.png', 'neither a file nor a folder'),
    ('styles', 'out.png', r'--output must be one. Received: .*out\.png'),
    ('styles', 'styles', 'never overwritten'),
    ('styles/waves, large.png', 'styles', 'the content itself'),
    ('styles/waves, large.png', 'out.gif', r"cannot be written as '\.gif'"),
    ('empty', 'out', 'no pictures below'),
])
def test_plans_that_make_no_sense(content, output, message, tmp_path, style):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(stylizer.StylizerError, match=message):
        stylizer.plan(tmp_path / content, tmp_path / output)


def test_results_inside_the_content_folder_are_no_contents(photos):
    images.save(photos / 'results' / 'a.png', tiny_models.picture(9, 9))
    planned = stylizer.plan(photos, photos / 'results')
    assert sorted(job.content.name for job in planned) == ['a.gif', 'a.png', 'b.jpg', 'broken.jpg']
    assert len({job.output for job in planned}) == 4


def test_folder_that_cannot_be_written_stops_the_job(tmp_path, photos, style):
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(stylizer.StylizerError, match=r'Cannot write .*run the same command again'):
        run(photos, [style], tmp_path / 'file' / 'out')


def test_bad_settings_need_no_model():
    for settings in ({'strength': 1.2}, {'keep_colors': 'some'}):
        with pytest.raises(ModelError):
            stylizer.Settings(**settings).check()
    assert dataclasses.asdict(stylizer.Settings())['strength'] == 1.0


def test_command_on_a_folder(tmp_path, photos, style):
    command = [sys.executable, '-m', 'stylegan_tf.stylize', f'--model={tiny_models.exported()}',
               f'--content={photos}', f'--style={style}', f'--output={tmp_path / "out"}',
               '--keep_colors=palette']
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1, result.stderr
    assert '3 done, 0 skipped (finished before), 1 failed' in result.stdout
    assert 'broken.jpg' in result.stdout and 'Traceback' not in result.stderr
    assert '/4 [' in result.stderr  # the bar with the time left


@pytest.mark.slow
def test_command_with_gatys(tmp_path, photos, style):
    output = tmp_path / 'painted.jpg'
    command = [sys.executable, '-m', 'stylegan_tf', 'stylize', '--model=gatys',
               f'--content={photos / "a.png"}', f'--style={style}', f'--output={output}',
               '--set=size=40', '--set=iterations=3', '--set=style_layers=relu1_1,relu2_1']
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert images.read(output).shape == (30, 40, 3)
    assert receipt_of(output)['model']['name'] == 'gatys'
    assert '0/3 [' in result.stderr  # evaluations
