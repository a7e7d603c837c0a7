"""Evaluating folders of results: every method beside the others on the same pairs, as report.json and a page."""

import dataclasses
import itertools
import json
import pathlib
import sys

import tqdm

from stylegan_tf import evaluation_page, evaluator, files, images, method_pairs
from stylegan_tf.version import __version__

FORMAT = 1  # of report.json
MOST_COMPARED = 12  # methods that are tested against each other: tests grow with the square
# Tested where they are measured: every further metric makes the correction stricter for all.
TESTED = ('balance', 'content_match', 'style_match')


class MethodEvaluatorError(Exception):
    """A report that cannot be written; the message says what to do."""


@dataclasses.dataclass
class Report:
    """What was found; `as_dict` is report.json, see docs/evaluation.md.

    Attributes:
        conditions: Of the measurement, as `Evaluation.conditions`.
        pairs: List of `method_pairs.MethodPair`.
        methods: {method: {'folder', 'rows', 'summary' or None, 'failures': [{'pair', 'name', 'text'}]}}.
        comparisons: As of `evaluator.compare`.
        copies: As of `evaluator.find_copies`, with 'method'.
    """

    conditions: dict
    pairs: list
    methods: dict = dataclasses.field(default_factory=dict)
    comparisons: list = dataclasses.field(default_factory=list)
    copies: list = dataclasses.field(default_factory=list)

    @property
    def failures(self):
        """Sentences, one for each result that could not be measured."""
        return [f'{name}: {failure["text"]}' for name, method in self.methods.items()
                for failure in method['failures']]

    @property
    def score(self):
        """Name of the metric that ranks."""
        return next((method['summary']['score'] for method in self.methods.values() if method['summary']), None)

    def ranked(self):
        """Names of the methods that were measured, the best score first; those that lack results come after all others,
        or leaving hard pairs away would pay."""
        done = {name: method['summary']['metrics'][self.score] for name, method in self.methods.items()
                if method['summary'] and method['summary']['metrics'][self.score]['mean'] is not None}
        sign = {'higher': -1, 'lower': 1}
        return sorted(done, key=lambda name: (bool(self.methods[name]['failures']),
                                           sign[done[name]['better']] * done[name]['mean'], name))

    def as_dict(self):
        """For report.json."""
        return {'format': FORMAT, 'version': __version__, 'score': self.score, 'ranking': self.ranked(),
                'conditions': self.conditions, 'methods': self.methods, 'comparisons': self.comparisons,
                'copies': self.copies,
                'pairs': [{'name': pair.name, 'content': str(pair.content), 'style': str(pair.style)}
                          for pair in self.pairs]}

    def text(self):
        """A few lines for people; every failure is named."""
        lines = []
        for name in self.ranked():
            summary = self.methods[name]['summary']
            beaten = [kind for kind, guard in summary['guards'].items() if guard['is_beaten']]
            lines.append(f'{name}: {self.score} {_with_interval(summary["metrics"][self.score])}, n = {summary["n"]}; '
                         f'beats {" and ".join(beaten) or "neither baseline"}')
            lines += [f'  {count} flagged: {kind.replace("_", " ")}' for kind, count in _counted(summary['flags'])]
        lines += [f'{test[test["winner"]]} beats {test["second" if test["winner"] == "first" else "first"]}: '
                  f'difference {test["difference"]:+.3f}, p {test["p_holm"]:.2g} (Holm)'
                  for test in self.comparisons if test['metric'] == self.score and test['winner']]
        if self.copies:
            lines.append(f'{len(self.copies)} results are those of another method, see the report')
        return '\n'.join(lines + [f'failed: {failure}' for failure in self.failures])


class MethodEvaluator:
    """Evaluates methods on the same pairs.

    Args:
        pairs: List of `method_pairs.MethodPair`.
        metrics: Names of `evaluator.describe`.
        size, seed, cache: As of `evaluator.Evaluation`.
    Raises:
        ValueError: As `evaluator.Evaluation`.
    """

    def __init__(self, pairs, metrics, *, size=256, seed=0, cache=None):
        self.pairs = list(pairs)
        self.evaluation = evaluator.Evaluation(
            [evaluator.Pair(pair.name, pair.content, pair.style) for pair in self.pairs], metrics,
            size=size, seed=seed, cache=cache)

    def run(self, methods, *, show_progress=True):
        """Measures methods.

        Args:
            methods: {name: folder}.
            show_progress: Whether to draw a bar on stderr.
        Returns:
            A Report; results that are missing or damaged are its failures.
        Raises:
            PairingError: Two results of a method have one name.
            images.ImageError: A content or style cannot be read.
        """
        found = {name: method_pairs.results(folder, self.pairs) for name, folder in methods.items()}
        report = Report(self.evaluation.conditions, self.pairs)
        with tqdm.tqdm(total=len(self.pairs) * len(methods), file=sys.stderr, unit='result',
                       disable=not show_progress) as bar:
            report.methods = self._measured(methods, found, bar)
        rows = {name: method['rows'] for name, method in report.methods.items() if method['rows']}
        measured = [name for name, row in self.evaluation.described.items() if row['level'] == 'pair']
        tested = [name for name in measured if name.partition('@')[0] in TESTED] or measured
        report.comparisons = evaluator.compare(dict(itertools.islice(rows.items(), MOST_COMPARED)), tested,
                                               seed=self.evaluation.seed)
        for index, name in enumerate(rows):
            others = dict(itertools.islice(rows.items(), index))
            report.copies += [{**copy, 'method': name} for copy in evaluator.find_copies(rows[name], others)]
        return report

    def write(self, report, output):
        """Writes report.json and the page beside it.

        Returns:
            Path of the page.
        Raises:
            MethodEvaluatorError: They cannot be written.
        """
        output = pathlib.Path(output)
        page = output.with_suffix('.html')
        try:
            files.write_whole(output, (json.dumps(report.as_dict(), indent=1, allow_nan=False) + '\n').encode())
            files.write_whole(page, evaluation_page.render(report).encode())
        except OSError as error:
            raise MethodEvaluatorError(f'Cannot write {output}: {error.strerror or error}. Check that the folder is '
                                       'writable and the disk has space.') from error
        return page

    def _measured(self, methods, found, bar):
        """`Report.methods` of {name: folder} and {name: paths of the results, in the pairs' order}."""
        entries = {name: self.evaluation.entry() for name in methods}
        failures = {name: {} for name in methods}
        for index in self._order():
            self.evaluation.reference(index)  # whose pictures are no method's fault
            for name, folder in methods.items():
                try:
                    self._score(entries[name], index, folder, found[name][index])
                except images.ImageError as error:
                    failures[name][index] = ' '.join(str(error).split())
                bar.update()
        measured = {}
        for name, folder in methods.items():
            rows = [{**row, 'file': str(found[name][row['pair']])} for row in entries[name].rows]
            measured[name] = {
                'folder': str(folder), 'rows': rows, 'summary': entries[name].summary() if rows else None,
                'failures': [{'pair': index, 'name': self.pairs[index].name, 'text': text}
                             for index, text in sorted(failures[name].items())]}
        return measured

    def _score(self, entry, index, folder, path):
        pair = self.pairs[index]
        if path is None:
            raise images.ImageError(f'{folder} has no result for the pair {pair.name}: expected a picture called '
                                    f'{" or ".join(pair.results)}.')
        entry.score_pair(index, path)

    def _order(self):
        """Indices of the pairs, those of a style together: only so many looks are kept, and each should be had once."""
        return sorted(range(len(self.pairs)), key=lambda index: (str(self.pairs[index].style),
                                                                 str(self.pairs[index].content)))


def _with_interval(metric):
    if metric['low'] is None:
        return f'{metric["mean"]:.3f}'
    return f'{metric["mean"]:.3f} [{metric["low"]:.3f}, {metric["high"]:.3f}]'


def _counted(flags):
    kinds = [flag['kind'] for flag in flags]
    return [(kind, kinds.count(kind)) for kind in dict.fromkeys(kinds)]
