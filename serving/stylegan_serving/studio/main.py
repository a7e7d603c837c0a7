"""A page in the browser for models that change pictures: look, dials, before and after, anomalies, downloads.

    python -m stylegan_serving.studio
    python -m stylegan_serving.studio --models=runs/first,models/second --port=8080

Opens http://127.0.0.1:7860. Uploads and results stay on this machine, in a folder that is deleted at the end; nothing
is fetched from or sent to anywhere else. Ctrl-C or SIGTERM ends it. Exit codes: 0 ended; 2 bad usage.
"""

import importlib.util
import os
import signal
import socket
import sys
import tempfile
import threading

from absl import flags

from stylegan_tf import commands

_HOST = flags.DEFINE_string('host', '127.0.0.1', 'Address to listen on; 0.0.0.0 for all. There is no authentication.')
_PORT = flags.DEFINE_integer('port', 7860, 'Port of the page; 0 takes a free one and prints it.', 0, 65535)
_MODELS = flags.DEFINE_list(
    'models', [], 'Further models beside those that ship: folders of exports or runs, separated by commas.')
_CRITIC = flags.DEFINE_string('critic', 'anomaly', 'Model that looks for defects: name or folder.')
_UPLOAD = flags.DEFINE_integer('max_upload_megabytes', 64, 'Largest file that the page takes.', 1)
_ANYWHERE = ('0.0.0.0', '::')


def main():
    """Reads the flags and serves until it is told to end, which ends the process."""
    if not importlib.util.find_spec('gradio'):
        raise commands.UsageError("The package gradio is not installed: pip install 'stylegan-tf[studio]'.")
    port = _free_port()
    # Read when gradio and the hub client it brings along are imported.
    os.environ.update(GRADIO_ANALYTICS_ENABLED='False', HF_HUB_OFFLINE='1', HF_HUB_DISABLE_TELEMETRY='1')
    from stylegan_serving.studio import workshop

    with tempfile.TemporaryDirectory(prefix='stylegan_studio_', ignore_cleanup_errors=True) as folder:
        os.environ['GRADIO_TEMP_DIR'] = folder
        shop = workshop.Workshop(_MODELS.value, folder=folder, critic=_CRITIC.value)
        from stylegan_serving.studio import page

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        site = page.Page(shop)
        site.open(host=_HOST.value, port=port, max_upload_bytes=_UPLOAD.value << 20)
        print(f'The studio is open at http://{_shown(_HOST.value)}:{port}', flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            site.close()
    sys.stdout.flush()
    # A thread that still loads or paints would abort the process when Python takes itself down around it.
    os._exit(commands.DONE)


def errors():
    """Exceptions whose message is for the user."""
    from stylegan_tf import api

    return (api.ModelError,)


def _free_port():
    """The port to listen on; what would be said when the page opens is said before models are looked at."""
    family = socket.AF_INET6 if ':' in _HOST.value else socket.AF_INET
    try:
        with socket.create_server((_HOST.value, _PORT.value), family=family) as listener:
            return listener.getsockname()[1]
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise commands.UsageError(f'Expected an address of this machine as --host. Received: {_HOST.value}.'
                                      ) from error
        raise commands.UsageError(f'Cannot listen on {_HOST.value}:{_PORT.value}: {os.strerror(error.errno)}. Give '
                                  'another --port.') from error


def _shown(host):
    if host in _ANYWHERE:
        return 'localhost'
    return f'[{host}]' if ':' in host else host
