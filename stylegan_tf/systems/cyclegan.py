"""Translation between two sets of pictures, A ('content') and B ('style'), such as photographs and paintings.

Three methods, one system (`CycleGANConfig.method`):

    cycle        two generators, A -> B and B -> A, each of which must undo the other (CycleGAN)
    contrastive  one generator A -> B; each patch of the result must be known by the patch it came from (CUT, and
                 without the identity term FastCUT), at about half the cost
    paired       one generator; every picture of A has its wanted result in B (pix2pix)

All with a discriminator of patches, a history of earlier results, and guards of structure and brightness; a perceptual
style term (AnimeGAN) shortens the way to strokes and palette. The weights are in `CycleGANConfig`.
"""

from __future__ import annotations

import keras
from keras import ops

from stylegan_tf.layers.history import PictureHistory
from stylegan_tf.losses import adversarial, contrastive, penalties, perceptual, reconstruction
from stylegan_tf.networks import features
from stylegan_tf.networks.patch_projector import PatchProjector
from stylegan_tf.networks.patchgan import PatchDiscriminator
from stylegan_tf.networks.resnet import ResnetGenerator
from stylegan_tf.networks.unet import UNet
from stylegan_tf.systems.accumulation import spread_out
from stylegan_tf.systems.augmentation import follow, make_augmentation
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.systems.system import System, computing_in
from stylegan_tf.systems.translation_signatures import translation_signatures

LARGEST = 0.98  # inputs are scaled to this before their tanh is undone, which would be infinite at 1
NORM_STEPS = 10  # of the discriminators' power iterations before the first step
UNET_GAIN = 10.0  # a U-Net's answers start small
_ARCHITECTURES = {'cycle': 'CycleGAN', 'contrastive': 'CUT', 'paired': 'pix2pix'}


class CycleGAN(System):
    """Trains translators between the pictures of two domains.

    Args:
        config: `CycleGANConfig`.
    Source: Zhu et al. 2017 (CycleGAN), Park et al. 2020 (CUT), Isola et al. 2017 (pix2pix); the style term as in
    Chen et al. 2020 (AnimeGAN).
    """

    roles = ('content', 'style')
    reference_role = 'style'

    def __init__(self, config):
        super().__init__(config)
        self.is_cycle = config.method == 'cycle'
        with computing_in(config.precision):
            self._make_networks(config)
        self.noise = keras.random.SeedGenerator(0, name='noise')
        self._make_phases(config)
        self._build_networks(config)
        self.finish()

    def _make_networks(self, config):
        def generator(name):
            if config.generator == 'unet':
                return UNet(config.unet_channels, name=name)
            return ResnetGenerator(config.generator_channels, config.generator_blocks, name=name)

        def discriminator(name):
            return PatchDiscriminator(config.discriminator_channels, config.discriminator_layers,
                                      use_spectral_norm=config.discriminator_spectral_norm, name=name)

        directions = ('', '_back') if self.is_cycle else ('',)
        for direction in directions:
            for name, make in (('generator', generator), ('discriminator', discriminator)):
                self.networks[name + direction] = make(name + direction)
            if config.generator_optimizer.ema_decay:
                self.twins[f'generator{direction}'] = generator(f'generator{direction}_ema')
        self.generator, self.discriminator = self.networks['generator'], self.networks['discriminator']
        self.projector = None
        if config.method == 'contrastive':
            self.projector = self.networks['projector'] = PatchProjector(config.contrastive_units, name='projector')
        self.perceptual = None
        if config.style_weight:
            self.perceptual = features.load(config.perceptual, config.style_layers, dtype=config.perceptual_dtype)
        self.augmentation = make_augmentation(config)
        if self.augmentation is not None:
            self.extra_state.update(self.augmentation.state())
        self.histories = {f'fake{direction}': PictureHistory(config.history, name=f'history{direction}')
                          for direction in directions if config.history}

    def _make_phases(self, config):
        self.make_optimizers('generator_optimizer', 'discriminator_optimizer')
        judges = tuple(network for name, network in self.networks.items() if name.startswith('discriminator'))
        painters = tuple(network for network in self.networks.values() if network not in judges)
        phases = [Phase('generator', self.generator_losses, painters, self.generator_optimizer),
                  Phase('discriminator', self.discriminator_losses, judges, self.discriminator_optimizer)]
        if config.r1_weight:
            phases.append(Phase('r1', self.r1_losses, judges, self.discriminator_optimizer, every=config.r1_every))
        self.phases = tuple(phases)

    def _build_networks(self, config):
        image = ops.zeros((1, config.height, config.width, 3))
        for name, network in self.networks.items():
            if name.startswith('generator'):
                network(image)
                if config.starts_from_content:
                    network.out.kernel.assign(ops.zeros(network.out.kernel.shape))
            elif name.startswith('discriminator'):
                network(self._judged(image, image))
                # The norms of fresh kernels are guesses, by which the first logits would be tens of times too large.
                small = self._judged(ops.zeros((1, 32, 32, 3)), ops.zeros((1, 32, 32, 3)))
                for _ in range(NORM_STEPS if config.discriminator_spectral_norm else 0):
                    network(small, training=True)
        for twin in self.twins.values():
            twin(image)
        if self.projector is not None:
            self.projector(self._contrasted(image), ops.zeros((config.contrastive_patches,)))
        for history in self.histories.values():
            history.build((None, config.height, config.width, 3))
            self.extra_state.update(history.state())

    def training_stream(self, sources, size, seed):
        if self.config.method != 'paired':
            return super().training_stream(sources, size, seed)
        from stylegan_tf.data.paired_stream import PairedStream
        return PairedStream(sources, size, self.config.augmentation('content'), seed)

    def held_out_stream(self, sources, size, seed):
        if self.config.method != 'paired':
            return super().held_out_stream(sources, size, seed)
        from stylegan_tf.data.paired_stream import PairedStream
        return PairedStream(sources, size, seed=seed)

    # Pictures.

    def translate(self, image, direction: str = '', *, average=True, statistics=None):
        """Pictures of one domain as pictures of the other.

        Args:
            image: Float [B, H, W, 3] in [-1, 1].
            direction: '' for A -> B, '_back' for B -> A.
            average: Whether the averaged weights are used.
            statistics: As of `ResnetGenerator`, or None.
        Returns:
            float32 [B, H, W, 3] in [-1, 1].
        """
        name = f'generator{direction}'
        network = self.average(name) if average else self.networks[name]
        change = network(image) if statistics is None else network(image, statistics)
        return ops.clip(self._bounded(change, image), -1.0, 1.0)

    def _painted(self, image, direction=''):
        return self._bounded(self.networks[f'generator{direction}'](image), image)

    def _bounded(self, change, image):
        change = ops.cast(change, 'float32') * (UNET_GAIN if self.config.generator == 'unet' else 1.0)
        if not self.config.starts_from_content:
            return ops.tanh(change)
        # A change of 0 gives the picture itself, and no change leaves the range by more than 1 / LARGEST.
        start = ops.arctanh(LARGEST * ops.clip(ops.cast(image, 'float32'), -1.0, 1.0))
        return ops.tanh(start + change) / LARGEST

    def _judged(self, image, content):
        """What a discriminator is shown: of pairs, the picture beside what it was made of."""
        return ops.concatenate([image, content], axis=-1) if self.config.method == 'paired' else image

    def _logits(self, direction, image, content, *, is_augmented=True, training=False):
        if is_augmented and self.augmentation is not None:
            image, content = self.augmentation(image, content if self.config.method == 'paired' else None)
        return self.networks[f'discriminator{direction}'](self._judged(image, content), training=training)

    # What generators are trained by.

    def generator_losses(self, batch):
        """Adversarial, and what keeps the content: cycle and identity, contrast, or the wanted picture; and guards."""
        config, content, style = self.config, batch['content'], batch['style']
        known = {'cycle': self._cycle_terms, 'contrastive': self._contrastive_terms, 'paired': self._paired_terms}
        terms, shared = known[config.method](content, style)
        terms['adversarial'] = config.adversarial_weight * self._fooled('', shared['fake'], content)
        self._add_guards(terms, '', shared['fake'], content)
        self._add_style(terms, '', shared['fake'], style)
        if self.is_cycle:
            terms['adversarial_back'] = config.adversarial_weight * self._fooled('_back', shared['fake_back'], style)
            self._add_guards(terms, '_back', shared['fake_back'], style)
            self._add_style(terms, '_back', shared['fake_back'], content)
        return PhaseResult(terms, shared=shared)

    def _fooled(self, direction, fake, content):
        return ops.mean(adversarial.generator_loss(self.config.adversarial_loss,
                                                   self._logits(direction, fake, content)))

    def _add_guards(self, terms, direction, fake, content):
        for name, loss in (('structure', reconstruction.edge_loss), ('luminance', reconstruction.inversion_loss)):
            weight = getattr(self.config, f'{name}_weight')
            if weight:
                terms[name + direction] = weight * ops.mean(loss(fake, content))
        if self.config.total_variation_weight:
            terms[f'total_variation{direction}'] = self.config.total_variation_weight * ops.mean(
                reconstruction.total_variation_loss(fake))

    def _add_style(self, terms, direction, fake, domain):
        """Each result against the mean Gram matrices of the batch's pictures of its domain: a look, not one picture."""
        if self.perceptual is None:
            return
        distances = []
        fake_maps, maps = self.perceptual(fake), self.perceptual(domain)
        for layer in self.config.style_layers:
            wanted = ops.mean(perceptual.gram_matrix(maps[layer]), axis=0, keepdims=True)
            distances.append(perceptual.relative_gram_distance(
                perceptual.gram_matrix(fake_maps[layer]), ops.stop_gradient(wanted)))
        # Far from the domain a distance of many times its size would drown the rest.
        terms[f'style{direction}'] = self.config.style_weight * ops.mean(ops.log1p(sum(distances) / len(distances)))

    def _cycle_terms(self, content, style):
        config, terms, made = self.config, {}, {}
        for direction, image, target in (('', content, style), ('_back', style, content)):
            seen, count = image, image.shape[0]
            chosen = spread_out(count, config.identity_share) if config.identity_weight else []
            if chosen:  # pictures of the target domain in the same pass
                seen = ops.concatenate([image, ops.take(target, chosen, axis=0)], axis=0)
            painted = self._painted(seen, direction)
            made[direction] = painted[:count]
            if chosen:
                terms[f'identity{direction}'] = config.identity_weight * ops.mean(
                    reconstruction.identity_loss(painted[count:], seen[count:]))
        for direction, image, other in (('', content, '_back'), ('_back', style, '')):
            terms[f'cycle{direction}'] = config.cycle_weight * ops.mean(
                reconstruction.l1_loss(self._painted(made[direction], other), image))
        return terms, {'fake': made[''], 'fake_back': made['_back']}

    def _contrastive_terms(self, content, style):
        config, count = self.config, content.shape[0]
        has_identity = config.identity_weight > 0
        seen = ops.concatenate([content, style], axis=0) if has_identity else content
        maps = self.generator.encode(seen)
        painted = self._bounded(self.generator.decode(maps), seen)
        losses = self._contrast(painted, self._chosen(seen, maps))
        terms = {'contrast': config.contrastive_weight * ops.mean(losses[:count])}
        if has_identity:
            terms['identity'] = config.identity_weight * ops.mean(losses[count:])
        return terms, {'fake': painted[:count]}

    def _contrast(self, painted, maps):
        """Patch NCE of pictures [B, H, W, 3] against the maps of what they were made of, float32 [B]."""
        draws = keras.random.uniform((self.config.contrastive_patches,), seed=self.noise)
        keys = self.projector(maps, draws)
        queries = self.projector(self._contrasted(painted), draws)
        losses = [contrastive.patch_nce_loss(query, key, temperature=self.config.contrastive_temperature)
                  for query, key in zip(queries, keys)]
        return sum(losses) / float(len(losses))

    def _contrasted(self, image):
        layers = self.config.contrastive_layers
        return self._chosen(image, self.generator.encode(image, max(layers)) if max(layers) else [])

    def _chosen(self, image, maps):
        return [image if layer == 0 else maps[layer - 1] for layer in self.config.contrastive_layers]

    def _paired_terms(self, content, style):
        fake = self._painted(content)
        return {'l1': self.config.paired_weight * ops.mean(reconstruction.l1_loss(fake, style))}, {'fake': fake}

    # What discriminators are trained by.

    def hand_on(self, phase, shared, replica):
        """Shows the discriminators earlier results in place of some new ones."""
        if phase != 'generator' or not self.histories:
            return shared
        return {**shared, **{name: self._shown(history, shared[name], replica)
                             for name, history in self.histories.items()}}

    def _shown(self, history, pictures, replica):
        own, replicas = pictures.shape[0], self.replica_count
        if replicas == 1:
            return history(pictures)
        # Every replica keeps the same history, of the whole batch: each lays its pictures in its place.
        places = ops.cast(ops.arange(replicas) == replica, 'float32')[:, None, None, None, None]
        together = self.mean_over_replicas(places * pictures[None]) * float(replicas)
        shown = history(ops.reshape(together, (replicas * own, *pictures.shape[1:])))
        return ops.take(ops.reshape(shown, (replicas, own, *pictures.shape[1:])), replica, axis=0)

    def _judgements(self, batch, fakes, training=True):
        """(direction, logits of real pictures, logits of made ones) of each discriminator."""
        sides = [('', batch['style'], batch['content'])]
        if self.is_cycle:
            sides.append(('_back', batch['content'], batch['style']))
        for direction, real, content in sides:
            fake = ops.stop_gradient(fakes[f'fake{direction}'])
            yield direction, *(self._logits(direction, image, content, is_augmented=training, training=training)
                               for image in (real, fake))

    def discriminator_losses(self, batch):
        """Pictures of the domain are real, translated ones are fake."""
        terms, hits = {}, []
        for direction, real_logits, fake_logits in self._judgements(batch, batch['shared']):
            real, fake = adversarial.discriminator_loss(self.config.adversarial_loss, real_logits, fake_logits)
            terms.update({f'real{direction}': ops.mean(real), f'fake{direction}': ops.mean(fake)})
            hits.append(self._hits(real_logits, fake_logits))
        real_hits = sum(ops.mean(real) for real, _ in hits) / len(hits)
        fake_hits = sum(ops.mean(fake) for _, fake in hits) / len(hits)
        return PhaseResult(terms, measures={'accuracy': 0.5 * (real_hits + fake_hits), 'real_accuracy': real_hits})

    def _hits(self, real_logits, fake_logits):
        """1 for each real picture [B] taken for real, and for each made one taken for made, else 0."""
        # Least squares puts real at 1 and fake at 0; the other losses' boundary is 0.
        boundary = 0.5 if self.config.adversarial_loss == 'least_squares' else 0.0
        real, fake = (ops.mean(ops.cast(logits, 'float32'), axis=(1, 2, 3)) for logits in (real_logits, fake_logits))
        return ops.cast(real > boundary, 'float32'), ops.cast(fake <= boundary, 'float32')

    def r1_losses(self, batch):
        """R1 on real pictures, scaled by its interval (Mescheder et al. 2018)."""
        sides = [('', batch['style'], batch['content'])]
        if self.is_cycle:
            sides.append(('_back', batch['content'], batch['style']))
        penalty = sum(ops.mean(penalties.r1_penalty(
            lambda image, direction=direction, content=content: self._logits(direction, image, content), real))
            for direction, real, content in sides)
        return {'penalty': 0.5 * self.config.r1_weight * self.config.r1_every * penalty}

    def after_step(self, logs):
        follow(self.augmentation, logs)

    # Pictures and numbers to look at.

    def sample_grid(self, batch):
        """Each picture beside its translations, and those of the other domain likewise."""
        content, style = (ops.convert_to_tensor(batch[role]) for role in self.roles)
        painted = self.translate(content)
        columns = {'A': content, 'A to B': painted, 'B': style}
        if self.is_cycle:
            back = self.translate(style, '_back')
            columns = {'A': content, 'A to B': painted, 'and back': self.translate(painted, '_back'),
                       'B': style, 'B to A': back, 'and back ': self.translate(back)}
        elif self.config.method == 'contrastive':
            columns['B to B'] = self.translate(style)
        rows = [[ops.convert_to_numpy(picture) for picture in row] for row in zip(*columns.values())]
        return {'rows': rows, 'row_labels': None, 'column_labels': list(columns)}

    def evaluate_batch(self, batch):
        """Held-out numbers of the averaged weights, float32 [B] each: what of the content is left, in both directions.

        `luminance_likeness` below 0 means that outputs are negatives, of which the report warns.
        """
        content, style = (ops.convert_to_tensor(batch[role]) for role in self.roles)
        fakes, numbers = {'fake': self.translate(content)}, {}
        directions = [('', content)]
        if self.is_cycle:
            fakes['fake_back'] = self.translate(style, '_back')
            directions.append(('_back', style))
            numbers['cycle_error'] = reconstruction.l1_loss(self.translate(fakes['fake'], '_back'), content)
        for direction, image in directions:
            fake = fakes[f'fake{direction}']
            numbers[f'structure_likeness{direction}'] = reconstruction.structure_likeness(image, fake)
            numbers[f'luminance_likeness{direction}'] = reconstruction.luminance_likeness(image, fake)
        if self.config.method == 'paired':
            numbers['error'] = reconstruction.l1_loss(fakes['fake'], style)
        hits = [self._hits(real, fake) for _, real, fake in self._judgements(
            {'content': content, 'style': style}, fakes, training=False)]
        numbers['discriminator_accuracy'] = sum(0.5 * (real + fake) for real, fake in hits) / len(hits)
        numbers['discriminator_real_accuracy'] = sum(real for real, _ in hits) / len(hits)
        return numbers

    def draw_batch(self, batch, codes=None):
        """Each picture of A as one of B."""
        return self.translate(ops.convert_to_tensor(batch['content']))

    def variety_batch(self, batch):
        """Translated pictures against those of the domain that they should belong to."""
        return self.translate(ops.convert_to_tensor(batch['content'])), batch['style']

    def signatures(self):
        return translation_signatures(self)

    def model_card(self):
        config = self.config
        network = (f'ResNet generator of {config.generator_blocks} blocks and {config.generator_channels} channels'
                   if config.generator == 'resnet' else f'U-Net generator of {config.unet_channels} channels')
        return {'purpose': config.purpose or 'Translates pictures of one domain into another.', 'scale': 1,
                'directions': ['forward', 'back'] if self.is_cycle else ['forward'],
                'architecture': f'{_ARCHITECTURES[config.method]}: {network}, PatchGAN discriminator of '
                                f'{config.discriminator_layers} halvings',
                'perceptual_networks': [config.perceptual] if config.style_weight else []}
