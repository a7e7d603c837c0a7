"""report.html: one self-contained page about a run, rewritten while it goes.

Everything on it comes from the run folder, so that `write` can make it again at any time. Imports
no TensorFlow.
"""

import dataclasses
import datetime
import pathlib
import time

from stylegan_tf import configs, images
from stylegan_tf.training import explained, guardian, health, progress, report_page, run_folder

REFRESH_SECONDS = 30
MAX_SAMPLES = 18  # in the timeline
NEWEST_SIDE, TIMELINE_SIDE = 1400, 360  # pixels
REWRITE_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Status:
    """Where a run stands, for the page's head."""

    label: str  # 'training', 'finished', ...
    message: str = ''
    is_live: bool = False  # refreshes itself
    parameters: dict = dataclasses.field(default_factory=dict)  # network -> trained parameters


class Report:
    """An observer of the loop that keeps WORKDIR/report.html up to date.

    Args:
        folder: RunFolder.
        parameters: Dict network -> number of trained parameters.
    """

    def __init__(self, folder, parameters):
        self._folder = folder
        self._parameters = parameters
        self._pictures = PictureCache()
        self._written = -REWRITE_SECONDS

    def tick(self, row):
        """Rewrites the page now and then."""
        if time.monotonic() - self._written >= REWRITE_SECONDS:
            self._write(Status('training', is_live=True, parameters=self._parameters))

    def snapshot(self, step, metrics, picture):
        """Rewrites the page with the new sample."""
        self._write(Status('training', is_live=True, parameters=self._parameters))

    def finish(self, outcome):
        """Writes the page a last time, without refreshing."""
        label = {'no_improvement': 'finished early'}.get(outcome.status, outcome.status)
        self._write(Status(label, outcome.message, parameters=self._parameters))

    def _write(self, status):
        write(self._folder, status, self._pictures)
        self._written = time.monotonic()


class PictureCache:
    """Encoded JPEGs of sample files, so that each is shrunk once."""

    def __init__(self):
        self._encoded = {}

    def jpeg(self, path, side):
        """Returns (JPEG bytes, width, height) of a picture shrunk to `side` pixels."""
        key = (path.name, path.stat().st_mtime_ns, side)
        if key not in self._encoded:
            small = images.fit_within(images.read(path), side)
            self._encoded[key] = (images.encode(small, 'jpeg', quality=82), *small.shape[1::-1])
        return self._encoded[key]


def write(folder, status, pictures=None):
    """Writes WORKDIR/report.html.

    Args:
        folder: RunFolder, or any object with its paths.
        status: Status.
        pictures: PictureCache to reuse.

    Raises:
        RunFolderError: If the page cannot be written.
    """
    record = run_folder.read_config(folder.path) or {}
    lines = progress.read_metrics(folder.metrics_file)
    rows = [line for line in lines if 'event' not in line]
    settings = record.get('config', {})
    page = report_page.render(
        record=record, status=status, rows=rows, summary=summarise(settings, rows, status),
        changed=changed_settings(settings),
        advice=health.advise_run(record, rows),
        events=[guardian.Rollback.from_dict(line) for line in lines if line.get('event') == 'rollback'],
        samples=collect_samples(folder.samples, pictures or PictureCache()),
        sections=explained.read(folder.path),
        refresh_seconds=REFRESH_SECONDS if status.is_live else None,
        written=datetime.datetime.now().astimezone().strftime('%Y-%m-%d %H:%M:%S %Z'))
    run_folder.write_atomically(folder.report_file, page)


def summarise(settings, rows, status):
    """Returns [(label, value)] of the page's head, both str, and the share done as a float."""
    total, batch = settings.get('total_images', 0), settings.get('batch_size', 1)
    last = rows[-1] if rows else {}
    done, speed = last.get('images', 0), last.get('images_per_second')
    facts = [('step', f'{last.get("step", 0):,} of {-(-total // max(batch, 1)):,}'),
             ('images', f'{done:,} of {total:,}'),
             ('trained for', progress.duration(last.get('seconds', 0.0)))]
    if speed:
        facts.append(('speed', f'{speed:.3g} images/s'))
        if status.is_live:
            facts.append(('time left', progress.duration(max(0, total - done) / speed)))
    if last.get('data_wait_share') is not None:
        facts.append(('waited for data', f'{last["data_wait_share"]:.0%} of the time'))
    if last.get('memory_bytes'):
        facts.append(('memory', f'{last["memory_bytes"] / 2 ** 30:.1f} GiB'))
    facts.extend((f'{name.replace("_", " ")} parameters', f'{count:,}')
                 for name, count in status.parameters.items())
    return facts, min(1.0, done / total) if total else 0.0


def changed_settings(settings):
    """Returns the dotted names whose values differ from the preset's."""
    try:
        preset = configs.get(settings['preset']).as_dict()
    except (KeyError, configs.ConfigError):
        return set()
    return {name for name, _, _ in run_folder.differences(
        run_folder.through_json(preset), run_folder.through_json(settings))}


def collect_samples(folder, pictures):
    """Returns [(step, JPEG bytes, width, height)] of the sample files, oldest first, thinned.

    The newest comes last and is larger than the others.
    """
    paths = sorted(pathlib.Path(folder).glob('step-*.png'))
    chosen = spread(paths, MAX_SAMPLES)
    samples = []
    for path in chosen:
        side = NEWEST_SIDE if path == chosen[-1] else TIMELINE_SIDE
        try:
            encoded = pictures.jpeg(path, side)
        except images.ImageError:
            continue
        samples.append((int(path.stem.removeprefix('step-')), *encoded))
    return samples


def spread(items, limit):
    """Chooses at most `limit` items evenly, the first and the last among them."""
    if len(items) <= limit:
        return list(items)
    return [items[round(k * (len(items) - 1) / (limit - 1))] for k in range(limit)]
