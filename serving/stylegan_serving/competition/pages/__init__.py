"""The pages of the platform: HTML made on the server, which works without a script and is made livelier by a few.

Each route has its row in `access.TABLE`, takes its `Scene` from `gate` and calls the same services as the JSON routes.
"""

from stylegan_serving.competition.pages import (  # noqa: F401  (each adds its routes)
    accounts,
    administration,
    boards,
    bundles,
    contests,
    entries,
    frame,
    managing,
    showing,
    static_files,
    teams,
    voting,
)

router, error_response, told = frame.router, frame.error_response, frame.told


def mount(app):
    """Serves the style sheet and the scripts, and makes room for what pages keep."""
    app.state.kept = {}  # what `frame.kept` keeps
    app.mount('/static', static_files.StaticFiles(), name='static')
