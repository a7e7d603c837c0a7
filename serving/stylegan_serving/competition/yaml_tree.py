"""YAML that still knows its lines, read field by field; what does not fit is noted and reading goes on."""

import datetime
import difflib
import math

import yaml


class YamlProblem(ValueError):  # noqa: N818
    """The text is no YAML; the message names file and line."""


def parse(text, file):
    """The root of a YAML document as `Node`; YamlProblem where it is none."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(f'{file}:{mark.line + 1 if mark else 1}: is no YAML: {error.problem or error.context}.'
                          ) from None
    except yaml.YAMLError as error:
        raise YamlProblem(f'{file}: is no YAML: {" ".join(str(error).split())}.') from None
    if node is None:
        raise YamlProblem(f'{file}: is empty.')
    return Node(node, file, '', [])


class Node:
    """A place in the document.

    Attributes:
        problems: list of str, shared by the whole document.
    """

    def __init__(self, node, file, path, problems):
        self._node, self._file, self._path, self.problems = node, file, path, problems

    def complain(self, message, node=None, path=None):
        """Notes a problem at the line of this node."""
        line = (node or self._node).start_mark.line + 1
        path = self._path if path is None else path
        self.problems.append(f'{self._file}:{line}: {f"{path}: " if path else ""}{message}')

    def mapping(self, known, required=()):
        """The fields of this node, which must be a mapping with no keys but the known ones: `Fields`."""
        fields = {}
        if not isinstance(self._node, yaml.MappingNode):
            self.complain(f'expected {", ".join(sorted(known))} as KEY: VALUE. Received {_kind(self._node)}.')
            return Fields(self, fields)
        for key, value in self._node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            path = f'{self._path}.{name}' if self._path else str(name)
            if name not in known:
                close = difflib.get_close_matches(str(name), known, 1)
                hint = f' Did you mean {close[0]!r}?' if close else ''
                self.complain(f'there is no such key.{hint} Keys: {", ".join(sorted(known))}.', key, path)
            elif name in fields:
                self.complain('stands here twice.', key, path)
            else:
                fields[name] = Node(value, self._file, path, self.problems)
        for name in sorted(set(required) - set(fields)):
            self.complain(f'the key {name!r} is missing.')
        return Fields(self, fields)

    def entries(self):
        """The nodes of a list that is not empty: list."""
        if not isinstance(self._node, yaml.SequenceNode) or not self._node.value:
            self.complain(f'expected a list with at least one entry. Received {_kind(self._node)}.')
            return []
        return [Node(node, self._file, f'{self._path}[{index}]', self.problems)
                for index, node in enumerate(self._node.value)]

    def value(self):
        """What a plain node says as Python has it; other nodes give themselves."""
        if not isinstance(self._node, yaml.ScalarNode):
            return self
        try:
            return yaml.SafeLoader('').construct_object(self._node)
        except (ValueError, yaml.YAMLError):
            return self._node.value  # such as the 31st of June

    def text(self):
        """What a plain node says, letter by letter, or None."""
        return self._node.value if isinstance(self._node, yaml.ScalarNode) else None


class Fields:
    """The fields of a mapping; a field that is wrong is noted, and its default taken."""

    def __init__(self, node, fields):
        self._node, self._fields = node, fields

    def complain(self, key, message):
        """Notes a problem at a field's line, at the mapping's where the field is missing."""
        self._fields.get(key, self._node).complain(message)

    def child(self, key, known):
        """The fields of a mapping below this one; without any where it is missing."""
        return self._fields[key].mapping(known) if key in self._fields else Fields(self._node, {})

    def items(self, key):
        """The nodes of a list below this one; empty where it is missing, which `required` notes."""
        return self._fields[key].entries() if key in self._fields else []

    def text(self, key, default, most, pattern=None, form=None):
        """A text of at most `most` characters that fits a pattern, of which `form` speaks."""
        if key not in self._fields:
            return default
        text = self._fields[key].text()
        text = text.strip() if text is not None else None
        if not text or len(text) > most or any(ord(letter) < 32 for letter in text):
            self.complain(key, f'expected a text of 1 to {most} characters. Received {self._shown(key)}.')
        elif pattern and not pattern.fullmatch(text):
            self.complain(key, f'expected {form}. Received {text!r}.')
        else:
            return text
        return default

    def choice(self, key, default, choices):
        """One of a few words; YAML's own true and false count as on and off."""
        if key not in self._fields:
            return default
        value = self._fields[key].value()
        value = {True: 'on', False: 'off'}.get(value, value) if isinstance(value, bool) else value
        if isinstance(value, str) and value in choices:
            return value
        self.complain(key, f'expected {" or ".join(choices)}. Received {self._shown(key)}.')
        return default

    def boolean(self, key, default):
        """true or false."""
        value = self._fields[key].value() if key in self._fields else default
        if isinstance(value, bool):
            return value
        self.complain(key, f'expected true or false. Received {self._shown(key)}.')
        return default

    def integer(self, key, default, least, most, *, may_be_none=False):
        """A whole number from `least` to `most`; with `may_be_none` also null."""
        if key not in self._fields:
            return default
        value = self._fields[key].value()
        if value is None and may_be_none:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        span = f'{least}' if least == most else f'a whole number from {least} to {most}'
        self.complain(key, f'expected {span}{" or null" if may_be_none else ""}. Received {self._shown(key)}.')
        return default

    def number(self, key, default, least, most):
        """A number from `least` to `most`; float."""
        if key not in self._fields:
            return default
        value = self._fields[key].value()
        if (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                and least <= value <= most):
            return float(value)
        self.complain(key, f'expected a number from {least} to {most:g}. Received {self._shown(key)}.')
        return default

    def time(self, key, default):
        """A time as seconds since 1970; without a zone it is one of UTC. null is the default."""
        if key not in self._fields:
            return default
        if self._fields[key].value() is None:
            return default
        try:
            time = datetime.datetime.fromisoformat(self._fields[key].text() or '')
        except ValueError:
            self.complain(key, f'expected a time such as 2026-11-22T18:00Z. Received {self._shown(key)}.')
            return None
        return (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).timestamp()

    def _shown(self, key):
        text = self._fields[key].text()
        return _kind(self._fields[key]._node) if text is None else repr(text[:80])


def _kind(node):
    return {yaml.MappingNode: 'a mapping', yaml.SequenceNode: 'a list'}.get(type(node), 'a single value') if not (
        isinstance(node, yaml.SequenceNode) and not node.value) else 'an empty list'
