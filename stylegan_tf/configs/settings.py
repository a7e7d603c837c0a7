"""Settings as texts and as plain values: `--set=name=value`, and what config.json holds."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from stylegan_tf.configs.config import Config, ConfigError, unknown


def override(config: Config, settings: typing.Iterable[str]) -> Config:
    """Applies 'name=value' texts; a dot reaches into a nested Config.

    Args:
        config: The Config to start from.
        settings: Such as 'batch_size=4' or 'generator_optimizer.learning_rate=1e-4'. Tuples are
            written 'a,b'; a rectangular resolution '192x256' (height x width).

    Raises:
        ConfigError: Unknown name (listing the valid ones), wrong type, or no '='.
    """
    for setting in settings:
        name, equals, text = setting.partition('=')
        if not equals:
            raise ConfigError(f'Expected --set=name=value. Received: {setting!r}.')
        config = _replace(config, name.strip().split('.'), text.strip(), setting)
    return config


def from_plain(kind: type, values: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = set(values) - set(hints)
    if unknown:
        raise ConfigError(unknown('setting', sorted(unknown)[0], hints))
    return kind(**{name: _plain(hints[name], value) for name, value in values.items()})


def _plain(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return from_plain(hint, value)
    return tuple(value) if isinstance(value, list) else value


def _replace(config: Any, names: list[str], text: str, setting: str) -> Any:
    hints = typing.get_type_hints(type(config))
    name = names[0]
    if name not in hints:
        raise ConfigError(unknown('setting', name, hints))
    if len(names) > 1:
        nested = getattr(config, name)
        if not dataclasses.is_dataclass(nested):
            raise ConfigError(f'Setting {name!r} has no fields of its own. Received: {setting!r}.')
        value = _replace(nested, names[1:], text, setting)
    else:
        if dataclasses.is_dataclass(hints[name]):
            fields = ', '.join(field.name for field in dataclasses.fields(hints[name]))
            raise ConfigError(f"Setting '{name}' is a group: write {name}.FIELD=value, FIELD one of "
                              f'{fields}.')
        value = _parse(hints[name], text, setting)
    return dataclasses.replace(config, **{name: value})


def _parse(hint: Any, text: str, setting: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    try:
        if origin in (typing.Union, types.UnionType):  # the resolution
            parts = text.lower().split('x')
            return int(text) if len(parts) == 1 else tuple(int(part) for part in parts)
        if origin is tuple:
            parts = [part.strip() for part in text.split(',') if part.strip()]
            if arguments[-1] is not Ellipsis and len(parts) != len(arguments):
                raise ValueError
            return tuple(arguments[0](part) for part in parts)
        if hint is bool:
            return {'true': True, '1': True, 'on': True, 'yes': True,
                    'false': False, '0': False, 'off': False, 'no': False}[text.lower()]
        if hint is int:
            return int(text.replace('_', ''))
        return hint(text)
    except (ValueError, KeyError):
        wanted = getattr(hint, '__name__', None) if origin is None else str(hint)
        raise ConfigError(f"Setting '{setting.partition('=')[0]}' must be of type {wanted}. "
                          f'Received: {text!r}.') from None
