"""An HTTP server of one's own making, for what a real one does only when it fails."""

import contextlib
import json
import socket
import threading

METADATA = {
    'model_spec': {'name': 'pair', 'version': '2', 'signature_name': ''},
    'metadata': {'signature_def': {'signature_def': {
        'single': {'inputs': {'x': {'dtype': 'DT_FLOAT', 'tensor_shape': {'dim': [{'size': '-1'}, {'size': '3'}]}}},
                   'outputs': {'y': {'dtype': 'DT_FLOAT', 'tensor_shape': {'dim': [{'size': '-1'}, {'size': '3'}]}}}},
        'echo': {'inputs': {'blob_bytes': {'dtype': 'DT_STRING', 'tensor_shape': {'dim': [{'size': '-1'}]}}},
                 'outputs': {'echo': {'dtype': 'DT_STRING', 'tensor_shape': {'dim': [{'size': '-1'}]}}}},
        '__saved_model_init_op': {'inputs': {}, 'outputs': {}}}}}}


def response(body, status=200, headers=''):
    """The bytes of an HTTP response."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b'HTTP/1.1 %d Said So\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s' % (
        status, headers.encode(), len(body), body)


class ScriptedServer:
    """Answers GET .../metadata with METADATA, and each other request with the next of `answers`.

    Args:
        answers: Functions that are given the connection's socket and answer on it; one that returns False has the
            connection closed. Or bytes, to be sent.
        metadata: Answer to GET .../metadata.
        tls: None, or an ssl.SSLContext of a server called localhost.
    """

    def __init__(self, *answers, metadata=METADATA, tls=None):
        self._answers = list(answers)
        self._metadata = metadata
        self._listening = socket.create_server(('127.0.0.1', 0))
        self._tls = tls
        port = self._listening.getsockname()[1]
        self.url = f'https://localhost:{port}' if tls else f'http://127.0.0.1:{port}'
        self.connections = 0
        self.requests = []  # (request line, body)
        self.headers = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._answer(connection)

    def _answer(self, connection):
        with connection.makefile('rb') as stream:
            while first := stream.readline():
                lines = [header.decode().lower().strip() for header in iter(stream.readline, b'\r\n')]
                self.headers.append(dict(line.split(': ', 1) for line in lines))
                body = stream.read(int(self.headers[-1].get('content-length', 0)))
                request = first.decode().split(' HTTP')[0]
                self.requests.append((request, body))
                answer = response(self._metadata) if request.endswith('/metadata') else self._answers.pop(0)
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                elif answer(connection) is False:
                    return
