"""The console script and what every command does before its work: help, flags, exit codes."""

import subprocess
import sys

import pytest

from stylegan_tf import __main__, commands, configs


def command(*arguments):
    """Runs the console script; fails if it imported TensorFlow."""
    code = ('import sys; from stylegan_tf.__main__ import main\n'
            f'sys.argv = ["stylegan-tf", *{list(arguments)!r}]\n'
            'try:\n    code = main()\nexcept SystemExit as stop:\n    code = stop.code\n'
            'print("TENSORFLOW" if "tensorflow" in sys.modules else "", end="")\n'
            'sys.exit(code)')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                            timeout=120)
    assert not result.stdout.endswith('TENSORFLOW')
    return result


def test_bare_call_lists_the_commands_that_exist(capsys):
    assert __main__.main(['stylegan-tf']) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()
              if line.startswith('  ')]
    assert {'train', 'export', 'stylize', 'models', 'presets'} <= set(listed)
    assert set(listed) == {*commands.available(), *commands.LISTS}


def test_presets_are_listed_with_one_line_each(capsys):
    assert __main__.main(['stylegan-tf', 'presets']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(configs.PRESETS)
    assert all(preset.purpose in line for preset, line in zip(configs.PRESETS.values(), lines,
                                                              strict=True))


def test_models_are_listed_without_tensorflow():
    result = command('models')
    assert result.returncode == 0
    assert result.stdout.startswith('gatys ')


@pytest.mark.parametrize('arguments, message', [
    (['stylise'], "Unknown command 'stylise'. Did you mean 'stylize'? Commands: train"),
    (['nonsense'], "Unknown command 'nonsense'. Commands: train"),
    (['models', 'all'], 'takes no arguments. Received: all'),
])
def test_unknown_commands_are_refused(arguments, message, capsys):
    assert __main__.main(['stylegan-tf', *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('name', ['train', 'export', 'stylize', 'generate'])
def test_help_comes_without_tensorflow_from_both_doors(name):
    result = command(name, '--help')
    assert result.returncode == 0, result.stderr
    assert any(flag in result.stdout for flag in ('--workdir', '--content', '--truncation'))
    module = subprocess.run([sys.executable, '-m', f'stylegan_tf.{name}', '--help'],
                            capture_output=True, text=True, timeout=60)
    assert module.returncode == 0
    assert module.stdout.strip() == result.stdout.strip()
    assert '--alsologtostderr' not in module.stdout


@pytest.mark.parametrize('arguments, message', [
    (['--strenght=1'], "Unknown command line flag 'strenght'"),
    (['--strength=much'], 'strength'),
    (['photo.jpg'], 'Expected only flags (--name=value). Received: photo.jpg.'),
    ([], '--content is required'),
    (['--content=c', '--output=o'], 'Give either --style'),
    (['--model=m', '--content=c', '--output=o', '--style=s', '--style_seed=1'], 'either --style'),
    (['--model=m', '--content=c', '--output=o', '--style=s', '--sweep=size'], 'must be strength'),
    (['--model=m', '--content=c', '--output=o', '--style=s', '--provenance=no'], 'on or off'),
    (['--model=m', '--content=c', '--output=o', '--style=s', '--style_weights=a'], 'be numbers'),
    (['--model=m', '--content=c', '--output=o', '--style=s', '--strength=2'], 'between 0 and 1'),
    (['--model=m', '--content=c', '--output=o', '--style=s', '--keep_colors=all'], 'luminance'),
    (['--model=m', '--content=c', '--output=o', '--style=s'], 'neither a file nor a folder'),
])
def test_bad_usage_is_one_line_and_exit_code_2(arguments, message):
    result = command('stylize', *arguments)
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith('Error: ') and message in lines[0]
