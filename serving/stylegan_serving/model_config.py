"""Writes the models.config of TensorFlow Serving from a folder of exports.

    python -m stylegan_serving.model_config --models=models --output=models.config --base_path=/models

lists every model of which models/NAME/VERSION/saved_model.pb exists, with the labels `stable` and `canary`. Run again
after an export, it leaves `stable` where the file has it and gives `canary` to the newest version; only labelled
versions are loaded. --label=NAME:LABEL=VERSION decides otherwise. A server started with
--model_config_file_poll_wait_seconds notices the new file; it also needs --allow_version_labels_for_unavailable_models,
because without it a real server refuses labels in the file that it starts with.

Exit codes: 0 written; 2 bad usage, a file or folder that cannot be used.
"""

import pathlib

from absl import flags

from stylegan_serving.server_configs import ModelConfigError, build, find_models, read, write
from stylegan_tf import commands

_MODELS = flags.DEFINE_string('models', None, 'Folder of exports: MODELS/NAME/VERSION/saved_model.pb.')
_OUTPUT = flags.DEFINE_string('output', None, 'The models.config to write; its labels are kept where it exists.')
_BASE_PATH = flags.DEFINE_string(
    'base_path', None, 'Where the server sees that folder, such as /models or gs://bucket/models; --models itself when '
    'not given.')
_LABEL = flags.DEFINE_multi_string('label', [], 'NAME:LABEL=VERSION puts a label on a version.')


def main():
    """Reads the flags and writes the file; returns the exit code."""
    for flag in (_MODELS, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    models = find_models(_MODELS.value)
    if not models:
        raise ModelConfigError(f'{_MODELS.value} holds no exports. Make one: stylegan-tf export '
                               f'--workdir=arbitrary_style --output={_MODELS.value}/arbitrary_style')
    output = pathlib.Path(_OUTPUT.value)
    previous = read(output) if output.exists() else None
    config = build(models, _BASE_PATH.value or pathlib.Path(_MODELS.value).resolve(), previous=previous,
                   labels=_parsed_labels(_LABEL.value))
    write(output, config)
    for model in config.model_config_list.config:
        labels = ', '.join(f'{label} {version}' for label, version in sorted(model.version_labels.items()))
        print(f'{model.name}: {labels}')
    gone = sorted({model.name for model in previous.model_config_list.config} - set(models)) if previous else []
    for name in gone:
        print(f'{name}: no longer there, left out; a server that reads the file unloads it')
    return commands.DONE


def _parsed_labels(texts):
    labels = {}
    for text in texts:
        target, _, version = text.partition('=')
        name, _, label = target.rpartition(':')
        if not (name and label and version.isdecimal()):
            raise commands.UsageError(f'Expected --label=NAME:LABEL=VERSION. Received: {text!r}.')
        labels[name, label] = int(version)
    return labels


if __name__ == '__main__':
    commands.run(main, errors=(ModelConfigError,))
