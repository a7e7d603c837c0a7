"""Stylising files and folders: outputs, receipts, resuming, failures, sweeps.

Beside each output stands a receipt, OUTPUT.json: inputs and their hashes, settings, model, time and
measures. An output whose receipt says that the same would come out again is skipped, so that the
same command continues an interrupted folder. Files appear complete or not at all.
"""

import dataclasses
import datetime
import functools
import hashlib
import json
import pathlib
import sys
import time

import tqdm

from stylegan_tf import evaluator, files, identity_floor, images, provenance, tiles
from stylegan_tf.litert.runtime import LiteRTError
from stylegan_tf.loaded_models import ModelError, check_keep_colors, check_strength, check_tile
from stylegan_tf.version import __version__

JUDGES = ('efficientnet_lite0', 'vgg16_hed')  # the first that is installed measures results
SWEEP_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
SWEEP_SIDE = 384  # longer side of the pictures of a sweep's sheet, pixels
_NOT_WRITTEN = ('.gif', '.pgm', '.ppm')  # can be read; results are written as PNG


class StylizerError(Exception):
    """A job that cannot begin or go on at all; the message says what to do."""


class _JobError(Exception):
    """One file that cannot be done; the others can."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pictures are stylised; `loaded_models.Model.stylize` describes the first six."""

    strength: float = 1.0
    style_weights: tuple[float, ...] | None = None
    keep_colors: str = 'none'
    mask: pathlib.Path | None = None
    hints: pathlib.Path | None = None
    palette: pathlib.Path | None = None
    style_seed: int | None = None  # a style from noise instead of pictures
    style_label: str | None = None  # a style of a class the model knows
    direction: str = 'forward'  # 'back': from the second domain of a translation to the first
    dials: dict = dataclasses.field(default_factory=dict)  # further numbers that the model takes, by name
    is_sweep: bool = False  # a labelled sheet of SWEEP_STRENGTHS instead of a picture
    has_provenance: bool = True  # outputs carry model, hash and strength in their metadata
    overwrite: bool = False  # replace outputs that were made otherwise
    tile: int | None = None  # as of `Model.stylize`; results do not depend on it
    identity_floor: float | None = None  # see `identity_floor`; 0: none; None: that of the model

    def check(self):
        """Raises ModelError if a value is out of range; needs no model."""
        check_strength(self.strength)
        check_keep_colors(self.keep_colors)
        check_tile(self.tile)
        if self.identity_floor is not None and not 0 <= self.identity_floor < float('inf'):
            raise ModelError('The identity floor is a distance of 0 (off) or more, such as 0.45. '
                             f'Received: {self.identity_floor}.')


@dataclasses.dataclass(frozen=True)
class Job:
    """One content file and where its result goes."""

    content: pathlib.Path
    output: pathlib.Path

    @property
    def receipt(self):
        return self.output.with_name(self.output.name + '.json')


@dataclasses.dataclass
class Report:
    """What became of the jobs."""

    done: list = dataclasses.field(default_factory=list)  # paths of outputs
    skipped: list = dataclasses.field(default_factory=list)  # finished before
    failures: list = dataclasses.field(default_factory=list)  # (content path, reason)
    was_interrupted: bool = False

    def text(self):
        """A few lines for people; every failure is named."""
        lines = [f'{len(self.done)} done, {len(self.skipped)} skipped (finished before), '
                 f'{len(self.failures)} failed']
        return '\n'.join(lines + [f'  failed: {reason}' for _, reason in self.failures])


def plan(content, output, *, is_sweep=False):
    """Decides which files to make.

    Args:
        content: Picture file, or folder of pictures at any depth.
        output: File or folder for one content; folder for a folder, whose structure is kept.
        is_sweep: Results are sheets.
    Returns:
        List of Job.
    Raises:
        StylizerError: If there is nothing to do, or an output would overwrite a content.
    """
    content, output = pathlib.Path(content), pathlib.Path(output)
    if content.is_dir():
        return _plan_folder(content, output, is_sweep)
    if not content.is_file():
        raise StylizerError(f'--content: {content} is neither a file nor a folder.')
    if output.is_dir() or not output.suffix:
        output = output / _result_name(content, is_sweep)
    elif output.suffix.lower() not in images.IMAGE_SUFFIXES or output.suffix.lower() in _NOT_WRITTEN:
        raise StylizerError(f'--output: pictures cannot be written as {output.suffix!r}. Use .png, '
                            '.jpg, .webp, .tif or .bmp, or give a folder.')
    if output.exists() and output.samefile(content):
        raise StylizerError(f'--output: {output} is the content itself, which is never overwritten.')
    return [Job(content, output)]


def _plan_folder(content, output, is_sweep):
    if output.is_file() or output.suffix.lower() in images.IMAGE_SUFFIXES:
        raise StylizerError(f'--content is a folder, so --output must be one. Received: {output}.')
    if output.exists() and output.samefile(content):
        raise StylizerError('--output is the folder of the contents, which are never overwritten.')
    inside = output.resolve()
    paths = [path for path in images.find_images(content)
             if inside not in path.resolve().parents]  # results of an earlier run
    if not paths:
        raise StylizerError(f'--content: no pictures below {content} '
                            f'({", ".join(images.IMAGE_SUFFIXES)}).')
    return [Job(path, output / path.relative_to(content).with_name(_result_name(path, is_sweep)))
            for path in paths]


def _result_name(path, is_sweep):
    # The whole name is kept, because a.gif, a.jpg and a.png may stand side by side.
    if is_sweep:
        return f'{path.name}.sweep.png'
    return f'{path.name}.png' if path.suffix.lower() in _NOT_WRITTEN else path.name


class Stylizer:
    """Stylises any number of contents in one style.

    Args:
        model: A `loaded_models.Model`.
        styles: Paths of style pictures; empty where the settings ask for noise or a class, or the model takes none.
        settings: `Settings`.
    Raises:
        ModelError, ImageError: If the styles, the mask or a setting cannot be used.
    """

    def __init__(self, model, styles, settings):
        settings.check()
        model.check_tile(settings.tile)
        model.check_direction(settings.direction)
        model.check_dials(settings.dials)
        self.model = model
        self.settings = settings
        self._styles = [pathlib.Path(style) for style in styles]
        if settings.style_seed is not None or settings.style_label is not None:
            self._style = model.style_from_noise(settings.style_seed or 0,
                                                 label=settings.style_label)
        else:
            self._style = model.prepare_style(self._styles, settings.style_weights)
        self._mask = None if settings.mask is None else images.read(settings.mask)
        floor = model.identity_floor if settings.identity_floor is None else settings.identity_floor
        self._floor = identity_floor.IdentityFloor(floor) if floor and not settings.is_sweep else None
        self._faces = []  # what became of the faces of the latest picture
        self._entries = self._describe_inputs()

    def run(self, jobs, *, show_progress=True):
        """Does the jobs; a bad content is noted and the others go on.

        Args:
            jobs: List of Job.
            show_progress: Whether to draw a bar with the time left on stderr.
        Returns:
            Report.
        Raises:
            StylizerError: If outputs cannot be written at all (disk full, not allowed).
        """
        report = Report()
        # On a terminal the bar moves; in a log file a line now and then is enough.
        interval = 0.1 if sys.stderr.isatty() else 30
        with (tqdm.tqdm(jobs, unit='picture', mininterval=interval,
                        disable=not show_progress or len(jobs) < 2) as bar,
              self._inner_bar(interval, show_progress)):
            for job in bar:
                bar.set_description(job.content.name[:30], refresh=False)
                try:
                    was_done = self.run_one(job)
                    (report.done if was_done else report.skipped).append(job.output)
                except (images.ImageError, ModelError, _JobError) as error:
                    report.failures.append((job.content, _named(job.content, error)))
                if self.model.was_interrupted:
                    report.was_interrupted = True
                    break
        return report

    def _inner_bar(self, interval, show_progress):
        """A bar within one picture, for models that tell how far they are."""
        bar = tqdm.tqdm(unit=self.model.progress_unit, mininterval=interval, leave=False,
                        delay=0.01, disable=not show_progress)

        def tell(progress):
            done, count = ((progress.tile, progress.tiles) if isinstance(progress, tiles.Progress)
                           else (progress.evaluation, progress.evaluations))
            if bar.total != count or done <= bar.n:  # another picture
                bar.reset(count)
            bar.update(done - bar.n)

        if not bar.disable:
            self.model.progress = tell
        return bar

    def run_one(self, job):
        """Does one job, or finds it finished.

        Returns:
            False where the same output stands there already, else True.
        Raises:
            ImageError, ModelError: If this content cannot be stylised.
            StylizerError: If the output cannot be written.
        """
        try:
            wanted = {'content': _describe(job.content), **self._entries}
        except OSError as error:
            raise _JobError(f'cannot be read: {error.strerror}.') from error
        if self._is_finished(job, wanted):
            return False
        encoded, size, facts = self._produce(job, wanted)
        receipt = {
            **wanted, 'output': {'name': job.output.name, 'height': size[0], 'width': size[1],
                                 'sha256': _sha256(encoded)},
            **facts, 'engine': self.model.engine,
            'made': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
            'package': f'stylegan_tf {__version__}'}
        if self.model.was_interrupted:
            receipt['was_interrupted'] = True
        # The receipt first: one without its output is redone, an output without receipt is foreign.
        _write(job.receipt, (json.dumps(receipt, indent=2) + '\n').encode())
        _write(job.output, encoded)
        return True

    def _produce(self, job, wanted):
        """(the output as bytes, its (H, W), what the receipt says of how it came about)."""
        picture = images.open_picture(job.content)
        start = time.perf_counter()
        pixels, results = self._make(picture, job)
        seconds = time.perf_counter() - start
        encoded = images.encode(pixels, job.output.suffix, metadata=self._provenance(),
                                picture=None if self.settings.is_sweep else picture)
        return encoded, pixels.shape[:2], {
            'measures': self._measure(picture.pixels, results), 'measured_by': self._measures.conditions,
            'seconds': round(seconds, 3),
            **({'identity': [outcome.as_dict() for outcome in self._faces]} if self._floor else {})}

    def _make(self, picture, job):
        """(pixels of the output, dict strength -> picture to measure)."""
        if not self.settings.is_sweep:
            pixels = self._stylize(picture.pixels, self.settings.strength)
            if self._floor:
                pixels, self._faces = self._floor.hold(picture.pixels, pixels)
            return pixels, {self.settings.strength: pixels}
        content = images.fit_within(picture.pixels, SWEEP_SIDE)
        results = {strength: self._stylize(content, strength) for strength in SWEEP_STRENGTHS}
        styles = [images.fit_within(style, SWEEP_SIDE) for style in self._style.pictures]
        labels = [path.name for path in self._styles] if styles else []
        sheet = images.grid(
            [[*styles, *results.values()]],
            column_labels=[*labels, *(f'strength {strength:g}' for strength in results)],
            caption=f'{job.content.name} by {self.model.name}')
        return sheet, results

    def _stylize(self, content, strength):
        return self.model.stylize(content, self._style, strength=strength, mask=self._mask,
                                  keep_colors=self.settings.keep_colors, tile=self.settings.tile,
                                  hints=self.settings.hints, palette=self.settings.palette,
                                  direction=self.settings.direction, **self.settings.dials)

    @functools.cached_property
    def _measures(self):
        return _Measures(has_pictures=bool(self._style.pictures))

    def _measure(self, content, results):
        """Dict metric name -> number; of a sweep, one such dict for each strength."""
        measured = {f'strength {strength:g}': self._measures.of(content, pixels, self._style)
                    for strength, pixels in results.items()}
        return measured if self.settings.is_sweep else next(iter(measured.values()))

    def _describe_inputs(self):
        settings = self.settings
        weights = self._style.weights
        return {
            'styles': [{**_describe(path), 'weight': round(weight, 6)}
                       for path, weight in zip(self._styles, weights, strict=True)],
            **{name: None if path is None else _describe(path) for name, path in (
                ('mask', settings.mask), ('hints', settings.hints), ('palette', settings.palette))},
            'settings': {
                'strength': list(SWEEP_STRENGTHS) if settings.is_sweep else settings.strength,
                'keep_colors': settings.keep_colors, 'is_sweep': settings.is_sweep,
                'style_seed': settings.style_seed, 'style_label': settings.style_label,
                # Receipts of models that know no other direction, and no dials, stay as they were.
                **({} if settings.direction == 'forward' else {'direction': settings.direction}),
                **({'dials': settings.dials} if settings.dials else {}),
                **({} if self.model.is_exact else {'engine': self.model.engine}),
                **({'identity_floor': self._floor.floor} if self._floor else {})},
            'model': {'name': self.model.name, 'hash': self.model.hash,
                      'config_hash': self.model.card.get('config_hash')}}

    def _provenance(self):
        if not self.settings.has_provenance:
            return None
        strengths = SWEEP_STRENGTHS if self.settings.is_sweep else (self.settings.strength,)
        return provenance.of_stylized(self.model, strengths, [path.name for path in self._styles])

    def _is_finished(self, job, wanted):
        """Whether the output stands there, made of the same; refuses to replace another one."""
        if not job.output.exists():
            return False
        try:
            receipt = json.loads(job.receipt.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            receipt = {}
        is_same = isinstance(receipt, dict) and identity(receipt) == identity(wanted)
        if is_same and not receipt.get('was_interrupted'):
            return receipt.get('output', {}).get('sha256') == _sha256(job.output.read_bytes())
        if not self.settings.overwrite and not is_same:
            raise _JobError(f'{job.output} exists and was made otherwise; use --overwrite, or another '
                           '--output.')
        return False


class _Measures:
    """Content retention and style distance, by a network that trained no model if it is there."""

    def __init__(self, *, has_pictures):
        names = ['content_retention', *(['style_distance'] if has_pictures else [])]
        self._evaluator = _evaluator(names)
        conditions = self._evaluator.conditions(1)
        self.conditions = {'resize': conditions['resize'], 'networks': {
            name: entry['sha256'][:12] for name, entry in conditions['networks'].items()}}

    def of(self, content, result, style):
        """Dict metric name -> number; with several styles the mean by their weights."""
        pairs = list(zip(style.weights, style.pictures, strict=True)) or [(1.0, content)]
        rows = [(weight, self._evaluator.measure(result, content, picture))
                for weight, picture in pairs]
        return {name: round(sum(weight * row[name] for weight, row in rows), 4)
                for name in self._evaluator.names}


def _evaluator(names):
    """An Evaluator of network metrics and edges, by the first of JUDGES that is installed."""
    from stylegan_tf.networks.feature_weights import FeatureWeightsError

    for judge in JUDGES:
        metrics = [*(f'{name}@{judge}' for name in names), 'structure_retention']
        # The same judge by either engine, and LiteRT is ready sooner; without it measures stay the same.
        for runs_by in ('litert', 'tensorflow'):
            found = evaluator.Evaluator(metrics, engine=runs_by)
            try:
                found.conditions(1)  # loads the network
                return found
            except LiteRTError:
                continue
            except FeatureWeightsError as error:
                missing = error
                break
    raise missing


def identity(receipt):
    """What decides an output: contents of files, settings and weights, but no names."""
    parts = [*(receipt.get(name) for name in ('content', 'mask', 'hints', 'palette')), *(receipt.get('styles') or [])]
    hashes = [(part or {}).get('sha256') for part in parts]
    weights = [style.get('weight') for style in receipt.get('styles') or []]
    model = receipt.get('model') or {}
    return hashes, weights, receipt.get('settings'), model.get('hash')


def _describe(path):
    return {'name': pathlib.Path(path).name, 'sha256': _sha256(pathlib.Path(path).read_bytes())}


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _named(path, error):
    message = ' '.join(str(error).split())
    return message if str(path) in message else f'{path}: {message}'


def _write(path, data):
    try:
        files.write_whole(path, data)
    except OSError as error:
        raise StylizerError(f'Cannot write {path}: {error.strerror or error}. Check that the folder '
                            'is writable and the disk has space; then run the same command again, '
                            'what is finished is kept.') from error
