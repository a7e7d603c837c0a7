"""Measures folders of stylised pictures: what they keep of the content, what they reach of the style, what is wrong.

    stylegan-tf evaluate --results=mine/ --content=photos/ --style=painting.jpg --output=report.json
    stylegan-tf evaluate --results=a/,b/ --content=photos/ --style=paintings/ --pairs=pairs.csv --output=report.json

Results are called as their content, CONTENT__STYLE, or with --pairs by the number of the row (000.png). Two baselines
are always measured beside them: the content unchanged and the style pasted. Several methods are compared pair by pair,
by Wilcoxon's test with Holm's correction. Writes report.json and report.html (best and worst pairs, intervals).
Exit codes: 0 all done; 1 some results are missing or damaged, each one named; 2 bad usage.
"""

from absl import flags

from stylegan_tf import commands

_RESULTS = flags.DEFINE_list(
    'results', None, 'Folder of results, or several: FOLDER[,FOLDER...], each a method; NAME=FOLDER names it.')
_CONTENT = flags.DEFINE_string(
    'content', None, 'What they were made from: a picture, or a folder with the same names in it; with --pairs the '
    'folder that its contents start from.')
_STYLE = flags.DEFINE_string('style', None, 'Whose style they have: likewise.')
_PAIRS = flags.DEFINE_string(
    'pairs', None, 'CSV table with the columns content, style and maybe image, the name of the result.')
_METRICS = flags.DEFINE_list('metrics', None, 'Names of metrics, or +NAME to add some to the default ones; see '
                             'docs/evaluation.md. +anomaly@anomaly adds the anomaly rate, which loads TensorFlow.')
_SIZE = flags.DEFINE_integer('size', 256, 'Side that pictures are brought to for measuring, pixels.', 32, 1024)
_SEED = flags.DEFINE_integer('seed', 0, 'Of bootstraps and of the splits of the classifier of real and painted.')
_CACHE = flags.DEFINE_string('cache', None, 'Folder that keeps what is known of the pairs for the next time.')
_OUTPUT = flags.DEFINE_string('output', None, 'The report to write, such as report.json.')


def main():
    """Reads the flags and evaluates; returns the exit code."""
    _check_flags()
    from stylegan_tf import method_evaluator, method_pairs

    methods = method_pairs.methods(_RESULTS.value)
    if _PAIRS.value:
        pairs = method_pairs.read(_PAIRS.value, _CONTENT.value, _STYLE.value)
    else:
        pairs = method_pairs.plan(next(iter(methods.values())), _CONTENT.value, _STYLE.value)
    with commands.without_native_talk():  # a line of LiteRT's
        work = method_evaluator.MethodEvaluator(pairs, _metrics(), size=_SIZE.value, seed=_SEED.value,
                                                cache=_CACHE.value)
    report = work.run(methods)
    page = work.write(report, _OUTPUT.value)
    print(report.text())
    print(f'{_OUTPUT.value}\n{page}')
    return commands.SOME_FAILED if report.failures else commands.DONE


def _metrics():
    from stylegan_tf import evaluator

    wanted = [name.strip() for name in _METRICS.value or ()]
    chosen = [name for name in wanted if not name.startswith('+')] or list(evaluator.DEFAULT_METRICS)
    added = [name[1:] for name in wanted if name.startswith('+')]
    if any(name.startswith('anomaly@') for name in (*chosen, *added)):
        commands.import_tensorflow()
    return list(dict.fromkeys((*chosen, *added)))


def _check_flags():
    if not _RESULTS.value or not _OUTPUT.value:
        raise commands.UsageError('--results and --output are required; see --help.')
    if not _PAIRS.value and not (_CONTENT.value and _STYLE.value):
        raise commands.UsageError('--content and --style are required, or --pairs; see --help.')
    if not _OUTPUT.value.endswith('.json'):
        raise commands.UsageError(f'--output must be a file such as report.json. Received: {_OUTPUT.value}.')


def _errors():
    from stylegan_tf import images, method_evaluator, pairings
    from stylegan_tf.litert.runtime import LiteRTError
    from stylegan_tf.loaded_models import ModelError
    from stylegan_tf.networks.feature_weights import FeatureWeightsError

    return (images.ImageError, method_evaluator.MethodEvaluatorError, pairings.PairingError, FeatureWeightsError,
            LiteRTError, ModelError, ValueError)


if __name__ == '__main__':
    commands.run(main, errors=_errors)
