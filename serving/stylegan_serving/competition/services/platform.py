"""What every service is given: the platform it acts on, and who is asking."""

import dataclasses
import time
from collections.abc import Callable

from stylegan_serving.competition import records, security
from stylegan_serving.competition.services import errors


@dataclasses.dataclass(frozen=True)
class Platform:
    """The parts that services act on.

    Attributes:
        settings: `settings.Settings`.
        store: `store.Store`.
        storage: `storage.Storage`.
        limiter: `security.RateLimiter`.
        clock: Function that returns the time in Unix seconds.
        boards: Rankings and histories that are kept until they change; see `services.boards`.
    """

    settings: object
    store: object
    storage: object
    limiter: security.RateLimiter
    clock: Callable = time.time
    boards: dict = dataclasses.field(default_factory=dict)

    def now(self):
        """The time in Unix seconds."""
        return self.clock()

    def take(self, rate, key, what):
        """Counts one of `rate` for `key`; raises TooMany, naming `what`, when there were too many."""
        wait = self.limiter.take(rate, key, self.now())
        if wait:
            raise errors.TooMany(f'Too many {what}. Try again in {wait} s.', wait)

    def audit(self, caller, action, target, **detail):
        """Appends to the audit log who did what to which thing."""
        self.store.administration.audit(caller.user_id, action, target, detail, caller.address)


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who is asking.

    Attributes:
        user: `records.User`, None where nobody is signed in.
        session: `records.Session` of a browser, or None.
        token: `records.Token` of a program, or None.
        address: The IP address, str.
        csrf: What an unsafe request of this session must carry; None without a session.
    """

    user: records.User | None = None
    session: records.Session | None = None
    token: records.Token | None = None
    address: str = ''

    @property
    def user_id(self):
        return self.user.id if self.user else None

    @property
    def is_admin(self):
        return bool(self.user) and self.user.role == 'admin'

    @property
    def may_create(self):
        """Whether this user may create contests."""
        return bool(self.user) and self.user.role in ('admin', 'organiser')

    @property
    def csrf(self):
        return self.session.csrf if self.session else None

    @property
    def key(self):
        """What requests are counted by: the user, else the address."""
        return self.user.id if self.user else self.address
