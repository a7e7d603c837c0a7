"""Style transfer's training step: content, style, adversarial and retention losses."""

import torch
from benchmarks.peers import torch_layers as layers
from torch import nn
from torch.nn import functional

VGG = ((64, 64), (128, 128), (256, 256, 256), (512,))  # up to relu4_1
LAYERS = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')


class Injection(nn.Module):
    """1x1 modulated convolution through which content enters."""

    def __init__(self, channels, code_size):
        super().__init__()
        self.convolution = layers.ModulatedConvolution(channels, channels, 1, demodulates=False)
        self.affine = layers.Dense(code_size, channels, bias=1.0)

    def forward(self, x, code):
        return self.convolution(x, self.affine(code))


class Generator(nn.Module):
    """Content encoder and modulated synthesis."""

    def __init__(self, widths, code_size, blocks):
        super().__init__()
        self.content_encoder = nn.Module()
        self.content_encoder.stem = layers.Convolution(3, widths[0], 3, activation=layers.leaky_relu)
        for level in range(1, len(widths)):
            self.content_encoder.add_module(f'down_{level}', layers.Convolution(
                widths[level - 1], widths[level], 3, strides=2, activation=layers.leaky_relu))
        for level, width in enumerate(widths):
            self.add_module(f'inject_{level}', Injection(width, code_size))
            self.add_module(f'to_rgb_{level}', layers.ToRGB(width, code_size))
        for index in range(blocks):
            for letter, activation in (('a', layers.leaky_relu), ('b', None)):
                self.add_module(f'residual_{index}_{letter}', layers.StyledConvolution(
                    widths[-1], widths[-1], code_size, padding='reflect', activation=activation))
        for level in range(len(widths) - 1):
            self.add_module(f'up_{level}', layers.StyledConvolution(
                widths[level + 1], widths[level], code_size, upsample=True, padding='reflect'))
            self.add_module(f'refine_{level}', layers.StyledConvolution(
                widths[level], widths[level], code_size, padding='reflect'))
        self.levels, self.blocks = len(widths) - 1, blocks

    def _of(self, kind, level):
        return getattr(self, f'{kind}_{level}')

    def forward(self, content, code):
        """Content [B, 3, H, W] in [-1, 1] and codes [B, D] -> images in (-1, 1)."""
        maps = [self.content_encoder.stem(content)]
        for level in range(1, self.levels + 1):
            maps.append(getattr(self.content_encoder, f'down_{level}')(maps[-1]))
        for level, x in enumerate(maps):
            mean, deviation = layers.statistics(x)
            maps[level] = (x - mean) / (deviation + 0.03)
        x = self._of('inject', self.levels)(maps[-1], code)
        for index in range(self.blocks):
            x = (x + self._of(f'residual_{index}', 'b')(self._of(f'residual_{index}', 'a')(x, code), code)) * 0.7071
        rgb = self._of('to_rgb', self.levels)(x, code)
        for level in reversed(range(self.levels)):
            x = self._of('up', level)(x, code)
            x = (x + self._of('inject', level)(maps[level], code)) * 0.7071
            x = self._of('refine', level)(x, code)
            rgb = layers.double(rgb) + self._of('to_rgb', level)(x, code)
        return torch.tanh(rgb)


class StyleEncoder(nn.Module):
    """Code from the statistics of feature maps and of colours."""

    def __init__(self, size, code_size):
        super().__init__()
        self.hidden = layers.Dense(size, 512, activation=layers.leaky_relu)
        self.code = layers.Dense(512, code_size)

    def forward(self, style, maps):
        flat = style.flatten(2)
        mean = flat.mean(2)
        centred = flat - mean[:, :, None]
        covariance = centred @ centred.transpose(1, 2) / flat.shape[2]
        parts = [2 * mean, 4 * covariance.flatten(1)]
        for x in maps:
            mean, deviation = layers.statistics(x)
            parts.append(torch.log(torch.cat([mean.abs(), deviation], 1).flatten(1) + 0.1) * 0.7)
        return self.code(self.hidden(torch.cat(parts, 1)))


class Features(nn.Module):
    """VGG16 up to relu4_1, frozen; maps by layer."""

    def __init__(self):
        super().__init__()
        size = 3
        for block, widths in enumerate(VGG, 1):
            for index, width in enumerate(widths, 1):
                self.add_module(f'conv{block}_{index}', nn.Conv2d(size, width, 3, padding=1))
                size = width
        self.to(memory_format=torch.channels_last).requires_grad_(False)

    def forward(self, x, last='relu4_1'):
        maps = {}
        for name, convolution in self.named_children():
            if name.endswith('_1') and name != 'conv1_1':
                x = functional.max_pool2d(x, 2)
            x = functional.relu(convolution(x))
            maps['relu' + name.removeprefix('conv')] = x
            if last in maps:
                return {name: maps[name] for name in LAYERS if name in maps}
        raise ValueError(f'Expected a layer up to relu4_1. Received: {last!r}.')


class Step:
    """Generator, then discriminator, as `systems.style_transfer` after its warm-up."""

    def __init__(self, config):
        self.config = config
        widths = [min(config.max_channels, config.width_channels * 2 ** level) for level in range(config.levels + 1)]
        self.features = Features()
        self.generator = Generator(widths, config.code_size, config.residual_blocks)
        self.style_encoder = StyleEncoder(3 + 9 + 2 * (64 + 128 + 256), config.code_size)
        self.mapping = layers.Mapping(config.latent_size, config.code_size, config.mapping_layers, 1.0, is_linear=True)
        self.discriminator = layers.PatchDiscriminator(
            config.discriminator_channels, config.discriminator_layers, condition_channels=256, condition_stage=2,
            is_spectral=config.discriminator_spectral_norm)
        self.painters = nn.ModuleList([self.generator, self.style_encoder, self.mapping])
        self.optimizers = [torch.optim.Adam(network.parameters(), settings.learning_rate,
                                            (settings.beta_1, settings.beta_2), settings.epsilon)
                           for network, settings in ((self.painters, config.generator_optimizer),
                                                     (self.discriminator, config.discriminator_optimizer))]
        self.averages = layers.Averages(self.painters, decay=config.generator_optimizer.ema_decay)

    def __call__(self, batch, step=1):
        content, style = batch['content'], batch['style']
        with torch.no_grad():
            content_maps, style_maps = self.features(content), self.features(style)
        self.discriminator.requires_grad_(False)
        loss, fake = self.generator_losses(content, style, content_maps, style_maps)
        self.optimizers[0].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.painters.parameters(), self.config.generator_optimizer.clip_norm)
        self.optimizers[0].step()
        self.discriminator.requires_grad_(True)
        judged = ((self.discriminator(style, condition(style_maps)) - 1).square().mean()
                  + self.discriminator(fake.detach(), condition(content_maps)).square().mean())
        self.optimizers[1].zero_grad()
        judged.backward()
        self.optimizers[1].step()
        self.averages.update()
        return loss.item()

    def generator_losses(self, content, style, content_maps, style_maps):
        """(sum of the terms, the repainted pictures)."""
        config = self.config
        codes = self.style_encoder(style, [style_maps[name] for name in LAYERS[:3]])
        fake = self.generator(content, codes)
        maps = self.features(fake)
        total = config.content_weight * (normalised(maps['relu4_1']) - normalised(content_maps['relu4_1'])
                                         ).square().mean()
        gram, moments = style_distances(maps, style_maps)
        small_fake, small_style = functional.avg_pool2d(fake, 2), functional.avg_pool2d(style, 2)
        with torch.no_grad():
            wanted = self.features(small_style)
        small_gram, small_moments = style_distances(self.features(small_fake), wanted)
        total = total + 0.5 * (config.style_weight * torch.log1p(gram + small_gram)
                               + config.mean_variance_weight * torch.log1p(moments + small_moments)).mean()
        logits = self.discriminator(fake, condition(content_maps))
        total = total + config.adversarial_weight * (logits - 1).square().mean()
        some = small = content[:1]
        while max(small.shape[2:]) > 64:
            small = functional.avg_pool2d(small, 2)
        with torch.no_grad():
            own = self.features(small, 'relu3_1')
        same = self.generator(some, self.style_encoder(small, [own[name] for name in LAYERS[:3]]))
        total = total + config.identity_weight * (same - some).abs().mean()
        total = total + config.structure_weight * (edges(content) - edges(fake)).abs().mean()
        return total + config.mapping_weight * self.energy_score(codes.detach()), fake

    def energy_score(self, codes):
        """Of four mapped noises against each code."""
        mapped = self.mapping(torch.randn(4 * len(codes), self.config.latent_size)).reshape(len(codes), 4, -1)
        nearness = (mapped - codes[:, None]).square().sum(-1).add(1e-12).sqrt().mean(1)
        pairs = [(mapped[:, i] - mapped[:, j]).square().sum(-1).add(1e-12).sqrt() for i in range(4) for j in range(i)]
        return (nearness - 0.5 * sum(pairs) / len(pairs)).mean()


def normalised(x):
    """Maps without the mean and contrast of their channels."""
    mean, deviation = layers.statistics(x)
    return (x - mean) / (deviation + 0.05)


def condition(maps):
    """What the discriminator sees of the content."""
    return normalised(maps['relu3_1'])


def style_distances(maps, wanted):
    """Relative distances of Gram matrices and of moments, each [B]."""
    grams, moments = [], []
    for name in LAYERS:
        a, b = gram_matrix(maps[name]), gram_matrix(wanted[name])
        grams.append((a - b).square().sum((1, 2)) / (b.square().sum((1, 2)) + 1e-8))
        a, b = (torch.cat(layers.statistics(x[name]), 1).flatten(1) for x in (maps, wanted))
        moments.append((a - b).square().sum(1) / (b.square().sum(1) + 1e-8))
    return sum(grams) / len(grams), sum(moments) / len(moments)


def gram_matrix(x):
    """Mean products of channels [B, C, C]."""
    rows = x.flatten(2)
    return rows @ rows.transpose(1, 2) / (rows.shape[2] * rows.shape[1])


def edges(images):
    """Length of the Sobel gradient of the luminance."""
    luminance = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    slope = torch.outer(torch.tensor([1.0, 2.0, 1.0]) / 4, torch.tensor([-1.0, 0.0, 1.0]) / 2)
    gradient = functional.conv2d(luminance, torch.stack([slope, slope.T])[:, None])
    return torch.sqrt(gradient.square().sum(1, keepdim=True) + 1e-6)
