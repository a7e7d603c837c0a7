"""What `status` prints."""

import dataclasses
import time

from stylegan_serving.client.errors import ServerError


@dataclasses.dataclass(frozen=True)
class Description:
    """One model: rows of the table, whether it answers, and lines about its signatures."""

    rows: list
    is_available: bool
    signatures: list


def describe(client, labels, until):
    """Description of a client's model.

    Args:
        client: `clients.Client` of the model.
        labels: Names to try.
        until: Value of time.monotonic() until which to wait for an available version.
    Raises:
        ServerError: If the server is not reached.
    """
    if until > time.monotonic():
        try:
            client.wait_until_available(deadline_seconds=until - time.monotonic())
        except ServerError as error:
            if error.is_connection:
                raise
    try:
        versions = client.status()
    except ServerError as error:
        if error.code != 'NOT_FOUND':
            raise
        return Description([(client.spec.name, '-', 'NOT_FOUND', '', error.message)], False, [])
    labelled = {label: _version_of(client, label) for label in labels}
    rows = [(client.spec.name, str(entry.version), entry.state,
             ', '.join(label for label, version in labelled.items() if version == entry.version),
             '' if entry.error_code == 'OK' else f'{entry.error_code}: {entry.error_message}') for entry in versions]
    is_available = any(entry.state == 'AVAILABLE' for entry in versions)
    return Description(rows, is_available, _signature_lines(client.metadata()) if is_available else [])


def aligned(head, rows):
    """Text of a table with aligned columns; runs of spaces within the cells are closed up."""
    rows = [head, *([' '.join(cell.split()) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return '\n'.join('  '.join(f'{cell:<{width}}' for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def _version_of(client, label):
    try:
        return client.of(client.spec.name, label=label).metadata().version
    except ServerError:  # unknown, or on a version that is not loaded
        return None


def _signature_lines(metadata):
    lines = [f'{metadata.name} version {metadata.version}:']
    for name, signature in sorted(metadata.signatures.items()):
        takes = ', '.join(map(str, signature.inputs.values())) or 'nothing'
        lines.append(f'  {name}({takes}) -> {", ".join(map(str, signature.outputs.values()))}')
    return lines
