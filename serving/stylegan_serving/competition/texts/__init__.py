"""The words of the pages, in each of their languages: flat tables of key -> sentence, the same keys in all of them."""

from stylegan_serving.competition.texts import chinese, english

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
