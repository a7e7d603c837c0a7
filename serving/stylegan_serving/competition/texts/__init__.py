"""The words of the pages, in each of their languages: flat tables of key -> sentence, the same keys in all of them."""

import functools
import re
import string

from stylegan_serving.competition.texts import chinese, chinese_refusals, english

LANGUAGES = {'en': 'English', 'zh': '中文'}
TEXTS = {'en': english.TEXTS, 'zh': chinese.TEXTS}


def text(language, key, **values):
    """The sentence of a key.

    Args:
        language: 'en' or 'zh'.
        key: A key of the tables.
        **values: What stands in its braces. Braces without a value stay, for a script to fill.
    Raises:
        KeyError: There is no such language or key.
    """
    sentence = TEXTS[language][key]
    return sentence.format(**values) if values else sentence


def refusal(language, message):
    """What a service said no with, which speaks English, in a language; lines that nobody translated stay as they are.

    Args:
        language: 'en' or 'zh'.
        message: Sentences of `chinese_refusals`, one a line.
    """
    if language == 'en':
        return message
    return '\n'.join(map(_in_chinese, message.split('\n')))


@functools.lru_cache(maxsize=1024)
def _in_chinese(line):
    for pattern, sentence in _patterns():
        if found := pattern.fullmatch(line):
            words = chinese_refusals.WORDS
            return sentence.format(**{name: words.get(text, text) for name, text in found.groupdict().items()})
    return line


@functools.cache
def _patterns():
    """[(pattern of an English sentence, the Chinese one)], those with the most fixed words first."""
    made = []
    for english_sentence, sentence in chinese_refusals.SENTENCES.items():
        parts = list(string.Formatter().parse(english_sentence))
        pattern = ''.join(re.escape(text) + (f'(?P<{name}>.+?)' if name else '') for text, name, _, _ in parts)
        made.append((sum(len(text) for text, *_ in parts), re.compile(pattern), sentence))
    return [row[1:] for row in sorted(made, key=lambda row: -row[0])]


def chosen_language(*wishes, header=''):
    """The first of `wishes` (str or None) that the pages speak, else what an Accept-Language header prefers."""
    for wish in wishes:
        if wish in TEXTS:
            return wish
    ranked = []
    for part in header.split(','):
        name, _, quality = part.strip().partition(';q=')
        try:
            ranked.append((-float(quality or 1), len(ranked), name.split('-')[0].strip().lower()))
        except ValueError:
            continue  # a browser's mistake is no reason to fail
    return next((name for _, _, name in sorted(ranked) if name in TEXTS), 'en')
