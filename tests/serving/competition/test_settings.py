"""Settings from flags and the environment, and the secret that is made once."""

import pytest

from stylegan_serving.competition import settings


def test_one_machine_needs_nothing_said(tmp_path):
    made = settings.load(tmp_path / 'data', {})
    assert made.database_url == f'sqlite:///{tmp_path}/data/competition.sqlite'
    assert made.storage_url == f'{tmp_path}/data/files'
    assert settings.load(tmp_path / 'data', {}).secret == made.secret and len(made.secret) >= 32
    assert made.secret not in repr(made)
    assert (tmp_path / 'data').stat().st_mode & 0o077 == 0 == (tmp_path / 'data' / 'secret').stat().st_mode & 0o077


def test_flags_come_before_the_environment(tmp_path):
    environment = {'STYLEGAN_COMPETITION_BASE_URL': 'https://a.example/', 'STYLEGAN_COMPETITION_LEASE_SECONDS': '5.5',
                   'STYLEGAN_COMPETITION_BEHIND_PROXY': 'true', 'STYLEGAN_COMPETITION_TOKEN': 'of the client'}
    made = settings.load(tmp_path, environment)
    assert (made.base_url, made.is_https) == ('https://a.example', True)
    assert (made.lease_seconds, made.behind_proxy) == (5.5, True)
    assert settings.load(tmp_path, environment, base_url='http://b', lease_seconds=None).base_url == 'http://b'


@pytest.mark.parametrize('name, value, words', [
    ('lease_seconds', 'long', 'is a number'), ('lease_seconds', '-1', 'is above 0'), ('secret', 'short', 'at least 32'),
    ('behind_proxy', 'maybe', 'true or false'), ('registration', 'some', 'open or closed'), ('base_url', 'x', 'http://'),
    ('models', 'yes', 'off or on')])
def test_a_wrong_setting_is_named(tmp_path, name, value, words):
    with pytest.raises(settings.SettingsError, match=f'{name}.*{words}'):
        settings.load(tmp_path, {f'STYLEGAN_COMPETITION_{name.upper()}': value})
    with pytest.raises(settings.SettingsError, match='no setting nothing'):
        settings.load(tmp_path, {}, nothing='x')
