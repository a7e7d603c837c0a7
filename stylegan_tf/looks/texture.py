"""Local tone and grain of a look: measured on its pictures, put on others. NumPy and OpenCV only.

Local tone is a gain of luminance detail between an edge-keeping base (He et al. 2013, the guided filter, radius a
share of the picture) and the pixel; below 1 a picture softens, above 1 it gains clarity. Grain is noise whose spread
depends on luminance and whose grains have a size in pixels.
"""

import dataclasses
import itertools

import cv2
import numpy as np

from stylegan_tf.looks.statistics import LUMA

_RADIUS = 1 / 24  # of the shorter side
_EDGE = 0.02  # luminance variance that is kept as an edge
_BANDS = np.linspace(0.0, 1.0, 6)  # of luminance, for grain
_PATCH = 8  # pixels
_GAINS = (0.4, 0.65, 1.0, 1.5, 2.5)  # that are tried
_FLAT_SHARE = 0.15  # of the patches of a band: the flattest are measured
_CLARITY = (3.0, -1.5)  # logarithms of a face's fine detail and of its contrast -> logarithm of a gain; see below
_CLARITY_SPREAD = 0.4  # between people: standard deviation of that, at least
_USUAL_GAIN = 0.4  # standard deviation of the logarithm of the gains that looks have
FACE_SIDE = 192  # pixels of the aligned portraits that local tone is measured on
FEWEST_FACES = 4


@dataclasses.dataclass(frozen=True)
class Texture:
    """Local tone and grain; the defaults change nothing.

    Attributes:
        detail_gain: Factor of local luminance detail.
        grain: Standard deviation of the added grain in [0, 1] at five luminances from black to white.
        grain_size: Standard deviation of a grain in pixels; 0 is white noise.
    """
    detail_gain: float = 1.0
    grain: tuple = (0.0, 0.0, 0.0, 0.0, 0.0)
    grain_size: float = 0.0

    def __post_init__(self):
        if not 0.2 <= self.detail_gain <= 5 or len(self.grain) != 5 or min(self.grain) < 0 or self.grain_size < 0:
            raise ValueError('Expected a detail gain in [0.2, 5], five grains and a size of at least 0. Received: '
                             f'{self.detail_gain:g}, {self.grain}, {self.grain_size:g}.')


def measure_texture(content, look, *, content_faces=(), look_faces=()):
    """The texture that `look` has and `content` has not.

    Args:
        content: Pictures uint8 [H, W, 3] after the look's colour table, so that contrast is no detail.
        look: Pictures uint8 [H, W, 3] of the look, of about the same size in pixels.
        content_faces: Aligned faces of `content`, as of `face_gain`. With at least 4 on both sides local tone is
            learned from them.
        look_faces: The same of `look`.
    Returns:
        Texture. Medians over pictures; what is within what pictures differ by anyway is none.
    """
    by_faces = min(len(content_faces), len(look_faces)) >= FEWEST_FACES
    mine, theirs = ([_flat_noise(picture) for picture in pictures] for pictures in (content, look))
    grain = _extra_grain(np.array([noise for noise, _ in mine]), np.array([noise for noise, _ in theirs]))
    sizes = [correlation for _, correlation in theirs]
    if not max(grain) or not np.isfinite(sizes).any():
        return Texture(face_gain(content_faces, look_faces) if by_faces else _gain(content, look))
    size, seen = _grain_size(float(np.nanmedian(sizes)))
    # Grain hides how much detail there was: no gain beside it, unless faces tell, whose detail is coarser.
    gain = face_gain(content_faces, look_faces) if by_faces else 1.0
    return Texture(gain, tuple(value / seen for value in grain), size)


def face_gain(content, look):
    """The most probable gain of local detail between two sets of people's faces.

    Faces have more in common than pictures: of whole portraits the detail differs three times as much. It is the fine
    detail of a face less half as much of its contrast, weighted so that the logarithm of a gain comes out; both weights
    and the spread between people were fitted to 134 portraits with gains from 0.6 to 1.6.

    Args:
        content: Pairs of an aligned face uint8 [FACE_SIDE, FACE_SIDE, 3], framed as FFHQ's, after the look's colour
            table, and the mask of the face, float [FACE_SIDE, FACE_SIDE] in [0, 1].
        look: The same of other people in the look.
    Returns:
        Gain, the nearer to 1 the fewer faces there are.
    """
    mine, theirs = (np.array([_clarity(*face) for face in faces]) for faces in (content, look))
    spread = [max(_CLARITY_SPREAD, float(_deviation(values))) for values in (mine, theirs)]
    doubt = spread[0] ** 2 / len(mine) + spread[1] ** 2 / len(theirs)
    seen = float(np.median(theirs) - np.median(mine))
    return float(np.clip(np.exp(seen * _USUAL_GAIN ** 2 / (_USUAL_GAIN ** 2 + doubt)), 0.25, 4.0))


def _clarity(face, mask):
    luma = cv2.GaussianBlur(face.astype(np.float32) / 255.0, (0, 0), 0.8) @ LUMA
    fine, coarse = (cv2.GaussianBlur(luma, (0, 0), size) for size in (1.5, 3.0))
    weight = mask / max(float(mask.sum()), 1e-6)
    contrast = np.sqrt((weight * (luma - (weight * luma).sum()) ** 2).sum())
    detail = np.sqrt((weight * (fine - coarse) ** 2).sum())
    return float(np.log(np.array([detail, contrast]) + 1e-4) @ _CLARITY)


def apply_texture(pixels, texture, *, seed=0, strength=1.0):
    """Gives a picture local tone and grain.

    Args:
        pixels: float32 [H, W, 3] in [0, 1].
        texture: Texture.
        seed: Of the grain.
        strength: 0 changes nothing, 1 all of it.
    Returns:
        float32 [H, W, 3] in [0, 1].
    """
    result = pixels
    if texture.detail_gain != 1.0:
        luma = pixels @ LUMA
        detail = luma - guided_base(luma)
        result = result + ((texture.detail_gain - 1.0) * strength * detail)[..., None]
    if max(texture.grain) > 0:
        spread = np.interp(np.clip(result @ LUMA, 0, 1), np.linspace(0, 1, 5), texture.grain).astype(np.float32)
        result = result + (strength * spread * _grains(pixels.shape[:2], texture.grain_size, seed))[..., None]
    return np.clip(result, 0.0, 1.0)


def guided_base(luma):
    """Edge-keeping base of luminance float32 [H, W], by the guided filter with itself as guide."""
    side = 2 * max(1, round(_RADIUS * min(luma.shape))) + 1

    def blur(x):
        return cv2.boxFilter(x, -1, (side, side), borderType=cv2.BORDER_REFLECT)

    mean = blur(luma)
    variance = np.maximum(blur(luma * luma) - mean * mean, 0.0)
    slope = variance / (variance + _EDGE)
    return blur(slope) * luma + blur(mean * (1.0 - slope))


def _grains(shape, size, seed):
    noise = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    if size > 0:
        noise = cv2.GaussianBlur(noise, (0, 0), size, borderType=cv2.BORDER_REFLECT)
    return noise / noise.std()


def _gain(content, look):
    """The gain with which `content` has the detail of `look`, found by trying: detail does not grow in proportion."""
    theirs = np.array([_detail(picture, 1.0) for picture in look])
    mine = np.array([[_detail(picture, gain) for picture in content] for gain in _GAINS])
    plain = mine[_GAINS.index(1.0)]
    doubt = np.hypot(_deviation(theirs) / np.sqrt(len(theirs)), _deviation(plain) / np.sqrt(len(plain)))
    if abs(np.median(theirs) - np.median(plain)) < max(2 * doubt, 0.05):
        return 1.0
    return float(np.exp(np.interp(np.median(theirs), np.median(mine, axis=1), np.log(_GAINS))))


def _detail(pixels, gain):
    """Logarithm of the median size of local detail after a gain: the mean would tell of edges, which a gain spares; a
    slight blur first, or the noise of cameras would count."""
    luma = cv2.GaussianBlur(pixels.astype(np.float32) / 255.0, (0, 0), 1.5) @ LUMA
    luma = np.clip(luma + (gain - 1.0) * (luma - guided_base(luma)), 0.0, 1.0)
    return float(np.log(np.median(np.abs(luma - guided_base(luma))) + 1e-4))


def _flat_noise(pixels):
    """(noise of the flattest patches by luminance float [5], NaN where there are none; their neighbour correlation)."""
    luma = pixels.astype(np.float32) @ LUMA / 255.0
    rows, columns = (side // _PATCH * _PATCH for side in luma.shape)
    rest = luma - cv2.GaussianBlur(luma, (0, 0), 4.0)

    def patches(x):
        x = x[:rows, :columns].reshape(rows // _PATCH, _PATCH, columns // _PATCH, _PATCH)
        return x.transpose(0, 2, 1, 3).reshape(-1, _PATCH, _PATCH)

    blocks, light = patches(rest), patches(luma).mean((1, 2))
    blocks = blocks - blocks.mean((1, 2), keepdims=True)
    spread = blocks.std((1, 2))
    noise, correlations = np.full(5, np.nan), []
    for band, (low, high) in enumerate(itertools.pairwise(_BANDS)):
        inside = np.flatnonzero((light >= low) & (light < high + 1e-6))
        if len(inside) < 12:
            continue
        flat = inside[np.argsort(spread[inside])[:max(4, round(_FLAT_SHARE * len(inside)))]]
        noise[band] = np.median(spread[flat])
        chosen = blocks[flat]
        power = (chosen ** 2).mean()
        if power > 1e-7:
            correlations.append(float((chosen[:, :, 1:] * chosen[:, :, :-1]).mean() / power))
    return noise, np.median(correlations) if correlations else np.nan


def _extra_grain(mine, theirs):
    """Grain at five luminances: difference of variances where it is surer than chance, gaps filled from neighbours."""
    result = np.full(5, np.nan)
    for band in range(5):
        a, b = (rows[:, band][np.isfinite(rows[:, band])] for rows in (mine, theirs))
        if min(len(a), len(b)) < 3:
            continue
        doubt = np.hypot(_deviation(a) / np.sqrt(len(a)), _deviation(b) / np.sqrt(len(b)))
        extra = np.median(b) ** 2 - np.median(a) ** 2
        result[band] = np.sqrt(extra) if np.median(b) - np.median(a) > max(3 * doubt, 0.001) else 0.0
    known = np.flatnonzero(np.isfinite(result))
    if not len(known):
        return (0.0,) * 5
    return tuple(float(value) for value in np.interp(np.arange(5), known, result[known]))


def _deviation(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


def _grain_size(correlation):
    """(size whose noise has such a correlation of neighbours within a patch, share of its spread that is measured in
    the flattest patches), read from noise made here."""
    sizes = np.array([0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0])
    correlations, shares = [], []
    for size in sizes:
        noise = 128 + 12 * _grains((192, 192), size, 0)
        spread, neighbours = _flat_noise(np.repeat(np.uint8(np.clip(noise, 0, 255))[..., None], 3, 2))
        correlations.append(neighbours)
        shares.append(np.nanmax(spread) * 255 / 12)
    return float(np.interp(correlation, correlations, sizes)), float(np.interp(correlation, correlations, shares))
