"""Templates to pages: the environment, its filters, and what every page is given."""

import datetime
import functools
import hashlib
import math
import pathlib
import time

import jinja2
import markupsafe

from stylegan_serving.competition import texts

_PACKAGE = pathlib.Path(__file__).parent.parent
# Phases without a start or an end have times beyond these.
_EARLIEST, _LATEST = 86_400, 4e9
STATIC_FOLDER = _PACKAGE / 'static'


def page(template, *, language, **context):
    """The HTML of a page, str.

    Args:
        template: Name of a file in templates/.
        language: A key of `texts.LANGUAGES`.
        **context: What the template speaks of.
    """
    return _environment(language).get_template(template).render(**context)


def score_text(value):
    """A score as it is shown, the same digits everywhere: 0.5131, 12.31, 310.2."""
    if value is None or not math.isfinite(value):
        return '–'
    digits = 4 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    # No '-0.0000': it would suggest a difference.
    return f'{round(value, digits) + 0.0:.{digits}f}'


def static_address(name):
    """The address of a file of static/, which changes with its content, so that browsers may keep it for long."""
    return f'/static/{name}?v={_content_hash(name)}'


@functools.cache
def _content_hash(name):
    return hashlib.sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:12]


@functools.cache
def _environment(language):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PACKAGE / 'templates'), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
        # An update puts new templates below a server that still has the old program.
        auto_reload=False)
    say = functools.partial(texts.text, language)
    environment.globals |= {'t': say, 'language': language, 'languages': texts.LANGUAGES, 'static': static_address}
    environment.filters |= {
        'score': score_text, 'place': _place, 'bytes': _bytes, 'iso': lambda at: f'{_utc(at):%Y-%m-%dT%H:%M:%SZ}',
        'plain': lambda value: f'{value:g}',
        'moment': lambda at: _utc(at).strftime(say('moment')), 'ago': functools.partial(_ago, say),
        'duration': functools.partial(_duration, say)}
    environment.tests['dated'] = lambda at: _EARLIEST < at < _LATEST
    return environment


def _place(value, scale):
    """Where a value stands on an axis of 0..200 with a margin of 4, for `scale` = (lowest, highest)."""
    low, high = scale
    share = (value - low) / (high - low) if high > low else 0.5
    return round(4 + 192 * max(0.0, min(1.0, share)), 2)


def _bytes(count):
    for unit in ('B', 'KB', 'MB', 'GB'):
        if count < 1000 or unit == 'GB':
            return f'{count:.0f} {unit}' if unit == 'B' else f'{count:.1f} {unit}'
        count /= 1000


def _utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _ago(say, at):
    away = time.time() - at
    if abs(away) < 5:
        return say('ago_now')
    if abs(away) > 700 * 86400:
        return _utc(at).strftime(say('moment'))
    direction, away = ('ago', away) if away > 0 else ('in', -away)
    for unit, seconds in (('days', 86400), ('hours', 3600), ('minutes', 60)):
        if away >= (2 * seconds if unit == 'days' else seconds):
            return say(f'{direction}_{unit}', n=round(away / seconds))
    return say(f'{direction}_seconds', n=round(away))


def _duration(say, seconds):
    if seconds < 120:
        return say('duration_seconds', n=round(seconds))
    return say('duration_minutes', n=round(seconds / 60))


def markup(html):
    """Marks HTML that this package made itself as safe to put into a page."""
    return markupsafe.Markup(html)
