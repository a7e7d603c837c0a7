"""Who a caller is in a contest, and the questions that services ask before they do anything."""

import dataclasses

from stylegan_serving.competition import records
from stylegan_serving.competition.services import errors
from stylegan_serving.competition.services.platform import Caller, Platform


@dataclasses.dataclass(frozen=True)
class Scene:
    """A caller and what the request names, looked up once.

    Attributes:
        platform: `Platform`.
        caller: `Caller`.
        contest: `records.Contest`, None where the request names none.
        team: `records.Team`: the caller's own in that contest, or None.
        role: The caller's part in that contest: 'admin', 'organiser', 'judge' or None.
        submission: `records.Submission` that the request names, or None.
        named_team: `records.Team` that the request names, or None.
        upload: `records.Upload` that the request names, or None.
    """

    platform: Platform
    caller: Caller
    contest: records.Contest | None = None
    team: records.Team | None = None
    role: str | None = None
    submission: records.Submission | None = None
    named_team: records.Team | None = None
    upload: records.Upload | None = None

    @property
    def is_staff(self):
        """Whether the caller runs this contest: its owner, one of its organisers, or an administrator."""
        return self.role in ('admin', 'organiser')

    @property
    def contest_role(self):
        """The role that `rules` go by: 'organiser' (administrators, too), 'judge' or None."""
        return 'organiser' if self.is_staff else self.role

    @property
    def is_judge(self):
        """Whether the caller may see what is not public yet and moderate entries."""
        return self.is_staff or self.role == 'judge'

    @property
    def owns_submission(self):
        """Whether the submission is the caller's own team's."""
        return bool(self.submission and self.team and self.submission.team_id == self.team.id)


def scene(platform, caller, *, slug=None, contest=None, submission_id=None, team_id=None, upload_id=None):
    """The scene of a request that names a contest, a submission, a team or an upload (or nothing).

    Raises:
        Missing: There is no such thing, or it belongs to a draft that this caller may not see.
        NotFound: As Missing, from the store.
    """
    submission = platform.store.submissions.submission(submission_id) if submission_id else None
    named_team = platform.store.teams.team(team_id) if team_id else None
    upload = platform.store.submissions.upload(upload_id) if upload_id else None
    if slug is not None:
        contest = platform.store.contests.by_slug(slug)
    named = submission or named_team or upload
    if named is not None and contest is None:
        contest = platform.store.contests.contest(named.contest_id)
    if contest is None:
        return Scene(platform, caller)
    if named is not None and named.contest_id != contest.id:
        raise errors.Missing('There is no such thing in this contest.')
    role = role_in(platform, caller, contest)
    if contest.state == 'draft' and role is None:
        raise errors.Missing(f'There is no contest {slug!r}.' if slug else 'There is no such contest.')
    team = platform.store.teams.team_of(contest.id, caller.user_id) if caller.user else None
    return Scene(platform, caller, contest, team, role, submission, named_team, upload)


def role_in(platform, caller, contest):
    """The caller's part in a contest: 'admin', 'organiser' (its owner, too), 'judge' or None."""
    if not caller.user:
        return None
    if caller.is_admin:
        return 'admin'
    if contest.owner_id == caller.user_id:
        return 'organiser'
    return platform.store.contests.role_of(contest.id, caller.user_id)


def require_user(caller):
    """Returns the caller's user; raises NotSignedIn."""
    if not caller.user:
        raise errors.NotSignedIn('Sign in first, or send a token: Authorization: Bearer sgc_...')
    return caller.user


def require_admin(caller):
    """Raises NotSignedIn or Forbidden unless the caller is an administrator."""
    if not require_user(caller).role == 'admin':
        raise errors.Forbidden('Only administrators may do this.')


def require_creator(caller):
    """Raises NotSignedIn or Forbidden unless the caller may create contests."""
    require_user(caller)
    if not caller.may_create:
        raise errors.Forbidden('Only organisers may create contests. Ask an administrator for the role.')


def require_staff(scene):
    """Raises NotSignedIn or Forbidden unless the caller runs the scene's contest."""
    require_user(scene.caller)
    if not scene.is_staff:
        raise errors.Forbidden("Only this contest's organisers may do this.")


def require_judge(scene):
    """Raises NotSignedIn or Forbidden unless the caller judges or runs the scene's contest."""
    require_user(scene.caller)
    if not scene.is_judge:
        raise errors.Forbidden("Only this contest's judges and organisers may do this.")


def require_team(scene):
    """The caller's team; raises NotSignedIn or Forbidden."""
    require_user(scene.caller)
    if not scene.team:
        raise errors.Forbidden('Join this contest first.')
    return scene.team


def require_owner(scene, or_judge=False):
    """Raises NotSignedIn or Forbidden unless the submission is the caller's team's, or, if asked, a judge's to see."""
    require_user(scene.caller)
    if not (scene.owns_submission or (or_judge and scene.is_judge)):
        raise errors.Forbidden("This is another team's submission.")


def require_member(scene):
    """Raises NotSignedIn or Forbidden unless the caller is in the named team or runs the contest."""
    require_user(scene.caller)
    if not (scene.is_staff or (scene.team and scene.named_team and scene.team.id == scene.named_team.id)):
        raise errors.Forbidden('Only members of this team may do this.')


def require_leader(scene):
    """Raises NotSignedIn or Forbidden unless the caller leads the named team or runs the contest."""
    require_member(scene)
    if not scene.is_staff and not is_leader(scene):
        raise errors.Forbidden("Only the team's leader may do this.")


def is_leader(scene):
    """Whether the caller leads the named team."""
    return any(member.user_id == scene.caller.user_id and member.role == 'leader'
               for member in scene.platform.store.teams.members(scene.named_team.id))


def require_uploader(scene):
    """Raises NotSignedIn or Forbidden unless the caller began the named upload."""
    if require_user(scene.caller).id != scene.upload.user_id:
        raise errors.Forbidden("This is another user's upload.")
