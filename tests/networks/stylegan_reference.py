"""StyleGAN2 in NumPy and SciPy, float64, from the papers' equations; weights come from the network compared with.

Karras et al. 2019 (StyleGAN): figure 1; Karras et al. 2020 (StyleGAN2): equations 1 to 3, figure 7; Karras et al. 2018:
section 3 (minibatch statistics), section 4.1 (equalized learning rate), 4.2 (pixel norm). Borders of filters repeat the
last pixel, as this package does.
"""

import numpy as np
import scipy.signal

from tests.layers.oracles import convolve

TAPS = np.array([1.0, 3.0, 3.0, 1.0]) / 8.0


def array(variable):
    return np.asarray(variable, np.float64)


def leaky_relu(x):
    return np.where(x > 0, x, 0.2 * x) * np.sqrt(2.0)


def dense(layer, x, lr_multiplier=1.0):
    kernel = array(layer.kernel)
    return x @ (kernel * lr_multiplier / np.sqrt(len(kernel))) + array(layer.bias) * lr_multiplier


def pixel_norm(x):
    return x / np.sqrt(np.mean(x ** 2, axis=-1, keepdims=True) + 1e-8)


def mapping(network, z, label):
    rows = np.concatenate([array(network.embedding.embedding), np.zeros((1, network.latent_size))])
    x = np.concatenate([pixel_norm(z.astype(np.float64)), pixel_norm(rows[label])], axis=1)
    for layer in network.dense_layers:
        x = leaky_relu(dense(layer, x, network.lr_multiplier))
    return x


def filtered(x, gain=1.0):
    """Correlation with the separable filter (1, 3, 3, 1) where it fits, times a gain in each direction."""
    taps = np.outer(TAPS, TAPS) * gain ** 2
    maps = [[scipy.signal.correlate2d(example[..., c], taps, 'valid') for c in range(x.shape[-1])] for example in x]
    return np.moveaxis(np.array(maps), 1, -1)


def bordered(x, margin):
    return np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), 'edge')


def upsampled(x):
    x = bordered(x, 1)
    wide = np.zeros((len(x), 2 * x.shape[1] + 1, 2 * x.shape[2] + 1, x.shape[3]))
    wide[:, 1::2, 1::2] = x  # zeros between the pixels
    return filtered(wide, gain=2.0)[:, 1:-1, 1:-1]


def downsampled(x):
    return filtered(bordered(x, 1))[:, ::2, ::2]


def modulated(layer, x, w, demodulate=True):
    scales = dense(layer.affine, w)
    kernel = array(layer.convolution.kernel)
    kernels = kernel / np.sqrt(np.prod(kernel.shape[:3])) * scales[:, None, None, :, None]
    if demodulate:
        kernels = kernels / np.sqrt(np.sum(kernels ** 2, axis=(1, 2, 3), keepdims=True) + 1e-8)
    return convolve(x, kernels)


def synthesis(network, codes, noise, shares=None):
    """Images of the blocks that `shares` are given for."""
    x = np.repeat(array(network.constant)[None], len(codes), axis=0)
    image, noise, position = None, iter(noise), 0
    for block, share in zip(network.blocks, shares or [1.0] * len(network.blocks)):
        for convolution in block.convolutions:
            x = modulated(convolution, x, codes[:, position])
            if convolution.upsample:
                x = upsampled(x)
            x = leaky_relu(x + array(convolution.noise.strength) * next(noise) + array(convolution.bias))
            position += 1
        added = share * (modulated(block.to_rgb, x, codes[:, position], demodulate=False) + array(block.to_rgb.bias))
        image = added if image is None else upsampled(image) + added
    return image


def convolution(layer, x, padding='same', stride=1):
    kernel = array(layer.kernel)
    y = convolve(x, kernel / np.sqrt(np.prod(kernel.shape[:3])), padding=padding, stride=stride)
    return y + array(layer.bias) if layer.use_bias else y


def discriminator_block(block, x):
    skip = convolution(block.skip, downsampled(x))
    x = leaky_relu(convolution(block.conv_0, x))
    x = leaky_relu(convolution(block.conv_1, filtered(bordered(x, 2)), 'valid', 2))
    return (x + skip) / np.sqrt(2.0)


def minibatch_deviation(x, label):
    """x with a map of the mean deviation among the examples of a label."""
    maps = np.zeros((*x.shape[:3], 1))
    for members in (label == one for one in np.unique(label)):
        maps[members] = np.mean(np.sqrt(np.var(x[members], axis=0) + 1e-8))
    return np.concatenate([x, maps], axis=-1)


def discriminator(network, image, label, share=None):
    """(logits, class logits) of images of any of the network's entry sizes."""
    entry = network.entry_sizes.index(image.shape[1:3])
    x = leaky_relu(convolution(network.from_rgb[entry], image.astype(np.float64)))
    blocks = network.blocks[len(network.blocks) - network.sizes.index(image.shape[1:3]):]
    for index, block in enumerate(blocks):
        x = discriminator_block(block, x)
        if index == 0 and share is not None:
            small = leaky_relu(convolution(network.from_rgb[entry - 1], downsampled(image.astype(np.float64))))
            x = share * x + (1.0 - share) * small
    x = minibatch_deviation(x, label)
    x = leaky_relu(convolution(network.conv, x)).reshape(len(x), -1)
    x = leaky_relu(dense(network.dense, x))
    rows = np.concatenate([array(network.head.embedding.embedding), np.zeros((1, x.shape[1]))])
    projection = np.sum(x * rows[label], axis=1) / np.sqrt(x.shape[1])
    return dense(network.head.logit, x)[:, 0] + projection, dense(network.head.classes, x)
