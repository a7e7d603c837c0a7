"""A model that has its own look as one file: written, read by every door, the same pictures."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import stylegan_tf as sg
from stylegan_tf import api, images, style_packs
from tests.conftest import ROOT


@pytest.mark.slow
def test_a_pack_paints_what_its_run_paints_through_every_door(tmp_path, monkeypatch):
    from stylegan_tf import exporter, style_pack_exporter

    monkeypatch.setenv('STYLEGAN_TF_CACHE', str(tmp_path / 'cache'))
    with pytest.raises(exporter.ExportError, match='arbitrary_style has no look of its own'):
        style_pack_exporter.export('arbitrary_style', tmp_path / 'any.zip')
    path = style_pack_exporter.export('crane', tmp_path / 'mine.zip', weights='float16')
    card = style_packs.read_card(path)
    assert card['name'] == 'crane' and 'Walter Crane' in card['purpose'] and card['consent'] == 'not stated'
    with zipfile.ZipFile(path) as archive:
        assert images.read(archive.read('sheet.jpg')).shape[1] > 3 * style_pack_exporter.SHEET_SIDE
        assert json.loads(archive.read('model/config.json'))['preset'] == 'fastcut_96'
        assert not any('optimizer' in name for name in archive.namelist())
    assert path.stat().st_size < 3_000_000

    content = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    images.save(tmp_path / 'photo.png', content)
    packed, shipped = sg.load(path), sg.load('crane')
    assert (packed.name, packed.hash, packed.takes_style) == ('crane', shipped.hash, False)
    expected = shipped.stylize(content)
    assert np.array_equal(packed.stylize(content), expected)
    done = subprocess.run(
        [sys.executable, '-m', 'stylegan_tf.stylize', f'--model={path}', f'--content={tmp_path / "photo.png"}',
         f'--output={tmp_path / "out.png"}'], text=True, capture_output=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(images.read(tmp_path / 'out.png'), expected)
    assert exporter.load_run(path, has_twins=False)[2]['name'] == 'crane'  # what `export --workdir=PACK.zip` exports


def test_a_pack_that_must_not_be_opened_is_named_by_load(tmp_path):
    (tmp_path / 'bad.zip').write_bytes(b'PK')
    for question in (api.load, api.takes_style, api.stylizes, api.engine_for):
        with pytest.raises(api.ModelError, match=r'bad\.zip is no style pack'):
            question(tmp_path / 'bad.zip')
