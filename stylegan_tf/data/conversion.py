"""What a conversion of pictures into few large files tells its caller."""

import dataclasses


@dataclasses.dataclass
class Result:
    """What a conversion did."""

    count: int  # pictures in the data set
    shards: int
    kept_shards: int  # found whole from an earlier call
    bad: list[tuple[str, str]]  # (name, reason) of pictures left out
    fingerprint: str  # that of `data.load` on what was written


class Silent:
    """A progress bar that shows nothing."""

    def __init__(self, total, initial):
        del total, initial

    def __enter__(self):
        return self

    def __exit__(self, *error):
        del error

    def update(self, count):
        del count
