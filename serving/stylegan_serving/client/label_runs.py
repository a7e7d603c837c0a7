"""What `promote` and `rollback` do."""

import contextlib
import difflib

from stylegan_serving.client import call_flags, clients
from stylegan_tf import commands


def run(servers, path, choose, *, action, deadline_seconds, dry_run):
    """Moves a label, or shows what would change; returns the command's exit code.

    Args:
        servers: Addresses, grpc:// all.
        path: Of the models.config.
        choose: From `labels.LabelledConfig` to the `labels.Move`.
        action, deadline_seconds: As of `labels.LabelledConfig.apply`.
        dry_run: Whether to change nothing.
    """
    for server in servers:
        if not clients.check_server(server).startswith('grpc'):
            raise commands.UsageError(f'Labels are moved over gRPC: --server=grpc://HOST:PORT. Received: {server}.')
        call_flags.prepare(server)
    from stylegan_serving import server_configs
    from stylegan_serving.client import labels

    config = labels.LabelledConfig(path)
    move = choose(config)
    if dry_run:
        _, changed = config.changed(move)
        print('\n'.join(difflib.unified_diff(
            server_configs.to_text(config.config).splitlines(), server_configs.to_text(changed).splitlines(),
            path, f'{path} (changed)', lineterm='')))
        print(f'{move} (nothing was changed)')
        return commands.DONE
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(clients.connect(server, deadline_seconds=min(10.0, deadline_seconds)))
                  for server in servers]
        config.apply(move, opened, action=action, deadline_seconds=deadline_seconds)
    print(move)
    return commands.DONE
