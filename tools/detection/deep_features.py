"""What EfficientNet-Lite0, a frozen network of ImageNet, sees of a picture: moments, patches, distances."""

import cv2
import numpy as np

from stylegan_tf import images
from stylegan_tf.metrics import similarity
from stylegan_tf.networks import litert_features

NETWORK = 'efficientnet_lite0'
LAYERS = ('stem', 'stage1', 'stage2', 'stage3', 'stage5')
DISTANCE_LAYERS = ('stage1', 'stage2', 'stage3', 'stage5')  # as of the metric lpips in evaluator/measures.py
SIDE = 16  # patches along a side
PATCH_LAYERS = ('stage3', 'stage5')


class Network:
    """The frozen network."""

    def __init__(self, threads=1):
        self._network = litert_features.LiteRTFeatures(NETWORK, LAYERS, threads=threads)
        self.facts = {NETWORK: {'sha256': self._network.weights_hash, 'licence': self._network.licence}}

    def maps(self, picture):
        """uint8 [H, W, 3] -> dict layer -> float32 [h, w, C]."""
        return {name: np.asarray(values[0]) for name, values in
                self._network(images.to_float(picture)[None]).items()}


def moments(maps):
    """Mean and deviation of every channel, float32 [D]."""
    flat = [maps[name].reshape(-1, maps[name].shape[-1]) for name in LAYERS]
    return np.concatenate([part for values in flat for part in (values.mean(axis=0), values.std(axis=0))])


def patches(maps):
    """float32 [SIDE, SIDE, D]: local features, each layer scaled to a mean absolute value of about 1."""
    parts = [cv2.resize(maps[name], (SIDE, SIDE), interpolation=cv2.INTER_AREA) for name in PATCH_LAYERS]
    return np.concatenate(parts, axis=-1)


def distances(maps, other):
    """How far two pictures' features are apart: the LPIPS-like mean, and percentiles over places, [1 + 4 L]."""
    mean = similarity.lpips({name: maps[name][None] for name in DISTANCE_LAYERS},
                            {name: other[name][None] for name in DISTANCE_LAYERS}, DISTANCE_LAYERS)[0]
    found = [mean]
    for name in DISTANCE_LAYERS:
        one, two = (values[name] / (np.linalg.norm(values[name], axis=-1, keepdims=True) + 1e-6)
                    for values in (maps, other))
        apart = np.square(one - two).sum(axis=-1)
        found += list(np.percentile(apart, (2, 50, 98, 100)))
    return np.array(found, np.float32)


def nearest(patches_of, bank, squares):
    """Distance of each patch [h, w, D] to the nearest of a bank [N, D], float32 [h, w].

    Args:
        patches_of: float32 [h, w, D].
        bank: float32 [N, D].
        squares: Squared lengths of the bank's rows, [N].
    """
    flat = patches_of.reshape(-1, patches_of.shape[-1])
    best = (squares[None] - 2 * flat @ bank.T).min(axis=1) + np.square(flat).sum(axis=1)
    return np.sqrt(np.maximum(best, 0)).reshape(patches_of.shape[:2])
