"""Results that are no results: copies of the content, of the style picture, or of somebody else's result."""

import base64

import cv2
import numpy as np

from stylegan_tf import images

SIDE = 96  # pictures are compared at this size, pixels
MARGIN = 6  # pixels left out at the border, where an aligned picture has no counterpart
GAINS, OFFSETS = (0.8, 1.25), (-20.0, 20.0)  # a recolouring within these is a copy still; a colour transfer is work
SMOOTHING = 1.5  # deviation in pixels: saving and resampling change what is finer
COPY_BELOW = 0.1  # of `difference`; docs/evaluation.md has the numbers of copies and of real results
# What copies of one result may differ by; all three must agree, the cheap ones are asked first.
MOST_BITS = 22  # of the 128 of `perceptual_hash`
MOST_APART = 0.045  # relative distance of features
THUMBNAIL_SIDE = 32  # kept of each result, pixels
THUMBNAIL_SMOOTHING = 3.0  # as SMOOTHING, where thumbnails are compared


def difference(picture, reference, *, smoothing=SMOOTHING):
    """How far a picture is from being a copy of another, after undoing a small shift, crop, turn and recolouring.

    Args:
        picture: uint8 [H, W, 3].
        reference: uint8 [h, w, 3].
        smoothing: Deviation of a Gaussian, in pixels of SIDE across.
    Returns:
        float: what remains, relative to the contrast of the reference: 0 for a copy, about 1 for another picture.
    """
    ours, theirs = (cv2.GaussianBlur(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32),
                                     (0, 0), smoothing) for pixels in (picture, reference))
    theirs = _aligned(theirs, ours)
    inside = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    ours, theirs = ours[inside].astype(np.float64), theirs[inside].astype(np.float64)
    theirs = np.stack([_recolored(theirs[..., channel], ours[..., channel]) for channel in range(3)], axis=-1)
    spread = np.sqrt(np.mean((theirs - theirs.mean(axis=(0, 1))) ** 2))
    return float(np.sqrt(np.mean((ours - theirs) ** 2)) / max(spread, 1.0))


def perceptual_hash(pixels):
    """128 bits of a picture's layout: signs of steps between neighbours, and of low frequencies.

    Returns:
        bytes, 16.
    Source: Krawetz 2013 (difference hash) and 2011 (hash of the cosine transform).
    """
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    steps = small[:, 1:] > small[:, :-1]
    frequencies = cv2.dct(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA))[:8, :8]
    return np.packbits(np.concatenate([steps.ravel(), (frequencies > np.median(frequencies)).ravel()])).tobytes()


def fingerprint(pixels, features):
    """What is kept of a result to find copies of it later, as JSON values.

    Args:
        pixels: uint8 [H, W, 3].
        features: float [F], statistics of its feature maps.
    """
    small = cv2.resize(pixels, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return {'hash': perceptual_hash(pixels).hex(),
            'features': base64.b64encode(np.asarray(features, '<f2').tobytes()).decode(),
            'thumbnail': base64.b64encode(images.encode(small, 'jpeg', quality=95)).decode()}


def find_copies(rows, others):
    """Results that other entries have already.

    Args:
        rows: Rows of an entry, with 'pair' and 'fingerprint'.
        others: {entry: its rows}.
    Returns:
        List of dicts 'kind': 'copy_of_entry', 'entry', 'pair', 'distance' (as of `difference`), 'text'.
    """
    ours = {row['pair']: row['fingerprint'] for row in rows}
    found = []
    for entry, other_rows in others.items():
        for row in other_rows:
            mine, theirs = ours.get(row['pair']), row['fingerprint']
            if (mine is None or bits_apart(mine, theirs) > MOST_BITS or features_apart(mine, theirs) > MOST_APART):
                continue
            distance = difference(_thumbnail(mine), _thumbnail(theirs), smoothing=THUMBNAIL_SMOOTHING)
            if distance < COPY_BELOW:
                found.append({'kind': 'copy_of_entry', 'entry': entry, 'pair': row['pair'], 'distance': distance,
                              'text': f'The result of pair {row["pair"]} is that of another entry, or the same but for '
                                      'saving, cropping or recolouring.'})
    return found


def bits_apart(first, second):
    """How many of 128 bits of two fingerprints' hashes differ."""
    return (int(first['hash'], 16) ^ int(second['hash'], 16)).bit_count()


def features_apart(first, second):
    """Relative distance of two fingerprints' features: 0 for equal ones, about 1 for unrelated ones."""
    a, b = (np.frombuffer(base64.b64decode(row['features']), '<f2').astype(np.float64) for row in (first, second))
    return float(np.sum((a - b) ** 2) / max(np.sum(a ** 2) + np.sum(b ** 2), 1e-12))


def reference_flags(output, content, style):
    """Flags of one result, as dicts 'kind', 'distance', 'text': a copy of its content or of its style picture.

    Args:
        output: uint8 [H, W, 3].
        content: uint8 [h, w, 3].
        style: uint8 [h', w', 3].
    """
    flags = []
    for kind, what, reference in (('copy_of_content', 'content picture', content),
                                  ('copy_of_style', 'style picture', style)):
        fitted = images.cover_crop(reference, output.shape[:2])
        distance = min(difference(output, pixels) for pixels in (reference, fitted))
        if distance < COPY_BELOW:
            flags.append({'kind': kind, 'distance': distance, 'text':
                          f'The result can hardly be told from the {what}: a copy, maybe saved, cropped or '
                          'recoloured anew.'})
    return flags


def _thumbnail(given):
    return images.read(base64.b64decode(given['thumbnail']))


def _aligned(moving, fixed):
    """`moving` after the affine motion that fits it to `fixed` best; as it was where there is none."""
    grey = [cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) for pixels in (fixed, moving)]
    motion = np.eye(2, 3, dtype=np.float32)
    try:
        _, motion = cv2.findTransformECC(*grey, motion, cv2.MOTION_AFFINE,
                                         (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4), None, 5)
    except cv2.error:  # it does not converge for pictures that have nothing in common
        return moving
    if np.abs(motion - np.eye(2, 3))[:, :2].max() > 0.12 or np.abs(motion[:, 2]).max() > MARGIN:
        return moving
    return cv2.warpAffine(moving, motion, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REFLECT)


def _recolored(source, target):
    """`source` after the gain and offset, within bounds, that bring it nearest to `target`."""
    spread = np.var(source)
    gain = np.clip(np.mean((source - source.mean()) * (target - target.mean())) / max(spread, 1e-6), *GAINS)
    offset = np.clip(target.mean() - source.mean(), *OFFSETS)
    return gain * (source - source.mean()) + source.mean() + offset
