"""Which arguments of the command line are ours and which are Apache Beam's; imports Beam when it checks the latter."""

import argparse
import difflib

from stylegan_tf import commands

_DIRECT_RUNNERS = (None, 'DirectRunner', 'SwitchingDirectRunner', 'FnApiRunner')
_HELP = ('--help', '-help', '-h', '--helpfull')


def split(arguments, own_flags):
    """Parts a command line.

    Args:
        arguments: Without the program's name.
        own_flags: absl flags of the command.
    Returns:
        (list of the arguments of `own_flags`, list of all others, for Beam).
    """
    known = {flag.name: flag for flag in own_flags}
    ours, others = [], []
    target, takes_value = ours, False
    for argument in arguments:
        if not argument.startswith('-'):
            target.append(argument)  # the value of the flag before, or a stray word that is refused
            target = ours if takes_value else target
            takes_value = False
            continue
        name, equals, _ = argument.lstrip('-').partition('=')
        flag = known.get(name, _negated(known, name))
        target = ours if flag is not None or argument in _HELP else others
        takes_value = flag is not None and not equals and not flag.boolean
        target.append(argument)
    return ours, others


def _negated(known, name):
    flag = known.get(name.removeprefix('no'))
    return flag if flag is not None and flag.boolean else None


def pipeline_options(arguments, own_flags):
    """Beam's PipelineOptions.

    Args:
        arguments: Second part of `split`.
        own_flags: As of `split`, for what is said of a misspelt flag.
    Raises:
        UsageError: If Beam does not know one of them (it would only warn), or a value does not fit.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _Parser(allow_abbrev=False, add_help=False)
    for kind in {str(kind): kind for kind in PipelineOptions.__subclasses__()}.values():
        kind._add_argparse_args(parser)  # as PipelineOptions.get_all_options does
    known, unknown = parser.parse_known_args(arguments)
    if unknown:
        names = [f'--{flag.name}' for flag in own_flags]
        names += [name for action in parser._actions for name in action.option_strings]
        close = difflib.get_close_matches(unknown[0].partition('=')[0], names, 1)
        hint = f' Did you mean {close[0]}?' if close else ''
        raise commands.UsageError(f'Neither this command nor Apache Beam knows {unknown[0]!r}.{hint}')
    if known.runner in _DIRECT_RUNNERS and known.default_sdk_harness_log_level is None:
        arguments = [*arguments, '--default_sdk_harness_log_level=ERROR']  # worker processes tell of every channel
    return PipelineOptions(arguments)


def runner(options):
    """The runner for the options: a name, or the one that Beam has for a single machine.

    Beam's DirectRunner would first look for another one, Prism, and download it.
    """
    from apache_beam.options.pipeline_options import StandardOptions

    name = options.view_as(StandardOptions).runner
    return _direct_runner(options) if name in _DIRECT_RUNNERS else name


def _direct_runner(options):
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    return fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(
        beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)))


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise commands.UsageError(f'Apache Beam: {message}')
