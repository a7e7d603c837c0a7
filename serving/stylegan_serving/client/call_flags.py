"""Flags that the commands of the client share; each command calls `define` and owns what comes of it."""

import dataclasses

from absl import flags

from stylegan_tf import commands

flags.disclaim_key_flags()  # so that --help of the calling module shows them


@dataclasses.dataclass(frozen=True)
class CallFlags:
    """Holders of the shared flags."""

    server: flags.FlagHolder
    model: flags.FlagHolder
    version: flags.FlagHolder
    label: flags.FlagHolder
    deadline_seconds: flags.FlagHolder
    wait_seconds: flags.FlagHolder
    batch_size: flags.FlagHolder
    concurrency: flags.FlagHolder
    ca_file: flags.FlagHolder

    def connect(self):
        """A Client that tries until the deadline, over restarts of the server, and waits for a model that loads.

        Raises:
            UsageError: If a flag is missing or out of range.
            ClientError: If the server is not reached in time, has no such model, or an address is wrong.
        """
        from stylegan_serving.client import clients, retries
        require(self.server, self.model)
        for flag in (self.batch_size, self.concurrency):
            if flag.value < 1:
                raise commands.UsageError(f'--{flag.name} must be at least 1. Received: {flag.value}.')
        prepare(self.server.value)
        client = clients.connect(
            self.server.value, model=self.model.value, version=self.version.value, label=self.label.value,
            deadline_seconds=self.deadline_seconds.value, max_rows=self.batch_size.value,
            ca_file=self.ca_file.value,
            retries=retries.RetryPolicy(max_attempts=None, retries_not_found=True))
        try:
            client.wait_until_available(deadline_seconds=max(0.1, self.wait_seconds.value))
        except BaseException:
            client.close()
            raise
        return client


def define():
    """Defines the flags of a command that sends pictures."""
    return CallFlags(
        server=flags.DEFINE_string('server', None, 'grpc://HOST:PORT or http://HOST:PORT (REST: needs no TensorFlow).'),
        model=flags.DEFINE_string('model', None, 'Name of the served model.'),
        version=flags.DEFINE_integer('version', None, 'Version to ask; the highest loaded one when not given.'),
        label=flags.DEFINE_string('label', None, 'Instead of a version: its label, such as stable or canary.'),
        deadline_seconds=flags.DEFINE_float(
            'deadline_seconds', 300.0, 'Longest time for one request, in which it is repeated while the '
            'server is busy or restarts.'),
        wait_seconds=flags.DEFINE_float(
            'wait_seconds', 30.0, 'How long to wait at the start for the server to answer and the model to load.'),
        batch_size=flags.DEFINE_integer('batch_size', 8, 'Pictures in one request.'),
        concurrency=flags.DEFINE_integer('concurrency', 2, 'Requests at a time.'),
        ca_file=flags.DEFINE_string(
            'ca_file', None, 'PEM file of the authorities that sign grpcs:// or https:// servers.'))


def prepare(server):
    """Imports what a server's transport needs, in silence; raises UsageError where that is not installed."""
    from stylegan_serving.client import clients
    if clients.check_server(server).startswith('grpc'):
        try:
            commands.import_tensorflow()
        except ImportError as error:
            raise commands.UsageError(f"grpc:// needs a package that is missing ({error}): pip install "
                                      "'stylegan-tf[serving]'; http:// needs neither TensorFlow nor grpc.") from error


def require(*needed):
    """Raises UsageError for the first of these flags that has no value."""
    for flag in needed:
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')


def errors():
    """Exception types whose messages are meant for the user."""
    from stylegan_serving.client import folders
    from stylegan_serving.client.errors import ClientError
    from stylegan_tf import images
    return ClientError, folders.FolderError, images.ImageError


def label_errors():
    """As `errors`, of the commands that move labels."""
    from stylegan_serving.client import labels
    from stylegan_serving.client.errors import ClientError
    from stylegan_serving.server_configs import ModelConfigError
    return ClientError, labels.LabelError, ModelConfigError
