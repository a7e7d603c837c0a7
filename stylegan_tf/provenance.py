"""What pictures that a model made say of it in their metadata."""

from stylegan_tf.version import __version__


def of_stylized(model, strengths, style_names=()):
    """The metadata of a stylised picture, for `images.encode`.

    Args:
        model: The `loaded_models.Model` that made it.
        strengths: The strength, or those of the pictures of a sheet.
        style_names: Names of the style pictures; none where the style came from noise, or the model takes none.
    Returns:
        Dict of str to str.
    """
    return {'Software': f'stylegan_tf {__version__}',
            'Description': f'Edited by the {"style transfer " * model.takes_style}model {model.name}',
            'Model': model.name, 'ModelHash': model.hash,
            'Strength': ', '.join(f'{strength:g}' for strength in strengths),
            **({'Styles': ', '.join(style_names) or 'from noise'} if model.takes_style else {})}
