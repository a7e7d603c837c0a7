"""How much one client may ask of the web part, beyond what `settings.Settings` lets an administrator choose."""

from stylegan_serving.competition import security

BODY_BYTES = 1 << 20       # of a JSON or form request
MULTIPART_BYTES = 1 << 16  # around a file in a form
TOKENS = 20                # of one user
STREAMS = 200              # open event streams of this process
STREAMS_PER_USER = 8


def rates(settings):
    """The rates of `security.RateLimiter`: dict name -> Rate."""
    return {
        'requests': security.Rate(settings.requests_per_minute, 60),          # of a user, or of an address
        'pictures': security.Rate(10 * settings.requests_per_minute, 60),     # a gallery has a hundred on a page
        'log_ins': security.Rate(settings.logins_per_minute, 60),             # tried from one address
        'wrong_passwords': security.Rate(settings.logins_per_minute, 300),    # for one account
        'registrations': security.Rate(settings.registrations_per_hour, 3600),  # from one address
        'secrets': security.Rate(60, 3600),      # API tokens, invitations and reports made by one user
        'submissions': security.Rate(120, 3600),  # of one user, whatever a phase's quota allows
        'bundles': security.Rate(60, 3600),      # contests created, cloned and exported by one user
    }
