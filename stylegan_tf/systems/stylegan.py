"""Pictures out of noise, and of a class where the data has classes: StyleGAN2, or the plain DCGAN.

Objectives (weights in `StyleGANConfig`):

    generator       adversarial + classification + diversity + (every 4 steps) path length
    discriminator   adversarial + classification + (every 16 steps) R1, or at each step the penalty of WGAN-GP

Where pictures grow, each size has phases of its own that end where the next size's begin.
"""

from __future__ import annotations

import functools

import keras
from keras import ops

from stylegan_tf.layers.resample import downsample_2d, upsample_2d
from stylegan_tf.losses import adversarial, diversity, penalties
from stylegan_tf.losses.classification import softmax_cross_entropy
from stylegan_tf.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from stylegan_tf.networks.projected_discriminator import ProjectedDiscriminator, ProjectedFeatures
from stylegan_tf.networks.stylegan import MappingNetwork, Synthesis, feature_map_sizes, truncate
from stylegan_tf.networks.stylegan_discriminator import Discriminator
from stylegan_tf.systems import growing
from stylegan_tf.systems.augmentation import follow, make_augmentation
from stylegan_tf.systems.generation_signatures import generation_signatures
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.systems.system import System, computing_in

SAMPLE_COLUMNS, LARGE_SAMPLE_COLUMNS = 8, 4  # noise of a sample grid; of pictures above LARGE_SIDE pixels
LARGE_SIDE = 128
SAMPLE_CLASSES = 12  # at most, one a row
VARIETY_SEED, SAMPLE_SEED, HELD_OUT_SEED = 1, 2, 3
NORM_STEPS = 8  # of the power iteration before the first step


class StyleGAN(System):
    """Trains a generator of pictures.

    Args:
        config: `StyleGANConfig`.
    Source: Karras et al. 2019 and 2020 (StyleGAN, StyleGAN2, StyleGAN2-ADA); Radford et al. 2016 (DCGAN); Gulrajani et
        al. 2017 (WGAN-GP); Odena et al. 2017 (AC-GAN); Karras et al. 2018 (progressive growing).
    """

    roles = ('image',)
    reference_role = 'image'

    def __init__(self, config):
        super().__init__(config)
        self.noise_size = config.latent_size
        self.noise_space = 'z' if config.architecture == 'dcgan' else 'w'
        self.sizes = feature_map_sizes(config.resolution)
        self.stages = growing.plan(self.sizes, config.growing_start, config.growing_steps)
        with computing_in(config.precision):
            self._make_networks(config)
        self.noise = keras.random.SeedGenerator(0, name='noise')
        self._make_state(config)
        self._make_phases(config)
        self._build_networks(config)
        self.finish()

    def _make_networks(self, config) -> None:
        widths = {'channel_base': config.channel_base, 'channel_max': config.channel_max}
        self.mapping = self.mapping_ema = None
        if config.architecture == 'dcgan':
            self.generator, self.generator_ema = (
                DCGANGenerator(config.resolution, config.latent_size, num_labels=config.num_labels, name=name, **widths)
                for name in ('generator', 'generator_ema'))
        else:
            self.mapping, self.mapping_ema = (
                MappingNetwork(config.latent_size, config.style_size, num_labels=config.num_labels, name=name,
                               num_layers=config.mapping_layers, lr_multiplier=config.mapping_learning_rate)
                for name in ('mapping', 'mapping_ema'))
            self.generator, self.generator_ema = (Synthesis(config.resolution, name=name, **widths)
                                                  for name in ('generator', 'generator_ema'))
        self.projected_features = None
        if config.discriminator_features:
            self.projected_features = ProjectedFeatures(config.discriminator_features, config.discriminator_channels)
        self.discriminator = self._make_discriminator(config, widths)
        self.painters = tuple(network for network in (self.mapping, self.generator) if network is not None)
        self.networks = {**{network.name: network for network in self.painters}, 'discriminator': self.discriminator}
        if config.generator_optimizer.ema_decay:
            self.twins = {network.name: getattr(self, f'{network.name}_ema') for network in self.painters}

    def _make_discriminator(self, config, widths):
        head = {'num_labels': config.num_labels if config.use_projection else 0,
                'num_classes': config.num_labels if config.classification_weight else 0}
        if config.discriminator_features:
            return ProjectedDiscriminator(config.discriminator_channels, head['num_labels'], name='discriminator')
        if config.architecture == 'dcgan':
            return DCGANDiscriminator(config.resolution, name='discriminator', **head, **widths)
        return Discriminator(
            config.resolution, group_size=config.group_size, statistics_channels=int(config.group_size > 1),
            grows=len(self.stages) > 1, name='discriminator', **head, **widths)

    def _make_state(self, config) -> None:
        self.augmentation = make_augmentation(config)
        if self.augmentation is not None:
            self.extra_state.update(self.augmentation.state())
        self.style_mean = self.path_length_mean = None
        if self.mapping is None:
            return
        variable = functools.partial(keras.Variable, dtype='float32', trainable=False,
                                     aggregation='only_first_replica')
        # One mean for each class: the mean of all classes would be a picture of none.
        shape = (max(1, config.num_labels), config.style_size)
        self.style_mean = variable(ops.zeros(shape), name='style_mean')
        self.extra_state['style_mean'] = self.style_mean
        if config.path_length_weight:
            self.path_length_mean = variable(0.0, name='path_length_mean')
            self.extra_state['path_length_mean'] = self.path_length_mean

    def _make_phases(self, config) -> None:
        self.make_optimizers('generator_optimizer', 'discriminator_optimizer')
        self.phases = tuple(phase for stage in self.stages for phase in self._stage_phases(config, stage))

    def _stage_phases(self, config, stage):
        def phase(name, losses, networks, **options):
            optimizer = self.discriminator_optimizer if networks == judges else self.generator_optimizer
            return Phase(self.phase_name(name, stage), functools.partial(losses, stage=stage), networks, optimizer,
                         first_step=stage.first_step, last_step=stage.last_step, **options)

        judges = (self.discriminator,)
        yield phase('generator', self.generator_losses, self.painters,
                    repeats=config.generator_optimizer.steps_per_round)
        if self.path_length_mean is not None:
            yield phase('path_length', self.path_length_losses, self.painters, every=config.path_length_every)
        yield phase('discriminator', self.discriminator_losses, judges,
                    repeats=config.discriminator_optimizer.steps_per_round)
        if config.r1_weight and not self.is_wasserstein:
            yield phase('r1', self.r1_losses, judges, every=config.r1_every)

    def phase_name(self, name: str, stage) -> str:
        """Name of a stage's phase: 'generator', or 'generator_16' where pictures grow."""
        return name if len(self.stages) == 1 else f'{name}_{min(stage.size)}'

    def _build_networks(self, config) -> None:
        latent, label = ops.zeros((1, config.latent_size)), ops.zeros((1,), 'int32')
        for mapping, generator in ((self.mapping, self.generator), (self.mapping_ema, self.generator_ema)):
            if mapping is None:
                generator(latent, label)
            else:
                generator(mapping(latent, label))
        image = ops.zeros((1, config.height, config.width, 3))
        self._judged(image, label)
        if self.projected_features is not None:
            # The norms of fresh kernels are guesses, by which the first logits would be tens of times too large.
            for _ in range(NORM_STEPS):
                self._judged(image, label, training=True)

    # Pieces of the objective.

    @property
    def is_wasserstein(self) -> bool:
        return self.config.adversarial_loss == 'wasserstein'

    def _labels(self, batch):
        return batch['label'] if self.config.num_labels else None

    def _latents(self, count):
        return keras.random.normal((count, self.config.latent_size), seed=self.noise)

    def _codes(self, latents, labels):
        """Codes of noise [B, D], or [B, num_styles, D] where some are mixed with those of other noise."""
        count, codes = latents.shape[0], self.mapping(latents, labels)
        self._follow_style_mean(codes, labels)
        if not self.config.style_mixing:
            return codes
        others = self.mapping(self._latents(count), labels)
        layers, draws = self.generator.num_styles, keras.random.uniform((count, 2), seed=self.noise)
        crossover = 1.0 + ops.floor(draws[:, 0] * (layers - 1))
        crossover = ops.where(draws[:, 1] < self.config.style_mixing, crossover, float(layers))
        is_own = ops.arange(layers, dtype='float32')[None] < crossover[:, None]
        return ops.where(is_own[:, :, None], codes[:, None], others[:, None])

    def _follow_style_mean(self, codes, labels) -> None:
        decay, classes = self.config.style_mean_decay, self.style_mean.shape[0]
        if labels is None:
            labels = ops.zeros((ops.shape(codes)[0],), 'int32')
        rows = ops.one_hot(ops.cast(labels, 'int32'), classes, dtype='float32')
        counts = ops.sum(rows, axis=0)[:, None]
        means = ops.matmul(ops.transpose(rows), ops.stop_gradient(codes)) / ops.maximum(counts, 1.0)
        kept = decay ** counts  # 1 where the class is not in the batch
        self.style_mean.assign(kept * self.style_mean.value + (1.0 - kept) * means)

    def _fakes(self, batch, stage):
        """Pictures [B, h, w, 3] in the size of a stage, for the classes of the batch, and their noise [B, Z]."""
        latents, labels = self._latents(batch['image'].shape[0]), self._labels(batch)
        if self.mapping is None:
            return self.generator(latents, labels, training=True), latents
        return self.generator(self._codes(latents, labels), shares=self._shares(stage), training=True), latents

    def _shares(self, stage):
        if len(self.stages) == 1:
            return None
        return [*[None] * stage.index, stage.share(self.step)]

    def _reals(self, batch, stage):
        """The pictures of the batch in the size of a stage; what is faded in there is faded in here too."""
        image, share = batch['image'], stage.share(self.step)
        for _ in range(stage.halvings):
            image = downsample_2d(image)
        if share is None:
            return image
        blurred = upsample_2d(downsample_2d(image))
        return blurred + share * (image - blurred)

    def _judged(self, image, labels, stage=None, *, training=False):
        """(logits [B], class logits [B, K] or None) of pictures; logits [B, N] where features are projected."""
        if self.projected_features is not None:
            return self.discriminator(self.projected_features(image), labels, training=training), None
        share = None if stage is None else stage.share(self.step)
        judgement = self.discriminator(image, labels) if share is None else self.discriminator(
            image, labels, share=share)
        return judgement if isinstance(judgement, tuple) else (judgement, None)

    def _augmented(self, image):
        return image if self.augmentation is None else self.augmentation(image)[0]

    # Phases.

    def generator_losses(self, batch, stage):
        """Pictures that are taken for real, and for one of their class."""
        config, labels = self.config, self._labels(batch)
        fake, latents = self._fakes(batch, stage)
        logits, classes = self._judged(self._augmented(fake), labels, stage)
        terms = {'adversarial': ops.mean(adversarial.generator_loss(config.adversarial_loss, logits))}
        if classes is not None:
            terms['classification'] = config.classification_weight * ops.mean(softmax_cross_entropy(classes, labels))
        if config.diversity_weight:
            terms['diversity'] = config.diversity_weight * self._diversity_term(fake, latents, labels)
        return PhaseResult(terms, shared={'fake': fake})

    def _diversity_term(self, fake, latents, labels):
        """Mode seeking between each picture of a class and the next one of that class in the batch."""
        places = ops.arange(fake.shape[0], dtype='int32')
        keys = ops.zeros_like(places) if labels is None else ops.cast(labels, 'int32')
        order = ops.argsort(keys * fake.shape[0] + places)
        first, second = order[:-1], order[1:]
        is_pair = ops.cast(ops.take(keys, first) == ops.take(keys, second), 'float32')
        losses = diversity.mode_seeking_loss(*(ops.take(what, places, axis=0) for what in (fake, latents)
                                               for places in (first, second)))
        return ops.sum(is_pair * losses) / ops.maximum(ops.sum(is_pair), 1.0)

    def path_length_losses(self, batch, stage):
        """Equally large steps in w change the picture equally much (Karras et al. 2020, equation 4)."""
        config = self.config
        count = max(1, batch['image'].shape[0] // 2)  # half the batch is enough, appendix B there
        labels = None if not config.num_labels else self._labels(batch)[:count]
        codes = self.mapping(self._latents(count), labels)
        noise = keras.random.normal((count, *stage.size, 3), seed=self.noise)
        lengths = penalties.path_lengths(
            lambda styles: self.generator(styles, shares=self._shares(stage), training=True), codes, noise)
        mean = self.path_length_mean.value
        mean = mean + config.path_length_decay * (ops.mean(ops.stop_gradient(lengths)) - mean)
        self.path_length_mean.assign(mean)
        penalty = config.path_length_weight * config.path_length_every * ops.mean(ops.square(lengths - mean))
        return PhaseResult({'penalty': penalty}, measures={'length': ops.mean(lengths)})

    def discriminator_losses(self, batch, stage):
        """Real pictures apart from generated ones; the classes of the real ones."""
        config, labels = self.config, self._labels(batch)
        is_repeated = config.discriminator_optimizer.steps_per_round > 1
        fake = ops.stop_gradient(self._fakes(batch, stage)[0] if is_repeated else batch['shared']['fake'])
        real, fake = self._augmented(self._reals(batch, stage)), self._augmented(fake)
        real_logits, classes = self._judged(real, labels, stage, training=True)
        fake_logits, _ = self._judged(fake, labels, stage, training=True)
        real_term, fake_term = adversarial.discriminator_loss(config.adversarial_loss, real_logits, fake_logits)
        terms = {'real': ops.mean(real_term), 'fake': ops.mean(fake_term)}
        if classes is not None:
            # Not of generated ones, unlike the paper: classes drawn wrongly would be learnt as right.
            terms['classification'] = config.classification_weight * ops.mean(softmax_cross_entropy(classes, labels))
        if self.is_wasserstein:
            mix = keras.random.uniform((real.shape[0],), seed=self.noise)
            terms['penalty'] = config.gradient_penalty_weight * ops.mean(penalties.gradient_penalty(
                lambda image: self._judged(image, labels, stage)[0], real, fake, mix))
        return PhaseResult(terms, measures=self._measures(real_logits, fake_logits))

    def _measures(self, real_logits, fake_logits):
        if self.is_wasserstein:  # a critic's logits have no boundary between real and fake
            return {'distance': ops.mean(real_logits) - ops.mean(fake_logits)}
        hits = self._hits(real_logits, fake_logits)
        return {'accuracy': ops.mean(0.5 * sum(hits)), 'real_accuracy': ops.mean(hits[0])}

    def _hits(self, real_logits, fake_logits):
        """Share of a real picture's logits that take it for real [B], and of a fake one's that take it for fake [B]."""
        boundary = 0.5 if self.config.adversarial_loss == 'least_squares' else 0.0
        hits = ops.cast(real_logits > boundary, 'float32'), ops.cast(fake_logits <= boundary, 'float32')
        return hits if len(real_logits.shape) == 1 else tuple(ops.mean(hit, axis=-1) for hit in hits)

    def r1_losses(self, batch, stage):
        """R1 on real pictures, scaled by its interval (Mescheder et al. 2018)."""
        labels = self._labels(batch)
        penalty = penalties.r1_penalty(
            lambda image: self._judged(self._augmented(image), labels, stage)[0], self._reals(batch, stage))
        return {'penalty': 0.5 * self.config.r1_weight * self.config.r1_every * ops.mean(penalty)}

    def after_step(self, logs):
        if len(self.stages) > 1:  # the accuracy under one name, whatever the size
            for stage in self.stages:
                prefix = f'{self.phase_name("discriminator", stage)}/'
                logs.update({f'discriminator/{name}': logs[prefix + name] for name in ('accuracy', 'real_accuracy')
                             if prefix + name in logs})
        follow(self.augmentation, logs)

    # Pictures and numbers.

    def encode(self, latent, labels=None, truncation=1.0):
        """Noise [B, Z] and classes -> codes [B, D] by the averaged weights, pulled towards their class's mean."""
        codes = self.average('mapping')(latent, labels)
        if labels is None:
            return truncate(codes, self.style_mean.value[0], truncation)
        return truncate(codes, ops.take(self.style_mean.value, labels, axis=0), truncation)

    def decode(self, codes):
        """Codes [B, D] or [B, num_styles, D] -> pictures of the full size, unbounded, by the averaged weights."""
        return self.average('generator')(codes, shares=growing.shares(self.stages, len(self.sizes), self.step))

    def generate(self, latent, labels=None, truncation=1.0):
        """Noise [B, Z] and classes -> pictures float32 [B, H, W, 3], unbounded, by the averaged weights.

        Args:
            latent: Of the normal distribution.
            labels: Integers [B], each a class; None where the model has none.
            truncation: From 0 (the mean picture) to 1, a number or [B]; DCGAN, which has no w, shrinks the noise.
        """
        if self.mapping is None:
            return self.average('generator')(truncate(latent, ops.zeros_like(latent), truncation), labels)
        return self.decode(self.encode(latent, labels, truncation))

    def _drawn(self, count, labels, seed):
        latent = keras.random.normal((count, self.config.latent_size), seed=seed)
        return ops.clip(self.generate(latent, labels), -1.0, 1.0)

    def sample_grid(self, batch) -> dict:
        """The same noise across; classes down, and last the mean picture of each."""
        config = self.config
        classes = list(range(min(SAMPLE_CLASSES, config.num_labels))) or [None] * 5
        columns = SAMPLE_COLUMNS if min(self.sizes[-1]) <= LARGE_SIDE else LARGE_SAMPLE_COLUMNS
        rows = []
        for index, label in enumerate(classes):
            seed = SAMPLE_SEED if label is not None else SAMPLE_SEED + index
            latent = keras.random.normal((columns, config.latent_size), seed=seed)
            latent = ops.concatenate([latent, latent[:1]], axis=0)
            labels = None if label is None else ops.full((columns + 1,), label, 'int32')
            truncation = ops.convert_to_tensor([1.0] * columns + [0.0], 'float32')
            pictures = ops.convert_to_numpy(ops.clip(self.generate(latent, labels, truncation), -1.0, 1.0))
            rows.append(list(pictures))
        names = [config.label_names[label] for label in classes] if config.num_labels else None
        return {'rows': rows, 'row_labels': names, 'column_labels': [''] * columns + ['mean']}

    def evaluate_batch(self, batch) -> dict:
        """What the discriminator makes of held-out pictures; nothing where pictures grow, and it judges other sizes."""
        if len(self.stages) > 1:
            return {}
        labels = self._labels(batch)
        fake = self._drawn(batch['image'].shape[0], labels, HELD_OUT_SEED)
        real_logits, classes = self._judged(batch['image'], labels)
        fake_logits, fake_classes = self._judged(fake, labels)
        if self.is_wasserstein:
            numbers = {'critic_distance': real_logits - fake_logits}
        else:
            hits = self._hits(real_logits, fake_logits)
            numbers = {'discriminator_accuracy': 0.5 * sum(hits), 'discriminator_real_accuracy': hits[0]}
        if classes is not None:
            for name, logits in (('real', classes), ('fake', fake_classes)):
                right = ops.equal(ops.argmax(logits, axis=-1), ops.cast(labels, 'int32'))
                numbers[f'{name}_class_accuracy'] = ops.cast(right, 'float32')
        return numbers

    def encode_noise(self, batch, noise):
        return noise if self.mapping is None else self.encode(noise, self._label_tensor(batch))

    def draw_batch(self, batch, codes=None):
        """Pictures of codes, as `encode_noise` returns them, and of the classes of the batch."""
        if self.mapping is None:
            return self.average('generator')(codes, self._label_tensor(batch))
        return self.decode(codes)

    def _label_tensor(self, batch):
        labels = self._labels(batch)
        return None if labels is None else ops.convert_to_tensor(labels)

    def variety_batch(self, batch):
        """Pictures of the classes of the batch, against the batch."""
        labels = self._label_tensor(batch)
        if labels is None:
            return self._drawn(len(batch['image']), None, VARIETY_SEED), batch['image']
        return self._drawn(len(batch['image']), labels, VARIETY_SEED), batch['image'], batch['label']

    def signatures(self) -> dict:
        return generation_signatures(self)

    def model_card(self) -> dict:
        config = self.config
        facts = {'purpose': 'Draws pictures from noise' + (' and a class.' if config.num_labels else '.'),
                 'latent_size': config.latent_size,
                 'perceptual_networks': [config.discriminator_features] if config.discriminator_features else []}
        if self.mapping is None:
            return {**facts, 'architecture': 'DCGAN: transposed convolutions with batch normalisation'}
        widest, narrowest = (self.generator.blocks[index].channels for index in (0, -1))
        return {**facts, 'style_layers': self.generator.num_styles, 'style_size': config.style_size,
                'architecture': f'StyleGAN2: mapping network of {config.mapping_layers} layers, skip synthesis of '
                                f'{widest} to {narrowest} channels, ' + (
                                    f'discriminator of the features of {config.discriminator_features}'
                                    if config.discriminator_features else 'residual discriminator')}
