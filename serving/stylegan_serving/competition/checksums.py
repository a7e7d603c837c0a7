"""The Upload-Checksum header: what a part of an upload must have when it arrives."""

import base64
import binascii
import hashlib


def read_header(header):
    """The SHA-256 of an Upload-Checksum header ('sha256 BASE64') as hex str, None without a header.

    Raises:
        ValueError: It is another algorithm or no base64 of 32 bytes.
    """
    if header is None:
        return None
    algorithm, _, text = header.strip().partition(' ')
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b''
    if algorithm.lower() != 'sha256' or len(digest) != 32:
        raise ValueError(f"Expected Upload-Checksum: sha256 BASE64, of 32 bytes. Received: {header[:80]!r}.")
    return digest.hex()


def header_of(data):
    """The Upload-Checksum header of some bytes."""
    return f'sha256 {base64.b64encode(hashlib.sha256(data).digest()).decode()}'
