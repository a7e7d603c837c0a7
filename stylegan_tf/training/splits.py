"""The pictures of a run: opened by SPEC, divided into what is trained on and what is held out."""

import dataclasses
import pathlib

WIDEST_LOOK = 2.0  # frames of FFHQ that a picture of the look may show where its face is small
FINER = 2  # times the resolution of the training that aligned portraits are kept at, for crops


class HoldoutError(ValueError):
    """--holdout cannot be used; the message is one line that says what can."""


@dataclasses.dataclass(frozen=True)
class Splits:
    """Training and held-out Source of 'data' and, where it is another one, of 'style_data'."""

    training: dict
    held_out: dict
    advice: tuple = ()  # (sign, remedy) of what the pictures lack, in words

    def of_roles(self, roles):
        """Returns (training, held_out), each a dict role -> Source, for a System's roles."""
        keys = {role: self._key(role) for role in roles}
        return ({role: self.training[key] for role, key in keys.items()},
                {role: self.held_out[key] for role, key in keys.items()})

    def fingerprints(self):
        """Returns dict name -> [hash of the training files, hash of the held-out files]."""
        return {key: [self.training[key].fingerprint, self.held_out[key].fingerprint]
                for key in self.training}

    def counts(self):
        """Returns dict name -> [number of training pictures, number of held-out ones]."""
        return {key: [len(self.training[key]), len(self.held_out[key])] for key in self.training}

    @property
    def label_names(self):
        """Classes of the pictures that carry the label: the style pictures."""
        return tuple(self.training[self._key('style')].label_names)

    def _key(self, role):
        return 'style_data' if role == 'style' and 'style_data' in self.training else 'data'


def load(data, style_data=None, *, holdout, default_share, max_bad_share, note=print):
    """Opens the sources of a run.

    Args:
        data: SPEC of the pictures, or of the content pictures.
        style_data: SPEC of the style pictures; None where they are the same.
        holdout: What --holdout said: None, a share as text, or a text file of names.
        default_share: Share held out where `holdout` is None, or names no picture of a source.
        max_bad_share: Largest tolerated share of unreadable files.
        note: Callable that prints one line.

    Returns:
        Splits.

    Raises:
        DataError: From the sources.
        HoldoutError: If --holdout is neither, or names pictures that are in no source.
    """
    from stylegan_tf import data as datasets

    specs = {'data': data}
    if style_data and style_data != data:
        specs['style_data'] = style_data
    sources = {}
    for key, spec in specs.items():
        sources[key] = datasets.load(spec, max_bad_share=max_bad_share)
        for name, reason in sources[key].bad:
            note(f'skipped {name}: {reason}')
    wanted = parse_holdout(holdout, default_share)
    chosen = _choose(sources, wanted, default_share)
    training, held_out = {}, {}
    for key, source in sources.items():
        training[key], held_out[key] = source.split(chosen[key])
        note(f'--{key}={specs[key]}: {len(training[key]):,} pictures to train on, '
             f'{len(held_out[key]):,} held out')
    return Splits(training, held_out)


def aligned(data, config, cache=None, note=print):
    """The same pictures as portraits: faces found, turned upright and cut out alike.

    Args:
        data: Splits.
        config: Its `height` and `width` say at which size the portraits are learned.
        cache: Folder that keeps what was found; None keeps it in memory.
        note: Callable that prints one line.
    Returns:
        Splits with the advice of `data.sufficiency`.
    Raises:
        DataError: Too many pictures are bad.
    """
    from stylegan_tf.data import aligned_faces, sufficiency

    side = FINER * max(config.height, config.width)
    parts = [{key: aligned_faces.AlignedFaces(source, side, widest=WIDEST_LOOK if key == 'style_data' else 1.0,
                                              cache=cache, note=note) for key, source in part.items()}
             for part in (data.training, data.held_out)]
    of_key = {key: [part[key] for part in parts] for key in parts[0]}
    for key, sources in of_key.items():
        found = [portrait for source in sources for portrait in source.portraits]
        note(f'--{key}: faces in {sum(portrait.face > 0 for portrait in found)} of {len(found)} pictures')
    findings = sufficiency.examine(of_key.get('style_data', of_key['data']), of_key['data'],
                                   max(config.height, config.width))
    for finding in findings:
        note(f'pictures: {finding}')
    return Splits(*parts, tuple((finding.sign, finding.remedy) for finding in findings))


def parse_holdout(text, default_share):
    """Returns the share or the set of names that --holdout means; the default for None.

    Raises:
        HoldoutError: If `text` is neither a share between 0 and 1 nor a file with names.
    """
    if text is None:
        return default_share
    try:
        share = float(text)
    except ValueError:
        return _read_names(pathlib.Path(text))
    if not 0 < share < 1:
        raise HoldoutError(f'--holdout must lie between 0 and 1, or be a file. Received: {text}.')
    return share


def _read_names(path):
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HoldoutError('--holdout must be a share such as 0.05 or a text file with one name a '
                           f'line. Received: {str(path)!r} ({error}).') from error
    names = {line.strip() for line in lines if line.strip() and not line.startswith('#')}
    if not names:
        raise HoldoutError(f'--holdout={path} names no picture. Write one name a line.')
    return names


def _choose(sources, wanted, default_share):
    if not isinstance(wanted, set):
        return dict.fromkeys(sources, wanted)
    chosen, known = {}, set()
    for key, source in sources.items():
        forms = {form for name in source.names for form in (name, name.rsplit('/', 1)[-1])}
        known |= forms
        # One file may list the pictures of both sources, or of one only.
        chosen[key] = wanted & forms or default_share
    if unknown := sorted(wanted - known):
        raise HoldoutError(f'{len(unknown)} of the names in --holdout are in no source: '
                           f'{", ".join(unknown[:5])}{", ..." if len(unknown) > 5 else ""}. Names '
                           f'look like {next(iter(sources.values())).names[0]!r}.')
    return chosen
