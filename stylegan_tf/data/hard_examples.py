"""Contents on which a model failed are shown more often: those that a report of `stylegan-tf score` flags."""

import dataclasses
import json
import pathlib

from stylegan_tf.data.sources import DataError, fingerprint_of


@dataclasses.dataclass(frozen=True)
class HardExamples:
    """What a report flags.

    Attributes:
        path: Of the report.
        contents: Paths of the contents behind the flagged pictures, one for each picture: a content that failed in
            several styles is there as often.
    """

    path: str
    contents: tuple[str, ...]

    @property
    def fingerprint(self):
        """16 hex digits that depend on what is flagged."""
        return fingerprint_of(*self.contents)

    def indices(self, names):
        """Where the contents are among a source's names, as often as they were flagged.

        A content is the picture whose name its path ends with, else the only one with its file name.

        Args:
            names: Of a Source.
        Returns:
            Tuple of int; contents that are not in the source, such as held-out ones, are left out.
        Raises:
            DataError: Not one is in it.
        """
        by_name = {name: index for index, name in enumerate(names)}
        by_file = {}
        for index, name in enumerate(names):
            by_file.setdefault(name.rsplit('/', 1)[-1], []).append(index)
        found = tuple(index for index in (_index(content, by_name, by_file) for content in self.contents)
                      if index is not None)
        if not found:
            raise DataError(f'{self.path}: none of the {len(self.contents)} contents that it flags is among the '
                            f'{len(names)} training pictures. It flags {self.contents[0]!r}; the pictures are named '
                            f'like {names[0]!r}. Give a report on pictures that were made of --data.')
        return found


def _index(content, by_name, by_file):
    parts = pathlib.PurePath(content).parts
    for start in range(len(parts)):
        index = by_name.get('/'.join(parts[start:]))
        if index is not None:
            return index
    alike = by_file.get(parts[-1], [])
    return alike[0] if len(alike) == 1 else None


def read(path):
    """The HardExamples of a report.

    Args:
        path: report.json of `stylegan-tf score`, made with --content.
    Returns:
        HardExamples, in the order of the report.
    Raises:
        DataError: No such file, no such report, no picture flagged, or the flagged ones name no content.
    """
    try:
        report = json.loads(pathlib.Path(path).read_text(encoding='utf-8'))
        pictures = report['images']
        flagged = [picture for picture in pictures if picture['is_flagged']]
        contents = tuple(sorted(picture['content'] for picture in flagged if picture.get('content')))
    except OSError as error:
        raise DataError(f'hard_examples={path}: cannot be read ({error.strerror}).') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'hard_examples={path}: expected report.json as `stylegan-tf score` writes it '
                        f'({type(error).__name__}: {error}).') from error
    if not flagged:
        raise DataError(f'hard_examples={path}: flags none of its {len(pictures)} pictures, so there is nothing to '
                        'show more often. Score again with a higher --false_alarm_rate, or leave hard_examples out.')
    if not contents:
        raise DataError(f'hard_examples={path}: its flagged pictures name no content. Score them with --content.')
    return HardExamples(str(path), contents)
