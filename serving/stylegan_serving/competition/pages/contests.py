"""The list of contests, a contest's overview, and joining it."""

import types
from typing import Annotated

from fastapi import Form
from starlette.requests import Request

from stylegan_serving.competition import rules
from stylegan_serving.competition.pages import frame, markdown
from stylegan_serving.competition.pages.frame import Here, router
from stylegan_serving.competition.services import boards, contests, teams


@router.get('/')
def contests_page(request: Request, scene: Here):
    platform, caller = scene.platform, scene.caller
    own = {}
    if caller.user:
        own = {row.contest_id: platform.store.teams.team(row.team_id)
               for row in platform.store.teams.memberships(caller.user_id)}
    cards = [_card(contest, own.get(contest.id), platform.now()) for contest in contests.listed(platform, caller)]
    return frame.show(request, scene, 'contests.html', cards=cards)


@router.get('/c/{slug}')
def contest_page(request: Request, scene: Here, slug: str):
    return _overview(request, scene)


@router.post('/c/{slug}/join')
def join(request: Request, scene: Here, slug: str, team: Annotated[str, Form()] = ''):
    try:
        teams.join(scene, team_name=team)
    except frame.REFUSALS as error:
        return frame.show_refused(request, scene, error, lambda **more: _overview(request, scene, **more),
                                  fields={'name': 'team'}, form={'team': team})
    return frame.go(f'/c/{slug}', 'said_joined')


def _card(contest, team, now):
    current = rules.open_phase(contest.bundle, now) if contest.state == 'open' else None
    pictures = [address for index in range(min(2, len(contest.bundle['pairs'])))
                for address in contests.pair_addresses(contest, index)][:3]
    return types.SimpleNamespace(
        contest=contest, team=team, pairs=len(contest.bundle['pairs']), pictures=pictures,
        phase=current and types.SimpleNamespace(title=frame.phase_title(current), end=current['end']))


def _overview(request, scene, **more):
    contest, bundle = scene.contest, scene.contest.bundle
    language = frame.language_of(request)
    split = [pair['split'] for pair in bundle['pairs']]
    lead = _lead(scene)
    examples = [] if lead else list(contests.pair_addresses(contest, 0))
    return frame.show(
        request, scene, 'contest.html', tab='contest', lead=lead, examples=examples,
        description=_text(bundle['description'], language), rules=_text(bundle['rules'], language),
        count_public=split.count('public'), count_private=split.count('private'),
        phases=[_phase(request, row, scene.platform.now()) for row in rules.phases(bundle)],
        announcements=[types.SimpleNamespace(created_at=row.created_at, html=markdown.render(row.text))
                       for row in contests.announcements(scene)[:10]],
        starter_kit=f'/api/v1/contests/{contest.slug}/starter-kit', **more)


def _lead(scene):
    """The leading team's result of the first pair, where the board may be seen and has one."""
    phase = rules.shown_phase(scene.contest.bundle, scene.platform.now())['name']
    if not boards.may_see(scene, phase, 'public'):
        return None
    board = boards.board(scene, phase=phase, split='public')
    if not board.places:
        return None
    place = board.places[0]
    content, style = contests.pair_addresses(scene.contest, 0)
    return types.SimpleNamespace(
        name='000', team=board.teams[place.team_id], content=content, style=style,
        result=boards.picture_address(place.submission_id, scene.contest.bundle['pairs'][0]['index'], 'output'))


def _phase(request, row, now):
    when = 'past' if row['end'] <= now else 'now' if row['start'] <= now else 'coming'
    return types.SimpleNamespace(
        title=frame.phase_title(row), start=row['start'], end=row['end'], when=when,
        final_selection=row['final_selection'], quota_text=_quota(request, row['quota']))


def _quota(request, quota):
    per_day, total = quota['per_day'], quota['total']
    if per_day is not None and total is not None:
        return frame.say(request, 'quota_line', per_day=per_day, total=total)
    if per_day is not None:
        return frame.say(request, 'quota_line_day', per_day=per_day)
    return frame.say(request, 'quota_line_free' if total is None else 'quota_line_total', total=total)


def _text(by_language, language):
    """An organiser's text in the page's language, else in the first one that there is, as HTML."""
    text = by_language.get(language) or by_language.get('en') or next(iter(by_language.values()), '')
    return markdown.render(text)
