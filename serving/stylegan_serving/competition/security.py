"""Passwords, tokens, cookies, cross-site checks, request rates and redirects: what every door relies on.

Knows no web framework. Nothing here or above it ever fetches a URL that somebody typed.
"""

import dataclasses
import functools
import hashlib
import hmac
import math
import os
import re
import secrets
import threading
import urllib.parse

import argon2

TOKEN_PREFIX = 'sgc_'
MINIMUM_PASSWORD_LENGTH, MAXIMUM_PASSWORD_LENGTH = 10, 128
# Whose X-Forwarded-For is believed: not '*', or a client could write its own address in front of the proxy's.
PROXIES = '127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7'
SAFE_METHODS = frozenset({'GET', 'HEAD', 'OPTIONS'})


def new_hasher():
    """Argon2id as RFC 9106 recommends second: 64 MiB, 3 passes, 4 lanes."""
    return argon2.PasswordHasher(time_cost=3, memory_cost=1 << 16, parallelism=4)


_HASHER = new_hasher()
# Each hash takes 64 MiB, so that a flood of log-ins must wait instead of filling the memory.
_HASHING = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))

CONTENT_SECURITY_POLICY = '; '.join((
    "default-src 'self'", "img-src 'self' data: blob:", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
    "frame-ancestors 'none'"))
HEADERS = {
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
}
# What participants made is shown as a picture or saved, never run.
FILE_POLICY = "default-src 'none'; sandbox"


def hash_password(password):
    """The argon2id hash of a password, with its salt and costs, as str."""
    with _HASHING:
        return _HASHER.hash(password)


def is_password(password, password_hash):
    """Whether `password` belongs to `password_hash`; takes as long where there is no account (None) to compare with."""
    with _HASHING:
        try:
            # Compared with a hash in any case, so that an answer's delay does not tell which names exist.
            return _HASHER.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
        except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError):
            return False


def is_outdated(password_hash):
    """Whether a password should be hashed anew at the next log-in, since today's costs are higher."""
    return _HASHER.check_needs_rehash(password_hash)


def new_token(prefix=''):
    """A new secret of 256 random bits and its hash, which is what the database keeps: (str, hex str)."""
    token = prefix + secrets.token_urlsafe(32)
    return token, token_hash(token)


def token_hash(token):
    """The SHA-256 of a token as hex str. Tokens are random and long, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_same(first, second):
    """Whether two secrets are equal, compared in constant time; None equals nothing."""
    return bool(first) and bool(second) and hmac.compare_digest(first.encode(), second.encode())


def cookie_name(base_url):
    """The session cookie's name; over https one that browsers accept from this very host only."""
    return '__Host-session' if is_https(base_url) else 'session'


def is_https(base_url):
    """Whether the platform is reached over https, so that cookies are marked Secure."""
    return urllib.parse.urlsplit(base_url or '').scheme == 'https'


def comes_from_elsewhere(headers, base_url):
    """Whether a browser says that a request was caused by another site.

    Args:
        headers: Mapping of lower-case names to str: `origin`, `sec-fetch-site` and `host` are looked at. A client that
            is no browser sends none of the first two and passes.
        base_url: Where the platform is reached, as the administrator configured it, or None.
    """
    if headers.get('sec-fetch-site') in ('cross-site', 'same-site'):
        return True
    origin = headers.get('origin')
    if origin is None:
        return False
    own = {_origin(base_url), *(f'{scheme}://{headers["host"]}' for scheme in ('http', 'https') if 'host' in headers)}
    return origin.lower() not in {name.lower() for name in own if name}


def safe_path(target, default='/'):
    """`target` where it is a path of this site, else `default`: where to go after a log-in or a change of language."""
    if not target or not target.startswith('/') or re.search(r'[\x00-\x20\x7f\\]', target):
        return default
    parts = urllib.parse.urlsplit(target)
    # '//host' is a path to no one but browsers.
    if parts.scheme or parts.netloc or target.startswith('//'):
        return default
    return target


@dataclasses.dataclass(frozen=True)
class Rate:
    """At most `count` in any stretch of about `seconds`; unused room is kept up to `count`."""

    count: int
    seconds: float


class RateLimiter:
    """Token buckets by name and key in this process; several web processes allow the sum of theirs.

    Args:
        rates: dict name -> Rate.
        maximum_keys: How many buckets are remembered; the fullest ones are forgotten first, which refuses nobody less.
    """

    def __init__(self, rates, maximum_keys=100_000):
        self.rates = dict(rates)
        self._maximum_keys = maximum_keys
        self._buckets = {}
        self._lock = threading.Lock()

    def take(self, name, key, now):
        """Takes one of `name` for `key` (an address, a user): seconds to wait where there is none left, else 0."""
        rate = self.rates[name]
        with self._lock:
            left, at = self._buckets.get((name, key), (rate.count, now))
            left = min(rate.count, left + max(0.0, now - at) * rate.count / rate.seconds)
            if left < 1:
                self._buckets[name, key] = left, now
                return max(1, math.ceil((1 - left) * rate.seconds / rate.count))
            if len(self._buckets) >= self._maximum_keys and (name, key) not in self._buckets:
                self._forget(now)
            self._buckets[name, key] = left - 1, now
        return 0

    def give_back(self, name, key):
        """Undoes one `take`: what is counted is failures, and this was none."""
        with self._lock:
            if (name, key) in self._buckets:
                left, at = self._buckets[name, key]
                self._buckets[name, key] = min(self.rates[name].count, left + 1), at

    def _forget(self, now):
        def fullness(item):
            (name, _), (left, at) = item
            rate = self.rates[name]
            return left / rate.count + (now - at) / rate.seconds

        kept = sorted(self._buckets.items(), key=fullness)[:self._maximum_keys // 2]
        self._buckets = dict(kept)


@functools.cache
def _nobodys_hash():
    return _HASHER.hash(secrets.token_urlsafe(16))


def _origin(url):
    parts = urllib.parse.urlsplit(url or '')
    return f'{parts.scheme}://{parts.netloc}' if parts.scheme and parts.netloc else None
