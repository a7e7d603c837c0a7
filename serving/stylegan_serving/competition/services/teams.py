"""Teams: joining a contest, inviting, accepting, renaming, leaving."""

import dataclasses
import unicodedata

from stylegan_serving.competition import security
from stylegan_serving.competition.services import errors, permissions
from stylegan_serving.competition.store import errors as store_errors


def join(scene, *, team_name=None):
    """Joins the scene's contest with a new team that the caller leads.

    Args:
        scene: `Scene` with a contest.
        team_name: 3 to 40 characters, unique in the contest; the user's name if None.
    Returns:
        `records.Team`.
    Raises:
        Conflict: The caller is in a team of this contest, or the name is taken.
        NotNow: The contest is closed.
    """
    user = permissions.require_user(scene.caller)
    if scene.contest.state == 'closed':
        raise errors.NotNow('This contest is closed.')
    name = checked_name(team_name if team_name is not None else user.name)
    team = scene.platform.store.teams.add(scene.contest.id, name, user.id, now=scene.platform.now())
    scene.platform.audit(scene.caller, 'join', f'team:{team.id}', contest=scene.contest.slug)
    return team


def rename(scene, *, name):
    """Gives the named team another name; for its leader and organisers. Returns `records.Team`; raises Conflict."""
    permissions.require_leader(scene)
    team = scene.platform.store.teams.rename(scene.named_team.id, checked_name(name))
    scene.platform.audit(scene.caller, 'rename_team', f'team:{team.id}', name=team.name)
    return team


def invite(scene):
    """Makes an invitation into the named team that works once, for a week.

    Returns:
        (`records.Invitation`, its secret). Whoever has the secret can accept it; only its hash is stored.
    Raises:
        NotNow: The team is full.
    """
    permissions.require_leader(scene)
    platform, team = scene.platform, scene.named_team
    if len(platform.store.teams.members(team.id)) >= maximum_members(scene.contest):
        raise errors.NotNow(f'The team is full: {maximum_members(scene.contest)} members at most.')
    platform.take('secrets', scene.caller.user_id, 'new tokens and invitations')
    secret, hashed = security.new_token()
    now = platform.now()
    invitation = platform.store.teams.invite(
        team.id, hashed, scene.caller.user_id, now + platform.settings.invitation_seconds, now=now)
    platform.audit(scene.caller, 'invite', f'team:{team.id}')
    return invitation, secret


def accept(platform, caller, *, secret):
    """Puts the caller into the team of an invitation.

    Returns:
        (`records.Team`, `records.Contest`).
    Raises:
        Missing: There is no such invitation, it was used, or it has expired.
        Conflict: The caller is in a team of that contest, or the team is full.
        NotNow: The contest is closed.
    """
    user, now = permissions.require_user(caller), platform.now()
    hashed = security.token_hash(str(secret or ''))
    try:
        invitation = platform.store.teams.invitation(hashed, now)
        contest = platform.store.contests.contest(platform.store.teams.team(invitation.team_id).contest_id)
        if contest.state == 'closed':
            raise errors.NotNow('This contest is closed.')
        team = platform.store.teams.accept(hashed, user.id, now, maximum_members=maximum_members(contest))
    except store_errors.NotFound:
        raise errors.Missing('This invitation was used, has expired, or never was. Ask for a new one.') from None
    platform.audit(caller, 'accept_invitation', f'team:{team.id}', contest=contest.slug)
    return team, contest


def remove_member(scene, *, user_id):
    """Takes a user out of the named team: oneself, or for its leader and organisers anybody. Scores stay.

    Raises:
        Forbidden: Another member, by who is neither.
        Missing: There is no such member.
    """
    permissions.require_member(scene)
    if user_id != scene.caller.user_id:
        permissions.require_leader(scene)
    try:
        scene.platform.store.teams.remove_member(scene.named_team.id, user_id)
    except store_errors.NotFound:
        raise errors.Missing('There is no such member in this team.') from None
    scene.platform.audit(scene.caller, 'remove_member', f'team:{scene.named_team.id}', member=user_id)


def shown(scene, team):
    """What members see of their team: dict with `members` as list of user, name, role and joined_at."""
    permissions.require_member(dataclasses.replace(scene, named_team=team))
    store = scene.platform.store
    members = [{'user_id': member.user_id, 'name': store.accounts.user(member.user_id).name, 'role': member.role,
                'joined_at': member.joined_at} for member in store.teams.members(team.id)]
    return {**dataclasses.asdict(team), 'members': members, 'maximum_members': maximum_members(scene.contest)}


def listed(scene):
    """The teams of the contest as everybody sees them: list of id and name; judges see hidden ones, too."""
    return [{'id': team.id, 'name': team.name, **({'is_hidden': team.is_hidden} if scene.is_judge else {})}
            for team in scene.platform.store.teams.teams(scene.contest.id) if scene.is_judge or not team.is_hidden]


def maximum_members(contest):
    """How many members a team of the contest may have."""
    return contest.bundle['maximum_members']


def checked_name(name):
    """A team's name as it is kept; raises Invalid unless it has 3 to 40 printable characters."""
    name = ' '.join(unicodedata.normalize('NFKC', str(name or '')).split())
    if not 3 <= len(name) <= 40 or not name.isprintable():
        raise errors.Invalid(f'Expected a team name of 3 to 40 printable characters. Received: {name[:60]!r}.', 'name')
    return name
