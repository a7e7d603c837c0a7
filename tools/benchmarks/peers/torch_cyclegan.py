"""CycleGAN's training step."""

import random

import torch
from benchmarks.peers import torch_layers as layers
from torch import nn
from torch.nn import functional


class NormalisedConvolution(nn.Module):
    """Convolution, instance normalisation, ReLU."""

    def __init__(self, size, filters, side, *, strides=1, is_rectified=True):
        super().__init__()
        self.convolution = layers.Convolution(size, filters, side, strides=strides, bias=False)
        self.normalization = nn.ParameterDict({'gain': nn.Parameter(torch.ones(filters)),
                                               'offset': nn.Parameter(torch.zeros(filters))})
        self.is_rectified = is_rectified

    def forward(self, x):
        x = functional.instance_norm(self.convolution(x), weight=self.normalization['gain'],
                                     bias=self.normalization['offset'], eps=1e-5)
        return functional.relu(x) if self.is_rectified else x


class ResnetGenerator(nn.Module):
    """Halvings, residual blocks, doublings."""

    def __init__(self, channels, blocks):
        super().__init__()
        widths = [channels, 2 * channels, 4 * channels]
        self.stem = NormalisedConvolution(3, widths[0], 7)
        for level in (1, 2):
            self.add_module(f'down_{level}', NormalisedConvolution(widths[level - 1], widths[level], 3, strides=2))
        for index in range(blocks):
            self.add_module(f'block_{index}_a', NormalisedConvolution(widths[2], widths[2], 3))
            self.add_module(f'block_{index}_b', NormalisedConvolution(widths[2], widths[2], 3, is_rectified=False))
        for level in (1, 0):
            self.add_module(f'up_{level}', NormalisedConvolution(widths[level + 1], widths[level], 3))
        self.out = layers.Convolution(widths[0], 3, 7)
        self.block_count = blocks

    def forward(self, image):
        x = self.down_2(self.down_1(self.stem(image)))
        for index in range(self.block_count):
            x = x + getattr(self, f'block_{index}_b')(getattr(self, f'block_{index}_a')(x))
        x = self.up_0(layers.double(self.up_1(layers.double(x))))
        return self.out(x)


class Step:
    """Generators, then discriminators, as `systems.cyclegan` with the method 'cycle'."""

    def __init__(self, config):
        self.config = config
        self.generators = [ResnetGenerator(config.generator_channels, config.generator_blocks) for _ in range(2)]
        self.discriminators = [layers.PatchDiscriminator(config.discriminator_channels, config.discriminator_layers,
                                                         is_spectral=config.discriminator_spectral_norm)
                               for _ in range(2)]
        self.painters, self.judges = nn.ModuleList(self.generators), nn.ModuleList(self.discriminators)
        settings = config.generator_optimizer
        self.optimizers = [torch.optim.Adam(networks.parameters(), settings.learning_rate,
                                            (settings.beta_1, settings.beta_2), settings.epsilon)
                           for networks in (self.painters, self.judges)]
        self.averages = layers.Averages(*self.generators, decay=settings.ema_decay)
        self.histories = [[], []]

    def __call__(self, batch, step=1):
        content, style = batch['content'], batch['style']
        self.judges.requires_grad_(False)
        loss, fakes = self.generator_losses(content, style)
        self._descend(0, loss)
        self.judges.requires_grad_(True)
        judged = 0.0
        shown = [self._shown(history, fake.detach()) for history, fake in zip(self.histories, fakes)]
        for judge, real, fake in zip(self.discriminators, (style, content), shown):
            judged = judged + (judge(real) - 1).square().mean() + judge(fake).square().mean()
        self._descend(1, judged)
        self.averages.update()
        return loss.item()

    def generator_losses(self, content, style):
        """(sum of the terms, both fakes)."""
        config, count, total, fakes = self.config, len(content), 0.0, []
        for generator, image, target in zip(self.generators, (content, style), (style, content)):
            painted = torch.tanh(generator(torch.cat([image, target])))
            fakes.append(painted[:count])
            total = total + config.identity_weight * (painted[count:] - target).abs().mean()
        for index, image in enumerate((content, style)):
            back = torch.tanh(self.generators[1 - index](fakes[index]))
            total = total + config.cycle_weight * (back - image).abs().mean()
            total = total + config.adversarial_weight * (self.discriminators[index](fakes[index]) - 1).square().mean()
            total = total + config.luminance_weight * inversion_loss(fakes[index], image).mean()
        return total, fakes

    def _descend(self, index, loss):
        networks = (self.painters, self.judges)[index]
        self.optimizers[index].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(networks.parameters(), self.config.generator_optimizer.clip_norm)
        self.optimizers[index].step()

    def _shown(self, history, pictures):
        shown = []
        for picture in pictures:
            if len(history) < self.config.history:
                history.append(picture)
            elif random.random() < 0.5:
                place = random.randrange(len(history))
                picture, history[place] = history[place], picture
            shown.append(picture)
        return torch.stack(shown)


def inversion_loss(output, content, cells=16, least=0.3):
    """How far brightness has come from that of the content."""
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    window = output.shape[-1] // cells
    a, b = (functional.avg_pool2d((image * weights).sum(1, keepdim=True), window) for image in (output, content))
    a, b = (x - x.mean((1, 2, 3), keepdim=True) for x in (a, b))
    energy = a.square().sum((1, 2, 3)) * b.square().sum((1, 2, 3))
    return functional.relu(least - (a * b).sum((1, 2, 3)) / torch.sqrt(energy + 1e-6))
