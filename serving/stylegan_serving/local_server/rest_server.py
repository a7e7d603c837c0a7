"""The HTTP server under the REST API: uvicorn, with the wire habits of the original that clients meet.

uvicorn closes a connection whose client has shut down its sending side, does not keep HTTP/1.0 connections, answers
what is no HTTP in its own words, and sends the head of an answer by itself. Here the answer is still sent, the
connection kept, the words are the original's, and a short answer is one packet.
"""

import asyncio
import contextlib
import re
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stylegan_serving.local_server.rest import date, html_page

BACKLOG = 2048
JOINED_BYTES = 1 << 16  # longer ones would cost a copy and fill their packets anyway
IDLE_SECONDS = 600  # clients keep connections open; the original never closes one first

_REQUEST_LINE = re.compile(rb'([A-Z]+) \S+ HTTP/1\.[01]\r?\n')
KNOWN_METHODS = (b'GET', b'POST', b'HEAD', b'PUT', b'DELETE', b'OPTIONS', b'PATCH', b'TRACE', b'CONNECT')
_UPGRADE = re.compile(rb'\r\nUpgrade:[^\r\n]*', re.IGNORECASE)
_REASONS = {400: b'Bad Request', 501: b'Not Implemented'}


class Protocol(HttpToolsProtocol):
    """One connection."""

    _is_half_closed = False
    _is_done = False
    _received = b''

    def connection_made(self, transport):
        super().connection_made(_JoiningTransport(transport))

    def data_received(self, data):
        if self._is_done:
            return
        self._received = data = _without_upgrade(data)
        super().data_received(data)
        self._received = b''

    def on_headers_complete(self):
        super().on_headers_complete()
        self.cycle.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body):
        super().on_body(body)
        self.cycle.waiting_for_100_continue = False  # the client did not wait

    def eof_received(self):
        """Keeps the way to the client open while the answer to a whole request is due."""
        cycle = self.cycle
        self._is_half_closed = cycle is not None and not cycle.response_complete and not cycle.more_body
        return self._is_half_closed

    def on_response_complete(self):
        self.transport.flush()
        super().on_response_complete()
        if self._is_half_closed and self.cycle.response_complete and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg):
        """Answers what the parser refuses: an unknown method with 501, all else with 400."""
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            # After a good request, whose answer comes first; often the body of one without Content-Length.
            self._is_done = True
            self.cycle.keep_alive = False
            return
        line = _REQUEST_LINE.match(self._received)
        status = 501 if line and line.group(1) not in KNOWN_METHODS else 400
        body = html_page(status)
        self.transport.write(b'HTTP/1.1 %d %s\r\nContent-Type: text/html\r\nConnection: close\r\nDate: %s\r\n'
                             b'Content-Length: %d\r\n\r\n%s' % (status, _REASONS[status], date(), len(body), body))
        self.transport.close()


def _without_upgrade(data):
    """What was received, without the offer to change to HTTP/2 that some clients begin with."""
    # The parser would take the offer, and the request's body for the other protocol's.
    if not _REQUEST_LINE.match(data):
        return data
    end = data.find(b'\r\n\r\n')
    return _UPGRADE.sub(b'', data[:end]) + data[end:] if _UPGRADE.search(data, 0, max(0, end)) else data


class _JoiningTransport:
    """A transport that sends the head of an answer together with what is written next."""

    def __init__(self, transport):
        self._transport = transport
        self._head = b''

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def write(self, data):
        if self._head:
            self.flush(data)
        elif data.startswith(b'HTTP/1.1 ') and data.endswith(b'\r\n\r\n') and not data.startswith(b'HTTP/1.1 100'):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self, data=b''):
        """Sends the head that waits, if there is one, and what follows it."""
        head, self._head = self._head, b''
        if len(data) <= JOINED_BYTES:
            head, data = head + data, b''
        for part in (head, data):
            if part:
                self._transport.write(part)

    def close(self):
        self.flush()
        self._transport.close()


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
