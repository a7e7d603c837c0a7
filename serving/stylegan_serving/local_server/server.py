"""The process around the models: ports, signals, drain."""

import asyncio
import logging
import os
import signal
import sys
import time

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from stylegan_serving.local_server import catalog, errors, grpc_services, inference, rest, rest_server, servable

HEALTH_NAMES = ('', 'PredictionService', 'ModelService')

_log = logging.getLogger(__name__)


class Server:
    """One server, from its first model to its last answer."""

    def __init__(self, settings):
        """Args:
            settings: `configuration.Settings`.
        """
        self.settings = settings
        self.catalog = catalog.Catalog(
            servable.Servable, load_threads=settings.load_threads, load_retries=settings.load_retries,
            retry_interval_seconds=settings.retry_interval_seconds)
        self.inference = inference.Inference(
            self.catalog, threads=settings.grpc_calls + settings.rest_threads)

    async def run(self):
        """Serves until a signal comes; returns the exit code."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, stop)
        for config in self.settings.models.model_config_list.config:
            number = max(int(entry) for entry in os.listdir(config.base_path) if entry.isdecimal())
            self.catalog.want(config.name, {number: os.path.join(config.base_path, str(number))})
        names = [config.name for config in self.settings.models.model_config_list.config]
        failed = await asyncio.to_thread(self.catalog.wait_until_settled, names)
        if failed:
            print(f'Failed to start server. Error: {failed}', file=sys.stderr)
            return 255
        grpc_server = await self._start_grpc()
        http_server = await self._start_rest()
        print(f'Serving on {self.settings.host}: gRPC port {self.grpc_port}, REST port {self.settings.rest_port}',
              flush=True)
        await stop.wait()
        stopping = [grpc_server.stop(self.settings.drain_seconds)]
        if http_server:
            stopping.append(http_server.stop(self.settings.drain_seconds))
        await asyncio.gather(*stopping)
        return 0

    def _signalled(self, stop):
        # `timeout` and terminals may send one signal twice.
        if stop.is_set() and time.monotonic() - self._signalled_at > 0.5:
            os._exit(1)
        self._signalled_at = time.monotonic()
        stop.set()

    async def _start_grpc(self):
        settings = self.settings
        server = grpc.aio.server(options=[
            ('grpc.max_receive_message_length', settings.max_request_bytes), ('grpc.max_send_message_length', -1),
            ('grpc.so_reuseport', 0)])
        grpc_services.Services(
            self.inference, self.reload, max_calls=settings.grpc_calls, max_tensor_bytes=settings.max_request_bytes,
            outputs_as_content=settings.outputs_as_content).add_to(server)
        if settings.has_health_service:
            self.health = health.aio.HealthServicer()
            for name in HEALTH_NAMES:
                await self.health.set(name, health_pb2.HealthCheckResponse.SERVING)
            health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        server.add_generic_rpc_handlers((grpc_services.UnknownMethods(),))
        self.grpc_port = server.add_insecure_port(f'{settings.host}:{settings.port}')
        await server.start()
        return server

    async def _start_rest(self):
        if not self.settings.rest_port:
            return None
        application = rest.application(self.inference, self.settings, self.inference.metrics)
        server = rest_server.RestServer(application, self.settings.host, self.settings.rest_port)
        await server.start()
        return server

    async def reload(self, config):
        """Replaces the list of models; raises ServingError."""
        raise errors.ServingError('UNIMPLEMENTED', '')
