"""From flags and text protos to frozen settings."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a server is told to do. Times are in seconds, sizes in bytes.

    Attributes:
        models: ModelServerConfig, the first list of models.
        host: Address the ports are bound to.
        port: gRPC port; 0 takes a free one.
        rest_port: REST port; 0 for no REST.
        grpc_calls: PredictionService calls that may run at a time; the rest is refused at once.
        rest_threads: REST requests that run at a time; the rest waits.
        rest_timeout_seconds: Time limit of a REST request.
        max_request_bytes: Largest request, and largest tensor of one.
        metrics_path: Path of the Prometheus page on the REST port; None for no page.
        drain_seconds: How long running requests may take after SIGTERM.
    """

    models: object
    host: str = '127.0.0.1'
    port: int = 8500
    rest_port: int = 0
    grpc_calls: int = 7
    rest_threads: int = 8
    rest_timeout_seconds: float = 30.0
    max_request_bytes: int = 256 << 20
    metrics_path: str | None = None
    drain_seconds: float = 30.0
    outputs_as_content: bool = False
    has_health_service: bool = False
    has_cors: bool = False
    load_threads: int = 1
    load_retries: int = 5
    retry_interval_seconds: float = 60.0
    poll_seconds: float = 1.0
    allows_labels_for_unavailable_models: bool = False
    warms_up: bool = True
