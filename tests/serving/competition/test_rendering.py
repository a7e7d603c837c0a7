"""Markdown, numbers, charts, the comparison of two teams, and the colours of the style sheet."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from stylegan_serving.competition.pages import charts, comparison, markdown, rendering


@pytest.mark.parametrize('text', [
    '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '[x](javascript:alert(1))', '[x](data:text/html,1)',
    '![x](https://elsewhere.example/p.png)', '<a href="javascript:alert(1)">x</a>', '<style>*{}</style>',
    '<iframe src="//elsewhere.example"></iframe>', '[x](JaVaScRiPt:alert(1))', '<svg onload=alert(1)>',
    '<https://a.example/"onmouseover="alert(1)>', '# <b onclick=x>y</b>', '| <script> |\n|---|\n| [a](vbscript:x) |'])
def test_markdown_can_do_no_harm(text):
    html = markdown.render(text)
    tags = set(re.findall(r'<\s*(\w+)', html))
    assert tags <= {'p', 'a', 'h2', 'table', 'thead', 'tbody', 'tr', 'th', 'td'}
    assert not re.search(r'<[^>]*\s(on\w+|style|src)\s*=', html)
    links = re.findall(r'<a [^>]*href="([^"]*)"', html)
    assert all(link.startswith(('http:', 'https:', 'mailto:')) for link in links)


def test_markdown_says_what_organisers_mean():
    html = markdown.render('# Aim\n\nKeep *the* **subject**, ~~not~~ `that`.\n\n1. one\n2. two\n\n|a|b|\n|-|-|\n|1|2|\n'
                           '\n[home](https://example.org)')
    for part in ('<h2>Aim</h2>', '<em>the</em>', '<strong>subject</strong>', '<s>not</s>', '<code>that</code>',
                 '<li>two</li>', '<td>2</td>'):
        assert part in html
    assert 'href="https://example.org"' in html and 'rel="nofollow noopener noreferrer"' in html


@pytest.mark.parametrize('value, text', [
    (0.51307, '0.5131'), (12.3456, '12.35'), (310.24, '310.2'), (-0.00001, '0.0000'), (None, '–'), (float('nan'), '–'),
    (0, '0.0000'), (-3.5, '-3.5000')])
def test_a_score_has_the_same_digits_everywhere(value, text):
    assert rendering.score_text(value) == text


def test_chart_draws_what_it_is_given():
    series = [charts.Series('A & <b>', ((0.0, 0.2), (50.0, 0.6))), charts.Series('B', ((20.0, 0.5),)),
              charts.Series('none', ())]
    drawn = charts.history(series, until=100.0, title='T & t')
    root, below = ElementTree.fromstring(f'<div>{drawn}</div>')
    assert [one.text for one in below] == ['A & <b>', 'B']
    assert root.get('aria-label') == 'T & t'
    circles = [(float(one.get('cx')), float(one.get('cy'))) for one in root.iter('circle')]
    assert len(circles) == 3
    left, middle = circles[0], circles[1]
    assert left[0] < circles[2][0] < middle[0]  # in the order of time
    assert left[1] > circles[2][1] > middle[1]  # a larger value stands higher
    names = [one.text for one in root.iter('text') if 'name' in (one.get('class') or '')]
    assert names == ['A & <b>', 'B']
    assert charts.history([], until=1.0, title='') == ''


@pytest.mark.parametrize('values', [(0.5, 0.5), (0.0, 0.0), (-3.0, 1e6), (1e-6, 2e-6)])
def test_axis_holds_every_value(values):
    ticks = charts._ticks(min(values), max(values))
    assert ticks[0] <= min(values) and ticks[-1] >= max(values) and 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))


def test_labels_keep_apart_and_inside():
    places = charts._apart([10.0, 12.0, 300.0, 301.0, 302.0])
    assert all(below - above >= 19 for above, below in zip(sorted(places), sorted(places)[1:]))
    assert max(places) <= 304 and np.argsort(places).tolist() == [0, 1, 2, 3, 4]


def test_difference_of_two_teams():
    draw = np.random.default_rng(1)
    first = draw.normal(0.5, 0.1, 400)
    found = comparison.difference(list(zip(first, first - 0.2 + draw.normal(0, 0.01, 400))))
    assert found.mean == pytest.approx(0.2, abs=0.002)
    # The standard error of the mean is .01 / sqrt(400), and 95% of a normal lies within 1.96 of it.
    assert (found.high - found.low) == pytest.approx(2 * 1.96 * 0.01 / 20, rel=0.15)
    assert found.low < 0.2 < found.high
    alone = comparison.difference([(1.0, 3.0)])
    assert (alone.mean, alone.low, alone.high) == (-2.0, None, None)


def _colours():
    """(light, dark) of each variable of the style sheet: dict name -> two hex colours."""
    sheet = (rendering.STATIC_FOLDER / 'competition.css').read_text()
    return {name: (light, dark) for name, light, dark in
            re.findall(r'--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)', sheet)}


def _luminance(colour):
    parts = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize('text, ground, least', [
    *((text, ground, 4.5) for text in ('ink', 'muted', 'accent', 'bad') for ground in ('wall', 'surface')),
    ('on-accent', 'accent', 4.5), ('ink', 'tint', 4.5), ('muted', 'tint', 4.5), ('accent', 'tint', 4.5),
    ('good', 'good-tint', 4.5), ('warn', 'warn-tint', 4.5), ('bad', 'bad-tint', 4.5), ('ink', 'good-tint', 4.5),
    ('ink', 'warn-tint', 4.5), ('ink', 'bad-tint', 4.5), ('ink', 'sunken', 4.5), ('edge', 'surface', 3),
    ('edge', 'wall', 3), *((f'series-{number}', 'surface', 4.5) for number in range(1, 6))])
def test_colours_can_be_told_apart(text, ground, least):
    """WCAG 2.2, 1.4.3 and 1.4.11, in light and in dark."""
    for one, other in zip(_colours()[text], _colours()[ground]):
        brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
        assert (brighter + 0.05) / (darker + 0.05) >= least, (one, other)
