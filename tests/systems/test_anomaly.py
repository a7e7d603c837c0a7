"""What the detector is trained towards."""

import numpy as np
from keras import ops

from stylegan_tf.data import defects
from stylegan_tf.systems import anomaly


def place_loss(mask, seen, *present):
    """Of one picture of 128 x 128 whose defects are `present`, damage being seen at `seen`."""
    logits = np.where(seen[2::4, 2::4], 4.0, -4.0)[None, ..., None].astype(np.float32)
    kinds = np.array([[name in present for name in defects.DEFECTS]], np.float32)
    return float(ops.convert_to_numpy(anomaly.place_loss(logits, mask[None, ..., None], kinds))[0])


def test_a_speck_counts_beside_a_hole():
    hole, speck = np.zeros((2, 128, 128), np.float32)
    hole[:, :64] = 1
    speck[60:68, 116:124] = 1
    both = np.maximum(hole, speck)
    perfect, without_speck, without_hole = (place_loss(both, seen, 'missing_region') for seen in (both, hole, speck))
    assert perfect < 0.05 < without_speck < without_hole
    assert without_speck - perfect > 5 * speck.sum() / hole.sum() * (without_hole - perfect)


def test_damage_that_is_everywhere_has_no_place():
    half = np.zeros((128, 128), np.float32)
    half[:, :64] = 1
    nothing = np.zeros_like(half)
    assert place_loss(half, nothing, 'missing_region', 'blur') == 0
    assert place_loss(half, nothing, 'missing_region') > 1
    assert place_loss(half, half, 'blur') > place_loss(half, nothing, 'blur')
