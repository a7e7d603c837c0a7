"""Bundles: what is read, and that each mistake is told with its line."""

import dataclasses
import shutil
import zipfile

import pytest

from stylegan_serving.competition import bundle as bundles
from stylegan_serving.competition import bundle_files, bundle_reader, bundle_yaml
from tests.serving.competition import bundle_folder


def _read(folder, describe=None):
    with bundle_files.open_files(folder) as files:
        return bundle_reader.read(files, describe)


def _problems(folder, describe=None):
    with pytest.raises(bundle_files.BundleError) as refused:
        _read(folder, describe)
    return refused.value.problems


def test_reads_a_folder_and_a_zip_alike(tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle')
    bundle = _read(folder)
    assert (bundle.slug, bundle.size, bundle.maximum_megabytes, bundle.models) == ('small-contest', 48, 5, 'off')
    assert bundle.description == {'en': '# Small\n', 'zh': '# 小\n'}
    first, last = bundle.phases
    assert (first.start, first.end - first.start) == (1767225600.0, 31 * 86_400.0)
    assert first.quota == bundles.Quota(3, 9, 2) and last.quota == bundles.Quota(None, 2, 1)
    assert last.final_selection == 'chosen' and last.end > 4e9
    assert sorted(pair.split for pair in bundle.pairs) == ['private', 'private', 'public', 'public']
    assert bundles.from_dict(dataclasses.asdict(bundle)) == bundle

    shutil.make_archive(str(tmp_path / 'inside'), 'zip', folder)
    shutil.make_archive(str(tmp_path / 'around'), 'zip', tmp_path, 'bundle')
    assert _read(tmp_path / 'inside.zip') == _read(tmp_path / 'around.zip') == bundle


def test_a_bundle_in_its_own_words_is_the_bundle(tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle')
    bundle = _read(folder)
    for name, text in bundle_yaml.files_of(bundle).items():
        (folder / name).write_text(text, encoding='utf-8')
    assert _read(folder) == bundle


def test_the_split_depends_on_the_seed_and_nothing_else(tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle', pairs=8)
    first = [pair.split for pair in _read(folder).pairs]
    assert [pair.split for pair in _read(folder).pairs] == first
    seeds = [bundle_folder.TEXT.replace('size:', f'split_seed: {seed}\nsize:') for seed in range(1, 5)]
    assert any([pair.split for pair in _read(bundle_folder.write(folder, text, pairs=8)).pairs] != first
               for text in seeds)
    (folder / 'pairs.csv').write_text('content,style,split\nphoto0.png,painting0.png,private\n'
                                      'photo1.png,painting1.png,public\n')
    assert [pair.split for pair in _read(folder).pairs] == ['private', 'public']


@pytest.mark.parametrize('old, new, problem', [
    ('size: 48', 'size: 5000', 'competition.yaml:9: size: expected a whole number from 32 to 1024.'),
    ('size: 48', 'sise: 48', "competition.yaml:9: sise: there is no such key. Did you mean 'size'?"),
    ('title: A small contest\n', '', "competition.yaml:1: the key 'title' is missing."),
    ('slug: small-contest', 'slug: Small Contest', 'competition.yaml:2: slug: expected lower-case letters'),
    ('end: 2026-02-01T00:00Z', 'end: 2025-01-01', 'competition.yaml:12: phases[0].end: expected a time after'),
    ('end: 2026-02-01T00:00Z', 'end: soon', 'competition.yaml:12: phases[0].end: expected a time such as'),
    ('per_day: 3', 'per_day: many', 'competition.yaml:12: phases[0].quota.per_day: expected a whole number'),
    ('name: final', 'name: development', "competition.yaml:13: phases[1].name: another phase is named 'development'."),
    ('final_selection: chosen', 'final_selection: any', 'competition.yaml:17: phases[1].final_selection: expected'),
    ('better: higher', 'weight: 0', 'competition.yaml:19: metrics: expected a weight above 0'),
    ('better: higher', 'better: up', 'competition.yaml:19: metrics[0].better: expected lower or higher'),
    ('ranking: weighted', 'ranking: weighted\nranking: weighted', 'competition.yaml:21: ranking: stands here twice.'),
    ('rules: rules.md', 'rules: law.md', 'competition.yaml:5: rules: there is no file law.md in the bundle.'),
    ('pairs: pairs.csv', 'pairs: [1]', 'competition.yaml:7: pairs: expected a text'),
    ('pairs: pairs.csv', 'pairs: none.csv', 'none.csv: is missing.'),
    ('content: content/', 'content: ../content', 'competition.yaml:6: images.content: expected a folder'),
    ('voting: {enabled: true', 'voting: {enabled: maybe', 'competition.yaml:21: voting.enabled: expected true'),
    ('phases:\n', 'phases: [\n', 'competition.yaml:12: is no YAML'),
])
def test_a_mistake_is_told_with_its_line(tmp_path, old, new, problem):
    assert old in bundle_folder.TEXT
    problems = _problems(bundle_folder.write(tmp_path / 'bundle', bundle_folder.TEXT.replace(old, new, 1)))
    assert any(line.startswith(problem) for line in problems), problems


def test_all_mistakes_are_told_at_once(tmp_path):
    text = bundle_folder.TEXT.replace('size: 48', 'size: big').replace('ranking: weighted', 'ranking: none')
    folder = bundle_folder.write(tmp_path / 'bundle', text)
    (folder / 'pairs.csv').write_text('content,style\nphoto0.png,painting0.png\nphoto0.png,painting0.png\n'
                                      '../photo1.png,painting1.png\nphoto1.png\n')
    problems = _problems(folder)
    assert [line.split(': ')[0] for line in problems] == [
        'competition.yaml:9', 'competition.yaml:20', 'pairs.csv:3', 'pairs.csv:4', 'pairs.csv:5', 'pairs.csv:5']
    assert 'line 2 has the same content and style' in problems[2]


def test_pictures_must_be_there_and_whole(tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle')
    (folder / 'content' / 'photo1.png').unlink()
    whole = (folder / 'style' / 'painting2.png').read_bytes()
    (folder / 'style' / 'painting2.png').write_bytes(whole[:len(whole) // 2])
    problems = _problems(folder)
    assert problems[0] == 'content/photo1.png: is missing; pairs.csv names it.'
    assert problems[1].startswith('style/painting2.png: cannot be decoded')
    assert len(problems) == 2


def test_metrics_are_those_of_the_evaluation(tmp_path):
    def describe(name):
        if name != 'balance@efficientnet_lite0':
            raise ValueError(f'There is no metric {name!r}.')
        return {'name': name, 'better': 'lower'}

    folder = bundle_folder.write(tmp_path / 'bundle')
    assert _problems(folder, describe) == [
        'competition.yaml:19: metrics[0].better: of balance@efficientnet_lite0 the lower value is better. Received: '
        'higher.']
    bundle_folder.write(folder, bundle_folder.TEXT.replace('balance@', 'balanse@'))
    assert _problems(folder, describe) == [
        "competition.yaml:19: metrics[0].name: There is no metric 'balanse@efficientnet_lite0'."]


def test_a_zip_of_a_stranger_is_read_with_care(tmp_path):
    def refused(name, data=b'x', **attributes):
        path = tmp_path / 'bundle.zip'
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.writestr(info, data)
        return _problems(path)[0]

    assert 'plain relative path' in refused('../competition.yaml')
    assert 'plain relative path' in refused('/competition.yaml')
    assert 'plain relative path' in refused('a\\..\\competition.yaml')
    assert 'is a link' in refused('competition.yaml', b'/etc/passwd', external_attr=0o120777 << 16)
    assert 'shrinks' in refused('competition.yaml', bytes(50_000_000))
    (tmp_path / 'no.zip').write_bytes(b'no zip')
    assert 'no readable zip' in _problems(tmp_path / 'no.zip')[0]
    assert 'no such folder or zip' in _problems(tmp_path / 'nothing')[0]


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    folder = bundle_folder.write(tmp_path / 'bundle')
    (tmp_path / 'outside.md').write_text('secret')
    (folder / 'rules.md').unlink()
    (folder / 'rules.md').symlink_to(tmp_path / 'outside.md')
    assert _problems(folder) == ['competition.yaml:5: rules: there is no file rules.md in the bundle.']
