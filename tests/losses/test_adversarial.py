import numpy as np
import pytest
import tensorflow as tf

from stylegan_tf.losses import adversarial

# Logits of probability 1/2 and 3/4, so that every value can be written down.
ZERO, LOG3 = 0.0, np.log(3.0)
EXPECTED = {  # kind: (real term, fake term, generator) at logit 0, and at logit log 3
    'non_saturating': ((np.log(2), np.log(2), np.log(2)), (np.log(4 / 3), np.log(4), np.log(4 / 3))),
    'minimax': ((np.log(2), np.log(2), -np.log(2)), (np.log(4 / 3), np.log(4), -np.log(4))),
    'least_squares': ((0.5, 0.0, 0.5),
                      ((LOG3 - 1) ** 2 / 2, LOG3 ** 2 / 2, (LOG3 - 1) ** 2 / 2)),
    'hinge': ((1.0, 1.0, 0.0), (0.0, 1 + LOG3, -LOG3)),
    'wasserstein': ((0.0, 0.0, 0.0), (-LOG3, LOG3, -LOG3)),
}


def test_every_kind_is_tested():
    assert set(EXPECTED) == set(adversarial.KINDS)


@pytest.mark.parametrize('kind', adversarial.KINDS)
def test_values_by_hand(kind):
    logits = np.array([ZERO, LOG3], np.float32)
    real, fake = adversarial.discriminator_loss(kind, logits, logits)
    generator = adversarial.generator_loss(kind, logits)
    np.testing.assert_allclose(np.stack([real, fake, generator], axis=1), EXPECTED[kind], atol=1e-6)


@pytest.mark.parametrize('kind', adversarial.KINDS)
def test_patches_are_averaged_after_the_nonlinearity(kind):
    logits = np.random.default_rng(0).normal(size=(3, 4, 5, 1)).astype(np.float32)
    flat = adversarial.generator_loss(kind, logits.reshape(-1))
    patches = adversarial.generator_loss(kind, logits)
    assert patches.shape == (3,)
    np.testing.assert_allclose(patches, np.reshape(flat, (3, 20)).mean(1), atol=1e-6)


@pytest.mark.parametrize('kind', adversarial.KINDS)
def test_following_the_losses_separates_real_from_fake_and_fools(kind):
    real, fake = tf.Variable([0.1]), tf.Variable([0.2])
    with tf.GradientTape(persistent=True) as tape:
        terms = sum(adversarial.discriminator_loss(kind, real, fake))
        fooling = adversarial.generator_loss(kind, fake)
    assert tape.gradient(terms, real) < 0 < tape.gradient(terms, fake)
    assert tape.gradient(fooling, fake) < 0


@pytest.mark.parametrize('kind', adversarial.KINDS)
def test_huge_and_half_precision_logits_stay_finite_float32(kind):
    logits = tf.constant([-6e4, 6e4], 'float16')
    for value in (*adversarial.discriminator_loss(kind, logits, logits),
                  adversarial.generator_loss(kind, logits)):
        assert value.dtype == tf.float32 and np.isfinite(value).all()


def test_errors_name_shapes_and_kinds():
    with pytest.raises(ValueError, match=r'real_logits of shape \(2, 1\).*fake_logits of shape \(3, 1\)'):
        adversarial.discriminator_loss('hinge', np.zeros((2, 1), 'f'), np.zeros((3, 1), 'f'))
    with pytest.raises(ValueError, match=r"'least_squares'.*Received: 'lsgan'"):
        adversarial.generator_loss('lsgan', np.zeros(2, 'f'))
