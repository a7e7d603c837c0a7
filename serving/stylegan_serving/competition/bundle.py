"""What a contest is made of: `competition.yaml` and the files beside it, as frozen dataclasses."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Quota:
    """How much a team may submit in a phase; None is without limit. Failed and cancelled ones do not count."""

    per_day: int | None = 5  # in a day of UTC
    total: int | None = 50
    concurrent: int | None = 2  # waiting or running at one time


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a contest with its own dates, quotas and board."""

    name: str
    start: float  # seconds since 1970
    end: float
    title: str = ''
    quota: Quota = Quota()
    board: str = 'public'  # public; hidden: only organisers see it before the end
    final_selection: str = 'best'  # best, last, chosen
    chosen_limit: int = 1


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric of the evaluation that ranks."""

    name: str
    weight: float = 1.0
    better: str = 'lower'  # lower, higher


@dataclasses.dataclass(frozen=True)
class Pair:
    """One picture that participants make; the names are those of the files."""

    index: int
    content: str
    style: str
    split: str  # public, private


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A contest. `dataclasses.asdict` of it is what the database and every function of `rules` and `ranking` take."""

    slug: str
    title: str
    phases: tuple
    metrics: tuple
    pairs: tuple
    description: dict = dataclasses.field(default_factory=dict)  # language -> Markdown
    rules: dict = dataclasses.field(default_factory=dict)
    content_folder: str = 'content'
    style_folder: str = 'style'
    size: int = 192  # longer side of a result in pixels
    kind: str = 'results'
    models: str = 'off'  # off, on
    maximum_megabytes: int = 200
    ranking: str = 'weighted'  # weighted, mean_rank
    maximum_members: int = 5
    voting: bool = True
    votes_per_hour: int = 200
    private_share: float = 0.5
    split_seed: int = 0
    version: int = 1


def to_json(bundle):
    """A bundle as canonical JSON: str."""
    return json.dumps(dataclasses.asdict(bundle), sort_keys=True, separators=(',', ':'), ensure_ascii=False)


def picture_names(bundle, pair):
    """Where the content and the style of a pair lie in the bundle: (str, str)."""
    return f'{bundle.content_folder}/{pair.content}', f'{bundle.style_folder}/{pair.style}'


def from_dict(values):
    """The bundle of `dataclasses.asdict`, or of JSON made of it."""
    return Bundle(**values | {
        'phases': tuple(Phase(**row | {'quota': Quota(**row['quota'])}) for row in values['phases']),
        'metrics': tuple(Metric(**row) for row in values['metrics']),
        'pairs': tuple(Pair(**row) for row in values['pairs'])})
