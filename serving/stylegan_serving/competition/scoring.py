"""From an archive and a contest's bundle to scores: what a worker does, and what `stylegan-tf evaluate` does at home.

Pictures go through `stylegan_tf.evaluator` pair by pair, on the bundle's own files, so that a laptop of the same kind
finds the same numbers to the last bit. The ranked score is `ranking.combined` of the metrics, here and nowhere else.
"""

import dataclasses
import json
import math
import os
import pathlib
import shutil
import stat
import tempfile
import time

from stylegan_serving.competition import archives, model_check, ranking, records, sandbox, sandboxed_model, scratch
from stylegan_tf import images

_MEGABYTE = 1 << 20
MODEL_LIMITS = sandbox.Limits()
MODEL_PLACE = 'competition-model'  # of scratch folders
_STOPPED = {
    'time': 'Your model was stopped: it took more than {seconds:.0f} s for all pairs.',
    'cpu': 'Your model was stopped: it used more than {cpu_seconds:.0f} s of computing time for all pairs.',
    'memory': 'Your model was stopped: it used more than {memory:.1f} GiB of memory.',
    'processes': 'Your model was stopped: it started more than {processes} threads.',
    'output': 'Your model was stopped: it wrote more than {output:.0f} MiB.',
}


class EntryError(ValueError):
    """An entry cannot be scored and it is the entry's fault; the text is for the participant."""


class Cancelled(Exception):  # noqa: N818
    """Scoring was stopped from outside; nothing of it counts."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """What scoring an entry found.

    Attributes:
        rows: One dict a pair, as `evaluator` makes them, with 'split', and with 'score' among the metrics where every
            ranked metric has a value for the pair.
        summaries: {'public': summary, 'private': summary, where there are such pairs}, as `evaluator` makes them.
        flags: dicts {'kind', 'pairs', 'text'}: copies of the content, the style or another entry.
        evaluator_hash: What scored; equal hashes give equal scores.
        heat_maps: {pair: uint8 [H, W, 3]}, where a metric draws them.
        baselines: {name: {metric: {'mean', 'low', 'high'}}} over all pairs: content unchanged, style pasted.
    """

    rows: list
    summaries: dict
    flags: list
    evaluator_hash: str
    heat_maps: dict
    baselines: dict

    def report(self):
        """All of it as JSON-able dict, private pairs included."""
        return {'rows': self.rows, 'summaries': self.summaries, 'flags': self.flags,
                'evaluator_hash': self.evaluator_hash}


class ContestScorer:
    """Scores the entries of one contest, one after another; references are read and looked at once.

    Args:
        bundle: `bundle.Bundle` as dict.
        read: Function path in the bundle -> bytes, such as 'content/cat.jpg'.
        cache: Folder that keeps the references' features between processes; None for memory alone.
        maximum_pixels: Of one picture.
        model_limits: `sandbox.Limits` of a model that paints all pairs.
    Raises:
        images.ImageError: A picture of the bundle cannot be read; the message names it.
        ValueError: A metric is unknown.
    """

    def __init__(self, bundle, read, *, cache=None, maximum_pixels=4_000_000, model_limits=MODEL_LIMITS):
        from stylegan_tf import evaluator

        self.bundle, self._model_limits = bundle, model_limits
        self.splits = {pair['index']: pair['split'] for pair in bundle['pairs']}
        self._references = {}
        files = {folder: bundle[f'{folder}_folder'] for folder in ('content', 'style')}
        self.pairs, compared = [], []
        for pair in bundle['pairs']:
            content, style = (self._reference(read, f'{files[role]}/{pair[role]}') for role in ('content', 'style'))
            height, width = expected_size(content, bundle['size'], maximum_pixels, pair['content'])
            self.pairs.append(archives.Pair(pair['index'], pair['content'], pair['style'], height, width))
            compared.append(evaluator.Pair(name=f'{pair["index"]:03d}', content=content, style=style,
                                           content_name=pair['content'], style_name=pair['style']))
        self._evaluation = evaluator.Evaluation(compared, metrics=tuple(row['name'] for row in bundle['metrics']),
                                                cache=cache)

    def _reference(self, read, path):
        if path not in self._references:
            self._references[path] = read(path)
        return self._references[path]

    @property
    def hash(self):
        """16 characters: metrics, networks and formulas."""
        return self._evaluation.hash

    def warm_up(self):
        """Loads the networks and looks at the references; else the first entry waits for it."""
        self._evaluation.warm_up()

    def unpack(self, path, folder, kind='results', *, is_cancelled=None, log=print):
        """Turns a checked archive into one picture a pair; a model paints them in the sandbox.

        Args:
            path: The archive.
            folder: An empty folder for the pictures.
            kind: 'results' or 'model'.
        Returns:
            archives.Results.
        Raises:
            EntryError, archives.ArchiveError, model_check.ModelRefused: The entry is at fault.
            sandbox.SandboxUnavailable: Models cannot be run on this machine.
            Cancelled: `is_cancelled` said so.
        """
        limits = archives.Limits(archive_bytes=self.bundle['maximum_megabytes'] * _MEGABYTE)
        if kind == 'results':
            return archives.unpack_results(path, self.pairs, folder, limits)
        if self.bundle['models'] != 'on':
            raise EntryError('This contest takes results only, no models.')
        return self._paint(path, pathlib.Path(folder), limits, is_cancelled, log)

    def _paint(self, path, folder, limits, is_cancelled, log):
        sandbox.check()
        with scratch.folder(MODEL_PLACE) as place:
            place = pathlib.Path(place)
            model = archives.unpack_model(path, place / 'model', limits)
            log(f'the model uses {len(model_check.check(model))} kinds of operations, all allowed')
            finished = sandbox.run(['/program.py'], readable=self._room(place, model), output=place / 'output',
                                   limits=self._model_limits, is_cancelled=is_cancelled)
            log(f'the model ran {finished.seconds:.1f} s, {finished.cpu_seconds:.1f} s of computing, '
                f'{finished.peak_bytes / (1 << 30):.2f} GiB')
            if finished.stopped_by == 'cancelled':
                raise Cancelled
            if finished.stopped_by:
                allowed = self._model_limits
                raise EntryError(_STOPPED[finished.stopped_by].format(
                    seconds=allowed.seconds, cpu_seconds=allowed.cpu_seconds, processes=allowed.processes,
                    memory=allowed.memory_bytes / (1 << 30), output=allowed.output_bytes / _MEGABYTE))
            if finished.exit_code == sandboxed_model.EXIT_NO_SIGNATURE:
                raise EntryError('Your model lacks the signature serving_default with content_bytes, style_bytes and '
                                 'strength in and stylized_bytes out; `stylegan-tf export` writes it.')
            if finished.exit_code:
                raise EntryError('Your model failed while it painted. Its last words were:\n'
                                 + finished.log.strip()[-1000:])
            return taken_pictures(self.pairs, place / 'output', folder)

    def _room(self, place, model):
        """What the sandbox shows: program, model, pictures and the list of jobs."""
        readable, jobs = {'/program.py': sandboxed_model.__file__, '/model': model}, []
        for pair in self.bundle['pairs']:
            job = {'number': pair['index']}
            for role in ('content', 'style'):
                data = self._references[f'{self.bundle[f"{role}_folder"]}/{pair[role]}']
                file = place / 'pictures' / f'{role}-{pair["index"]:03d}'
                file.parent.mkdir(exist_ok=True)
                pixels = images.read(data)
                # Upright and small, as a client sends it; the graph itself turns nothing.
                file.write_bytes(images.encode(images.fit_within(pixels, self.bundle['size'])
                                               if role == 'content' else pixels))
                job[role] = f'/pictures/{file.name}'
            jobs.append(job)
        (place / 'jobs.json').write_text(json.dumps(jobs))
        return readable | {'/pictures': place / 'pictures', '/jobs.json': place / 'jobs.json'}

    def score(self, pictures, *, others=None, progress=None, is_cancelled=None):
        """Scores an entry.

        Args:
            pictures: {number of the pair: path}, one of every pair.
            others: Function of the entry's rows -> {name: rows of an earlier entry of another team}, among which copies
                are looked for.
            progress: Function (done, total), called after each pair.
            is_cancelled: Function without arguments, asked before each pair.
        Returns:
            Scored.
        Raises:
            Cancelled: `is_cancelled` said so.
            EntryError: A ranked metric has no value for this entry.
        """
        from stylegan_tf import evaluator  # not where pages are served from

        entry, rows, heat_maps = self._evaluation.entry(), [], {}
        for index, pair in enumerate(self.pairs):
            if is_cancelled and is_cancelled():
                raise Cancelled
            rows.append(entry.score_pair(index, pictures[pair.number]))
            if (overlay := entry.heat_map(index)) is not None:
                heat_maps[pair.number] = overlay
            if progress:
                progress(index + 1, len(self.pairs))
        summaries, whole = {}, entry.summary()
        for split in ('public', 'private'):
            chosen = [index for index, pair in enumerate(self.pairs) if self.splits[pair.number] == split]
            if chosen:
                summaries[split] = entry.summary(indices=chosen)
        rows = [self._row(row, pair, summaries[self.splits[pair.number]], index)
                for index, (row, pair) in enumerate(zip(rows, self.pairs))]
        flags = [*(flag | {'pair': row['pair']} for row in rows for flag in row['flags']),
                 *(evaluator.find_copies(rows, others(rows)) if others else ())]
        return Scored(rows, summaries, _grouped(flags), self.hash, heat_maps, whole['baselines'])

    def unchanged(self, folder):
        """Writes the entry 'content unchanged': {number: path}."""
        paths = {}
        for pair in self.pairs:
            content = self._references[f'{self.bundle["content_folder"]}/{pair.content}']
            paths[pair.number] = pathlib.Path(folder) / f'{pair.number:03d}.png'
            images.save(paths[pair.number], images.fit_within(images.read(content), self.bundle['size']))
        return paths

    def _row(self, row, pair, summary, index):
        metrics = dict(row['metrics'])
        for name, values in summary.get('per_pair', {}).items():
            if str(index) in values:
                metrics[name] = values[str(index)]
        if all(_is_finite(metrics.get(name)) for name in _ranked(self.bundle)):
            metrics[ranking.SCORE] = ranking.combined(self.bundle, metrics)
        return row | {'pair': pair.number, 'split': self.splits[pair.number], 'metrics': metrics}


def taken_pictures(pairs, output, folder):
    """What a sandbox has written, read as a stranger's: no links are followed, nothing is waited for.

    Args:
        pairs: List of archives.Pair.
        output: The folder that the sandbox wrote to.
        folder: Where the pictures are copied to; is made.
    Returns:
        archives.Results.
    Raises:
        archives.ArchiveError: Pictures are missing or bad.
    """
    pictures, problems = {}, []
    folder.mkdir(parents=True, exist_ok=True)
    for pair in pairs:
        name = f'{pair.number:03d}.png'
        try:
            source = os.open(output / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            problems.append(f'Your model wrote no picture for pair {pair.number}.')
            continue
        if not stat.S_ISREG(os.fstat(source).st_mode):
            os.close(source)
            problems.append(f'Your model wrote something else than a picture for pair {pair.number}.')
            continue
        with open(source, 'rb') as file, open(folder / name, 'xb') as copy:
            shutil.copyfileobj(file, copy)
        pictures[pair.number] = folder / name
        problems += archives.picture_problems(pair, name, folder / name)
    if problems:
        raise archives.ArchiveError(problems)
    return archives.Results(pictures, '')


def expected_size(content, size, maximum_pixels, name):
    """(height, width) of a result: the content's, its longer side at most `size`."""
    try:
        return images.fit_within(images.read(content, max_pixels=images.MAX_PIXELS), size).shape[:2]
    except images.ImageError as error:
        raise images.ImageError(f'{name}: {error}') from error


def dry_run(bundle, folder, progress=None):
    """Runs the evaluation of a contest before it is made: on the contents unchanged.

    Args:
        bundle: `bundle.Bundle`.
        folder: pathlib.Path of the bundle's files.
        progress: Function (done, total), or None.
    Returns:
        dict: 'seconds', 'evaluator_hash', 'baselines' name -> metric -> [value, low, high] over all pairs.
    Raises:
        ValueError: The evaluation cannot run; the message is one line.
    """
    start = time.monotonic()
    try:
        scorer = ContestScorer(dataclasses.asdict(bundle), lambda path: (pathlib.Path(folder) / path).read_bytes())
        with tempfile.TemporaryDirectory(prefix='dry-run-') as place:
            scored = scorer.score(scorer.unchanged(place), progress=progress)
        score_rows('dry run', scorer.bundle, scored)
    except OSError as error:
        raise ValueError(f'{error.filename}: {error.strerror}.') from error
    return {'seconds': time.monotonic() - start, 'evaluator_hash': scored.evaluator_hash,
            'baselines': {name: {metric: [number['mean'], number['low'], number['high']]
                                 for metric, number in metrics.items()}
                          for name, metrics in scored.baselines.items()}}


def contest_reader(contest, storage):
    """The function `read` of `ContestScorer` for a contest whose bundle lies in a storage."""
    return lambda path: storage.read(f'{contest.bundle_files}/{path}')


def score_rows(submission_id, bundle, scored):
    """The summary as rows of the database.

    The interval of the ranked score is combined from the metrics' own ends: exact for one metric, on the safe side for
    several.

    Returns:
        list of `records.Score`.
    Raises:
        EntryError: A ranked metric has no finite value.
    """
    rows = []
    for split, summary in scored.summaries.items():
        metrics = summary['metrics']
        for name, number in metrics.items():
            if _is_finite(number['mean']):
                rows.append(records.Score(submission_id, split, name, number['mean'],
                                          *(number[end] if _is_finite(number[end]) else None
                                            for end in ('low', 'high'))))
        names = _ranked(bundle)
        if lacking := [name for name in names if not _is_finite(metrics.get(name, {}).get('mean'))]:
            raise EntryError(f'{lacking[0]} has no value for these {summary["n"]} {split} pictures. Tell the '
                             'organisers if this surprises you.')
        values = {name: metrics[name]['mean'] for name in names}
        ends = None, None
        if all(_is_finite(metrics[name][end]) for name in names for end in ('low', 'high')):
            swapped = ranking.negative_metrics(bundle)
            ends = (ranking.combined(bundle, {name: metrics[name]['high' if name in swapped else 'low']
                                              for name in names}),
                    ranking.combined(bundle, {name: metrics[name]['low' if name in swapped else 'high']
                                              for name in names}))
        rows.append(records.Score(submission_id, split, ranking.SCORE, ranking.combined(bundle, values), *ends))
    return rows


def pair_rows(submission_id, scored, output_keys, heat_map_keys):
    """The pictures' numbers as rows of the database: list of `records.PairScore`; only finite ones."""
    return [records.PairScore(submission_id, row['pair'], row['split'],
                              {name: value for name, value in row['metrics'].items() if _is_finite(value)},
                              output_keys[row['pair']], heat_map_keys.get(row['pair']), row['fingerprint']['hash'])
            for row in scored.rows]


def _ranked(bundle):
    """Names of the metrics that rank; those of weight 0 are only shown."""
    return [metric['name'] for metric in bundle['metrics'] if metric['weight']]


def _grouped(flags):
    """One flag a kind (and copied entry), with all its pairs."""
    grouped = {}
    for flag in flags:
        key = flag['kind'], flag.get('entry')
        first = grouped.setdefault(key, {name: flag[name] for name in ('kind', 'entry', 'text') if name in flag}
                                   | {'pairs': []})
        if flag['pair'] not in first['pairs']:
            first['pairs'].append(flag['pair'])
    return list(grouped.values())


def _is_finite(value):
    return value is not None and math.isfinite(value)
