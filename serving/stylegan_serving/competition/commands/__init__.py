"""The commands of `python -m stylegan_serving.competition`, one module each with `main` and `errors`."""

import importlib.util

COMMANDS = {
    'serve': 'open the web pages and the API, with a worker in the same process; --demo brings a contest',
    'worker': 'score submissions, beside others on this or other machines',
    'create': 'make a contest of a bundle: checks it, tries the evaluation out, keeps it as a draft',
    'import_bundle': 'turn a Codabench bundle into a bundle folder',
    'open': 'open a contest, or open a closed one again',
    'edit': 'replace the bundle of a contest by a changed one',
    'clone': "make a draft of another contest's bundle",
    'close': 'close a contest for submissions',
    'export': 'write what the boards of a contest rest on into one zip',
    'verify': 'check the score log, and make the boards anew from it',
    'account': 'make or change an account, such as the first administrator',
    'upgrade': "bring the database to this version's tables",
    'backup': 'write database and files into one archive',
    'restore': 'make an installation of such an archive',
    'register': 'make an account on a server, or sign in, and keep a token for the commands below',
    'join': 'join a contest with a new team',
    'submit': 'hand in an archive of results; goes on where it was',
    'status': 'watch submissions',
    'leaderboard': 'print a board',
    'download': 'save the starter kit, the score log, or files of a submission',
}


def available():
    """Names of the commands whose modules exist, in the table's order."""
    return [name for name in COMMANDS if importlib.util.find_spec(f'{__name__}.{name}')]
