"""Detection and correction of what went wrong in a stylised picture.

Discriminator: adversarial (repaired against clean pictures) + anomaly classification l(y, D(x)), for the whole picture
and by patch. Generator (a U-Net that repairs):

    style + lambda content + reconstruction + adversarial + mean l(none, D(G(x)))

Defects are planted on the fly, so that the clean picture, the place and the kind of the damage are known.
"""

from __future__ import annotations

import functools

from keras import ops

from stylegan_tf.data import defects
from stylegan_tf.losses import adversarial, perceptual, reconstruction
from stylegan_tf.losses.detection import sigmoid_cross_entropy
from stylegan_tf.networks import features
from stylegan_tf.networks.defect_discriminator import DefectDiscriminator, full_size
from stylegan_tf.networks.unet import UNet
from stylegan_tf.systems import anomaly_signatures, correction_signatures
from stylegan_tf.systems.phases import Phase, PhaseResult
from stylegan_tf.systems.system import System, computing_in

CHANGE_GAIN = 3.0  # of the U-Net's results, which start at a tenth
NEIGHBOURHOOD = 17  # patches of 4 pixels: damage that is scarce within it counts more
SCARCE = 0.05  # share of a neighbourhood; below it nothing counts more still
SURE_SEVERITY = 0.2  # from this severity on a defect counts as wholly there; milder ones count in part


def place_loss(logits, mask, present):
    """How well local damage is located. A defect that is everywhere has no place; pictures with both count nothing.

    Args:
        logits: [B, H/4, W/4, 1], of local damage there.
        mask: [B, H, W, 1], 1 where damaged.
        present: [B, K] in [0, 1], which defects of `defects.DEFECTS` the picture has, in their order.
    Returns:
        float32 [B]: mean cross entropy, and once more over the damaged places alone, so that a scratch counts as much
        as a hole, and a speck beside the hole nearly as much.
    """
    is_local = ops.convert_to_tensor([float(defect.is_local) for defect in defects.DEFECTS.values()], 'float32')
    everywhere, here = (ops.max(present * kinds, axis=-1) for kinds in (1.0 - is_local, is_local))
    counts = 1.0 - ops.minimum(everywhere, ops.cast(here > 0, 'float32'))  # one mask for both: the place is unknown
    here = here[:, None, None, None]
    # Thin marks cover a part of each patch, and are as damaged as any.
    target = ops.minimum(2.0 * ops.average_pool(mask, 4, strides=4), 1.0) * here
    places = ops.cast(ops.size(target[0]), 'float32')
    around = ops.average_pool(target, NEIGHBOURHOOD, strides=1, padding='same')
    scarce = target / (around + SCARCE)
    weights = 1.0 + scarce * places / (ops.sum(scarce, axis=(1, 2, 3), keepdims=True) + 1.0)
    return counts * sigmoid_cross_entropy(logits, target, weights)


class Anomaly(System):
    """Trains a detector of defects and a corrector together.

    Args:
        config: `AnomalyConfig`.
    Source: PatchGAN and U-Net after Isola et al. 2017; least-squares adversarial loss after Mao et al. 2017.
    """

    roles = ('image',)

    def __init__(self, config):
        super().__init__(config)
        count = len(defects.DEFECTS)
        layers = tuple(sorted({*config.style_layers, *config.content_layers}))
        self.perceptual = features.load(config.perceptual, layers, dtype=config.perceptual_dtype)

        def detector(name):
            return DefectDiscriminator(count, config.discriminator_channels, config.discriminator_hidden, name=name)

        def corrector(name):
            return UNet(config.generator_channels, 3, blocks=config.generator_blocks, name=name)

        with computing_in(config.precision):
            self.discriminator, self.discriminator_ema = detector('discriminator'), detector('discriminator_ema')
            self.generator, self.generator_ema = corrector('generator'), corrector('generator_ema')
        self.networks = {'generator': self.generator, 'discriminator': self.discriminator}
        self.twins = {'generator': self.generator_ema, 'discriminator': self.discriminator_ema}
        self._make_phases(config)
        self.calibration = self.extra_state['calibration'] = anomaly_signatures.calibration_variable()
        picture = ops.zeros((1, config.height, config.width, 3))
        for discriminator, generator in ((self.discriminator, self.generator),
                                         (self.discriminator_ema, self.generator_ema)):
            discriminator(picture, picture, picture)
            generator(picture, ops.zeros((1, config.height, config.width, 5)))
        self.finish()

    def _make_phases(self, config):
        self.make_optimizers('generator_optimizer', 'discriminator_optimizer')
        first = -(-config.detection_images // config.batch_size)
        self.phases = (
            Phase('detector', self.detector_losses, (self.discriminator,), self.discriminator_optimizer,
                  last_step=first),
            Phase('reconstruction', self.reconstruction_losses, (self.generator,), self.generator_optimizer,
                  first_step=first),
            Phase('generator', self.generator_losses, (self.generator,), self.generator_optimizer,
                  every=config.discriminator_interval, first_step=first),
            Phase('discriminator', self.discriminator_losses, (self.discriminator,), self.discriminator_optimizer,
                  every=config.discriminator_interval, first_step=first))

    def ema_decay(self, name):
        return getattr(self.config, f'{name}_optimizer').ema_decay

    def training_stream(self, sources, size, seed):
        return self._stream(sources, size, seed, is_augmented=True)

    def held_out_stream(self, sources, size, seed):
        return self._stream(sources, size, seed, is_augmented=False)

    def _stream(self, sources, size, seed, is_augmented):
        from stylegan_tf.data import defect_stream
        config = self.config
        planting = defect_stream.Planting(
            names=tuple(name for name in (*defects.DEFECTS, *config.frequent_defects)
                        if name not in config.left_out_defects),
            clean_share=config.clean_share, content_share=config.content_share, style_share=config.style_share)
        return defect_stream.DefectStream(sources, size, planting, seed, is_augmented)

    def judge(self, batch, image=None, *, average=False):
        """The discriminator's logits of `image`, or of batch['image'], with the batch's references."""
        discriminator = self.average('discriminator') if average else self.discriminator
        return discriminator(batch['image'] if image is None else image, batch['content'], batch['style'],
                             batch['has_content'], batch['has_style'])

    def correct(self, batch, damage, *, average=False):
        """batch['image'] repaired, [B, H, W, 3] in [-1, 1], and how much each place was changed, [B, H, W, 1]."""
        corrected, change = self._unbounded(batch, damage, average)
        return ops.clip(corrected, -1.0, 1.0), change

    def _unbounded(self, batch, damage, average=False):
        # Not clipped: where the scale ends, as in black holes and white letters, a loss must still pull.
        generator = self.average('generator') if average else self.generator
        image, known = batch['image'], batch['has_content'][:, None, None, None]
        where = full_size(ops.sigmoid(damage))
        condition = ops.concatenate([batch['content'] * known, ops.ones_like(where) * known, where], axis=-1)
        change = generator(image, condition)  # small at the start: a gate beside it would close, and stay closed
        return image + CHANGE_GAIN * change, ops.mean(ops.abs(CHANGE_GAIN * change), axis=-1, keepdims=True)

    # Phases.

    def detector_losses(self, batch):
        """Anomaly classification of damaged and clean pictures."""
        return PhaseResult(*self._classification(batch))

    def _classification(self, batch):
        config, logits = self.config, self.judge(batch)
        present = ops.minimum(batch['severity'] / SURE_SEVERITY, 1.0)
        is_damaged = ops.max(present, axis=-1)
        eighth = ops.average_pool(batch['mask'], 8, strides=8)
        terms = {
            'anomaly': config.anomaly_weight * ops.mean(sigmoid_cross_entropy(logits['anomaly'], is_damaged)),
            'defects': config.defect_weight * ops.mean(sigmoid_cross_entropy(logits['defects'], present)),
            'damage': config.damage_weight * ops.mean(place_loss(logits['damage'], batch['mask'], present)),
            'defect_map': config.defect_weight * ops.mean(sigmoid_cross_entropy(
                logits['defect_map'], eighth * present[:, None, None, :]))}
        hits = ops.cast((logits['anomaly'] > 0) == (is_damaged > 0), 'float32')
        return terms, {'accuracy': ops.mean(hits)}

    def reconstruction_losses(self, batch):
        """What the clean picture teaches by itself: the cheapest of the corrector's terms, at every step."""
        damage = ops.stop_gradient(self.judge(batch)['damage'])
        corrected, change = self._unbounded(batch, damage)
        before = ops.mean(reconstruction.l1_loss(batch['image'], batch['clean']))
        return PhaseResult(self._reconstruction(corrected, batch['clean']),
                           {'changed': ops.mean(change), 'error_before': before})

    def _reconstruction(self, corrected, clean):
        config = self.config
        return {'reconstruction': config.reconstruction_weight * ops.mean(reconstruction.l1_loss(corrected, clean)),
                'edges': config.edge_weight * ops.mean(reconstruction.edge_loss(corrected, clean))}

    def generator_losses(self, batch):
        """style + lambda content + reconstruction + adversarial + l(none, D(G(x)))."""
        config = self.config
        damage = ops.stop_gradient(self.judge(batch)['damage'])
        unbounded, _ = self._unbounded(batch, damage)
        corrected, clean = ops.clip(unbounded, -1.0, 1.0), batch['clean']
        terms = self._reconstruction(unbounded, clean)
        if config.style_weight or config.content_weight:
            maps, clean_maps = (self.perceptual(ops.average_pool(picture, 2, strides=2))
                                for picture in (corrected, clean))
            # The clean picture has the wanted style and shows the content: its features stand for both.
            terms['style'] = config.style_weight * ops.mean(ops.log1p(
                perceptual.gram_style_loss(maps, clean_maps, config.style_layers)))
            terms['content'] = config.content_weight * ops.mean(
                perceptual.content_loss(maps, clean_maps, config.content_layers))
        logits = self.judge(batch, corrected)
        terms['adversarial'] = config.adversarial_weight * ops.mean(
            adversarial.generator_loss('least_squares', logits['adversarial']))
        terms['classification'] = config.classification_weight * ops.mean(
            sigmoid_cross_entropy(logits['anomaly'], ops.zeros_like(logits['anomaly'])))
        return PhaseResult(terms, shared={'corrected': corrected})

    def discriminator_losses(self, batch):
        """Anomaly classification, and clean pictures against repaired ones."""
        terms, measures = self._classification(batch)
        real, fake = (self.judge(batch, picture)['adversarial']
                      for picture in (batch['clean'], batch['shared']['corrected']))
        terms['adversarial'] = self.config.adversarial_weight * ops.mean(
            adversarial.discriminator_loss('least_squares', real, fake))
        return PhaseResult(terms, measures)

    def after_step(self, logs):
        # Scores of clean pictures by other weights promise nothing.
        self.calibration.assign(anomaly_signatures.empty_calibration())

    def evaluate_batch(self, batch):
        """Held-out losses of the averaged networks, float32 [B] each."""
        logits = self.judge(batch, average=True)
        present = ops.minimum(batch['severity'] / SURE_SEVERITY, 1.0)
        is_damaged = ops.max(present, axis=-1)
        numbers = {'detection_loss': sigmoid_cross_entropy(logits['anomaly'], is_damaged),
                   'detection_accuracy': ops.cast((logits['anomaly'] > 0) == (is_damaged > 0), 'float32'),
                   'naming_loss': sigmoid_cross_entropy(logits['defects'], present),
                   'place_loss': place_loss(logits['damage'], batch['mask'], present)}
        corrected, _ = self.correct(batch, logits['damage'], average=True)
        for name, picture in (('before', batch['image']), ('after', corrected)):
            numbers[f'error_{name}'] = reconstruction.l1_loss(picture, batch['clean'])
        return numbers

    def sample_grid(self, batch):
        """Damaged picture, where it is damaged, repaired picture, clean picture."""
        batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
        logits = self.judge(batch, average=True)
        corrected, _ = self.correct(batch, logits['damage'], average=True)
        size = (self.config.height, self.config.width)
        where = ops.image.resize(ops.sigmoid(logits['damage']), size, interpolation='bilinear')
        scores = ops.convert_to_numpy(ops.sigmoid(logits['anomaly']))
        rows, labels = [], []
        for index, image in enumerate(batch['image']):
            heat = ops.repeat(where[index] * 2.0 - 1.0, 3, axis=-1)
            truth = ops.repeat(batch['mask'][index] * 2.0 - 1.0, 3, axis=-1)
            rows.append([image, heat, truth, corrected[index], batch['clean'][index]])
            severity = ops.convert_to_numpy(batch['severity'][index])
            kinds = [name for name, value in zip(defects.DEFECTS, severity) if value > 0]
            labels.append(f'{" + ".join(kinds) or "clean"}: {scores[index]:.2f}')
        return {'rows': rows, 'row_labels': labels,
                'column_labels': ['picture', 'found damage', 'true damage', 'repaired', 'clean']}

    def signatures(self):
        return {**anomaly_signatures.score_signatures(self._correcting), **self._correcting.signatures()}

    @functools.cached_property
    def _correcting(self):
        # Kept, because whoever asks for the signatures again would trace all of them again.
        return correction_signatures.Correcting(self)

    def model_card(self):
        config, counts = self.config, anomaly_signatures.calibration_counts(self)
        names = ', '.join(name for name, count in counts.items() if not count)
        warning = f'Not calibrated for {names}: every p-value is 1 (docs/anomaly.md).' if names else None
        return {'purpose': 'Says whether a stylised picture went wrong, where and how, and repairs it.',
                'architecture': 'PatchGAN discriminator with heads for the anomaly, its place and its kind, '
                                f'{config.discriminator_channels} channels; U-Net corrector, '
                                f'{config.generator_channels} channels',
                'perceptual_networks': [config.perceptual], 'defect_names': list(defects.DEFECTS),
                'evidence_names': anomaly_signatures.evidence_names(('content', 'style')),
                'calibration_pictures': counts, 'score_thresholds': anomaly_signatures.score_thresholds(self),
                **({'warning': warning} if warning else {})}
