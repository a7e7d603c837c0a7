"""The words of the pages: complete in every language, and all of them used."""

import ast
import pathlib
import re
import string

import pytest

from stylegan_serving.competition import scoring, texts, worker
from stylegan_serving.competition.store import run_queue
from stylegan_serving.competition.texts import chinese_refusals

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


# What is said to programs, organisers' bundles and the command line has places of its own.
_NOT_ON_PAGES = ('api/', 'commands/', 'pages/', 'bundle', 'organising.py', 'participant.py', 'model_check.py',
                 'sandbox', 'store/schema.py', 'settings.py', 'storage.py', 'backups.py')
_REFUSALS = {'Invalid', 'NotSignedIn', 'Forbidden', 'Missing', 'NotNow', 'TooLarge', 'ChecksumMismatch', 'TooMany',
             'NotFound', 'Conflict', 'InvalidState', 'ArchiveError', 'EntryError'}


def _said(node):
    """The sentences that an expression may be, with 7 for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield ''.join(part.value if isinstance(part, ast.Constant) else '7' for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _said(node.body)
        yield from _said(node.orelse)
    elif isinstance(node, ast.List):
        for part in node.elts:
            yield from _said(part)


def _refusals(path):
    """The sentences with which a module refuses."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, 'attr', getattr(node.func, 'id', None))
            if node.args and (name in _REFUSALS or (name == 'append' and path.name == 'archives.py')):
                yield from _said(node.args[0])
        elif isinstance(node, ast.Return) and path.name in ('archives.py', 'rules.py') and node.value is not None:
            yield from (sentence for sentence in _said(node.value) if sentence.endswith('.'))


def test_no_refusal_is_forgotten():
    found = {worker.INTERNAL_ERROR, run_queue.WORKER_DIED, *scoring._STOPPED.values()}
    found = {re.sub(r'\{[^}]*\}', '7', sentence) for sentence in found}
    for path in _PACKAGE.rglob('*.py'):
        if not str(path.relative_to(_PACKAGE)).startswith(_NOT_ON_PAGES):
            found |= {line for sentence in _refusals(path) for line in sentence.split('\n')
                      if re.search('[a-z]{2}', line)}
    assert len(found) > 120
    assert {sentence for sentence in found if not re.search('[一-鿿]', texts.refusal('zh', sentence))} == set()


def test_refusals_keep_what_was_put_in():
    for english, chinese in chinese_refusals.SENTENCES.items():
        assert set(_names(chinese)) <= set(_names(english)), english
        assert texts.refusal('en', english) == english
    assert texts.refusal('zh', 'The name \'ada\' is taken. Choose another.') == "用户名 'ada' 已被使用，请另选一个。"
    assert texts.refusal('zh', 'Too many wrong passwords. Try again in 30 s.') == '错误密码过多，请在 30 秒后再试。'
    assert texts.refusal('zh', 'There is no such contest.') == '没有这个竞赛。'
    assert texts.refusal('zh', '005.png: is empty.\nSomething new.') == '005.png：是空文件。\nSomething new.'
    assert texts.refusal('zh', 'A {brace} that nobody knows.') == 'A {brace} that nobody knows.'


@pytest.mark.parametrize('wishes, header, expected', [
    (('zh', 'en'), '', 'zh'), ((None, 'zh'), 'en', 'zh'), ((None, None), 'zh-CN,zh;q=0.9,en;q=0.8', 'zh'),
    ((None,), 'de, en;q=0.3, zh;q=0.7', 'zh'), (('xx',), 'fr', 'en'), ((None,), 'en;q=oops, zh', 'zh'), ((), '', 'en')])
def test_language_is_chosen_by_wish_and_then_by_the_browser(wishes, header, expected):
    assert texts.chosen_language(*wishes, header=header) == expected


def test_braces_without_values_stay_for_the_scripts():
    assert texts.text('en', 'live_running') == '{done} of {total} pictures scored'
    assert texts.text('en', 'live_running', done=1, total=6) == '1 of 6 pictures scored'
