"""Makes a contest of a bundle: a folder, or a zip of one, with competition.yaml at its top.

    python -m stylegan_serving.competition create --bundle=my_contest/
    python -m stylegan_serving.competition create --bundle=my_contest/ --dry_run

Checks every field and picture and tells each mistake with its line, then runs the contest's evaluation on the content
unchanged and on the style pasted. The contest stays a draft until `open`. --dry_run checks and keeps nothing.
Exit codes: 0 made, or nothing to complain of; 2 bad usage, or a bundle with mistakes.
"""

from absl import flags

from stylegan_serving.competition.commands import bundle_trial, installation
from stylegan_tf import commands

installation.define_flags()
_BUNDLE = flags.DEFINE_string('bundle', None, 'Folder or zip of the bundle.')
_OWNER = flags.DEFINE_string('owner', None, 'Account that organises it; default: the only administrator.')
_SLUG = flags.DEFINE_string('slug', None, "Name in addresses instead of the bundle's.")
_OPEN = flags.DEFINE_bool('open', False, 'Open it at once.')
_EVALUATE = flags.DEFINE_bool('evaluate', True, 'Try the evaluation out.')
_DRY_RUN = flags.DEFINE_bool('dry_run', False, 'Check and keep nothing.')


def main():
    """Reads the flags and makes the contest; returns the exit code."""
    from stylegan_serving.competition import bundle_files, bundle_reader, organising
    if not _BUNDLE.value:
        raise commands.UsageError('Expected --bundle=FOLDER or --bundle=FILE.zip.')
    describe = bundle_trial.describe()
    try:
        with bundle_files.open_files(_BUNDLE.value) as files:
            bundle = bundle_reader.read(files, describe)
            print(bundle_trial.summary(bundle))
            if _DRY_RUN.value:
                _try_out(bundle, files)
                print('The bundle is in order. Nothing was kept.')
                return commands.DONE
            with installation.opened() as (store, storage, settings):
                owner = installation.user_of(store, _OWNER.value)
                _try_out(bundle, files)
                contest = organising.create(store, storage, files, owner.id, slug=_SLUG.value, describe=describe)
                store.administration.audit(owner.id, 'contest.create', contest.slug, {'by': 'command'})
                if _OPEN.value:
                    store.contests.set_state(contest.id, 'open')
                    store.administration.audit(owner.id, 'contest.open', contest.slug, {'by': 'command'})
                print(f'Made {contest.slug}, {"open" if _OPEN.value else "a draft"}, organised by {owner.name}: '
                      f'{settings.base_url}/c/{contest.slug}')
                if not _OPEN.value:
                    print(f'Open it with: open --contest={contest.slug}')
    except bundle_files.BundleError as error:
        return bundle_trial.refuse(error)
    return commands.DONE


def _try_out(bundle, files):
    if _EVALUATE.value:
        bundle_trial.try_out(bundle, files)


errors = installation.errors
