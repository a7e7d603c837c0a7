"""Archives as an attacker, a careless tool or a broken line would make them; each function writes one."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np

from stylegan_tf import images

SIZE = 24


def picture(seed=0, height=SIZE, width=SIZE, kind='png'):
    """Bytes of a picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return images.encode(pixels, kind)


def good_members(count=3):
    return {f'{number:03d}.png': picture(number) for number in range(count)}


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    """Members: dict of name, or of ZipInfo, to bytes; or a list of pairs, where a name comes twice."""
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return path


def write_tar(path, members, mode='w:gz'):
    """Members: dict of name to bytes, or list of (TarInfo, bytes)."""
    with tarfile.open(path, mode) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if info.isreg():
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def zip_with_link(path):
    link = zipfile.ZipInfo('000.png')
    link.external_attr = 0o120777 << 16
    return write_zip(path, {link: b'/etc/passwd'})


def zip_encrypted(path):
    """A zip whose first member says that it is encrypted."""
    data = bytearray(write_zip(path, good_members()).read_bytes())
    for mark, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)
    return path


def zip_lying_about_size(path):
    """A zip whose headers say that 64 MiB of zeros are 100 bytes."""
    write_zip(path, {**good_members(), '002.png': bytes(64 << 20)})
    data = bytearray(path.read_bytes())
    true = struct.pack('<L', 64 << 20)
    while (place := data.find(true)) >= 0:
        data[place:place + 4] = struct.pack('<L', 100)
    path.write_bytes(data)
    return path


def zip_overlapping(path, count=50):
    """One compressed member that many entries of the directory point to."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(bytes(1 << 20)) + body.flush()
    crc = zlib.crc32(bytes(1 << 20))
    name = b'000.png'
    common = (20, 0, 8, 0, 0, crc, len(packed), 1 << 20)
    local = struct.pack('<4s5H3L2H', b'PK\x03\x04', *common, len(name), 0) + name + packed
    row = struct.pack('<4s6H3L5H2L', b'PK\x01\x02', 20, *common, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack('<4s4H2LH', b'PK\x05\x06', 0, 0, count, count, len(row) * count, len(local), 0)
    path.write_bytes(local + row * count + end)
    return path


def tar_with(path, kind, name='000.png', target='/etc/passwd'):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return write_tar(path, [(info, b'')])


def tar_of_endless_headers(path, depth=3000):
    """Extended headers that only announce further extended headers."""
    body = b'19 path=aaaaaaaaaa\n'.ljust(512, b'\0')
    info = tarfile.TarInfo('x')
    info.type, info.size = tarfile.XHDTYPE, 19
    path.write_bytes(gzip.compress((info.tobuf(tarfile.USTAR_FORMAT) + body) * depth))
    return path


def tar_of_long_name(path, size=150 << 20):
    """A name of hundreds of megabytes, which packs to almost nothing."""
    info = tarfile.TarInfo('././@LongLink')
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    with gzip.open(path, 'wb', compresslevel=1) as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            file.write(b'a' * (1 << 20))
    return path


def tar_sparse(path):
    info = tarfile.TarInfo('000.png')
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b'77777777777\0'  # what it says it has when it is laid out: 8 GiB
    header[148:156] = b'        '
    header[148:156] = b'%06o\0 ' % sum(header)
    path.write_bytes(gzip.compress(bytes(header) + bytes(1024)))
    return path


def png_claiming(height, width):
    """A PNG of few bytes whose header claims any size."""
    def chunk(kind, data):
        return struct.pack('>L', len(data)) + kind + data + struct.pack('>L', zlib.crc32(kind + data))

    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>2L5B', width, height, 8, 2, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(bytes(1 << 20), 9)) + chunk(b'IEND', b''))


def png_with_text_bomb():
    """A PNG of the expected size with 100 MiB of text, compressed."""
    data = picture()
    packed = zlib.compress(bytes(100 << 20), 9)
    body = b'Comment\0\0' + packed
    text = struct.pack('>L', len(body)) + b'zTXt' + body + struct.pack('>L', zlib.crc32(b'zTXt' + body))
    place = data.index(b'IDAT') - 4
    return data[:place] + text + data[place:]
