"""Makes a draft of another contest's bundle, without its teams and submissions.

    python -m stylegan_serving.competition clone --contest=SLUG --slug=NEW [--title=TITLE]

Exit codes: 0 made; 2 bad usage.
"""

from absl import flags

from stylegan_serving.competition.commands import bundle_trial, installation
from stylegan_tf import commands

installation.define_flags()
_CONTEST = flags.DEFINE_string('contest', None, 'Slug of the contest to copy.')
_SLUG = flags.DEFINE_string('slug', None, 'Slug of the new one.')
_TITLE = flags.DEFINE_string('title', None, 'Title of the new one; default: the same.')
_OWNER = flags.DEFINE_string('owner', None, 'Account that organises it; default: who organises the old one.')


def main():
    """Reads the flags and makes the draft; returns the exit code."""
    from stylegan_serving.competition import bundle_files, organising
    if not _SLUG.value:
        raise commands.UsageError('Expected --slug=NEW, the name of the copy in addresses.')
    with installation.opened() as (store, storage, settings):
        contest = installation.contest_of(store, _CONTEST.value)
        owner_id = installation.user_of(store, _OWNER.value).id if _OWNER.value else contest.owner_id
        try:
            made = organising.clone(store, storage, contest, _SLUG.value, owner_id, title=_TITLE.value)
        except bundle_files.BundleError as error:
            return bundle_trial.refuse(error)
        store.administration.audit(owner_id, 'contest.clone', made.slug, {'by': 'command', 'of': contest.slug})
        print(f'Made {made.slug}, a draft: {settings.base_url}/c/{made.slug}. Its phases have the old dates: change '
              'them by `edit`.')
    return commands.DONE


errors = installation.errors
