"""What crosses the wire, whichever transport carries it, and what a transport must do.

A transport is an object with `exchange(request, timeout_seconds)` and `close()`, both plain or both coroutines, and
two attributes: `server`, its address as it was given, and `bytes_factor`, how many bytes of message one byte of input
takes. `exchange` returns what the request's docstring says, and raises `ServerError` for everything else: a refusal, a
broken connection, `timeout_seconds` without an answer (DEADLINE_EXCEEDED). It does not retry.
"""

import dataclasses

import numpy as np

from stylegan_serving.client.signatures import Signature


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """Which model: the highest version where neither version nor label is given."""

    name: str
    version: int | None = None
    label: str | None = None
    is_pinned: bool = False  # the version was chosen by a call and not by its caller, who is not to wait for it

    def __str__(self):
        part = f' version {self.version}' if self.version is not None else f' label {self.label}' if self.label else ''
        return f'{self.name}{part}'


@dataclasses.dataclass(frozen=True, eq=False)
class Predict:
    """One request to a signature. Answer: `Prediction`."""

    spec: ModelSpec
    signature: Signature
    inputs: dict[str, np.ndarray]  # as `Signature.arrays` makes them


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """Outputs, dict name -> array (strings as object arrays of bytes), and the version that made them, where told."""

    outputs: dict[str, np.ndarray]
    version: int | None = None


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Asks what the model takes and returns. Answer: `signatures.ModelMetadata`."""

    spec: ModelSpec


@dataclasses.dataclass(frozen=True)
class Status:
    """Asks for the states of a model's versions, whatever the label. Answer: list of `VersionStatus`."""

    spec: ModelSpec


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """State of one version."""

    version: int
    state: str  # START, LOADING, AVAILABLE, UNLOADING or END
    error_code: str = 'OK'
    error_message: str = ''


@dataclasses.dataclass(frozen=True, eq=False)
class Reload:
    """Replaces the server's whole list of models; gRPC only. Answer: None."""

    config: object  # tensorflow.serving.ModelServerConfig


@dataclasses.dataclass(frozen=True)
class Attempt:
    """Step of a call: one exchange within the remaining seconds."""

    request: Predict | Metadata | Status | Reload
    timeout_seconds: float


@dataclasses.dataclass(frozen=True)
class Wait:
    """Step of a call: a pause."""

    seconds: float


@dataclasses.dataclass(frozen=True, eq=False)
class Compute:
    """Step of a call: work for the processor, such as decoding pictures; an event loop gives it to a thread."""

    function: object  # callable without arguments
