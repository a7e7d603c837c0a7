"""Patch NCE against its formula, written out in NumPy."""

import numpy as np
import pytest

from stylegan_tf.losses import contrastive


def unit_vectors(*shape, seed):
    vectors = np.random.default_rng(seed).normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def test_patch_nce_is_the_cross_entropy_of_the_own_key():
    queries, keys = unit_vectors(2, 5, 8, seed=0), unit_vectors(2, 5, 8, seed=1)
    expected = []
    for query, key in zip(queries.astype(float), keys.astype(float)):
        logits = query @ key.T / 0.2
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected.append(-np.log(np.diag(shares)).mean())
    found = contrastive.patch_nce_loss(queries, keys, temperature=0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_patch_nce_of_known_cases():
    basis = np.eye(6, dtype=np.float32)[None]
    assert float(contrastive.patch_nce_loss(basis, basis)[0]) < 1e-4
    same = np.repeat(basis[:, :1], 6, axis=1)
    np.testing.assert_allclose(contrastive.patch_nce_loss(same, same), np.log(6), rtol=1e-5)


def test_patch_nce_refuses_other_shapes():
    with pytest.raises(ValueError, match='same shape'):
        contrastive.patch_nce_loss(np.zeros((1, 4, 3), np.float32), np.zeros((1, 5, 3), np.float32))
