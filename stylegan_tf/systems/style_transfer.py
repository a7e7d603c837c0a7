"""Content-preserving style transfer: content, style and adversarial losses together.

Objective of the generator (weights in `StyleTransferConfig`):

    alpha content + beta style + gamma adversarial + retention (identity, structure, L1, L2)

after a warm-up of pure reconstruction. The style code comes from a style image, from a class, or
from noise: the mapping network learns the distribution of encoded styles (energy score), so that
noise and classes need no style image at inference.
"""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.normalization import instance_statistics, without_statistics
from stylegan_tf.losses import adversarial, diversity, penalties, perceptual, reconstruction
from stylegan_tf.networks import features
from stylegan_tf.networks.patchgan import PatchDiscriminator
from stylegan_tf.networks.stylegan import MappingNetwork
from stylegan_tf.networks.stylization import StyleEncoder, StylizationGenerator
from stylegan_tf.systems.accumulation import spread_out
from stylegan_tf.systems.augmentation import follow, make_augmentation
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.systems.stylization_litert import litert_functions
from stylegan_tf.systems.stylization_signatures import stylization_signatures
from stylegan_tf.systems.system import System, computing_in

OWN_CODE_SIDE = 64  # copy of the content whose code stands for "no change"
MAPPED_SAMPLES = 4  # noise codes drawn for each style in the energy score


class StyleTransfer(System):
    """Trains a generator that repaints photographs in the style of any picture.

    Args:
        config: `StyleTransferConfig`.
    Source: generator after Karras et al. 2020; perceptual losses after Gatys et al. 2016 and
        Huang & Belongie 2017; least-squares adversarial loss after Mao et al. 2017.
    """

    roles = ('content', 'style')
    reference_role = 'style'

    def __init__(self, config):
        super().__init__(config)
        with computing_in(config.precision):
            self._make_networks(config)
        self.noise = keras.random.SeedGenerator(0, name='noise')
        self._make_phases(config)
        self._build_networks(config)
        self.finish()

    def _make_networks(self, config) -> None:
        learned = config.style_encoder == 'learned'
        encoder_layers = () if learned else config.style_encoder_layers
        shared = config.style_encoder == config.perceptual
        perceptual_layers = {*config.style_layers, *config.content_layers}
        if config.discriminator_condition:
            perceptual_layers.add(config.discriminator_condition_layer)
        self.perceptual = features.load(
            config.perceptual, tuple(sorted(perceptual_layers | set(encoder_layers if shared else ()))),
            dtype=config.perceptual_dtype)
        self.maps_serve_encoder = shared and not learned
        self.style_features = None if learned else features.load(
            config.style_encoder, encoder_layers, dtype=config.perceptual_dtype)

        def generator(name):
            return StylizationGenerator(config.width_channels, config.max_channels, config.levels,
                                        config.residual_blocks, name=name)

        def style_encoder(name):
            return StyleEncoder(config.code_size, layers=encoder_layers, dropout=config.dropout,
                                dtype='float32', name=name)

        def mapping(name):
            return MappingNetwork(config.latent_size, config.code_size,
                                  num_labels=config.num_labels, num_layers=config.mapping_layers,
                                  lr_multiplier=1.0,  # a regression, not a game: no need to be slow
                                  is_linear=True,  # as the style encoder's codes are
                                  dtype='float32', name=name)

        self.generator, self.generator_ema = generator('generator'), generator('generator_ema')
        self.style_encoder, self.style_encoder_ema = (
            style_encoder('style_encoder'), style_encoder('style_encoder_ema'))
        self.mapping, self.mapping_ema = mapping('mapping'), mapping('mapping_ema')
        self.discriminator = PatchDiscriminator(
            config.discriminator_channels, config.discriminator_layers,
            use_spectral_norm=config.discriminator_spectral_norm, num_labels=config.num_labels,
            name='discriminator')
        self.augmentation = make_augmentation(config)
        if self.augmentation is not None:
            self.extra_state.update(self.augmentation.state())
        self.networks = {'generator': self.generator, 'style_encoder': self.style_encoder,
                         'mapping': self.mapping, 'discriminator': self.discriminator}
        if config.generator_optimizer.ema_decay:
            self.twins = {'generator': self.generator_ema, 'style_encoder': self.style_encoder_ema,
                          'mapping': self.mapping_ema}

    def _make_phases(self, config) -> None:
        self.make_optimizers('generator_optimizer', 'discriminator_optimizer')
        painters = (self.generator, self.style_encoder, self.mapping)
        warm = self.first_painting_step = -(-config.warmup_images // config.batch_size)
        phases = [Phase('reconstruction', self.reconstruction_losses, painters,
                        self.generator_optimizer, last_step=warm),
                  Phase('generator', self.generator_losses, painters, self.generator_optimizer,
                        repeats=config.generator_optimizer.steps_per_round, first_step=warm)]
        if config.adversarial_weight:
            phases.append(Phase('discriminator', self.discriminator_losses, (self.discriminator,),
                                self.discriminator_optimizer, first_step=warm,
                                repeats=config.discriminator_optimizer.steps_per_round))
            if config.r1_weight:
                phases.append(Phase('r1', self.r1_losses, (self.discriminator,),
                                    self.discriminator_optimizer, every=config.r1_every,
                                    first_step=warm))
        self.phases = tuple(phases)

    def _build_networks(self, config) -> None:
        image = ops.zeros((1, config.height, config.width, 3))
        maps = self.perceptual(image)
        encoded = self._encoder_maps(image, maps)
        map_shapes = encoded and {name: tuple(x.shape) for name, x in encoded.items()}
        for generator, encoder, mapping in (
                (self.generator, self.style_encoder, self.mapping),
                (self.generator_ema, self.style_encoder_ema, self.mapping_ema)):
            encoder.build(tuple(image.shape), map_shapes)
            generator.build(tuple(image.shape), (1, config.code_size))
            mapping.build((1, config.latent_size), (1,))
        condition = self._condition(maps)
        self.discriminator.build(tuple(image.shape), None if condition is None else tuple(condition.shape), (1,))

    # Pieces of the objective.

    def _encoder_maps(self, image, maps=None):
        if self.style_features is None:
            return None
        return maps if maps and self.maps_serve_encoder else self.style_features(image)

    def encode_style(self, style, maps=None, *, average=False, training=False):
        """Style images [B, H, W, 3] in [-1, 1] -> codes [B, D]; `maps` saves the frozen network."""
        encoder = self.average('style_encoder') if average else self.style_encoder
        return encoder(style, self._encoder_maps(style, maps), training=training)

    def own_code(self, content):
        """The content's own code, which stands for no change: of a copy of at most 64 px."""
        while max(content.shape[1:3]) > OWN_CODE_SIDE:
            content = _halved(content)
        return self.encode_style(content, training=True)

    def _condition(self, maps):
        if not self.config.discriminator_condition:
            return None
        return ops.stop_gradient(
            without_statistics(maps[self.config.discriminator_condition_layer]))

    def _content_maps(self, maps):
        # Means and deviations belong to the style: content is what is left.
        return {name: without_statistics(maps[name]) for name in self.config.content_layers}

    def _codes(self, batch, style_maps, training):
        """Codes [B, D], 1 for each example whose code came from its style image, else 0, and those others' indices."""
        codes = self.encode_style(batch['style'], style_maps, training=training)
        count = codes.shape[0]
        noisy = spread_out(count or 0, self.config.noise_share)
        if not noisy:
            return codes, ops.ones((ops.shape(codes)[0],)), noisy
        mapped = self.mapping(self._latents(len(noisy)), ops.take(batch['label'], noisy, axis=0))
        painted = [index for index in range(count) if index not in noisy]
        order = [*noisy, *painted]
        joined = ops.take(ops.concatenate([mapped, _without(codes, noisy)], axis=0),
                          [order.index(index) for index in range(count)], axis=0)
        is_painted = [float(index in painted) for index in range(count)]
        return joined, ops.convert_to_tensor(is_painted, 'float32'), noisy

    def _latents(self, count):
        return keras.random.normal((count, self.config.latent_size), seed=self.noise)

    def _style_terms(self, fake_maps, style_maps, image, style, is_painted):
        config = self.config
        layers = config.style_layers
        gram = perceptual.gram_style_loss(fake_maps, style_maps, layers)
        moments = perceptual.mean_variance_style_loss(fake_maps, style_maps, layers)
        for _ in range(config.style_scales - 1):
            image, style = _halved(image), _halved(style)
            small, wanted = self.perceptual(image), self.perceptual(style)
            gram += perceptual.gram_style_loss(small, wanted, layers)
            moments += perceptual.mean_variance_style_loss(small, wanted, layers)
        # A flat style divides by almost nothing: the logarithm keeps it from drowning the batch.
        gram, moments = ops.log1p(gram), ops.log1p(moments)
        scale = 1.0 / config.style_scales
        return {'style': config.style_weight * scale * ops.mean(is_painted * gram),
                'mean_variance': config.mean_variance_weight * scale
                * ops.mean(is_painted * moments)}

    # Phases.

    def reconstruction_losses(self, batch):
        """Content and style images through their own codes."""
        style_code = self.encode_style(batch['style'], training=True)
        codes = ops.concatenate([self.own_code(batch['content']), style_code], axis=0)
        images = ops.concatenate([batch['content'], batch['style']], axis=0)
        restored = self.generator(images, codes)
        return {'l1': ops.mean(reconstruction.l1_loss(images, restored)),
                'edges': 0.5 * ops.mean(reconstruction.edge_loss(images, restored)),
                'mapping': self._mapping_term(style_code, batch.get('label'))}

    def _mapping_term(self, codes, label):
        if not self.config.mapping_weight or codes.shape[0] == 0:
            return ops.zeros(())
        count = ops.shape(codes)[0]
        wanted = ops.stop_gradient(codes)
        label = ops.full((count,), -1, 'int32') if label is None else label
        hidden = keras.random.uniform((count,), seed=self.noise) < self.config.label_dropout
        label = ops.where(hidden, -1, label)
        mapped = self.mapping(self._latents(count * MAPPED_SAMPLES),
                              ops.repeat(label, MAPPED_SAMPLES, axis=0))
        samples = ops.reshape(mapped, (count, MAPPED_SAMPLES, self.config.code_size))
        return self.config.mapping_weight * ops.mean(diversity.energy_score(samples, wanted))

    def generator_losses(self, batch):
        """alpha content + beta style + gamma adversarial + retention."""
        config = self.config
        content, style = batch['content'], batch['style']
        content_maps, style_maps = self.perceptual(content), self.perceptual(style)
        codes, is_painted, noisy = self._codes(batch, style_maps, training=True)
        fake = self.generator(content, codes)
        fake_maps = self.perceptual(fake)
        terms = {'content': config.content_weight * ops.mean(perceptual.content_loss(
            self._content_maps(fake_maps), self._content_maps(content_maps),
            config.content_layers))}
        terms.update(self._style_terms(fake_maps, style_maps, fake, style, is_painted))
        if config.adversarial_weight:
            seen, condition = self._augmented(fake, self._condition(content_maps))
            logits = self.discriminator(seen, condition, self._labels(batch))
            terms['adversarial'] = config.adversarial_weight * ops.mean(
                adversarial.generator_loss(config.adversarial_loss, logits))
        if config.identity_weight:
            some = ops.take(content, spread_out(content.shape[0] or 1, config.identity_share) or [0], axis=0)
            terms['identity'] = config.identity_weight * ops.mean(
                reconstruction.identity_loss(some, self.generator(some, self.own_code(some))))
        for name, loss in (('structure', reconstruction.edge_loss), ('l1', reconstruction.l1_loss),
                           ('l2', reconstruction.l2_loss)):
            weight = getattr(config, f'{name}_weight')
            if weight:
                terms[name] = weight * ops.mean(loss(content, fake))
        if config.total_variation_weight:
            terms['total_variation'] = config.total_variation_weight * ops.mean(
                reconstruction.total_variation_loss(fake))
        if noisy and config.diversity_weight:
            terms['diversity'] = config.diversity_weight * self._diversity_term(batch, noisy)
        terms['mapping'] = self._mapping_term(_without(codes, noisy), _without(batch.get('label'), noisy))
        return PhaseResult(terms, shared={
            'fake': fake, 'content_condition': self._condition(content_maps),
            'style_condition': self._condition(style_maps)})

    def _diversity_term(self, batch, noisy):
        content, label = (ops.take(batch[role], noisy, axis=0) for role in ('content', 'label'))
        latents = [self._latents(len(noisy)) for _ in range(2)]
        images = [self.generator(content, self.mapping(latent, label)) for latent in latents]
        return ops.mean(diversity.mode_seeking_loss(*images, *latents))

    def _labels(self, batch):
        return batch['label'] if self.config.num_labels else None

    def _logits(self, batch, shared, training):
        """The discriminator's logits of the real and of the repainted pictures."""
        labels = self._labels(batch)
        pairs = ((batch['style'], shared['style_condition']),
                 (ops.stop_gradient(shared['fake']), shared['content_condition']))
        if training:
            pairs = [self._augmented(*pair) for pair in pairs]
        return tuple(self.discriminator(image, condition, labels, training=training) for image, condition in pairs)

    def _augmented(self, image, condition):
        """What the discriminator sees in training: the condition moves along with the image."""
        return (image, condition) if self.augmentation is None else self.augmentation(image, condition)

    def discriminator_losses(self, batch):
        """Paintings with their own content features are real, repainted photographs are fake."""
        real_logits, fake_logits = self._logits(batch, batch['shared'], training=True)
        real, fake = adversarial.discriminator_loss(self.config.adversarial_loss, real_logits,
                                                    fake_logits)
        hits = self._hits(real_logits, fake_logits)
        return PhaseResult({'real': ops.mean(real), 'fake': ops.mean(fake)},
                           measures={'accuracy': ops.mean(0.5 * sum(hits)), 'real_accuracy': ops.mean(hits[0])})

    def after_step(self, logs):
        follow(self.augmentation, logs)

    def _hits(self, real_logits, fake_logits):
        """1 for each real picture [B] taken for real, and for each fake one taken for fake, else 0."""
        # Least squares puts real at 1 and fake at 0; the other losses' boundary is 0.
        boundary = 0.5 if self.config.adversarial_loss == 'least_squares' else 0.0
        real = ops.mean(ops.cast(real_logits, 'float32'), axis=(1, 2, 3)) > boundary
        fake = ops.mean(ops.cast(fake_logits, 'float32'), axis=(1, 2, 3)) <= boundary
        return ops.cast(real, 'float32'), ops.cast(fake, 'float32')

    def r1_losses(self, batch):
        """R1 on real pictures, scaled by its interval (Mescheder et al. 2018)."""
        condition = self._condition(self.perceptual(batch['style']))
        labels = self._labels(batch)
        penalty = penalties.r1_penalty(
            lambda image: self.discriminator(*self._augmented(image, condition), labels), batch['style'])
        return {'penalty': 0.5 * self.config.r1_weight * self.config.r1_every * ops.mean(penalty)}

    # Pictures and numbers.

    def stylize(self, content, code):
        """Content [B, H, W, 3] in [-1, 1] and codes [B, D] -> images, by the averaged weights."""
        return self.average('generator')(content, code)

    def sample_grid(self, batch) -> dict:
        """Photographs down, styles across; the last column is styled by noise."""
        contents, styles = batch['content'], batch['style']
        count = contents.shape[0]
        codes = self.encode_style(styles, average=True)
        latents = keras.random.normal((1, self.config.latent_size), seed=1)
        codes = ops.concatenate([codes, self.average('mapping')(latents)], axis=0)
        header = [None] + [ops.convert_to_numpy(style) for style in styles] + [None]
        rows = [header]
        for index in range(count):
            repeated = ops.repeat(contents[index:index + 1], codes.shape[0], axis=0)
            painted = ops.convert_to_numpy(self.stylize(repeated, codes))
            rows.append([ops.convert_to_numpy(contents[index]), *painted])
        return {'rows': rows, 'row_labels': None,
                'column_labels': ['content'] + [f'style {i + 1}' for i in range(len(styles))]
                + ['noise']}

    def evaluate_batch(self, batch) -> dict:
        """Held-out numbers of each example; `objective` is alpha content + beta style."""
        config = self.config
        content_maps = self.perceptual(batch['content'])
        style_maps = self.perceptual(batch['style'])
        codes = self.encode_style(batch['style'], style_maps, average=True)
        fake = self.stylize(batch['content'], codes)
        maps = self.perceptual(fake)
        content = perceptual.content_loss(self._content_maps(maps),
                                          self._content_maps(content_maps), config.content_layers)
        style = perceptual.gram_style_loss(maps, style_maps, config.style_layers)
        numbers = {'content_loss': content, 'style_loss': style,
                   'objective': config.content_weight * content + config.style_weight * style}
        if config.adversarial_weight:
            shared = {'fake': fake, 'content_condition': self._condition(content_maps),
                      'style_condition': self._condition(style_maps)}
            hits = self._hits(*self._logits(batch, shared, training=False))
            numbers.update(discriminator_accuracy=0.5 * sum(hits), discriminator_real_accuracy=hits[0])
        numbers['luminance_likeness'] = reconstruction.luminance_likeness(batch['content'], fake)
        return numbers

    def draw_batch(self, batch, codes=None):
        """Each content in the style beside it."""
        return self.stylize(batch['content'], self.encode_style(batch['style'], average=True))

    def variety_batch(self, batch):
        """One photograph in the styles of the batch, against the style pictures."""
        if int(self.step.numpy()) < self.first_painting_step:
            return None
        content = ops.repeat(ops.convert_to_tensor(batch['content'][:1]), len(batch['style']), axis=0)
        return self.stylize(content, self.encode_style(batch['style'], average=True)), batch['style']

    def variety_features(self, images):
        """Means and deviations of the style layers' features."""
        maps = self.perceptual(images)
        return [ops.concatenate(instance_statistics(maps[name]), axis=-1)[:, 0, 0] for name in self.config.style_layers]

    def signatures(self) -> dict:
        return stylization_signatures(self)

    def litert_functions(self) -> tuple[dict, dict]:
        return litert_functions(self)

    def model_card(self) -> dict:
        config = self.config
        networks = sorted({config.perceptual, config.style_encoder} - {'learned'})
        return {'purpose': 'Repaints photographs in the style of a picture, a class or noise, '
                           'keeping their content.',
                'architecture': f'StyleGAN2-type modulated synthesis, {config.levels} levels of '
                                f'{config.width_channels} to {config.max_channels} channels, '
                                f'{config.residual_blocks} residual blocks, style code of '
                                f'{config.code_size}',
                'perceptual_networks': networks}


def _halved(image):
    return ops.average_pool(image, 2, strides=2)


def _without(values, indices):
    """`values` [B, ...] without the examples at `indices`; None stays None."""
    if values is None or not indices:
        return values
    return ops.take(values, [index for index in range(values.shape[0]) if index not in indices], axis=0)
