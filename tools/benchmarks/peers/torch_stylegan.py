"""StyleGAN2's training step, with lazy R1 and path length."""

import math

import torch
from benchmarks.peers import torch_layers as layers
from torch import nn
from torch.nn import functional


class SynthesisBlock(nn.Module):
    """Two styled convolutions, one in the first block, and this size's share of the image."""

    def __init__(self, size, channels, code_size, *, upsample):
        super().__init__()
        if upsample:
            self.conv_0 = layers.StyledConvolution(size, channels, code_size, upsample=True, has_noise=True)
            size = channels
        self.conv_1 = layers.StyledConvolution(size, channels, code_size, has_noise=True)
        self.to_rgb = layers.ToRGB(channels, code_size)
        self.upsample = upsample

    def forward(self, x, image, codes):
        if self.upsample:
            x = self.conv_0(x, codes[0])
            codes = codes[1:]
        x = self.conv_1(x, codes[0])
        addition = self.to_rgb(x, codes[1])
        return x, addition if image is None else layers.double(image) + addition


class Synthesis(nn.Module):
    """Style codes to images."""

    def __init__(self, resolution, code_size, channel_base, channel_max):
        super().__init__()
        sides = [4 * 2 ** index for index in range(int(math.log2(resolution // 4)) + 1)]
        widths = [min(channel_base // side, channel_max) for side in sides]
        self.constant = nn.Parameter(torch.randn(4, 4, widths[0]))
        for index, (side, width) in enumerate(zip(sides, widths)):
            self.add_module(f'block_{side}', SynthesisBlock(widths[max(0, index - 1)], width, code_size,
                                                            upsample=index > 0))
        self.blocks = [getattr(self, f'block_{side}') for side in sides]
        self.num_styles = 2 * len(sides)

    def forward(self, codes):
        """Codes [B, D] or [B, num_styles, D] -> images [B, 3, H, W]."""
        styles = codes.unbind(1) if codes.ndim == 3 else [codes] * self.num_styles
        x = self.constant.permute(2, 0, 1).expand(len(codes), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        image, start = None, 0
        for block in self.blocks:
            x, image = block(x, image, styles[start:start + 3])
            start += 2 if block.upsample else 1
        return image


class DiscriminatorBlock(nn.Module):
    """Residual block to half the size."""

    def __init__(self, hidden, channels):
        super().__init__()
        self.conv_0 = layers.Convolution(hidden, hidden, 3, padding='same', activation=layers.leaky_relu)
        self.conv_1 = layers.Convolution(hidden, channels, 3, strides=2, padding='valid', activation=layers.leaky_relu)
        self.skip = layers.Convolution(hidden, channels, 1, bias=False)

    def forward(self, x):
        return (self.conv_1(layers.smooth(self.conv_0(x))) + self.skip(layers.halve(x))) * math.sqrt(0.5)


class Discriminator(nn.Module):
    """Residual discriminator with the deviation of groups of four."""

    def __init__(self, resolution, channel_base, channel_max, group_size):
        super().__init__()
        sides = [resolution // 2 ** index for index in range(int(math.log2(resolution // 4)) + 1)]
        widths = [min(channel_base // side, channel_max) for side in sides]
        self.from_rgb = layers.Convolution(3, widths[0], 1, activation=layers.leaky_relu)
        for side, width, following in zip(sides, widths, widths[1:]):
            self.add_module(f'block_{side}', DiscriminatorBlock(width, following))
        self.blocks = [getattr(self, f'block_{side}') for side in sides[:-1]]
        self.conv = layers.Convolution(widths[-1] + 1, widths[-1], 3, padding='same', activation=layers.leaky_relu)
        self.dense = layers.Dense(16 * widths[-1], widths[-1], activation=layers.leaky_relu)
        self.head = nn.ModuleDict({'logit': layers.Dense(widths[-1], 1)})
        self.group_size = group_size

    def forward(self, image):
        x = self.from_rgb(image)
        for block in self.blocks:
            x = block(x)
        grouped = x.reshape(self.group_size, -1, *x.shape[1:])
        deviation = torch.sqrt(grouped.var(0, correction=0) + 1e-8).mean((1, 2, 3))
        maps = deviation.repeat(self.group_size)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        x = self.conv(torch.cat([x, maps], 1))
        x = self.dense(x.permute(0, 2, 3, 1).flatten(1))
        return self.head['logit'](x)[:, 0]


class Step:
    """Generator, path length where due, discriminator, R1 where due, as `systems.stylegan`."""

    def __init__(self, config):
        self.config = config
        widths = config.channel_base, config.channel_max
        self.mapping = layers.Mapping(config.latent_size, config.style_size, config.mapping_layers,
                                      config.mapping_learning_rate)
        self.generator = Synthesis(config.resolution, config.style_size, *widths)
        self.discriminator = Discriminator(config.resolution, *widths, config.group_size)
        self.painters = nn.ModuleList([self.mapping, self.generator])
        self.optimizers = [torch.optim.Adam(network.parameters(), settings.learning_rate,
                                            (settings.beta_1, settings.beta_2), settings.epsilon)
                           for network, settings in ((self.painters, config.generator_optimizer),
                                                     (self.discriminator, config.discriminator_optimizer))]
        self.averages = layers.Averages(self.painters, decay=config.generator_optimizer.ema_decay)
        self.style_mean, self.length_mean = torch.zeros(config.style_size), torch.zeros(())

    def __call__(self, batch, step=1):
        config, real = self.config, batch['image']
        self.discriminator.requires_grad_(False)
        fake = self.generator(self._codes(len(real)))
        loss = functional.softplus(-self.discriminator(fake)).mean()
        self._descend(0, loss)
        if step % config.path_length_every == 0:
            self._descend(0, config.path_length_weight * config.path_length_every * self.path_length(len(real) // 2))
        self.discriminator.requires_grad_(True)
        self._descend(1, functional.softplus(-self.discriminator(real)).mean()
                      + functional.softplus(self.discriminator(fake.detach())).mean())
        if step % config.r1_every == 0:
            self._descend(1, 0.5 * config.r1_weight * config.r1_every * self.r1(real))
        self.averages.update()
        return loss.item()

    def path_length(self, count):
        """Mean squared distance of path lengths from their running mean."""
        codes = self.mapping(torch.randn(count, self.config.latent_size))
        image = self.generator(codes)
        noise = torch.randn_like(image) / math.sqrt(image.shape[2] * image.shape[3])
        gradient, = torch.autograd.grad((image * noise).sum(), codes, create_graph=True)
        lengths = torch.sqrt(gradient.square().sum(-1) + 1e-12)
        self.length_mean = self.length_mean.lerp(lengths.detach().mean(), self.config.path_length_decay)
        return (lengths - self.length_mean).square().mean()

    def r1(self, real):
        """Mean squared norm of the gradient at real pictures."""
        real = real.detach().requires_grad_(True)
        gradient, = torch.autograd.grad(self.discriminator(real).sum(), real, create_graph=True)
        return gradient.square().sum((1, 2, 3)).mean()

    def _codes(self, count):
        codes, others = (self.mapping(torch.randn(count, self.config.latent_size)) for _ in range(2))
        self.style_mean = codes.detach().mean(0).lerp(self.style_mean, self.config.style_mean_decay ** count)
        number = self.generator.num_styles
        is_mixed = torch.rand(count) < self.config.style_mixing
        crossover = torch.where(is_mixed, torch.randint(1, number, (count,)), number)
        is_own = torch.arange(number) < crossover[:, None]
        return torch.where(is_own[:, :, None], codes[:, None], others[:, None])

    def _descend(self, index, loss):
        self.optimizers[index].zero_grad()
        loss.backward()
        self.optimizers[index].step()
