"""Image enhancement: a U-Net mends what `data.degradations` breaks, a PatchGAN tells mended pictures from good ones.

Objective of the generator (weights in `RestorationConfig`):

    reconstruction + edges + perceptual + adversarial

the last from a step on, when pictures are near enough for texture to matter. One system for all tasks: noise, blur,
holes, wear, colour and resolution differ in `restoration_tasks` alone.
"""

from __future__ import annotations

from keras import ops

from stylegan_tf.losses import adversarial, perceptual, reconstruction
from stylegan_tf.networks import features
from stylegan_tf.networks.patchgan import PatchDiscriminator
from stylegan_tf.networks.unet import UNet
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.systems.restoration_signatures import restoration_signatures
from stylegan_tf.systems.restoration_tasks import PALETTE_SIZE, make_task
from stylegan_tf.systems.system import System, computing_in

_RECONSTRUCTION = {'l1': reconstruction.l1_loss, 'l2': reconstruction.l2_loss,
                   'charbonnier': reconstruction.charbonnier_loss}
_PURPOSES = {
    'denoise': 'Removes noise from pictures.', 'deblur': 'Sharpens blurred and shaken pictures.',
    'inpaint': 'Fills the parts of a picture that a mask marks.',
    'restore': 'Removes scratches, cracks and writing from old pictures; for pictures of your own.',
    'colorize': 'Colours grey pictures, by dots of colour and the palette of another picture where they are given.',
    'super_resolution': 'Enlarges pictures and sharpens what it enlarges.'}


class Restoration(System):
    """Trains a U-Net for one task.

    Args:
        config: `RestorationConfig`.
    Source: PatchGAN and U-Net after Isola et al. 2017; losses after Ledig et al. 2017 (SRGAN).
    """

    roles = ('image',)

    def __init__(self, config):
        super().__init__(config)
        self.task = make_task(config.task, config.factor)
        self.perceptual = None
        if config.perceptual_weight:
            self.perceptual = features.load(config.perceptual, config.perceptual_layers, dtype=config.perceptual_dtype)
        with computing_in(config.precision):
            self.generator, self.generator_ema = (
                UNet(config.generator_channels, self.task.channels, blocks=config.generator_blocks,
                     dilations=config.generator_dilations, name=name) for name in ('generator', 'generator_ema'))
            self.discriminator = PatchDiscriminator(
                config.discriminator_channels, config.discriminator_layers, use_spectral_norm=True,
                name='discriminator')
        self.networks = {'generator': self.generator, 'discriminator': self.discriminator}
        self.twins = {'generator': self.generator_ema}
        self._make_phases(config)
        self._build_networks(config)
        self.finish()

    def _make_phases(self, config):
        self.make_optimizers('generator_optimizer', 'discriminator_optimizer')
        first = -(-config.adversarial_images // config.batch_size) if config.adversarial_weight else None
        phases = [Phase('reconstruction', self.reconstruction_losses, (self.generator,), self.generator_optimizer,
                        last_step=first)]
        if first is not None:
            phases += [Phase('generator', self.generator_losses, (self.generator,), self.generator_optimizer,
                             first_step=first),
                       Phase('discriminator', self.discriminator_losses, (self.discriminator,),
                             self.discriminator_optimizer, first_step=first)]
        self.phases = tuple(phases)

    def _build_networks(self, config):
        size = config.height, config.width
        small = tuple(side // self.task.factor for side in size)
        batch = {'image': ops.zeros((1, *small, 3)), 'mask': ops.zeros((1, *small, 1)),
                 'hints': ops.zeros((1, *small, 4)), 'palette_code': ops.zeros((1, PALETTE_SIZE))}
        for generator in (self.generator, self.generator_ema):
            generator(*self.task.inputs(batch))
        # The first result is the picture as it came: all that is learned makes it better.
        self.generator.out.kernel.assign(ops.zeros(self.generator.out.kernel.shape))
        self.discriminator(ops.zeros((1, *size, 6)))

    def training_stream(self, sources, size, seed):
        return self._stream(sources, size, seed, self.config.augmentation('image'))

    def held_out_stream(self, sources, size, seed):
        return self._stream(sources, size, seed, None)

    def _stream(self, sources, size, seed, augmentation):
        from stylegan_tf.data.restoration_stream import RestorationStream
        config = self.config
        return RestorationStream(sources, size, config.task, factor=config.factor, augmentation=augmentation, seed=seed,
                                 min_severity=config.min_severity, hint_share=config.hint_share,
                                 palette_share=config.palette_share)

    def restore(self, batch, *, average=False):
        """The pictures of a batch (see `restoration_tasks`) mended: float32 [B, H, W, 3] in [-1, 1]."""
        generator = self.average('generator') if average else self.generator
        return ops.clip(self.task.finish(generator(*self.task.inputs(batch)), batch), -1.0, 1.0)

    # Phases.

    def reconstruction_losses(self, batch):
        """Reconstruction, edges and perceptual distance to the clean pictures."""
        terms, _ = self._reconstruction(batch)
        return terms

    def _reconstruction(self, batch):
        config, task, clean = self.config, self.task, batch['clean']
        change = self.generator(*task.inputs(batch), training=True)
        made, wanted = task.compared(change, batch)
        restored = task.finish(change, batch)
        loss = _RECONSTRUCTION[config.reconstruction_loss]
        terms = {'reconstruction': config.reconstruction_weight * ops.mean(loss(made, wanted))}
        if config.edge_weight:
            terms['edges'] = config.edge_weight * ops.mean(reconstruction.edge_loss(restored, clean))
        if config.perceptual_weight:
            maps, clean_maps = (self.perceptual(ops.clip(picture, -1.0, 1.0)) for picture in (restored, clean))
            terms['perceptual'] = config.perceptual_weight * ops.mean(
                perceptual.content_loss(maps, clean_maps, config.perceptual_layers))
        return terms, restored

    def _judged(self, picture, batch, training=False):
        """The discriminator's logits of a picture, beside what it was made of (Isola et al. 2017, section 3.1)."""
        return self.discriminator(ops.concatenate([picture, self.task.start(batch)], axis=-1), training=training)

    def generator_losses(self, batch):
        """The same and adversarial."""
        terms, restored = self._reconstruction(batch)
        terms['adversarial'] = self.config.adversarial_weight * ops.mean(adversarial.generator_loss(
            self.config.adversarial_loss, self._judged(restored, batch)))
        return PhaseResult(terms, shared={'restored': restored})

    def discriminator_losses(self, batch):
        """Clean pictures are real, mended ones are fake."""
        real, fake = adversarial.discriminator_loss(self.config.adversarial_loss, *(
            self._judged(picture, batch, training=True) for picture in (batch['clean'], batch['shared']['restored'])))
        return {'real': ops.mean(real), 'fake': ops.mean(fake)}

    # Pictures and numbers.

    def evaluate_batch(self, batch):
        """Held-out numbers of the averaged weights, float32 [B] each; those `_before` are of what it was given."""
        batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
        clean = batch['clean']
        start = ops.clip(self.task.start(batch), -1.0, 1.0)
        restored = self.restore(batch, average=True)
        numbers = {}
        for name, picture in (('before', start), ('after', restored)):
            squares = reconstruction.l2_loss(picture, clean)
            numbers[f'error_{name}'] = reconstruction.l1_loss(picture, clean)
            numbers[f'psnr_{name}'] = -10.0 * ops.log10(ops.maximum(squares / 4.0, 1e-10))
            numbers[f'ssim_{name}'] = reconstruction.ssim(picture, clean)
        return numbers

    def sample_grid(self, batch):
        """What it was given, mended, clean."""
        batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
        start, restored = ops.clip(self.task.start(batch), -1.0, 1.0), self.restore(batch, average=True)
        rows = [[ops.convert_to_numpy(picture) for picture in row] for row in zip(start, restored, batch['clean'])]
        return {'rows': rows, 'row_labels': None, 'column_labels': ['given', 'restored', 'clean']}

    def signatures(self):
        return restoration_signatures(self)

    def model_card(self):
        config = self.config
        return {'purpose': _PURPOSES[config.task], 'task': config.task, 'scale': self.task.factor,
                'architecture': 'U-Net without normalisation, '
                                f'{", ".join(map(str, config.generator_channels))} channels, '
                                f'{config.generator_blocks} convolutions a level; PatchGAN discriminator',
                'perceptual_networks': [config.perceptual] if config.perceptual_weight else []}
