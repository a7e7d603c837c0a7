"""Layers of the peers: named and arranged as those of stylegan_tf.layers, tensors [B, C, H, W] in channels_last.

Where several forms are known the fastest on a CPU is taken: scaled inputs and outputs in place of grouped modulated
convolutions, bilinear resizing for the [1, 3, 3, 1] filter, depthwise convolution for halving.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def leaky_relu(x):
    """Slope 0.2, gain sqrt(2)."""
    return functional.leaky_relu(x, 0.2) * math.sqrt(2)


class Dense(nn.Module):
    """Equalized fully connected layer."""

    def __init__(self, size, units, *, activation=None, bias=0.0, multiplier=1.0):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(units, size) / multiplier)
        self.bias = nn.Parameter(torch.full((units,), bias / multiplier))
        self.scale, self.multiplier, self.activation = multiplier / math.sqrt(size), multiplier, activation

    def forward(self, x):
        x = functional.linear(x, self.kernel * self.scale, self.bias * self.multiplier)
        return self.activation(x) if self.activation else x


class Convolution(nn.Module):
    """Equalized convolution; padding 'same', 'reflect' or 'valid'."""

    def __init__(self, size, filters, side, *, strides=1, padding='reflect', bias=True, activation=None):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(filters, size, side, side).to(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(filters)) if bias else None
        self.scale, self.strides, self.padding, self.activation = 1 / math.sqrt(size * side ** 2), strides, padding, \
            activation

    def forward(self, x):
        x = convolve(x, self.kernel * self.scale, self.strides, self.padding, self.bias)
        return self.activation(x) if self.activation else x


def convolve(x, kernel, strides=1, padding='reflect', bias=None):
    """Convolution whose borders are as ours."""
    side = kernel.shape[-1]
    if padding == 'reflect' and side > 1:
        before, after = (side - 1) // 2, side // 2
        x = functional.pad(x, (before, after, before, after), mode='reflect')
    elif padding == 'same' and side > 1:
        total = [max(0, (math.ceil(size / strides) - 1) * strides + side - size) for size in x.shape[2:]]
        if all(amount % 2 == 0 for amount in total):
            return functional.conv2d(x, kernel, bias, strides, [amount // 2 for amount in total])
        x = functional.pad(x, (total[1] // 2, -(-total[1] // 2), total[0] // 2, -(-total[0] // 2)))
    return functional.conv2d(x, kernel, bias, strides)


class ModulatedConvolution(nn.Module):
    """StyleGAN2's, by scaled inputs and outputs."""

    def __init__(self, size, filters, side, *, demodulates=True, padding='same'):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(filters, size, side, side).to(memory_format=torch.channels_last))
        self.scale, self.demodulates, self.padding = 1 / math.sqrt(size * side ** 2), demodulates, padding

    def forward(self, x, scales):
        kernel = self.kernel * self.scale
        x = convolve(x * scales[:, :, None, None], kernel, 1, self.padding)
        if not self.demodulates:
            return x
        power = kernel.square().sum((2, 3))
        return x * torch.rsqrt(scales.square() @ power.T + 1e-8)[:, :, None, None]


class StyledConvolution(nn.Module):
    """Affine map of the code, modulated convolution, doubling, noise, bias, activation."""

    def __init__(self, size, filters, code_size, *, upsample=False, has_noise=False, padding='same',
                 activation=leaky_relu):
        super().__init__()
        self.affine = Dense(code_size, size, bias=1.0)
        self.convolution = ModulatedConvolution(size, filters, 3, padding=padding)
        self.bias = nn.Parameter(torch.zeros(filters))
        self.noise = nn.ParameterDict({'strength': nn.Parameter(torch.zeros(()))}) if has_noise else None
        self.upsample, self.activation = upsample, activation

    def forward(self, x, code, noise=None):
        x = self.convolution(x, self.affine(code))
        if self.upsample:
            x = double(x)
        if self.noise is not None:
            noise = torch.randn(x.shape[0], 1, *x.shape[2:]) if noise is None else noise
            x = x + noise * self.noise['strength']
        x = x + self.bias[:, None, None]
        return self.activation(x) if self.activation else x


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to three channels."""

    def __init__(self, size, code_size):
        super().__init__()
        self.affine = Dense(code_size, size, bias=1.0)
        self.convolution = ModulatedConvolution(size, 3, 1, demodulates=False)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x, code):
        return self.convolution(x, self.affine(code)) + self.bias[:, None, None]


class Mapping(nn.Module):
    """Mapping network, without classes."""

    def __init__(self, latent_size, code_size, layers, multiplier, is_linear=False):
        super().__init__()
        for index in range(layers):
            activation = None if is_linear and index == layers - 1 else leaky_relu
            self.add_module(f'dense_{index}', Dense(latent_size if index == 0 else code_size, code_size,
                                                    activation=activation, multiplier=multiplier))

    def forward(self, latents):
        x = latents * torch.rsqrt(latents.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.children():
            x = layer(x)
        return x


class PatchDiscriminator(nn.Module):
    """PatchGAN; with a condition of `condition_channels` it joins that where sizes agree, at `condition_stage`."""

    def __init__(self, channels, layers, *, is_spectral=False, condition_channels=0, condition_stage=None):
        super().__init__()
        self.stage, depth = condition_stage, 3
        for index in range(layers + 1):
            if index == condition_stage:
                self.condition_projection = Convolution(condition_channels, min(condition_channels, channels), 1,
                                                        activation=leaky_relu)
                depth += min(condition_channels, channels)
            filters = channels * min(2 ** index, 8)
            self.add_module(f'block_{index}', self._layer(depth, filters, 2 if index < layers else 1, is_spectral,
                                                          leaky_relu))
            depth = filters
        self.logit = self._layer(depth, 1, 1, is_spectral, None)
        self.blocks = [getattr(self, f'block_{index}') for index in range(layers + 1)]

    @staticmethod
    def _layer(size, filters, strides, is_spectral, activation):
        kind = SpectralConvolution if is_spectral else Convolution
        return kind(size, filters, 4, strides=strides, padding='same', activation=activation)

    def forward(self, image, condition=None):
        x = image
        for index, block in enumerate(self.blocks):
            if index == self.stage:
                x = torch.cat([x, self.condition_projection(condition)], 1)
            x = block(x)
        return self.logit(x)


class SpectralConvolution(nn.Module):
    """Convolution whose kernel is divided by its norm, by one power iteration a call."""

    def __init__(self, size, filters, side, *, strides=1, padding='same', activation=None):
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(filters, size, side, side).to(memory_format=torch.channels_last))
        nn.init.xavier_uniform_(self.kernel)
        self.bias = nn.Parameter(torch.zeros(filters))
        self.register_buffer('singular_vector', functional.normalize(torch.randn(filters), dim=0))
        self.strides, self.padding, self.activation = strides, padding, activation

    def forward(self, x):
        matrix = self.kernel.flatten(1)
        with torch.no_grad():
            u = self.singular_vector
            if self.training:
                u = functional.normalize(matrix @ functional.normalize(matrix.T @ u, dim=0), dim=0)
                self.singular_vector.copy_(u)
            v = functional.normalize(matrix.T @ u, dim=0)
        x = convolve(x, self.kernel / (u.clone() @ matrix @ v), self.strides, self.padding, self.bias)
        return self.activation(x) if self.activation else x


def double(x):
    """Twice the size, by [1, 3, 3, 1]."""
    return functional.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)


def _filter(channels, reference):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return (taps[:, None] * taps).expand(channels, 1, 4, 4).to(reference)


def halve(x):
    """Half the size, by [1, 3, 3, 1]."""
    x = functional.pad(x, (1, 1, 1, 1), mode='replicate')
    return functional.conv2d(x, _filter(x.shape[1], x), stride=2, groups=x.shape[1])


def smooth(x):
    """[1, 3, 3, 1] at the same size and one more, borders repeated twice."""
    x = functional.pad(x, (2, 2, 2, 2), mode='replicate')
    return functional.conv2d(x, _filter(x.shape[1], x), groups=x.shape[1])


def statistics(x):
    """Mean and standard deviation of each channel [B, C, 1, 1]; on channels_last twice as fast as `torch.var_mean`."""
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)
    mean = rows.mean(1)
    variance = (rows - mean[:, None]).square().mean(1)
    return mean[:, :, None, None], torch.sqrt(variance + 1e-5)[:, :, None, None]


class Averages:
    """Exponential moving averages of networks' parameters."""

    def __init__(self, *networks, decay=0.998):
        self.parameters = [parameter for network in networks for parameter in network.parameters()]
        self.averages, self.decay = [parameter.detach().clone() for parameter in self.parameters], decay

    @torch.no_grad()
    def update(self):
        """One step towards the parameters."""
        torch._foreach_lerp_(self.averages, self.parameters, 1 - self.decay)


def adopt(network, named):
    """Copies weights of ours into a peer's network.

    Args:
        network: A module of this file's layers.
        named: Dict 'layer/kernel' -> float array in TensorFlow's layout.
    Raises:
        KeyError, RuntimeError: A name or a shape does not fit.
    """
    own = {name.replace('.', '/'): parameter for name, parameter in network.named_parameters()}
    if own.keys() != named.keys():
        raise KeyError(f'only here: {sorted(own.keys() - named.keys())}; missing: {sorted(named.keys() - own.keys())}')
    with torch.no_grad():
        for name, value in named.items():
            value = np.asarray(value)
            order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(value.ndim) if name.endswith('kernel') else None
            own[name].copy_(torch.from_numpy(value.transpose(order) if order else value))
