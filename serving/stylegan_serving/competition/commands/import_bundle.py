"""Turns a Codabench bundle into a bundle folder that `create` reads.

    python -m stylegan_serving.competition import_bundle --bundle=codabench.zip --output=my_contest/ [--pictures=FOLDER]

Takes over title, pages, terms, phases with dates and quotas, and the submission rule; pictures from folders content/
and style/ of --pictures or of the bundle's data. Says what it left out. Exit codes: 0 written; 2 bad usage.
"""

import contextlib
import pathlib

from absl import flags

from stylegan_serving.competition.commands import bundle_trial
from stylegan_tf import commands

_BUNDLE = flags.DEFINE_string('bundle', None, 'Folder or zip of the Codabench bundle.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder to write, which must not exist.')
_PICTURES = flags.DEFINE_string('pictures', None,
                                'Folder or zip with content/ and style/, and pairs.csv if there is one.')


def main():
    """Reads the flags and writes the folder; returns the exit code."""
    from stylegan_serving.competition import bundle, bundle_files, bundle_import
    from stylegan_tf import evaluator
    if not _BUNDLE.value or not _OUTPUT.value:
        raise commands.UsageError('Expected --bundle=CODABENCH.zip and --output=FOLDER.')
    folder = pathlib.Path(_OUTPUT.value)
    if folder.exists():
        raise commands.UsageError(f'{folder} exists already. Give another --output.')
    name = evaluator.DEFAULT_SCORE
    metrics = (bundle.Metric(name, 1.0, evaluator.describe(name)['better']),)
    try:
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(bundle_files.open_files(_BUNDLE.value))
            pictures = stack.enter_context(bundle_files.open_files(_PICTURES.value)) if _PICTURES.value else None
            imported = bundle_import.convert(source, metrics=metrics, pictures=pictures)
    except bundle_files.BundleError as error:
        return bundle_trial.refuse(error)
    for path, data in imported.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    print(f'Wrote {folder}: {bundle_trial.summary(imported.bundle)}')
    for note in imported.notes:
        print(f'- {note}')
    print(f'Read competition.yaml through, then: create --bundle={folder} --dry_run')
    return commands.DONE


def errors():
    """Exceptions whose message is for the user."""
    return (OSError,)
