"""Organisers' Markdown as HTML that can do no harm: rendered without raw HTML, then cleaned by an allow-list."""

import functools

import markdown_it
import markupsafe
import nh3

_TAGS = {'a', 'blockquote', 'br', 'code', 'em', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p', 'pre', 's',
         'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'}
# No pictures: one from elsewhere would tell its host who reads the page, and the CSP refuses it anyway.
_ATTRIBUTES = {'a': {'href', 'title'}, 'ol': {'start'}}


@functools.cache
def _renderer():
    return markdown_it.MarkdownIt('commonmark', {'html': False, 'linkify': False}).enable(['table', 'strikethrough'])


@functools.lru_cache(maxsize=256)
def render(text):
    """Safe HTML of a Markdown text, as `Markup`.

    Headings start one level deeper, since the page has its own <h1>. Links keep http, https and mailto only and hand
    nothing to where they lead; pictures and raw HTML do not pass.
    """
    tokens = _renderer().parse(text)
    for token in tokens:
        if token.type in ('heading_open', 'heading_close'):
            token.tag = f'h{min(6, int(token.tag[1]) + 1)}'
    html = _renderer().renderer.render(tokens, _renderer().options, {})
    return markupsafe.Markup(nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel='nofollow noopener noreferrer',
        url_schemes={'http', 'https', 'mailto'}))
