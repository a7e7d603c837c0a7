"""What one installation is set to: from flags, then the environment, then what suits one machine."""

import dataclasses
import os
import pathlib
import secrets

PREFIX = 'STYLEGAN_COMPETITION_'
_MEGABYTE = 1 << 20


class SettingsError(ValueError):
    """A setting cannot be used; the message names it and says what can."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings; `load` makes them. Each is a flag --NAME of `serve` and `worker` and STYLEGAN_COMPETITION_NAME."""

    database_url: str  # sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME
    storage_url: str  # a folder, or a URL of fsspec such as s3://bucket/prefix
    secret: str = dataclasses.field(repr=False)  # signs what this server hands out; at least 32 characters
    base_url: str = 'http://127.0.0.1:8000'  # how browsers reach it; https makes cookies Secure
    behind_proxy: bool = False  # take the client's address from X-Forwarded-For
    registration: str = 'open'  # open, closed: only admins make accounts
    session_seconds: int = 14 * 86_400
    token_seconds: int = 365 * 86_400  # longest life of an API token
    invitation_seconds: int = 7 * 86_400
    upload_seconds: int = 86_400  # unfinished uploads are deleted after this
    chunk_bytes: int = 8 * _MEGABYTE  # of a resumable upload
    bundle_bytes: int = 2048 * _MEGABYTE  # largest bundle of a contest
    unfinished_uploads: int = 3  # of one user
    requests_per_minute: int = 600  # from one address
    logins_per_minute: int = 10  # from one address, and for one account
    registrations_per_hour: int = 20  # from one address
    lease_seconds: float = 60.0  # a worker that is silent for so long has lost its submission
    poll_seconds: float = 1.0  # how often an idle worker looks
    maximum_attempts: int = 10  # a submission whose workers die fails after this many
    maximum_pixels: int = 4_000_000  # of one picture in an archive
    models: str = 'off'  # on: model submissions, in a sandbox, where a contest allows them too

    @property
    def is_https(self):
        """Whether browsers reach the server by https."""
        return self.base_url.startswith('https://')


def load(folder='competition_data', environment=None, **given):
    """The settings of an installation.

    Args:
        folder: Where the database and the files lie unless a URL says otherwise; is made. The secret is made here once.
        environment: dict of variables; `os.environ` if None.
        **given: What the flags said; None counts as not said.
    Raises:
        SettingsError: A value is of the wrong type or out of its range, or a name is unknown.
    """
    environment = os.environ if environment is None else environment
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    values = {}
    for name, field in fields.items():
        text = environment.get(PREFIX + name.upper())
        if text not in (None, ''):
            values[name] = _parse(name, field.type, text)
    for name, value in given.items():
        if name not in fields:
            raise SettingsError(f'There is no setting {name}. Settings: {", ".join(fields)}.')
        if value is not None:
            values[name] = _parse(name, fields[name].type, value) if isinstance(value, str) else value
    return _checked(_with_places(pathlib.Path(folder), values))


def _with_places(folder, values):
    folder = folder.expanduser().absolute()
    if not {'database_url', 'storage_url', 'secret'} <= set(values):
        try:
            # It holds password hashes and private scores.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f'Cannot make the folder {folder}: {error.strerror}.') from error
    values.setdefault('database_url', f'sqlite:///{folder}/competition.sqlite')
    values.setdefault('storage_url', str(folder / 'files'))
    if 'secret' not in values:
        values['secret'] = _kept_secret(folder / 'secret')
    return Settings(**values)


def _kept_secret(path):
    """The secret in a file that only its owner reads; made when it is first asked for, by one of several processes."""
    try:
        temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.partial')
        if not path.exists():
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_urlsafe(48))
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(f'Cannot keep the secret in {path}: {error.strerror}.') from error


def _parse(name, kind, text):
    if kind is bool:
        if text.lower() not in ('1', '0', 'true', 'false', 'yes', 'no'):
            raise SettingsError(f'The setting {name} is true or false. Received: {text!r}.')
        return text.lower() in ('1', 'true', 'yes')
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f'The setting {name} is a number. Received: {text!r}.') from None


def _checked(settings):
    for name, choices in (('registration', ('open', 'closed')), ('models', ('off', 'on'))):
        if getattr(settings, name) not in choices:
            raise SettingsError(f'The setting {name} is {" or ".join(choices)}. Received: {getattr(settings, name)!r}.')
    if len(settings.secret) < 32:
        raise SettingsError('The setting secret has at least 32 characters. Make one with: python -c "import secrets; '
                            'print(secrets.token_urlsafe(48))"')
    if not settings.base_url.startswith(('http://', 'https://')):
        raise SettingsError(f'The setting base_url begins with http:// or https://. Received: {settings.base_url!r}.')
    for field in dataclasses.fields(Settings):
        value = getattr(settings, field.name)
        if field.type in (int, float) and not value > 0:
            raise SettingsError(f'The setting {field.name} is above 0. Received: {value}.')
    return dataclasses.replace(settings, base_url=settings.base_url.rstrip('/'))
