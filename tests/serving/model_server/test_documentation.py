"""The commands of docs/serving.md: every flag exists, every file is there."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]
TEXT = (ROOT / 'docs' / 'serving.md').read_text(encoding='utf-8')
CLIENT = 'stylegan_serving.client'


def commands_of(text):
    """Dict (module, client's command or '') -> set of the flags that the text gives it."""
    found = {}
    joined = re.sub(r'\\\n\s*', ' ', text)
    for module, rest in re.findall(r'python -m (stylegan_serving\.\w+)([^`\n|#&]*)', joined):
        words = rest.split()
        command = words[0] if module == CLIENT and words and not words[0].startswith('-') else ''
        flags = {word.partition('=')[0].rstrip(';,.:') for word in words if word.startswith('--')}
        found.setdefault((module, command), set()).update(flags)
    return found


def test_commands_are_found():
    assert commands_of('`python -m stylegan_serving.client stylize --a=1 \\\n  --b` and ') == {
        ('stylegan_serving.client', 'stylize'): {'--a', '--b'}}
    assert {('stylegan_serving.batch', ''), (CLIENT, 'promote'), (CLIENT, 'rollback'),
            ('stylegan_serving.local_server', '')} <= set(commands_of(TEXT))


@pytest.mark.parametrize(('module', 'command'), sorted(commands_of(TEXT)))
def test_flags_of_commands_exist(module, command):
    shown = subprocess.run([sys.executable, '-m', module, *([command] if command else []), '--help'],
                           capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    known = set(re.findall(r'^\s+(--\w+)', shown.stdout, re.MULTILINE))
    assert commands_of(TEXT)[module, command] <= known


def test_flags_for_beam_exist():
    pytest.importorskip('apache_beam', reason='needs the extra [batch]')
    from stylegan_serving.batch import options

    rows = re.findall(r'^\| [^|]+ \| `(--[^`]+)` \| (?:not run|run by the tests) \|$', TEXT, re.MULTILINE)
    assert len(rows) == 4
    for row in rows:
        options.pipeline_options(row.split(), [])


def test_files_exist():
    links = re.findall(r'\]\(([^)#]+)\)', TEXT)
    assert links and all((ROOT / 'docs' / link).exists() for link in links)
    table = TEXT[TEXT.index('| file of'):TEXT.index('## Sizing')]
    cells = [row.split('|')[1] for row in table.splitlines()[2:] if '|' in row]
    named = [name for cell in cells for name in re.findall(r'`([^`]+)`', cell)]
    assert len(named) >= 10
    assert all((ROOT / 'serving' / 'model_server' / name).exists() for name in named)
