"""The words of the pages: complete in every language, and all of them used."""

import pathlib
import re
import string

import pytest

from stylegan_serving.competition import texts

_PACKAGE = pathlib.Path(texts.__file__).parent.parent
# Keys that templates and pages put together, by their beginnings.
_MADE = ('state_', 'tab_', 'role_', 'staff_', 'member_', 'better_', 'split_', 'quota_', 'selection_', 'how_scored_',
         'do_', 'flag_', 'error_', 'said_', 'ago_', 'in_')


def _names(sentence):
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


def _sources():
    return [path.read_text() for folder, ending in (('templates', 'html'), ('pages', 'py'))
            for path in (_PACKAGE / folder).glob(f'*.{ending}')]


def test_languages_have_the_same_sentences_with_the_same_values():
    english = texts.TEXTS['en']
    for language, table in texts.TEXTS.items():
        assert set(table) == set(english), language
        assert {key: _names(sentence) for key, sentence in table.items()} == {
            key: _names(sentence) for key, sentence in english.items()}, language
        assert all(sentence.strip() for sentence in table.values()), language
    assert set(texts.TEXTS) == set(texts.LANGUAGES)


def test_chinese_is_chinese():
    # Names and formats stay; everything else has been translated.
    same = {key for key, sentence in texts.TEXTS['zh'].items() if not re.search('[一-鿿]', sentence)}
    assert same == {'moment'}


def test_every_key_that_is_said_exists_and_every_sentence_is_said():
    used = set()
    for source in _sources():
        used |= set(re.findall(r"""\b(?:t|say)\((?:request, )?['"](\w+)['"][,)]""", source))
        used |= set(re.findall(r"""['"](said_\w+)['"]""", source))
        used |= set(re.findall(r"""['"](\w+)['"] if .* else ['"](?:\w+)['"]""", source)) & set(texts.TEXTS['en'])
    unknown = used - set(texts.TEXTS['en'])
    assert not unknown
    said_nowhere = {key for key in set(texts.TEXTS['en']) - used if not key.startswith(_MADE)}
    whole = '\n'.join(_sources())
    assert {key for key in said_nowhere if not re.search(rf"['\"]{key}['\"]", whole)} == set()


@pytest.mark.parametrize('wishes, header, expected', [
    (('zh', 'en'), '', 'zh'), ((None, 'zh'), 'en', 'zh'), ((None, None), 'zh-CN,zh;q=0.9,en;q=0.8', 'zh'),
    ((None,), 'de, en;q=0.3, zh;q=0.7', 'zh'), (('xx',), 'fr', 'en'), ((None,), 'en;q=oops, zh', 'zh'), ((), '', 'en')])
def test_language_is_chosen_by_wish_and_then_by_the_browser(wishes, header, expected):
    assert texts.chosen_language(*wishes, header=header) == expected


def test_braces_without_values_stay_for_the_scripts():
    assert texts.text('en', 'live_running') == '{done} of {total} pictures scored'
    assert texts.text('en', 'live_running', done=1, total=6) == '1 of 6 pictures scored'
