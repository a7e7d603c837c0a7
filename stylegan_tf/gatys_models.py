"""A loaded model without weights: each picture is optimised anew. `stylegan_tf.api.load('gatys')` makes it."""

import dataclasses
import hashlib

from stylegan_tf.loaded_models import Model, ModelError


class GatysModel(Model):
    """Optimises each picture anew; `systems.gatys` describes the method and its settings.

    Args:
        **options: Fields of `systems.gatys.Settings`, such as `size=256`, as values or texts.
    Raises:
        ModelError: If an option does not exist or does not fit.
    """

    name = 'gatys'
    offers = ('stylize',)
    progress_unit = 'evaluation'

    def __init__(self, **options):
        from stylegan_tf.systems import gatys

        fields = {field.name: field for field in dataclasses.fields(gatys.Settings)
                  if field.name not in ('strength', 'keep_colors')}
        unknown = sorted(set(options) - set(fields))
        if unknown:
            raise ModelError(f'The model gatys has no option {unknown[0]!r}. It has: '
                             f'{", ".join(fields)}.')
        self._options = {name: _as_type_of(fields[name].default, name, value)
                         for name, value in options.items()}
        try:
            settings = dataclasses.asdict(gatys.Settings(**self._options))
        except ValueError as error:
            raise ModelError(str(error)) from error
        self.card = {'name': self.name, 'config': settings,
                     'perceptual_networks': [settings['extractor']]}
        self.hash = hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()[:12]

    def _prepare(self, style):
        return style

    def _stylize(self, content, style, strength, keep_colors, coverage, tile):
        from stylegan_tf.systems import gatys

        try:
            result = gatys.transfer(
                content, list(style.pictures), style_weights=style.weights, masks=coverage,
                progress=self.progress, strength=strength, keep_colors=keep_colors,
                **self._options)
        except ValueError as error:  # such as an empty mask
            raise ModelError(str(error)) from error
        self.was_interrupted = result.was_interrupted
        return result.pixels


def _as_type_of(default, name, value):
    if not isinstance(value, str) or isinstance(default, str):
        return value
    try:
        if isinstance(default, tuple):
            return tuple(part.strip() for part in value.split(','))
        return type(default)(value)
    except ValueError:
        raise ModelError(f'The option {name!r} of gatys must be of type '
                         f'{type(default).__name__}. Received: {value!r}.') from None
