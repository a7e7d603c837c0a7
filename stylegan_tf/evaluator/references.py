"""What is known of each pair before any result: its pictures, how they look, and what its two baselines score."""

import collections
import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import numpy as np

from stylegan_tf import files, images
from stylegan_tf.evaluator import combinations, realism
from stylegan_tf.evaluator.measures import layer_table

KEPT_PIXEL_BYTES = 64 * 2 ** 20  # of decoded contents and styles, the latest ones


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """What one result is made of.

    Attributes:
        name: What the pair is called, such as '007'.
        content: Picture: path, encoded bytes or uint8 array [H, W, 3].
        style: Likewise.
        content_name: What reports call the content; the file's name if empty.
        style_name: Likewise.
    """

    name: str
    content: Any
    style: Any
    content_name: str = ''
    style_name: str = ''

    def shown(self, role):
        """Name of the 'content' or the 'style' for reports."""
        given = getattr(self, f'{role}_name')
        source = getattr(self, role)
        return given or (pathlib.PurePath(source).name if isinstance(source, str | pathlib.PurePath) else '')


class References:
    """Pictures and baselines of the pairs, each computed once.

    Args:
        pairs: List of Pair.
        judge: The `Evaluator` that measures.
        networks: Names of the networks whose description of the style pictures is wanted.
        key: What the baselines depend on besides the pictures, for the names of the kept files.
        cache: Folder where they are kept, or None.
    """

    def __init__(self, pairs, judge, networks, key, cache=None):
        self._pairs, self._judge, self._networks, self._key = pairs, judge, networks, key
        self._cache = pathlib.Path(cache) if cache else None
        self._pixels, self._pixel_bytes = collections.OrderedDict(), 0
        self._baselines, self._descriptions = {}, {}

    def pixels(self, index, role):
        """The 'content' or 'style' of a pair, uint8 [H, W, 3]; raises images.ImageError."""
        source = getattr(self._pairs[index], role)
        if isinstance(source, np.ndarray):
            return source
        key = source if isinstance(source, bytes) else str(source)
        if key not in self._pixels:
            self._pixels[key] = images.read(source)
            self._pixel_bytes += self._pixels[key].nbytes
            while self._pixel_bytes > KEPT_PIXEL_BYTES and len(self._pixels) > 2:
                self._pixel_bytes -= self._pixels.popitem(last=False)[1].nbytes
        self._pixels.move_to_end(key)
        return self._pixels[key]

    def look(self, index, role):
        """The `Look` at the 'content' or 'style' of a pair."""
        return self._judge.kept_look(self.pixels(index, role))

    def baselines(self, index):
        """{'content unchanged': numbers, 'style pasted': numbers, 'style': hash of the style picture} of a pair."""
        if index not in self._baselines:
            hashes = [hashlib.sha256(np.ascontiguousarray(pixels).tobytes() + repr(pixels.shape).encode()).hexdigest()
                      for pixels in (self.pixels(index, 'content'), self.pixels(index, 'style'))]
            found = self._read(hashes)
            if found is None:
                content, style = self.look(index, 'content'), self.look(index, 'style')
                found = {'content unchanged': self._judge.numbers(content, content, style),
                         'style pasted': self._judge.numbers(style, content, style), 'style': hashes[1]}
                self._write(hashes, found)
            self._baselines[index] = found
        return self._baselines[index]

    def description(self, index, role, network):
        """`describe` of the content or the style of a pair, float32 [W, F], and its moments, float64 [M]."""
        key = (hashlib.sha1(np.ascontiguousarray(self.pixels(index, role))).digest(), network)
        if key not in self._descriptions:
            self._descriptions[key] = describe(self.look(index, role), network)
        return self._descriptions[key]

    def _file(self, hashes):
        name = hashlib.sha256('\n'.join([self._key, *hashes]).encode()).hexdigest()[:32]
        return self._cache / name[:2] / f'{name}.json'

    def _read(self, hashes):
        if self._cache is None:
            return None
        try:
            return json.loads(self._file(hashes).read_text(encoding='utf-8'))
        except (OSError, ValueError):  # not there, or a damaged one: it is made again
            return None

    def _write(self, hashes, found):
        if self._cache is not None:
            files.write_whole(self._file(hashes), json.dumps(found).encode())


def describe(look, network):
    """(float32 [W, F] of `realism.describe`, float64 [M]: moments of all its layers) of a look."""
    table = layer_table(network)
    layers = [(network, layer) for layer in dict.fromkeys((*table['style'][1:], *table['content']))]
    moments = np.concatenate([look.moments((network, layer))[0] for layer in table['style']])
    return realism.describe([look.features[layer] for layer in layers]), moments


def layers_needed(network):
    """Metrics whose layers `describe` reads."""
    return tuple(name for name in combinations.needed(network) if '@' in name)
