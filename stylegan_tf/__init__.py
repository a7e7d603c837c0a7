"""StyleGAN-type networks for style transfer, in TensorFlow and Keras.

    import stylegan_tf as sg

    model = sg.load('runs/my_run')                  # a SavedModel folder, a run folder or 'gatys'
    picture = model.stylize('photo.jpg', 'painting.jpg', strength=0.8)    # uint8 [H, W, 3]
    system = sg.config('style_transfer_128', batch_size=4).build()        # a keras.Model

Importing this package is light: TensorFlow is imported when something first needs it. `load` needs it only for models
that do not run by LiteRT (`load(..., engine='tensorflow')` asks for it).

Dimension letters, the same in every docstring:

    B  batch                        H, W  height and width of images, in pixels
    C  channels                     h, w  height and width of feature maps, logits and maps
    D  size of a feature or code    Z     size of the latent (the noise of a mapping network)
    N  number of images or rows     K     number of classes, defects or samples

Images are uint8 [H, W, 3] RGB in [0, 255] in files and in this API, float32 [B, H, W, 3] in
[-1, 1] inside the networks, and float32 [B, H, W, 3] in [0, 1] in SavedModel signatures.
"""

from stylegan_tf.version import __version__

__all__ = ['__version__', 'config', 'load']


def config(preset, **changes):
    """The Config of a preset; `.build()` makes its System, a `keras.Model`.

    Args:
        preset: A name that `stylegan-tf presets` lists.
        **changes: Fields of the Config and their new values, such as `batch_size=4`.
    Returns:
        A frozen dataclass; see `stylegan_tf.configs`.
    Raises:
        configs.ConfigError: If the preset or a field does not exist; the message lists those
            that do.
    """
    from stylegan_tf import configs
    return configs.get(preset, **changes)


def load(name_or_folder, **options):
    """A model to use: see `stylegan_tf.api.load`, which this calls."""
    from stylegan_tf import api
    return api.load(name_or_folder, **options)
