"""The organisers' commands as they are typed, each in a process of its own."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from stylegan_serving.competition import commands, settings
from stylegan_serving.competition import store as stores
from tests.serving.competition import bundle_folder
from tests.serving.competition import contest_builder as build


@pytest.fixture
def run(tmp_path):
    """Function that runs a command in an empty folder and returns (exit code, stdout, stderr)."""
    root = pathlib.Path(__file__).resolve().parents[3]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(root), str(root / 'serving')])}

    def run(*arguments, stdin=''):
        done = subprocess.run([sys.executable, '-m', 'stylegan_serving.competition', *arguments], cwd=tmp_path,
                              input=stdin, capture_output=True, text=True, timeout=300, env=environment)
        assert 'Traceback' not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr
    return run


def test_bare_it_lists_the_commands_and_a_wrong_one_is_named(run):
    code, out, _ = run()
    assert code == 0 and all(f'  {name} ' in out for name in commands.available())
    code, _, error = run('creat')
    assert code == 2 and "Did you mean 'create'?" in error


@pytest.mark.slow
def test_a_contest_from_a_bundle_to_its_reproduction(run, tmp_path):
    bundle_folder.write(tmp_path / 'bundle')
    create = ('create', '--bundle=bundle', '--noevaluate')
    code, _, error = run(*create)
    assert code == 2 and 'account --name=NAME --role=admin' in error
    code, out, error = run('account', '--name=ada', '--role=admin', '--password_file=-', stdin='a long password\n')
    assert (code, out) == (0, 'Made the account ada, role admin.\n'), error
    code, out, error = run(*create, '--open')
    assert code == 0 and 'Made small-contest, open, organised by ada' in out, error
    code, _, error = run(*create)
    assert code == 2 and "There is a contest 'small-contest'" in error

    store = stores.open_store(settings.load(tmp_path / 'competition_data', {}).database_url)
    contest = store.contests.by_slug('small-contest')
    build.add_scored(store, contest, *build.add_team(store, contest, 'Fauves'), 0.5, 0.25, phase='final')
    store.close()

    code, out, error = run('export', '--contest=small-contest', '--output=x.zip')
    assert code == 0 and 'Wrote ' in out, error
    code, out, error = run('verify', '--export=x.zip', '--board')
    assert code == 0 and '1 entries in order' in out
    assert 'final, private pairs\n     1  0.25       [0.25, 0.25]  Fauves, submission 1\n' in out
    code, out, _ = run('verify')
    assert code == 0 and out.startswith('small-contest: 1 entries in order') and '2 standings follow' in out

    # A score that was changed behind the log's back is found, by either way.
    path = tmp_path / 'y.zip'
    with zipfile.ZipFile(tmp_path / 'x.zip') as source, zipfile.ZipFile(path, 'w') as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'0.25', b'0.75'))
    code, _, error = run('verify', '--export=y.zip')
    assert code == 1 and 'was changed' in error
    engine = stores.make_engine(f'sqlite:///{tmp_path}/competition_data/competition.sqlite')
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE standings SET scores = replace(scores, '0.25', '0.75')")
    engine.dispose()
    code, _, error = run('verify')
    assert code == 1 and 'the log says submission' in error
    code, out, error = run('verify', '--rewrite')
    assert code == 0 and '2 standings follow' in out
    assert run('verify')[0] == 0


def test_a_bundle_with_mistakes_is_told_line_by_line(run, tmp_path):
    bundle_folder.write(tmp_path / 'bundle', bundle_folder.TEXT.replace('size: 48', 'size: big').replace(
        'balance@', 'balanse@'))
    code, out, error = run('create', '--bundle=bundle', '--dry_run')
    assert code == 2 and out == ''
    lines = error.splitlines()
    assert lines[0] == 'Error: The bundle has 2 problems:'
    assert lines[1].startswith('competition.yaml:9: size: expected') and lines[2].startswith('competition.yaml:19: ')
    assert not pathlib.Path(tmp_path / 'competition_data').exists()


@pytest.mark.slow
def test_life_and_moving(run, tmp_path):
    bundle_folder.write(tmp_path / 'bundle')
    run('account', '--name=ada', '--role=admin', '--password_file=-', stdin='a long password\n')
    run('create', '--bundle=bundle', '--noevaluate')
    assert run('open', '--contest=small-contest')[1].startswith('small-contest is open')
    assert run('clone', '--contest=small-contest', '--slug=second')[1].startswith('Made second, a draft')
    bundle_folder.write(tmp_path / 'bundle', bundle_folder.TEXT.replace('total: 9', 'total: 11'))
    assert run('edit', '--contest=small-contest', '--bundle=bundle')[0] == 0
    code, out, _ = run('close', '--contest=small-contest')
    assert code == 0 and 'small-contest is closed' in out and 'log has 1 entries' in out
    code, _, error = run('close', '--contest=third')
    assert code == 2 and 'Contests: second, small-contest.' in error
    assert run('backup', '--output=b.zip')[0] == 0
    assert run('restore', '--backup=b.zip', '--data=new')[0] == 0
    code, out, _ = run('verify', '--data=new')
    assert code == 0 and 'small-contest: 1 entries in order' in out and 'second: 0 entries' in out
    code, _, error = run('restore', '--backup=b.zip', '--data=new')
    assert code == 2 and 'empty database' in error
    assert run('upgrade', '--data=new')[1] == f'The tables are up to date: {stores.schema.newest()}.\n'
    store = stores.open_store(f'sqlite:///{tmp_path}/new/competition.sqlite')
    assert store.contests.by_slug('small-contest').bundle['phases'][0]['quota']['total'] == 11
    store.close()
    code, _, error = run('account', '--name=ada')
    assert code == 2 and 'Say what to change' in error
    code, _, error = run('account', '--name=bob', '--password_file=-', stdin='short\n')
    assert code == 2 and 'at least 10 characters' in error


@pytest.mark.slow
def test_the_evaluation_is_tried_out_before_a_contest_is_made(run, tmp_path):
    bundle_folder.write(tmp_path / 'bundle')
    code, out, error = run('create', '--bundle=bundle', '--dry_run')
    assert code == 0, error
    assert 'content unchanged: balance@efficientnet_lite0 0 [0, 0]' in out and 'Nothing was kept.' in out
    assert not (tmp_path / 'competition_data').exists()


@pytest.mark.slow
def test_a_codabench_bundle_is_turned_into_one_of_ours(run, tmp_path):
    folder = bundle_folder.write(tmp_path / 'pictures')
    for name in ('competition.yaml', 'pairs.csv'):
        (folder / name).unlink()
    (tmp_path / 'codabench').mkdir()
    (tmp_path / 'codabench' / 'competition.yaml').write_text(json.dumps({
        'version': 2, 'title': 'Paint', 'phases': [{'name': 'One', 'start': '2026-01-01'}], 'docker_image': 'x'}))
    code, out, error = run('import_bundle', '--bundle=codabench', '--pictures=pictures', '--output=made')
    assert code == 0 and 'Paint: 4 pairs' in out and '- Not taken over: the Docker image.' in out, error
    assert run('create', '--bundle=made', '--noevaluate', '--dry_run')[0] == 0
    code, _, error = run('import_bundle', '--bundle=codabench', '--output=made')
    assert code == 2 and 'made exists already' in error
