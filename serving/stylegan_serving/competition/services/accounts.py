"""Accounts: registering, signing in and out, API tokens, changing and deleting an account."""

import dataclasses
import re
import unicodedata

from stylegan_serving.competition import limits, records, security
from stylegan_serving.competition.services import errors, permissions
from stylegan_serving.competition.services.platform import Caller
from stylegan_serving.competition.store import errors as store_errors

LANGUAGES = ('en', 'zh')
# Letters and digits of any script; no marks that turn the reading direction or look like nothing.
_NAME = re.compile(r'[\w][\w .\-]{1,38}[\w.]')
_EMAIL = re.compile(r'[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}')


def register(platform, *, name, password, email=None, language='en', address='', by_admin=False):
    """Makes an account.

    Args:
        platform: `Platform`.
        name: What others see, 3 to 40 characters; unique whatever the case.
        password: 10 to 128 characters.
        email: An address for signing in and for the administrator, or None; never shown to others.
        language: 'en' or 'zh'.
        address: The IP address of who asks.
        by_admin: Whether an administrator makes it, as is needed where registration is closed.
    Returns:
        `records.User`.
    Raises:
        Invalid: A part is not as described; `field` says which.
        Conflict: The name or the e-mail address has an account already.
        Forbidden: Registration is closed.
        TooMany: Too many registrations from this address.
    """
    if platform.settings.registration == 'closed' and not by_admin:
        raise errors.Forbidden('Registration is closed. Ask an administrator for an account.')
    name, email = _checked_name(name), _checked_email(email)
    _check_password(password, name, email)
    _check_language(language)
    platform.take('registrations', address, 'registrations from this address')
    user = platform.store.accounts.add_user(name, email, security.hash_password(password), language=language)
    platform.audit(Caller(user, address=address), 'register', f'user:{user.id}')
    return user


def log_in(platform, *, name, password, address='', user_agent=''):
    """Opens a session.

    Args:
        platform: `Platform`.
        name: Name or e-mail address.
        password: The password.
        address: The IP address of who asks.
        user_agent: What the browser calls itself.
    Returns:
        (`Caller` that is signed in, the cookie's value). Only the value's hash is stored.
    Raises:
        Invalid: No such account with this password; the message does not tell which of both is wrong.
        TooMany: Too many tries from this address or into this account.
    """
    name = unicodedata.normalize('NFKC', str(name or '')).strip()
    platform.take('log_ins', address, 'log-ins from this address')
    platform.take('wrong_passwords', name.casefold(), 'wrong passwords for this account')
    user = _user_by_name(platform, name)
    is_right = len(password or '') <= security.MAXIMUM_PASSWORD_LENGTH and security.is_password(
        password or '', user.password_hash if user else None)
    if not is_right or user.is_disabled:
        if user:
            platform.store.administration.audit(user.id, 'log_in_failed', f'user:{user.id}', {}, address)
        raise errors.Invalid('There is no account with this name and password.')
    platform.limiter.give_back('wrong_passwords', name.casefold())
    if security.is_outdated(user.password_hash):
        user = platform.store.accounts.update_user(user.id, password_hash=security.hash_password(password))
    return _open_session(platform, user, address, user_agent)


def log_out(platform, caller):
    """Ends the caller's session; nothing happens without one."""
    if caller.session:
        platform.store.accounts.end_session(caller.session.id)


def caller_of_cookie(platform, cookie, address=''):
    """The `Caller` of a session cookie's value; an anonymous one where it is None, unknown or expired."""
    if not cookie:
        return Caller(address=address)
    try:
        session = platform.store.accounts.session(security.token_hash(cookie), platform.now())
        user = platform.store.accounts.user(session.user_id)
    except store_errors.NotFound:
        return Caller(address=address)
    if user.is_disabled:
        return Caller(address=address)
    return Caller(user, session=session, address=address)


def caller_of_token(platform, token, address=''):
    """The `Caller` of an API token.

    Raises:
        NotSignedIn: The token is unknown, has expired, or its account is disabled.
    """
    refused = errors.NotSignedIn('This token is not valid (any more). Make a new one on the account page.')
    if not token.startswith(security.TOKEN_PREFIX):
        raise refused
    try:
        row = platform.store.accounts.token_by_hash(security.token_hash(token), platform.now())
        user = platform.store.accounts.user(row.user_id)
    except store_errors.NotFound:
        raise refused from None
    if user.is_disabled:
        raise refused
    platform.store.accounts.touch_token(row.id, platform.now())
    return Caller(user, token=row, address=address)


def change_account(platform, caller, *, email=None, language=None, new_password=None, password=None):
    """Changes what is given (not None) of the caller's own account.

    Args:
        platform: `Platform`.
        caller: `Caller`.
        email: New address; '' removes it. Needs `password`.
        language: 'en' or 'zh'.
        new_password: New password; ends all other sessions and needs `password`.
        password: The current password.
    Returns:
        `records.User` as it is now.
    Raises:
        Invalid, Conflict, NotSignedIn: As in `register`; or the current password is wrong.
    """
    user, changes = permissions.require_user(caller), {}
    if email is not None or new_password is not None:
        _confirm(platform, caller, password)
    if language is not None:
        _check_language(language)
        changes['language'] = language
    if email is not None:
        changes['email'] = _checked_email(email)
    if new_password is not None:
        _check_password(new_password, user.name, changes.get('email', user.email), field='new_password')
        changes['password_hash'] = security.hash_password(new_password)
    if not changes:
        return user
    user = platform.store.accounts.update_user(user.id, **changes)
    if new_password is not None:
        _end_other_sessions(platform, caller)
    platform.audit(caller, 'change_account', f'user:{user.id}', changed=sorted(changes))
    return user


def delete_account(platform, caller, *, password):
    """Deletes the caller's account: name, address, sessions and tokens go; scores stay under the team.

    Raises:
        Invalid: The password is wrong.
        NotNow: The account still runs contests that are open.
    """
    user = permissions.require_user(caller)
    _confirm(platform, caller, password)
    running = [contest.title for contest in platform.store.contests.list(state='open')
               if contest.owner_id == user.id]
    if running:
        raise errors.NotNow(f'This account still runs {", ".join(running)}. Close that first.')
    platform.audit(caller, 'delete_account', f'user:{user.id}')
    platform.store.accounts.delete_user(user.id)


def make_token(platform, caller, *, name, days=None):
    """Makes an API token.

    Args:
        platform: `Platform`.
        caller: `Caller`.
        name: What the owner calls it, up to 60 characters.
        days: Days until it expires; the longest that the settings allow if None.
    Returns:
        (`records.Token`, the token itself). The token is shown this once; only its hash is stored.
    """
    user = permissions.require_user(caller)
    name = ' '.join(str(name or '').split())
    if not 1 <= len(name) <= 60:
        raise errors.Invalid('Expected a name of 1 to 60 characters for the token.', 'name')
    longest = platform.settings.token_seconds / 86400
    days = longest if days is None else days
    if not 0 < days <= longest:
        raise errors.Invalid(f'Expected more than 0 and up to {longest:g} days. Received: {days:g}.', 'days')
    if len(platform.store.accounts.tokens(user.id)) >= limits.TOKENS:
        raise errors.NotNow(f'Expected at most {limits.TOKENS} tokens. Delete one first.')
    platform.take('secrets', user.id, 'new tokens and invitations')
    token, hashed = security.new_token(security.TOKEN_PREFIX)
    now = platform.now()
    row = platform.store.accounts.add_token(
        user.id, name, hashed, expires_at=now + days * 86400, now=now)
    platform.audit(caller, 'make_token', f'token:{row.id}')
    return row, token


def tokens(platform, caller):
    """The caller's tokens, list of `records.Token`."""
    return platform.store.accounts.tokens(permissions.require_user(caller).id)


def delete_token(platform, caller, token_id):
    """Revokes one of the caller's tokens; raises NotFound where it is not one of them."""
    platform.store.accounts.delete_token(token_id, permissions.require_user(caller).id)
    platform.audit(caller, 'delete_token', f'token:{token_id}')


def shown(user):
    """What a user may see of the own account: dict without the password's hash."""
    row = dataclasses.asdict(user)
    del row['password_hash'], row['is_disabled']
    return row


def shown_token(token):
    """What is shown of a token: dict without its hash."""
    row = dataclasses.asdict(token)
    del row['token_hash'], row['user_id']
    return row


def _open_session(platform, user, address, user_agent):
    cookie, hashed = security.new_token()
    now = platform.now()
    session = records.Session(
        id=hashed, user_id=user.id, csrf=security.new_token()[0], created_at=now,
        expires_at=now + platform.settings.session_seconds, user_agent=(user_agent or '')[:400])
    platform.store.accounts.add_session(session)
    platform.store.administration.audit(user.id, 'log_in', f'user:{user.id}', {}, address)
    return Caller(user, session=session, address=address), cookie


def _end_other_sessions(platform, caller):
    platform.store.accounts.end_sessions(caller.user_id)
    if caller.session:
        platform.store.accounts.add_session(caller.session)


def _confirm(platform, caller, password):
    """A session left open on a library's computer is not enough for what cannot be undone."""
    platform.take('wrong_passwords', caller.user.name.casefold(), 'wrong passwords')
    if not security.is_password(password or '', caller.user.password_hash):
        raise errors.Invalid('This is not the current password.', 'password')
    platform.limiter.give_back('wrong_passwords', caller.user.name.casefold())


def _user_by_name(platform, name):
    try:
        return platform.store.accounts.user_by_name(name)
    except store_errors.NotFound:
        return None


def _checked_name(name):
    name = ' '.join(unicodedata.normalize('NFKC', str(name or '')).split())
    if not _NAME.fullmatch(name) or name.casefold().startswith('deleted-'):
        raise errors.Invalid('Expected a name of 3 to 40 letters, digits, spaces, dots, dashes or underscores. '
                             f'Received: {name[:60]!r}.', 'name')
    return name


def _checked_email(email):
    email = str(email or '').strip().lower()
    if not email:
        return None
    if not _EMAIL.fullmatch(email):
        raise errors.Invalid(f'Expected an e-mail address such as me@example.org. Received: {email[:80]!r}.', 'email')
    return email


def _check_password(password, name, email, field='password'):
    low, high = security.MINIMUM_PASSWORD_LENGTH, security.MAXIMUM_PASSWORD_LENGTH
    if not isinstance(password, str) or not low <= len(password) <= high:
        raise errors.Invalid(f'Expected a password of {low} to {high} characters.', field)
    if password.casefold() in (name.casefold(), (email or '').casefold()) or len(set(password)) < 4:
        raise errors.Invalid('Expected a password that is harder to guess: not the name, not one letter repeated.',
                             field)


def _check_language(language):
    if language not in LANGUAGES:
        raise errors.Invalid(f'Expected one of {", ".join(LANGUAGES)}. Received: {language!r}.', 'language')
