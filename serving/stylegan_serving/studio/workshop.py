"""What the page does: models by name, pictures made and judged. Knows no page and no language.

What goes wrong for a user is a `StudioError` with a key of `texts.TEXTS`; models and pictures are `stylegan_tf`'s own.
"""

import contextlib
import dataclasses
import pathlib
import tempfile
import threading
import time
import warnings

from stylegan_serving.studio import texts
from stylegan_tf import api, commands, heat_maps, identity_floor, images, looks, provenance, tiles

DEFAULT = 'arbitrary_style'
FALSE_ALARM_RATE = 0.05
MOST_PIXELS = 64_000_000  # of an upload, before it is reduced to the side asked for
JUDGED_SIDE = 1024  # longer side of what is looked at for defects; the model reduces further
PREVIEW_SIDE = 1600
GATYS_SIDE = 512  # longer side of what is optimised; 256 pixels take about 100 CPU-seconds
KEPT_MODELS = 3  # in memory


class StudioError(Exception):
    """Something that the user can put right.

    Args:
        key: Of `texts.TEXTS`.
        **values: What the text has in braces.
    """

    def __init__(self, key, **values):
        super().__init__(key)
        self.key, self.values = key, values

    def text(self, language):
        """The message in a language of `texts.LANGUAGES`."""
        return texts.TEXTS[language][self.key].format(**self.values)

    def __str__(self):
        return self.text('en')


@dataclasses.dataclass(frozen=True)
class Dials:
    """What can be set on a loaded model: whether it takes pictures of a look, makes up looks, goes both ways; and the
    names of its own dials."""

    takes_style: bool
    can_imagine: bool
    has_directions: bool
    own: tuple[str, ...]
    purpose: str


@dataclasses.dataclass(frozen=True)
class Request:
    """What to make of what; `loaded_models.Model.stylize` describes the dials."""

    portrait: pathlib.Path | None
    looks: tuple[pathlib.Path, ...] = ()
    model: str = DEFAULT
    strength: float = 1.0
    side: int = 1024  # longer side of the result, pixels; 0 for that of the portrait
    keep_colors: str = 'none'
    shares: str = ''  # numbers separated by commas, one for each look
    mask: pathlib.Path | None = None
    seed: int | None = None  # of a made-up look
    direction: str = 'forward'
    dials: dict = dataclasses.field(default_factory=dict)  # a model's own, by name; others are passed over


@dataclasses.dataclass(frozen=True)
class Made:
    """A result and the files that the page shows and offers."""

    request: Request
    result: pathlib.Path  # PNG with provenance
    before: pathlib.Path  # reduced JPEG files, of one size
    after: pathlib.Path
    table: pathlib.Path | None  # the look's colours as a .cube file, where the model has them
    size: tuple[int, int]  # (H, W) of the result
    held: int  # faces that were blended back, because they were no longer the person
    seconds: float
    takes_style: bool


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the critic says of a result."""

    score: float
    p_value: float
    is_anomalous: bool
    named: tuple[str, ...]
    is_calibrated: bool
    overlay: pathlib.Path


class Workshop:
    """Models, and what is made with them. One thread at a time makes or judges, others may load models meanwhile.

    Args:
        models: Folders of models beside those that ship.
        critic: Name or folder of the model that looks for defects.
        folder: Where results are written.
    Attributes:
        sources: Dict name -> what `api.load` takes.
        purposes: Dict name -> one line, of those that ship.
        default: Name of the model that is taken first.
    Raises:
        ModelError: A folder is no model, or one that changes no pictures.
    """

    def __init__(self, models=(), *, folder, critic='anomaly'):
        self._folder = pathlib.Path(folder)
        self._critic = critic
        self._loaded = {}  # name and options -> Model, the latest last
        self._using = threading.Lock()
        self._loading = {}  # name and options -> Lock: a quick model does not wait for a slow one
        self.purposes = api.shipped_models()
        self.sources = {name: name for name in self.purposes if api.stylizes(name)}
        added = [self._add(source) for source in models]
        self.default = added[0] if added else DEFAULT

    def _add(self, source):
        """The name that a further model gets in the list: its folder's, or all of the path where that is taken."""
        if not api.stylizes(source):
            raise api.ModelError(f'{source} changes no pictures that it is given, and the studio shows only models '
                                 'that do: leave it out of --models.')
        path = pathlib.Path(source)
        name = path.parent.name if path.name.isdecimal() and path.parent.name else path.name
        name = name if name and name not in self.sources else str(path)
        self.sources[name] = source
        return name

    def dials(self, name):
        """The Dials of a model, which is loaded for it.

        Raises:
            StudioError: It cannot be loaded.
        """
        self._check(name)
        model = self._model(name)
        can_imagine = model.takes_style and 'code_from_noise' in model.offers  # else they are variations of its look
        return Dials(model.takes_style, can_imagine, 'stylize_back' in model.offers,
                     tuple(model.dials),
                     self.purposes.get(name) or model.card.get('purpose', ''))

    def takes_style(self, name):
        """Whether a model takes pictures of a look; loads nothing."""
        self._check(name)
        return api.takes_style(self.sources[name])

    def make(self, request, tell=None):
        """Makes a picture.

        Args:
            request: A Request.
            tell: None, or a callable that is told the share that is done, from 0 to 1.
        Returns:
            A Made.
        Raises:
            StudioError: An upload, a dial or the model is not as it must be.
        """
        self._check(request.model)
        picture = _opened(request.portrait, 'no_portrait')
        looks = [_opened(look).pixels for look in request.looks]
        mask = None if request.mask is None else _opened(request.mask).pixels
        shares = _shares(request.shares, len(looks))
        content = images.fit_within(picture.pixels, request.side) if request.side else picture.pixels
        with self._using, _failing_of(request.model):
            model = self._model(request.model, request.side)
            style = self._style(model, request, looks, shares)
            own = {dial: value for dial, value in request.dials.items()
                   if dial in model.dials and value is not None}
            start = time.perf_counter()
            model.progress = tell and (lambda progress: tell(_share(progress)))
            try:
                pixels = model.stylize(content, style, strength=request.strength, keep_colors=request.keep_colors,
                                       mask=mask, direction=request.direction, **own)
            finally:
                model.progress = None
            held = 0
            if model.identity_floor:
                pixels, faces = identity_floor.IdentityFloor(model.identity_floor).hold(content, pixels)
                held = sum(face.kept < 1 for face in faces)
            seconds = time.perf_counter() - start
            table = model.color_table(style)
            names = [look.name for look in request.looks] if model.takes_style else []
            metadata = provenance.of_stylized(model, (request.strength,), names)
        return self._written(request, picture, content, pixels, metadata, table, held, seconds, model.takes_style)

    def _check(self, name):
        if name not in self.sources:  # which the list on the page does not let happen, other callers may
            raise StudioError('no_model', name=name, known=', '.join(self.sources))

    def _style(self, model, request, looks, shares):
        if not model.takes_style:
            return None
        if looks:
            return model.prepare_style(looks, shares)
        if request.seed is None:
            raise StudioError('no_looks', name=request.model)
        return model.style_from_noise(request.seed)

    def _written(self, request, picture, content, pixels, metadata, table, held, seconds, takes_style):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='result_', dir=self._folder))
        result = folder / f'{request.portrait.stem}_{request.model.replace("/", "_")}.png'
        images.save(result, pixels, picture=picture, metadata=metadata)
        shown = images.fit_within(pixels, PREVIEW_SIDE)
        images.save(folder / 'after.jpg', shown, quality=92)
        images.save(folder / 'before.jpg', images.resize(content, shown.shape[:2]), quality=92)
        cube = None if table is None else result.with_suffix('.cube')
        if cube:
            looks.write_cube(cube, table, title=' '.join(request.model.replace('"', '').split()))
        return Made(request, result, folder / 'before.jpg', folder / 'after.jpg', cube, pixels.shape[:2], held,
                    seconds, takes_style)

    def judge(self, made):
        """What the critic says of a result, beside the photograph and, where it is one picture, the look.

        Args:
            made: A Made, or None.
        Returns:
            A Verdict.
        Raises:
            StudioError: There is no result, or its files are gone.
        """
        if made is None:
            raise StudioError('no_result')
        request = made.request
        pixels = images.fit_within(_opened(made.result).pixels, JUDGED_SIDE)
        content = _opened(request.portrait).pixels
        look = _opened(request.looks[0]).pixels if made.takes_style and len(request.looks) == 1 else None
        with self._using, _failing_of(self._critic):
            critic = self._model(self._critic)
            score = critic.score(pixels, content, look, false_alarm_rate=FALSE_ALARM_RATE)
        overlay = made.result.with_name('damage.jpg')
        images.save(overlay, heat_maps.overlay(pixels, score.map))
        return Verdict(score.score, score.p_value, score.is_anomalous, score.named,
                       score.calibration_pictures != 0, overlay)

    def _model(self, name, side=0):
        source, options = self.sources.get(name, name), {}
        if name == 'gatys':
            options = {'size': min(side or GATYS_SIDE, GATYS_SIDE)}
        key = (name, *options.values())
        if model := self._loaded.get(key):
            return model
        with self._loading.setdefault(key, threading.Lock()), _failing_of(name):
            if key not in self._loaded:
                self._loaded[key] = _load(source, options)
            model = self._loaded[key]
            while len(self._loaded) > KEPT_MODELS:
                self._loaded.pop(next(iter(self._loaded)))
            return model


def _load(source, options):
    if api.engine_for(source) == 'tensorflow':
        commands.import_tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of a fallback to TensorFlow, which paints the same
        return api.load(source, **options)


@contextlib.contextmanager
def _failing_of(name):
    """Says what a model refuses as a StudioError."""
    try:
        yield
    except (api.ModelError, images.ImageError, commands.UsageError, MemoryError) as error:
        raise StudioError('model_failed', name=name, reason=str(error) or 'not enough memory') from error


def _opened(path, missing='gone'):
    """The images.Picture of an upload; raises StudioError that says what is wrong with it."""
    if path is None:
        raise StudioError(missing)
    file = path.name
    try:
        if not path.stat().st_size:
            raise StudioError('empty', file=file)
    except OSError:
        raise StudioError('gone', file=file) from None
    try:
        images.check_header(path, max_pixels=MOST_PIXELS)
    except images.ImageTooLargeError:
        raise StudioError('huge', file=file, limit=MOST_PIXELS / 1e6) from None
    except images.ImageError:
        raise StudioError('not_a_picture', file=file) from None
    try:
        return images.open_picture(path)
    except images.ImageError:
        raise StudioError('damaged', file=file) from None


def _shares(text, count):
    """Weights of the looks, or None for equal ones."""
    if not text.strip() or count < 2:
        return None
    try:
        shares = [float(part) for part in text.replace('，', ',').split(',')]
    except ValueError:
        shares = []
    if len(shares) != count or not all(0 <= share < float('inf') for share in shares) or not sum(shares):
        raise StudioError('bad_shares', count=count, given=text)
    return shares


def _share(progress):
    done, count = ((progress.tile, progress.tiles) if isinstance(progress, tiles.Progress)
                   else (progress.evaluation, progress.evaluations))
    return done / count if count else 1.0
