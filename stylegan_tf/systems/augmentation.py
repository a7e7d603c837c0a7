"""The augmentation of what a discriminator sees, from a Config; shared by the systems that have one."""

from __future__ import annotations

from stylegan_tf.layers.augment import DiscriminatorAugmentation


def make_augmentation(config) -> DiscriminatorAugmentation | None:
    """The layer that `discriminator_augmentation` asks for; None for 'none'.

    A system calls it on every picture and its condition before its discriminator, in training
    only; adds its `state()` to `extra_state`; and in `after_step` calls `follow`.
    """
    if config.discriminator_augmentation == 'none':
        return None
    return DiscriminatorAugmentation(
        config.discriminator_augmentation, target=config.ada_target, images=config.ada_images,
        batch_size=config.batch_size, name='augmentation')


def follow(augmentation: DiscriminatorAugmentation | None, logs: dict,
           real_accuracy: str = 'discriminator/real_accuracy') -> None:
    """Moves ADA's probability by a step's logs, and adds 'augmentation/probability' to them.

    Args:
        augmentation: From `make_augmentation`.
        logs: As `System.after_step` gets them.
        real_accuracy: Name of the share of (augmented) real pictures that the discriminator took
            for real. A step without it changes nothing.
    """
    if augmentation is not None and real_accuracy in logs:
        changes = augmentation.update(2.0 * logs[real_accuracy] - 1.0)  # the mean sign
        logs.update({f'augmentation/{name}': value for name, value in changes.items()})
