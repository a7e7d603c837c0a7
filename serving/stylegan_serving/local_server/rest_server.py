"""The HTTP server under the REST API: uvicorn, with the wire habits of the original that clients meet.

uvicorn closes a connection whose client has shut down its sending side, does not keep HTTP/1.0 connections, and answers
what is no HTTP in its own words; here the answer is still sent, the connection kept, and the words are the original's.
"""

import asyncio
import contextlib
import re
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stylegan_serving.local_server.rest import date, html_page

BACKLOG = 2048
IDLE_SECONDS = 600  # clients keep connections open; the original never closes one first

_REQUEST_LINE = re.compile(rb'[A-Z]+ \S+ HTTP/1\.[01]\r?\n')
_REASONS = {400: b'Bad Request', 501: b'Not Implemented'}


class Protocol(HttpToolsProtocol):
    """One connection."""

    _is_half_closed = False
    _received = b''

    def data_received(self, data):
        self._received = data
        super().data_received(data)
        self._received = b''

    def on_headers_complete(self):
        super().on_headers_complete()
        self.cycle.keep_alive = self.parser.should_keep_alive()

    def eof_received(self):
        """Keeps the way to the client open while the answer to a whole request is due."""
        cycle = self.cycle
        self._is_half_closed = cycle is not None and not cycle.response_complete and not cycle.more_body
        return self._is_half_closed

    def on_response_complete(self):
        super().on_response_complete()
        if self._is_half_closed and not self.pipeline and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg):
        """Answers what the parser refuses: an unknown method with 501, all else with 400."""
        status = 501 if _REQUEST_LINE.match(self._received) else 400
        body = html_page(status)
        self.transport.write(b'HTTP/1.1 %d %s\r\nContent-Type: text/html\r\nConnection: close\r\nDate: %s\r\n'
                             b'Content-Length: %d\r\n\r\n%s' % (status, _REASONS[status], date(), len(body), body))
        self.transport.close()


class RestServer:
    """A REST API that is being served.

    Attributes:
        port: The port it listens on.
    """

    def __init__(self, application, host, port):
        """Takes the port.

        Args:
            application: `rest.application`.
            host: Address to listen on.
            port: Port; 0 takes a free one.
        Raises:
            OSError: It is taken, or the address is not this machine's.
        """
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Connections inherit it; else each answer waits some 40 ms for the client's delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = self._socket.getsockname()[1]
        self._server = uvicorn.Server(uvicorn.Config(
            application, http=Protocol, ws='none', lifespan='off', log_config=None, log_level='error',
            access_log=False, server_header=False, date_header=False, timeout_keep_alive=IDLE_SECONDS))
        # signals are for the process, which also serves gRPC
        self._server.capture_signals = contextlib.nullcontext

    async def start(self):
        """Begins to answer."""
        self._task = asyncio.create_task(self._server.serve([self._socket]))

    async def stop(self, drain_seconds):
        """Takes no more connections, waits for the answers that are due, and closes what is left."""
        self._server.config.timeout_graceful_shutdown = max(1, round(drain_seconds))
        self._server.should_exit = True
        await self._task
