"""Codabench's basics: a bundle of its shape becomes one of ours that reads without a problem."""

import io
import zipfile

import pytest

from stylegan_serving.competition import bundle, bundle_files, bundle_import, bundle_reader
from stylegan_tf import images
from tests.serving.competition import bundle_folder

_YAML = """\
version: 2
title: Paint it! 2026
description: A contest of styles
image: logo.png
terms: terms.md
docker_image: codalab/codalab-legacy:py37
pages:
  - {title: Overview, file: overview.md}
  - {title: Lost, file: lost.md}
tasks:
  - {index: 0, name: Task, scoring_program: scoring.zip, reference_data: reference.zip}
phases:
  - {index: 0, name: "Development (feedback)", start: 2026-01-01, max_submissions_per_day: 4,
     max_submissions: 40, tasks: [0]}
  - {index: 1, name: Final, start: "2026-03-01 12:00:00", end: 2026-04-01T00:00:00Z, tasks: [0]}
leaderboards:
  - title: Results
    key: main
    submission_rule: Force_Last
    columns: [{title: FID, key: fid, index: 0, sorting: asc}]
"""


def _write(folder, text=_YAML):
    folder.mkdir()
    for name, words in (('competition.yaml', text), ('terms.md', 'Be fair.'), ('overview.md', 'Paint.')):
        (folder / name).write_text(words)
    with zipfile.ZipFile(folder / 'reference.zip', 'w') as archive:
        for index in range(3):
            archive.writestr(f'content/{index}.png', images.encode(bundle_folder.picture(index)))
        archive.writestr('style/look.png', images.encode(bundle_folder.picture(9)))
    return folder


def _convert(folder, **options):
    with bundle_files.open_files(folder) as source:
        return bundle_import.convert(source, metrics=(bundle.Metric('balance@efficientnet_lite0', 1.0, 'higher'),),
                                     **options)


def test_a_codabench_bundle_becomes_a_readable_one(tmp_path):
    imported = _convert(_write(tmp_path / 'codabench'))
    made = imported.bundle
    assert (made.slug, made.title) == ('paint-it-2026', 'Paint it! 2026')
    first, last = made.phases
    assert (first.name, first.title) == ('Development feedback', 'Development (feedback)')
    assert first.end == last.start == 1772366400.0
    assert (first.quota.per_day, first.quota.total, first.final_selection) == (4, 40, 'last')
    assert made.rules == {'en': 'Be fair.'} and '## Overview\n\nPaint.' in made.description['en']
    assert [(pair.content, pair.style) for pair in made.pairs] == [(f'{index}.png', 'look.png') for index in range(3)]
    notes = ' '.join(imported.notes)
    for words in ('lost.md', 'FID', 'Docker image', 'scoring programs'):
        assert words in notes

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, 'w') as target:
        for name, data in imported.files.items():
            target.writestr(name, data)
    (tmp_path / 'made.zip').write_bytes(archive.getvalue())
    with bundle_files.open_files(tmp_path / 'made.zip') as files:
        assert bundle_reader.read(files) == made


def test_pictures_may_come_from_elsewhere(tmp_path):
    folder = _write(tmp_path / 'codabench')
    (folder / 'reference.zip').unlink()
    lacking = _convert(folder)
    assert lacking.bundle.pairs == () and any('No pictures' in note for note in lacking.notes)
    with bundle_files.open_files(bundle_folder.write(tmp_path / 'pictures')) as pictures:
        found = _convert(folder, pictures=pictures)
    assert [pair.style for pair in found.bundle.pairs] == [f'painting{index}.png' for index in range(4)]


@pytest.mark.parametrize('text, problem', [('[1', 'is no YAML'), ('title: only', 'expected a Codabench bundle'),
                                           (bundle_folder.TEXT, 'is a bundle of ours already')])
def test_what_is_no_codabench_bundle_is_refused(tmp_path, text, problem):
    with pytest.raises(bundle_files.BundleError, match=problem):
        _convert(_write(tmp_path / 'codabench', text))
