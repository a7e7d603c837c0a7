"""Words that a picture's file carries about itself: PNG text, or XMP in JPEG, WebP and TIFF. Pillow only."""

import re
from xml.sax import saxutils

from PIL import ExifTags, Image, PngImagePlugin

_NAMESPACE = 'urn:stylegan-tf:metadata'
_KEY = re.compile(r'[A-Za-z_][\w.-]{0,78}', re.ASCII)


def options(writer, metadata, exif=None):
    """What Pillow's `save` must be given to write metadata.

    Args:
        writer: Pillow's name of the format; those that hold no metadata are given none.
        metadata: Dict of words to str; may be empty.
        exif: Encoded EXIF that is written too, or None.
    Returns:
        Dict of named arguments.
    Raises:
        ValueError: A key is no word.
    """
    for key in metadata:
        if not _KEY.fullmatch(key):
            raise ValueError(f'key {key!r} must be a word of letters, digits, _ . or -')
    if not metadata:
        return {}
    if writer == 'PNG':
        chunks = PngImagePlugin.PngInfo()
        for key, value in metadata.items():
            chunks.add_itxt(key, str(value))
        return {'pnginfo': chunks}
    if writer in ('JPEG', 'WEBP'):
        return {'xmp': _packet(metadata)}
    if writer == 'TIFF':  # a tag of its own would make Pillow ignore `exif`
        return {'exif': _exif_with({ExifTags.Base.XMLPacket: _packet(metadata)}, exif)}
    return {}


def read(image):
    """The dict of str to str that `options` stored, maybe empty, of a PIL.Image.Image that is decoded to its end."""
    if image.format == 'PNG':
        return {key: str(value) for key, value in image.text.items() if _KEY.fullmatch(key)}
    packet = image.info.get('xmp', b'')
    text = packet.decode('utf-8', 'replace') if isinstance(packet, bytes) else packet
    if f'xmlns:sg="{_NAMESPACE}"' not in text:
        return {}
    return {key: saxutils.unescape(value)
            for key, value in re.findall(r'<sg:([\w.-]+)>(.*?)</sg:\1>', text, re.DOTALL)}


def _packet(metadata):
    fields = ''.join(f'<sg:{key}>{saxutils.escape(str(value))}</sg:{key}>' for key, value in metadata.items())
    return ('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description rdf:about="" xmlns:sg="{_NAMESPACE}">{fields}</rdf:Description>'
            '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>').encode()


def _exif_with(tags, encoded_exif):
    exif = Image.Exif()
    if encoded_exif:
        exif.load(encoded_exif)
    exif.update(tags)
    return exif
