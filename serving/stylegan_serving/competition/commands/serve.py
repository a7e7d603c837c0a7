"""Opens the web pages and the API, with a worker in the same process.

    python -m stylegan_serving.competition serve --demo
    python -m stylegan_serving.competition serve --host=0.0.0.0 --base_url=https://contest.example.org --workers=0

--demo brings a contest of six pairs with teams whose entries are handed in and scored while one watches; it lives in a
folder of its own that is deleted at the end, unless --data names one. One process of this command with SQLite serves a
group; for more, --workers=0 here, PostgreSQL by --database_url, and `worker` on as many machines as needed. Stop with
Ctrl-C or SIGTERM. Exit codes: 0 ended as asked; 2 bad usage or configuration.
"""

import contextlib
import os
import signal
import socket
import sys
import threading

from absl import flags

from stylegan_serving.competition.commands import installation
from stylegan_tf import commands

installation.define_flags()
_HOST = flags.DEFINE_string('host', '127.0.0.1', 'Address to listen on; 0.0.0.0 for all.')
_PORT = flags.DEFINE_integer('port', 8000, 'Port; 0 for any free one.', 0, 65535)
_BASE_URL = flags.DEFINE_string('base_url', None, 'How browsers reach it; default: the address it listens on.')
_BEHIND_PROXY = flags.DEFINE_bool('behind_proxy', None, "Take clients' addresses from X-Forwarded-For.")
_WORKERS = flags.DEFINE_integer('workers', 1, 'Workers in this process.', 0, 16)
_DEMO = flags.DEFINE_bool('demo', False, 'Bring a contest and teams that take part in it.')
_PLACE = 'competition-demo'  # of a demo that nobody gave a folder
_BACKLOG = 2048  # connections that wait to be answered, as uvicorn has it


def main():
    """Reads the flags and serves until it is told to stop; returns the exit code."""
    # Who is told to end before there is anything to serve has something to put away, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(commands.DONE))
    with contextlib.ExitStack() as stack:
        if _DEMO.value and not flags.FLAGS['data'].present:
            from stylegan_serving.competition import scratch
            scratch.sweep(_PLACE)
            flags.FLAGS.data = stack.enter_context(scratch.folder(_PLACE))
        listening = stack.enter_context(_socket())
        is_set = 'STYLEGAN_COMPETITION_BASE_URL' in os.environ
        store, storage, settings = stack.enter_context(installation.opened(
            base_url=_BASE_URL.value or (None if is_set else _url(listening)), behind_proxy=_BEHIND_PROXY.value))
        if _WORKERS.value:
            installation.require_sandbox(settings)
        _serve(stack, listening, store, storage, settings)
    return commands.DONE


def _serve(stack, listening, store, storage, settings):
    import uvicorn

    from stylegan_serving.competition import app, logs, security, worker
    logs.configure('info' if not _DEMO.value else 'warning')
    application = app.create_app(settings, store=store, storage=storage)
    server = uvicorn.Server(uvicorn.Config(
        application, log_config=None, access_log=False, proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=security.PROXIES, server_header=False, timeout_graceful_shutdown=5))
    workers = [worker.Worker(store, storage, settings) for _ in range(_WORKERS.value)]
    helpers = [threading.Thread(target=each.run, name='worker') for each in workers]
    stop = [each.stop for each in workers]
    if _DEMO.value:
        from stylegan_serving.competition import demo
        play = demo.Demo(application.state.platform)
        print(play.prepare(), flush=True)
        helpers.append(threading.Thread(target=play.run, name='demo'))
        stop.append(play.stop)
    else:
        print(f'Serving {settings.base_url}; {_WORKERS.value} workers in this process. Ctrl-C ends it.', flush=True)
    # uvicorn takes these over while it runs, and raises once more what it was ended by; it was asked for and no error.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, 'should_exit', True))
    for thread in helpers:
        thread.start()
    stack.callback(_end, stop, helpers)
    server.run(sockets=[listening])


def _end(stop, threads):
    for each in stop:
        each()
    for thread in threads:
        thread.join()


def _socket():
    """A listening socket; UsageError where the address cannot be had."""
    kind = socket.AF_INET6 if ':' in _HOST.value else socket.AF_INET
    made = socket.socket(kind, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it; else each answer waits some 40 ms for the client's delayed acknowledgement.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind((_HOST.value, _PORT.value))
        # At once: who follows the printed address before there are answers waits for them and is not refused.
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise commands.UsageError(f'Cannot listen on {_HOST.value}:{_PORT.value}: {error.strerror}. Choose another '
                                  '--host or --port; --port=0 takes any free one.') from error
    return made


def _url(listening):
    host, port = listening.getsockname()[:2]
    shown = {'0.0.0.0': '127.0.0.1', '::': '[::1]'}.get(host, f'[{host}]' if ':' in host else host)
    return f'http://{shown}:{port}'


errors = installation.errors
