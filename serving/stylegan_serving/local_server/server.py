"""The process around the models: start, ports, signals, drain."""

import asyncio
import logging
import os
import signal
import sys
import time

import grpc
import tensorflow as tf
from grpc_health.v1 import health_pb2_grpc

from stylegan_serving import __version__
from stylegan_serving.local_server import (
    batching,
    catalog,
    configuration,
    errors,
    grpc_services,
    inference,
    metrics,
    reloads,
    rest,
    rest_server,
    servable,
    warm_up,
    watcher,
)
from stylegan_tf import commands

NOT_STARTED = 255  # the original's exit code
_LOOPBACK = ('127.0.0.1', '::1', 'localhost')
_REPEATED_SIGNAL_SECONDS = 0.5
_PATIENCE_SECONDS = 20

_log = logging.getLogger(__name__)


def serve(settings):
    """Runs a server until a signal ends it.

    Args:
        settings: `configuration.Settings`.

    Ends the process: exit code 0 after a signal, NOT_STARTED if the models do not load.

    Raises:
        UsageError: If a port cannot be had.
    """
    logging.basicConfig(format='%(asctime)s %(levelname).1s %(message)s', stream=sys.stderr)
    logging.getLogger('stylegan_serving').setLevel(logging.INFO)
    tf.get_logger().setLevel('ERROR')  # it calls the loader of v1 graphs deprecated
    asyncio.run(_serve(settings))


async def _serve(settings):
    code = commands.DONE
    server = Server(settings)
    try:
        await server.run()
    except errors.ServingError as error:
        print_failure(error)
        code = NOT_STARTED
    sys.stdout.flush()
    sys.stderr.flush()
    # Here and not by a return: a thread that still loads or runs a model would hold the exit, and calls that are cut
    # off are UNAVAILABLE for their clients, who repeat them; those that grpc.aio ends are CANCELLED.
    os._exit(code)


def print_failure(error):
    """Says on stderr why the server did not start, in the original's words."""
    print(f'Failed to start server. Error: {error}', file=sys.stderr, flush=True)


class Server:
    """One server, from its first model to its last answer."""

    def __init__(self, settings):
        """Args:
            settings: `configuration.Settings`.
        """
        self._settings = settings
        self._session_config = _session_config(settings)
        self._metrics = metrics.Metrics() if settings.metrics_path else None
        self._scheduler = self._new_scheduler()
        self._catalog = catalog.Catalog(
            self._load, load_threads=settings.load_threads, load_retries=settings.load_retries,
            retry_interval_seconds=settings.retry_interval_seconds)
        if self._metrics:
            self._metrics.watch(self._catalog, self._scheduler)
        self._versions = watcher.VersionWatcher(self._catalog, settings.poll_seconds)
        self._models = reloads.ModelList(
            self._catalog, self._versions, allows_unavailable_labels=settings.allows_unavailable_labels,
            forces_unavailable_labels=settings.forces_unavailable_labels)
        self._inference = inference.Inference(
            self._catalog, self._scheduler, metrics=self._metrics, reload=self._models.reload,
            threads=settings.grpc_calls + settings.rest_threads)
        self._health = grpc_services.Health()
        self._stop = asyncio.Event()
        self._signalled_at = None

    def _new_scheduler(self):
        parameters = self._settings.batching_parameters
        return batching.Scheduler(parameters, observe=self._metrics and self._metrics.batch) if parameters else None

    def _load(self, name, version, path):
        """Loads and warms up one version; on a thread of the catalog."""
        if self._settings.batching_parameters:
            self._settings.batching_parameters.check()
        loaded = servable.Servable(name, version, path, tags=self._settings.tags, session_config=self._session_config)
        try:
            if self._settings.warm_up_iterations:
                warm_up.replay(loaded, iterations=self._settings.warm_up_iterations)
        except errors.ServingError:
            loaded.close()
            raise
        return loaded

    async def run(self):
        """Loads the models, serves until a signal comes, and drains."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        if not await self._load_models():
            return
        services = await self._start_grpc()
        http_server = await self._start_rest()
        self._start_config_watcher()
        print(self._banner(http_server), flush=True)
        if self._settings.host not in _LOOPBACK:
            _log.warning('Listening on %s: whoever can reach it may run models and replace them', self._settings.host)
        await self._stop.wait()
        _log.info('Stopping: running requests have %g s', self._settings.drain_seconds)
        await self._drain(services, http_server)
        _log.info('Stopped')

    async def _load_models(self):
        """Whether the models are there; not if a signal came first. No port opens before."""
        self._versions.start()
        start = asyncio.create_task(asyncio.to_thread(self._models.start, self._settings.models))
        stop = asyncio.create_task(self._stop.wait())
        while not (await asyncio.wait((start, stop), timeout=_PATIENCE_SECONDS,
                                      return_when=asyncio.FIRST_COMPLETED))[0]:
            _log.info('Waiting for the models to load; no port is open yet')
        if self._stop.is_set():
            return False
        stop.cancel()
        await start
        return True

    def _signalled(self):
        # `timeout` and terminals may send one signal twice.
        if self._stop.is_set() and time.monotonic() - self._signalled_at > _REPEATED_SIGNAL_SECONDS:
            os._exit(commands.INTERRUPTED)
        self._signalled_at = time.monotonic()
        self._stop.set()

    async def _start_grpc(self):
        settings = self._settings
        options = {'grpc.so_reuseport': 0, 'grpc.max_send_message_length': -1, **dict(settings.grpc_options),
                   'grpc.max_receive_message_length': settings.max_request_bytes}
        self._grpc_server = server = grpc.aio.server(options=list(options.items()))
        services = grpc_services.Services(
            self._inference, max_calls=settings.grpc_calls, max_tensor_bytes=settings.max_request_bytes,
            outputs_as_content=settings.outputs_as_content)
        services.add_to(server)
        if settings.has_health_service:
            await self._health.start()
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        server.add_generic_rpc_handlers((grpc_services.UnknownMethods(),))
        host = f'[{settings.host}]' if ':' in settings.host else settings.host
        try:
            self.grpc_port = server.add_insecure_port(f'{host}:{settings.port}')
            if settings.socket_path:
                server.add_insecure_port(f'unix:{settings.socket_path}')
        except RuntimeError as error:
            raise commands.UsageError(f'Cannot listen on {settings.host}:{settings.port}: {error}.') from error
        await server.start()
        return services

    async def _start_rest(self):
        settings = self._settings
        if not settings.rest_port:
            return None
        application = rest.application(self._inference, settings, self._metrics)
        try:
            server = rest_server.RestServer(application, settings.host, max(0, settings.rest_port))
        except OSError as error:
            raise commands.UsageError(
                f'Cannot listen on {settings.host}:{settings.rest_port}: {os.strerror(error.errno)}.') from error
        await server.start()
        return server

    def _start_config_watcher(self):
        settings = self._settings
        if settings.models_file and settings.models_poll_seconds:
            watcher.ConfigWatcher(settings.models_file, settings.models_text, configuration.read_models,
                                  self._models.reload, settings.models_poll_seconds).start()

    def _banner(self, http_server):
        host = self._settings.host
        lines = [f'stylegan_serving local server {__version__} on TensorFlow {tf.__version__}: a stand-in for '
                 'TensorFlow Serving on laptops, in tests and for the quick start, not for production',
                 f'  gRPC    {host}:{self.grpc_port}']
        models = {}
        for name, version in self._catalog.available():
            models.setdefault(name, []).append(str(version))
        if http_server:
            first = next(iter(models), 'NAME')
            lines.append(f'  REST    http://{host}:{http_server.port}/v1/models/{first}')
        lines += [f"  model   {name}: version{'s' * (len(of_model) > 1)} {', '.join(of_model)}"
                  for name, of_model in models.items()]
        return '\n'.join(lines)

    async def _drain(self, services, http_server):
        await self._health.enter_graceful_shutdown()
        self._versions.stop()
        stopping = [services.drain(self._settings.drain_seconds)]
        if http_server:
            stopping.append(http_server.stop(self._settings.drain_seconds))
        await asyncio.gather(*stopping)


def _session_config(settings):
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    config.intra_op_parallelism_threads, config.inter_op_parallelism_threads = settings.session_threads
    if settings.gpu_memory_fraction:
        config.gpu_options.per_process_gpu_memory_fraction = settings.gpu_memory_fraction
    else:
        config.gpu_options.allow_growth = True
    return config
