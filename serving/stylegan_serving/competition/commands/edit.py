"""Replaces the bundle of a contest by a changed one.

    python -m stylegan_serving.competition export --contest=SLUG --output=export.zip    (its bundle/ is the bundle)
    python -m stylegan_serving.competition edit --contest=SLUG --bundle=bundle/

Texts, dates, quotas, teams and votes may change at any time. Once there are submissions, pictures, pairs, size and
metrics may not: clone the contest instead. The slug stays.
Exit codes: 0 done; 2 bad usage, or a bundle with mistakes.
"""

from absl import flags

from stylegan_serving.competition.commands import bundle_trial, installation
from stylegan_tf import commands

installation.define_flags()
_CONTEST = flags.DEFINE_string('contest', None, 'Slug of the contest.')
_BUNDLE = flags.DEFINE_string('bundle', None, 'Folder or zip of the changed bundle.')


def main():
    """Reads the flags and changes the contest; returns the exit code."""
    from stylegan_serving.competition import bundle_files, organising
    if not _BUNDLE.value:
        raise commands.UsageError('Expected --bundle=FOLDER or --bundle=FILE.zip.')
    try:
        with installation.opened() as (store, storage, _), bundle_files.open_files(_BUNDLE.value) as files:
            contest = installation.contest_of(store, _CONTEST.value)
            organising.edit(store, storage, contest, files, describe=bundle_trial.describe())
            store.administration.audit(None, 'contest.edit', contest.slug, {'by': 'command'})
            print(f'{contest.slug} has its new bundle.')
    except bundle_files.BundleError as error:
        return bundle_trial.refuse(error)
    return commands.DONE


errors = installation.errors
