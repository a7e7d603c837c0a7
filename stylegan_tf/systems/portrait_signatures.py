"""Exported functions of a portrait look: floats in [0, 1], any height and width, no style.

    stylize            the look as it is, at a strength
    stylize_with_dials the same with a code of its own (a variation) and colour against texture
    code_from_noise    codes of random variations; noise of 0 gives the code of the look as a whole
    encode_content     numbers that describe a whole picture, for its tiles
    stylize_tile       a tile of it, with the dials

Texture 0 is the table of colours alone. What protects skin or keeps the background apart, a loaded model mixes itself
(`portrait_models`): it knows where the face is.
"""

from __future__ import annotations

from stylegan_tf.systems.signature import Signature
from stylegan_tf.systems.stylization_signatures import Painting


def portrait_signatures(system) -> dict[str, Signature]:
    """The functions of a `Portrait`. Strength 0 returns the content unchanged."""
    functions = _Functions(system)
    picture, painted = {'content': 'image'}, {'stylized': 'image'}
    dials = {'code': system.config.code_size, 'texture': 'scalar', 'strength': 'scalar'}
    return {
        'stylize': Signature(functions.stylize, {**picture, 'strength': 'scalar'}, painted),
        'stylize_with_dials': Signature(functions.stylize_with_dials, {**picture, **dials}, painted),
        'code_from_noise': Signature(
            functions.code_from_noise, {'latent': system.config.variations}, {'code': system.config.code_size}),
        'encode_content': functions.encode_content_signature(),
        'stylize_tile': Signature(
            functions.stylize_tile, {**picture, 'statistics': functions.statistics_size, **dials}, painted)}


class _Functions(Painting):
    """Images [B, H, W, 3] in [0, 1], codes [B, D], texture and strength [B]."""

    def stylize(self, content, strength):
        tf = self.tf
        code = self.system.look(tf.zeros([tf.shape(content)[0], self.system.config.variations]))
        content = content * 2.0 - 1.0
        return self.mixed(content, self.painted(content, code), strength)

    def stylize_with_dials(self, content, code, texture, strength):
        return self._in_look(content, code, None, texture, strength)

    def stylize_tile(self, content, statistics, code, texture, strength):
        return self._in_look(content, code, statistics, texture, strength)

    def code_from_noise(self, latent):
        return {'code': self.system.look(latent)}

    def _in_look(self, content, code, statistics, texture, strength):
        content = content * 2.0 - 1.0
        graded = self.system.look.graded(content)
        painted = self.painted(content, code, statistics)
        return self.mixed(content, graded + texture[:, None, None, None] * (painted - graded), strength)
