"""The JSON routes below /api/v1: each reads a request, calls a service and writes what it returns.

Refusals are {"error": CODE, "message": TEXT} with a status of 4xx; see `services.errors`.
"""

from stylegan_serving.competition.api import (
    accounts,
    administration,
    boards,
    contests,
    submissions,
    teams,
    uploads,
    votes,
)

ROUTERS = tuple(module.router for module in (
    accounts, contests, teams, uploads, submissions, boards, votes, administration))
