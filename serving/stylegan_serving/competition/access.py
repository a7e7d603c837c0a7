"""The table of who may use which route: enforced before every handler, and what the access tests are generated from.

A route without a row is refused when the application is made, so that none is forgotten. Services check again: the
table is about the address of a request, they are about everything that it says.
"""

import enum

from stylegan_serving.competition.services import permissions


class Who(enum.Enum):
    """From whom a route takes requests; each is checked by the function of `_CHECKS` with the request's scene."""

    ANYONE = 'anyone; a draft contest is seen by its organisers only'
    USER = 'who is signed in'
    CREATOR = 'who may create contests'
    PARTICIPANT = 'members of a team of the contest'
    OWNER = "members of the submission's team"
    OWNER_OR_JUDGE = "members of the submission's team, the contest's judges and organisers"
    MEMBER = 'members of the named team and the organisers of its contest'
    LEADER = 'the leader of the named team and the organisers of its contest'
    UPLOADER = 'who began the upload'
    JUDGE = "the contest's judges and organisers"
    ORGANISER = "the contest's organisers"
    ADMIN = 'administrators'


_CHECKS = {
    Who.ANYONE: lambda scene: None,
    Who.USER: lambda scene: permissions.require_user(scene.caller),
    Who.CREATOR: lambda scene: permissions.require_creator(scene.caller),
    Who.PARTICIPANT: permissions.require_team,
    Who.OWNER: permissions.require_owner,
    Who.OWNER_OR_JUDGE: lambda scene: permissions.require_owner(scene, or_judge=True),
    Who.MEMBER: permissions.require_member,
    Who.LEADER: permissions.require_leader,
    Who.UPLOADER: permissions.require_uploader,
    Who.JUDGE: permissions.require_judge,
    Who.ORGANISER: permissions.require_staff,
    Who.ADMIN: lambda scene: permissions.require_admin(scene.caller),
}
_API = '/api/v1'
_CONTEST = f'{_API}/contests/{{slug}}'
_SUBMISSION = f'{_API}/submissions/{{submission_id}}'
# (method, path of the route) -> who may.
TABLE = {
    ('GET', '/healthz'): Who.ANYONE,
    ('GET', '/readyz'): Who.ANYONE,
    ('GET', '/metrics'): Who.ANYONE,
    ('GET', f'{_API}/openapi.json'): Who.ANYONE,

    ('POST', f'{_API}/register'): Who.ANYONE,
    ('POST', f'{_API}/login'): Who.ANYONE,
    ('POST', f'{_API}/logout'): Who.USER,
    ('GET', f'{_API}/me'): Who.USER,
    ('PATCH', f'{_API}/me'): Who.USER,
    ('DELETE', f'{_API}/me'): Who.USER,
    ('GET', f'{_API}/me/tokens'): Who.USER,
    ('POST', f'{_API}/me/tokens'): Who.USER,
    ('DELETE', f'{_API}/me/tokens/{{token_id}}'): Who.USER,

    ('GET', f'{_API}/contests'): Who.ANYONE,
    ('POST', f'{_API}/contests'): Who.CREATOR,
    ('GET', _CONTEST): Who.ANYONE,
    ('PATCH', _CONTEST): Who.ORGANISER,
    ('GET', f'{_CONTEST}/bundle'): Who.ORGANISER,
    ('PUT', f'{_CONTEST}/bundle'): Who.ORGANISER,
    ('POST', f'{_CONTEST}/open'): Who.ORGANISER,
    ('POST', f'{_CONTEST}/close'): Who.ORGANISER,
    ('POST', f'{_CONTEST}/clone'): Who.ORGANISER,
    ('GET', f'{_CONTEST}/export'): Who.ORGANISER,
    ('GET', f'{_CONTEST}/starter-kit'): Who.ANYONE,
    ('GET', f'{_CONTEST}/files/{{path:path}}'): Who.ANYONE,
    ('GET', f'{_CONTEST}/announcements'): Who.ANYONE,
    ('POST', f'{_CONTEST}/announcements'): Who.ORGANISER,
    ('GET', f'{_CONTEST}/roles'): Who.ORGANISER,
    ('PUT', f'{_CONTEST}/roles'): Who.ORGANISER,
    ('GET', f'{_CONTEST}/reports'): Who.JUDGE,
    ('POST', f'{_CONTEST}/reports/{{report_id}}'): Who.JUDGE,

    ('POST', f'{_CONTEST}/join'): Who.USER,
    ('GET', f'{_CONTEST}/teams'): Who.ANYONE,
    ('GET', f'{_API}/teams/{{team_id}}'): Who.MEMBER,
    ('PATCH', f'{_API}/teams/{{team_id}}'): Who.LEADER,
    ('POST', f'{_API}/teams/{{team_id}}/invitations'): Who.LEADER,
    ('DELETE', f'{_API}/teams/{{team_id}}/members/{{user_id}}'): Who.MEMBER,
    ('POST', f'{_API}/invitations/accept'): Who.USER,

    ('POST', f'{_CONTEST}/uploads'): Who.PARTICIPANT,
    ('GET', f'{_API}/uploads/{{upload_id}}'): Who.UPLOADER,
    ('HEAD', f'{_API}/uploads/{{upload_id}}'): Who.UPLOADER,
    ('PATCH', f'{_API}/uploads/{{upload_id}}'): Who.UPLOADER,
    ('DELETE', f'{_API}/uploads/{{upload_id}}'): Who.UPLOADER,
    ('GET', f'{_CONTEST}/submissions'): Who.USER,
    ('POST', f'{_CONTEST}/submissions'): Who.PARTICIPANT,
    ('GET', _SUBMISSION): Who.OWNER_OR_JUDGE,
    ('GET', f'{_SUBMISSION}/events'): Who.OWNER_OR_JUDGE,
    ('GET', f'{_SUBMISSION}/log'): Who.OWNER_OR_JUDGE,
    ('GET', f'{_SUBMISSION}/archive'): Who.OWNER_OR_JUDGE,
    ('GET', f'{_SUBMISSION}/pairs'): Who.OWNER_OR_JUDGE,
    ('GET', f'{_SUBMISSION}/pictures/{{pair}}/{{kind}}'): Who.ANYONE,
    ('POST', f'{_SUBMISSION}/final'): Who.OWNER,
    ('DELETE', f'{_SUBMISSION}/final'): Who.OWNER,
    ('POST', f'{_SUBMISSION}/cancel'): Who.OWNER_OR_JUDGE,
    ('POST', f'{_SUBMISSION}/rerun'): Who.ORGANISER,
    ('POST', f'{_SUBMISSION}/disqualify'): Who.ORGANISER,
    ('POST', f'{_SUBMISSION}/reinstate'): Who.ORGANISER,
    ('POST', f'{_SUBMISSION}/hide'): Who.JUDGE,
    ('POST', f'{_SUBMISSION}/show'): Who.JUDGE,
    ('POST', f'{_SUBMISSION}/report'): Who.USER,

    ('GET', f'{_CONTEST}/leaderboard'): Who.ANYONE,
    ('GET', f'{_CONTEST}/events'): Who.ANYONE,
    ('GET', f'{_CONTEST}/history'): Who.ANYONE,
    ('GET', f'{_CONTEST}/gallery'): Who.ANYONE,
    ('GET', f'{_CONTEST}/scorelog'): Who.ANYONE,
    ('GET', f'{_CONTEST}/vote'): Who.USER,
    ('POST', f'{_CONTEST}/vote'): Who.USER,
    ('GET', f'{_CONTEST}/vote/pictures/{{ballot}}/{{side}}'): Who.USER,
    ('GET', f'{_CONTEST}/votes'): Who.ANYONE,

    ('GET', f'{_API}/admin/users'): Who.ADMIN,
    ('PATCH', f'{_API}/admin/users/{{user_id}}'): Who.ADMIN,
    ('GET', f'{_API}/admin/audit'): Who.ADMIN,
    ('GET', f'{_API}/admin/workers'): Who.ADMIN,
    ('GET', f'{_API}/admin/reports'): Who.ADMIN,
}
# Pages: each lets in whom the JSON routes that it stands for let in.
TABLE |= {
    ('GET', '/static/'): Who.ANYONE,
    ('GET', '/'): Who.ANYONE,
    ('GET', '/language/{code}'): Who.ANYONE,
    ('GET', '/register'): Who.ANYONE,
    ('POST', '/register'): Who.ANYONE,
    ('GET', '/login'): Who.ANYONE,
    ('POST', '/login'): Who.ANYONE,
    ('POST', '/logout'): Who.USER,
    ('GET', '/account'): Who.USER,
    ('POST', '/account'): Who.USER,
    ('POST', '/account/tokens'): Who.USER,
    ('POST', '/account/tokens/{token_id}/delete'): Who.USER,
    ('POST', '/account/delete'): Who.USER,
    ('GET', '/invitation'): Who.USER,
    ('POST', '/invitation'): Who.USER,

    ('GET', '/c/{slug}'): Who.ANYONE,
    ('POST', '/c/{slug}/join'): Who.USER,
    ('GET', '/c/{slug}/submit'): Who.USER,
    ('POST', '/c/{slug}/submit'): Who.PARTICIPANT,
    ('GET', '/c/{slug}/submissions'): Who.USER,
    ('GET', '/c/{slug}/leaderboard'): Who.ANYONE,
    ('GET', '/c/{slug}/gallery'): Who.ANYONE,
    ('GET', '/c/{slug}/compare'): Who.ANYONE,
    ('GET', '/c/{slug}/vote'): Who.USER,
    ('POST', '/c/{slug}/vote'): Who.USER,
    ('GET', '/c/{slug}/team'): Who.USER,
    ('POST', '/c/{slug}/team/rename'): Who.PARTICIPANT,
    ('POST', '/c/{slug}/team/invite'): Who.PARTICIPANT,
    ('POST', '/c/{slug}/team/remove'): Who.PARTICIPANT,
    ('GET', '/new'): Who.CREATOR,
    ('POST', '/new'): Who.CREATOR,
    ('GET', '/c/{slug}/manage'): Who.JUDGE,
    ('GET', '/c/{slug}/manage/edit'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/edit'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/bundle'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/clone'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/open'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/close'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/announce'): Who.ORGANISER,
    ('POST', '/c/{slug}/manage/report'): Who.JUDGE,
    ('POST', '/c/{slug}/manage/role'): Who.ORGANISER,

    ('GET', '/s/{submission_id}'): Who.OWNER_OR_JUDGE,
    ('POST', '/s/{submission_id}/final'): Who.OWNER,
    ('POST', '/s/{submission_id}/unfinal'): Who.OWNER,
    ('POST', '/s/{submission_id}/cancel'): Who.OWNER_OR_JUDGE,
    ('POST', '/s/{submission_id}/rerun'): Who.ORGANISER,
    ('POST', '/s/{submission_id}/disqualify'): Who.ORGANISER,
    ('POST', '/s/{submission_id}/reinstate'): Who.ORGANISER,
    ('POST', '/s/{submission_id}/hide'): Who.JUDGE,
    ('POST', '/s/{submission_id}/show'): Who.JUDGE,
    ('POST', '/s/{submission_id}/report'): Who.USER,

    ('GET', '/admin'): Who.ADMIN,
    ('POST', '/admin/users/{user_id}'): Who.ADMIN,
}


def is_picture(path):
    """Whether a route gives pictures, of which a page asks for many at a time."""
    return '/pictures/' in path or path.endswith('/files/{path:path}')


def who(method, path):
    """The row of a route.

    Raises:
        LookupError: There is none; add it to `TABLE`.
    """
    try:
        return TABLE[method, path]
    except KeyError:
        raise LookupError(f'{method} {path} has no row in access.TABLE. Say there who may use it.') from None


def check(level, scene):
    """Raises NotSignedIn, Forbidden or Missing unless the scene's caller is one of `level`."""
    _CHECKS[level](scene)


def missing_rows(routes):
    """The routes that have no row, and the rows that have no route.

    Args:
        routes: Iterable of (method, path).
    Returns:
        (sorted list of routes, sorted list of rows).
    """
    routes = set(routes)
    return sorted(routes - set(TABLE)), sorted(set(TABLE) - routes)


