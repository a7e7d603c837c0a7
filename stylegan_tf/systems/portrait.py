"""Portraits in one look: its colours as a table, its texture and hand by a modulated generator.

The generator is that of style transfer (`networks.stylization`) for the codes of one look; the look, its codes and its
table, is part of the weights (`LookMemory`), so that painting needs no style picture. Objective of the generator
(weights in `PortraitConfig`):

    content + style + face + structure + identity + adversarial

where the style is that of the look as a whole, or, by a share drawn for each example, that of one of its pictures: the
codes in between then paint what lies in between. The critic (WGAN-GP) sees patches of the look against results.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from stylegan_tf.images import to_uint8
from stylegan_tf.layers.normalization import instance_statistics, without_statistics
from stylegan_tf.losses import adversarial, penalties, perceptual, reconstruction
from stylegan_tf.networks import features
from stylegan_tf.networks.look_memory import LookMemory
from stylegan_tf.networks.patchgan import PatchDiscriminator
from stylegan_tf.networks.stylization import StyleEncoder, StylizationGenerator
from stylegan_tf.systems import portrait_look, portrait_report
from stylegan_tf.systems.accumulation import spread_out
from stylegan_tf.systems.augmentation import follow, make_augmentation
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.systems.portrait_signatures import portrait_signatures
from stylegan_tf.systems.system import System, computing_in

SAMPLE_SEED = 1
SAMPLE_VARIATIONS = 3


class Portrait(System):
    """Trains a generator that repaints portraits in one look and keeps who they show.

    Args:
        config: `PortraitConfig`.
    Source: generator after Karras et al. 2020; critic after Gulrajani et al. 2017 (WGAN-GP); style by Gram matrices
        after Gatys et al. 2016; identity by the embedding of He et al. 2016 as dlib trained it.
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
        own_layers = {*config.style_layers, *config.content_layers, *config.face_layers}
        shared = config.style_encoder_layers if config.style_encoder == config.perceptual else ()
        self.perceptual = features.load(config.perceptual, tuple(sorted(own_layers | set(shared))),
                                        dtype=config.perceptual_dtype)
        self.style_features = self.perceptual if shared else features.load(
            config.style_encoder, config.style_encoder_layers, dtype=config.perceptual_dtype)
        self.identity = portrait_look.load_identity() if config.identity_weight else None

        def generator(name):
            return StylizationGenerator(config.width_channels, config.max_channels, config.levels,
                                        config.residual_blocks, name=name)

        self.generator, self.generator_ema = generator('generator'), generator('generator_ema')
        self.style_encoder = StyleEncoder(config.code_size, layers=config.style_encoder_layers, dtype='float32',
                                          name='style_encoder')
        self.style_encoder.trainable = False  # else what the look's codes stand for would move away from them
        self.look = LookMemory(config.code_size, config.variations, config.table_size, name='look')
        # The gradient of a critic, which its penalty needs, is too small for half precision.
        self.discriminator = PatchDiscriminator(config.discriminator_channels, config.discriminator_layers,
                                                dtype='float32' if self.is_wasserstein else None, name='discriminator')
        self.augmentation = make_augmentation(config)
        if self.augmentation is not None:
            self.extra_state.update(self.augmentation.state())
        self.networks = {'generator': self.generator, 'style_encoder': self.style_encoder, 'look': self.look,
                         'discriminator': self.discriminator}
        if config.generator_optimizer.ema_decay:
            self.twins = {'generator': self.generator_ema}

    def _make_phases(self, config) -> None:
        self.make_optimizers('generator_optimizer', 'discriminator_optimizer')
        painters, judges = (self.generator,), (self.discriminator,)
        warm = self.first_painting_step = -(-config.warmup_images // config.batch_size)
        phases = []
        if warm:
            phases.append(Phase('reconstruction', self.reconstruction_losses, painters, self.generator_optimizer,
                                last_step=warm))
        phases.append(Phase('generator', self.generator_losses, painters, self.generator_optimizer,
                            repeats=config.generator_optimizer.steps_per_round, first_step=warm))
        if config.adversarial_weight:
            phases.append(Phase('discriminator', self.discriminator_losses, judges, self.discriminator_optimizer,
                                repeats=config.discriminator_optimizer.steps_per_round, first_step=warm))
            if config.r1_weight and not self.is_wasserstein:
                phases.append(Phase('r1', self.r1_losses, judges, self.discriminator_optimizer,
                                    every=config.r1_every, first_step=warm))
        self.phases = tuple(phases)

    def _build_networks(self, config) -> None:
        image = ops.zeros((1, config.height, config.width, 3))
        self.face_prior = portrait_look.face_prior(config.height, config.width)
        code = self.encode_style(image)
        for generator in (self.generator, self.generator_ema):
            generator(image, code)
        self.discriminator(image)

    @property
    def is_wasserstein(self) -> bool:
        return self.config.adversarial_loss == 'wasserstein'

    # The look.

    def begin(self, sources, note=print) -> None:
        """Learns the look's codes, and with `color_path` its colours, from the training pictures."""
        self.look.remember(codes=portrait_look.codes_of(self, sources['style']))
        if self.config.color_path:
            note('fitting the table of the look\'s colours')
            self.look.remember(table=portrait_look.fit_table(sources, self.config))

    def training_stream(self, sources, size, seed):
        from stylegan_tf.data.portrait_stream import PortraitStream
        return PortraitStream(sources, size, {role: self.config.augmentation(role) for role in sources}, seed)

    def held_out_stream(self, sources, size, seed):
        from stylegan_tf.data.portrait_stream import PortraitStream
        return PortraitStream(sources, size, seed=seed)

    def encode_style(self, style):
        """Pictures [B, H, W, 3] in [-1, 1] -> their codes [B, D]."""
        return self.style_encoder(style, self.style_features(style))

    def look_codes(self, count: int):
        """The look's mean code, [count, D]."""
        return self.look(ops.zeros((count, self.config.variations)))

    def stylize(self, content, code, texture: float = 1.0):
        """Portraits in the look, by the averaged weights.

        Args:
            content: [B, H, W, 3] in [-1, 1].
            code: [B, D]: `look_codes`, or others of this look.
            texture: From 0 (the look's colours alone) to 1 (its texture and hand too).
        Returns:
            float32 [B, H, W, 3] in [-1, 1].
        """
        graded = self.look.graded(content)
        if not texture:
            return graded
        return graded + texture * (self.average('generator')(content, code) - graded)

    # The generator's objective.

    def _face(self, batch):
        """(weights of the face's pixels [B or 1, H, W, 1], 1 for each example that shows a face [B])."""
        mask = batch.get('mask')
        if mask is None:
            return self.face_prior, ops.ones((ops.shape(batch['content'])[0],))
        return mask, ops.cast(ops.max(mask, axis=(1, 2, 3)) > 0, 'float32')

    def reconstruction_losses(self, batch):
        """Portraits through the code of the look; a start for a generator that has no base."""
        content = batch['content']
        restored = self.generator(content, self.look_codes(content.shape[0]))
        return {'l1': ops.mean(reconstruction.l1_loss(content, restored)),
                'edges': 0.5 * ops.mean(reconstruction.edge_loss(content, restored))}

    def generator_losses(self, batch):
        """Content, style, face, structure, identity, adversarial."""
        config, content, style = self.config, batch['content'], batch['style']
        content_maps, style_maps = self.perceptual(content), self.perceptual(style)
        share = keras.random.uniform((style.shape[0],), seed=self.noise)
        mean = self.look_codes(style.shape[0])
        fake = self.generator(content, mean + share[:, None] * (self.encode_style(style) - mean))
        fake_maps = self.perceptual(fake)
        face, has_face = self._face(batch)
        terms = {
            'content': config.content_weight * ops.mean(self._kept(fake_maps, content_maps, config.content_layers)),
            'style': config.style_weight * ops.mean(self._style_distances(fake_maps, style_maps, fake, style, share))}
        if config.face_weight:
            terms['face'] = config.face_weight * ops.mean(
                has_face * self._kept(fake_maps, content_maps, config.face_layers, face))
        if config.structure_weight:
            edges = reconstruction.edge_loss(content, fake)
            edges_of_face = has_face * reconstruction.edge_loss(content, fake, face)
            terms['structure'] = config.structure_weight * ops.mean(edges + edges_of_face)
        if self.identity is not None:
            terms['identity'] = config.identity_weight * self._identity_term(content, fake, has_face)
        if config.adversarial_weight:
            terms['adversarial'] = config.adversarial_weight * ops.mean(
                adversarial.generator_loss(config.adversarial_loss, self._judged(self._augmented(fake))))
        if config.total_variation_weight:
            terms['total_variation'] = config.total_variation_weight * ops.mean(
                reconstruction.total_variation_loss(fake))
        return PhaseResult(terms, shared={'fake': fake})

    def _kept(self, maps, content_maps, layers, weights=None):
        # Means and deviations belong to the look: content is what is left.
        ours, theirs = ({name: without_statistics(source[name]) for name in layers} for source in (maps, content_maps))
        return perceptual.content_loss(ours, theirs, layers, weights)

    def _style_distances(self, fake_maps, style_maps, fake, style, share):
        """Distance [B] to the look's mean Gram matrices (share 0), to those of the example's own picture (1)."""
        distances = self._gram_distances(fake_maps, style_maps, share)
        for _ in range(self.config.style_scales - 1):
            fake, style = (ops.average_pool(image, 2, strides=2) for image in (fake, style))
            distances += self._gram_distances(self.perceptual(fake), self.perceptual(style), share)
        # A flat picture divides by almost nothing: the logarithm keeps it from drowning the batch.
        return ops.log1p(distances / self.config.style_scales)

    def _gram_distances(self, maps, style_maps, share):
        distances = []
        for layer in self.config.style_layers:
            grams = perceptual.gram_matrix(style_maps[layer])
            mean = ops.mean(grams, axis=0, keepdims=True)
            wanted = ops.stop_gradient(mean + share[:, None, None] * (grams - mean))
            distances.append(perceptual.relative_gram_distance(perceptual.gram_matrix(maps[layer]), wanted))
        return sum(distances) / float(len(distances))

    def _identity_term(self, content, fake, has_face):
        chosen = spread_out(content.shape[0] or 1, self.config.identity_share) or [0]
        distance = self.identity_distances(*(ops.take(image, chosen, axis=0) for image in (content, fake)))
        return ops.mean(ops.take(has_face, chosen, axis=0) * ops.square(distance))

    def identity_distances(self, one, other):
        """Distance [B] of the identities of two batches of aligned portraits [B, H, W, 3] in [-1, 1]."""
        return portrait_look.identity_distance(self.identity, one, other)

    # The critic's objective.

    def _augmented(self, image):
        return image if self.augmentation is None else self.augmentation(image)[0]

    def _judged(self, image, training=True):
        """Mean logit of the patches of each picture, [B]."""
        return ops.mean(ops.cast(self.discriminator(image, training=training), 'float32'), axis=(1, 2, 3))

    def discriminator_losses(self, batch):
        """Pictures of the look are real, repainted portraits are fake."""
        config = self.config
        real, fake = self._augmented(batch['style']), self._augmented(ops.stop_gradient(batch['shared']['fake']))
        real_logits, fake_logits = self._judged(real), self._judged(fake)
        real_term, fake_term = adversarial.discriminator_loss(config.adversarial_loss, real_logits, fake_logits)
        terms = {'real': ops.mean(real_term), 'fake': ops.mean(fake_term)}
        if not self.is_wasserstein:
            hits = self._hits(real_logits, fake_logits)
            return PhaseResult(terms, measures={'accuracy': 0.5 * ops.mean(sum(hits)),
                                                'real_accuracy': ops.mean(hits[0])})
        # Distances of pictures count as root mean squares, so that the weights hold at any resolution.
        scale = math.sqrt(math.prod(real.shape[1:]))
        mix = keras.random.uniform((real.shape[0],), seed=self.noise)
        terms['penalty'] = config.gradient_penalty_weight * ops.mean(penalties.gradient_penalty(
            lambda image: scale * self._judged(image), real, fake, mix))
        terms['drift'] = config.drift_weight * ops.mean(ops.square(real_logits))
        return PhaseResult(terms, measures={'distance': ops.mean(real_logits) - ops.mean(fake_logits)})

    def _hits(self, real_logits, fake_logits):
        """1 for each picture of the look [B] taken for real, and for each result taken for a result, else 0."""
        boundary = 0.5 if self.config.adversarial_loss == 'least_squares' else 0.0
        return ops.cast(real_logits > boundary, 'float32'), ops.cast(fake_logits <= boundary, 'float32')

    def r1_losses(self, batch):
        """R1 on pictures of the look, scaled by its interval (Mescheder et al. 2018)."""
        penalty = penalties.r1_penalty(lambda image: self._judged(self._augmented(image)), batch['style'])
        return {'penalty': 0.5 * self.config.r1_weight * self.config.r1_every * ops.mean(penalty)}

    def after_step(self, logs):
        follow(self.augmentation, logs)

    # Pictures and numbers.

    def draw_batch(self, batch, codes=None):
        """Each portrait in the look."""
        content = ops.convert_to_tensor(batch['content'])
        return self.stylize(content, self.look_codes(content.shape[0]))

    def variety_batch(self, batch):
        """Repainted portraits against the pictures of the look."""
        if int(self.step.numpy()) < self.first_painting_step:
            return None
        return self.draw_batch(batch), batch['style']

    def variety_features(self, images):
        """Means and deviations of the style layers' features."""
        maps = self.perceptual(images)
        return [ops.concatenate(instance_statistics(maps[name]), axis=-1)[:, 0, 0] for name in self.config.style_layers]

    def sample_grid(self, batch) -> dict:
        """Portraits down: before, the colours alone, colours and texture, variations, a picture of the look."""
        first = _first_of_each(np.asarray(batch['content']))
        content, style = (ops.convert_to_tensor(np.asarray(batch[role])[first]) for role in self.roles)
        codes = self.look_codes(content.shape[0])
        columns = {'before': content, 'colours': self.stylize(content, codes, 0.0),
                   'after': self.stylize(content, codes)}
        latents = keras.random.normal((SAMPLE_VARIATIONS, self.config.variations), seed=SAMPLE_SEED)
        for index, code in enumerate(self.look(latents)):
            repeated = ops.repeat(code[None], content.shape[0], axis=0)
            columns[f'variation {index + 1}'] = self.stylize(content, repeated)
        columns['the look'] = style
        rows = [[np.clip(ops.convert_to_numpy(picture), -1, 1) for picture in row] for row in zip(*columns.values())]
        return {'rows': rows, 'row_labels': None, 'column_labels': list(columns)}

    def evaluate_batch(self, batch) -> dict:
        """Held-out numbers of each example; `objective` is content + style + identity by their weights."""
        config = self.config
        content, style = (ops.convert_to_tensor(batch[role]) for role in self.roles)
        fake = self.draw_batch(batch)
        content_maps, style_maps, fake_maps = (self.perceptual(image) for image in (content, style, fake))
        share = ops.zeros((content.shape[0],))
        kept = self._kept(fake_maps, content_maps, config.content_layers)
        before, after = (self._gram_distances(maps, style_maps, share) for maps in (content_maps, fake_maps))
        numbers = {'content_loss': kept, 'style_loss': after, 'style_fall': 1.0 - after / before,
                   'objective': config.content_weight * kept + config.style_weight * ops.log1p(after),
                   'luminance_likeness': reconstruction.luminance_likeness(content, fake),
                   'structure_likeness': reconstruction.structure_likeness(content, fake)}
        if self.identity is not None:
            distance = self._face(batch)[1] * self.identity_distances(content, fake)
            numbers['identity_distance'] = distance
            numbers['objective'] = numbers['objective'] + config.identity_weight * ops.square(distance)
        if config.adversarial_weight:
            numbers.update(self._judgements(style, fake))
        return numbers

    def _judgements(self, style, fake):
        real, made = (self._judged(image, training=False) for image in (style, fake))
        if self.is_wasserstein:
            return {'critic_distance': real - made}
        hits = self._hits(real, made)
        return {'discriminator_accuracy': 0.5 * sum(hits), 'discriminator_real_accuracy': hits[0]}

    def explain(self, batches):
        """Whether the person is still there, and what changed."""
        names, distances, pictures = [], [], {'before': [], 'graded': [], 'after': [], 'look': []}
        for batch, names_by_role in batches:
            content, style = (ops.convert_to_tensor(batch[role]) for role in self.roles)
            codes = self.look_codes(content.shape[0])
            made = {'before': content, 'graded': self.stylize(content, codes, 0.0), 'look': style,
                    'after': ops.clip(self.stylize(content, codes), -1.0, 1.0)}
            for name, images_of_kind in made.items():
                pictures[name] += [to_uint8(picture) for picture in ops.convert_to_numpy(images_of_kind)]
            if self.identity is not None:
                distances += ops.convert_to_numpy(self.identity_distances(content, made['after'])).tolist()
                names += names_by_role['content']
        sections = [portrait_report.identity_section(names, distances)] if names else []
        sections.append(portrait_report.change_section(**pictures))
        if self.config.color_path:
            sections.append(portrait_look.color_section(ops.convert_to_numpy(self.look.table)))
        return sections

    def signatures(self) -> dict:
        return portrait_signatures(self)

    def model_card(self) -> dict:
        config = self.config
        return {'purpose': config.purpose or 'Repaints portraits in one look and keeps who they show.',
                'scale': 1, 'directions': ['forward'],
                'consent': config.consent or 'not stated',
                'architecture': f'StyleGAN2-type modulated synthesis, {config.levels} levels of '
                                f'{config.width_channels} to {config.max_channels} channels, for codes of one look; '
                                f'colours as a table of {config.table_size} entries an axis',
                'perceptual_networks': sorted({config.perceptual, config.style_encoder}),
                'identity_network': 'face_identity' if config.identity_weight else ''}


def _first_of_each(pictures):
    """Places of pictures [B, ...], each once: few are held out of a small set, and a batch then repeats them."""
    _, first = np.unique(pictures.reshape(len(pictures), -1), axis=0, return_index=True)
    return np.sort(first)
