"""What `open` and `close` share."""

from stylegan_serving.competition.commands import installation


def change(slug, state):
    """Opens or closes the contest of --contest and prints what became of it."""
    with installation.opened() as (store, _, settings):
        contest = installation.contest_of(store, slug)
        if contest.state == state:
            print(f'{contest.slug} is {state} already.')
            return
        changed = store.contests.set_state(contest.id, state)
        store.administration.audit(None, f'contest.{"open" if state == "open" else "close"}', contest.slug,
                                   {'by': 'command'})
        count, head = store.scores.log_head(contest.id)
        print(f'{changed.slug} is {state}: {settings.base_url}/c/{changed.slug}')
        print(f'Its score log has {count} entries' + (f', the last hash is {head}' if head else '') + '.')
