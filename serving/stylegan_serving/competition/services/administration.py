"""What administrators see and do: users and their roles, the audit log, workers, numbers for the monitoring."""

import dataclasses

from stylegan_serving.competition.services import accounts, errors, permissions
from stylegan_serving.competition.store import accounts as store_accounts


def users(platform, caller, *, search='', limit=100, after=''):
    """Accounts by name: list of `records.User`; for administrators."""
    permissions.require_admin(caller)
    return platform.store.accounts.users(search=search, limit=max(1, min(limit, 500)), after=after)


def change_user(platform, caller, user_id, *, role=None, is_disabled=None):
    """Changes what is given of an account; a disabled one is signed out everywhere. Returns `records.User`.

    Raises:
        NotNow: It is the administrator's own account, so that there is always one left.
        NotFound: There is no such account.
    """
    permissions.require_admin(caller)
    if user_id == caller.user_id:
        raise errors.NotNow('Nobody takes the own role away or disables the own account. Ask another administrator.')
    changes = {}
    if role is not None:
        if role not in store_accounts.ROLES:
            raise errors.Invalid(f'Expected one of {", ".join(store_accounts.ROLES)}. Received: {role!r}.', 'role')
        changes['role'] = role
    if is_disabled is not None:
        changes['is_disabled'] = bool(is_disabled)
    user = platform.store.accounts.update_user(user_id, **changes)
    if user.is_disabled:
        platform.store.accounts.end_sessions(user_id)
    platform.audit(caller, 'change_user', f'user:{user_id}', **changes)
    return user


def audit_events(platform, caller, *, limit=100, before=None):
    """The newest entries of the audit log: list of `records.AuditEvent`; for administrators."""
    permissions.require_admin(caller)
    return platform.store.administration.audit_events(limit=max(1, min(limit, 500)), before=before)


def workers(platform, caller):
    """Workers that were seen within a minute: list of `records.Worker`; for administrators."""
    permissions.require_admin(caller)
    return platform.store.administration.workers(platform.now())


def all_reports(platform, caller, *, state=None):
    """Complaints about entries of all contests: list of `records.EntryReport`; for administrators."""
    permissions.require_admin(caller)
    return platform.store.administration.reports(state=state)


def statistics(platform):
    """Numbers that name nobody, for /metrics: dict name -> number, None or {kind: number}."""
    now, found = platform.now(), dict(platform.store.administration.statistics())
    oldest = found.pop('oldest_queued_at')
    found['oldest_queued_seconds'] = 0.0 if oldest is None else max(0.0, now - oldest)
    found['workers'] = len(platform.store.administration.workers(now))
    return found


def shown_user(user):
    """What an administrator sees of an account: dict without the password's hash."""
    return {**accounts.shown(user), 'is_disabled': user.is_disabled}


def shown_event(platform, event):
    """An entry of the audit log with its actor's name: dict."""
    return {**dataclasses.asdict(event), 'actor': name_of(platform, event.actor_id)}


def name_of(platform, user_id):
    """A user's name, None for the system."""
    return platform.store.accounts.user(user_id).name if user_id else None
