"""Loaded models that run by LiteRT: the same pictures as `loaded_models.NetworkModel` gives, without TensorFlow."""

import json
import pathlib

from stylegan_tf.litert import eight_bit_weights, runtime, templates
from stylegan_tf.litert.runtime import LiteRTError
from stylegan_tf.litert.stylization import Stylization
from stylegan_tf.loaded_models import ModelError, NetworkModel
from stylegan_tf.networks import litert_features
from stylegan_tf.training import checkpoints

MODEL_FILE = 'model.tflite'  # of an export
CARD_FILE = 'model_card.json'
GRAPH_FILE = pathlib.PurePath('litert', 'graph.zip')  # beside the checkpoint of a run folder
GRAPH_CARD_FILE = pathlib.PurePath('litert', CARD_FILE)
# What is computed in 8 bits where that is asked for: all of a picture; a style's code is made once and stays exact.
EIGHT_BIT_SIGNATURES = ('paint', 'content_statistics')


class LiteRTModel(NetworkModel):
    """A style transfer by LiteRT.

    Args:
        network: A `litert.runtime.Runtime`.
        card: Dict of the model card, with the facts of the conversion under 'litert'.
        name: Short name; the card's if None.
        engine: 'litert' or 'litert_int8', whichever `network` is.
    """

    bytes_per_pixel = 960  # measured; LiteRT keeps more maps at a time than TensorFlow

    def __init__(self, network, card, *, name=None, engine='litert'):
        self.engine = engine
        self.is_exact = engine == 'litert'
        self._facts = card['litert']
        super().__init__(Stylization(network.run, self._facts).signatures, card, name=name)

    def _noise_inputs(self):
        return self._facts['latent_size'], self._facts['has_labels']

    def _content_batch(self, content):
        return content[None]  # without a copy in floats, of which a large picture has too many

    def _run(self, signature, **inputs):
        try:
            return self._functions[signature](**inputs)
        except (LiteRTError, MemoryError) as error:
            reason = str(error) or 'Not enough memory.'
            raise ModelError(f'{reason} If the picture is large, make it smaller or give a smaller `tile`.') from error


def load_export(folder, *, name=None, threads=None, engine='litert'):
    """The model of a folder that `export --format=litert` made; `engine` as of `LiteRTModel`.

    Raises:
        LiteRTError: If the runtime is missing, or a file is missing, damaged or of another kind of model.
    """
    card, path = _read_card(folder / CARD_FILE), folder / MODEL_FILE
    network = _network(path, engine, threads=threads, name=str(path))
    if runtime.file_hash(path) != card['litert'].get('sha256'):
        raise LiteRTError(f'{path} is not the model that {CARD_FILE} beside it describes. Export or copy both again.')
    return LiteRTModel(network, card, name=name, engine=engine)


def load_packed(folder, *, name=None, threads=None, engine='litert'):
    """The model of a run folder with a LiteRT graph beside its checkpoint, as the shipped ones are; `engine` as of
    `LiteRTModel`.

    Raises:
        LiteRTError: As `load_export`, or if the graph was made for another checkpoint.
        CheckpointError: If there is no whole checkpoint.
    """
    card = _read_card(folder / GRAPH_CARD_FILE)
    template = templates.read(folder / GRAPH_FILE)
    checkpoint = checkpoints.find(folder)
    if checkpoint_hash(checkpoint) != template.facts['checkpoint']:
        raise LiteRTError(f'{folder / GRAPH_FILE} was made for another checkpoint than {checkpoint.path.name}. Make it '
                          'again with tools/make_graphs.py.')
    model = template.fill(Weights(checkpoint.arrays))
    network = _network(model, engine, threads=threads, name=str(folder / GRAPH_FILE))
    return LiteRTModel(network, card, name=name, engine=engine)


def _network(model, engine, *, threads, name):
    if engine == 'litert_int8':
        model = eight_bit_weights.quantize(runtime.read_model(model, name), EIGHT_BIT_SIGNATURES)
    return runtime.Runtime(model, threads=threads, name=name)


def checkpoint_hash(checkpoint):
    """SHA-256 of a checkpoint's arrays, as its record has it."""
    return checkpoint.record['files'][checkpoints.STATE_FILE]['sha256']


class Weights(dict):
    """A checkpoint's arrays, and under 'NETWORK:TENSOR' those of a frozen network, read when first asked for."""

    def __missing__(self, name):
        network, colon, tensor = name.partition(':')
        if not colon:
            raise KeyError(name)
        return litert_features.frozen_weights(network).tensors[tensor]


def _read_card(path):
    try:
        card = json.loads(path.read_text(encoding='utf-8'))
        if card['litert']['kind'] != 'stylization':
            raise LiteRTError(f'{path} describes a model of the kind {card["litert"]["kind"]!r}, which this version '
                              'cannot run. Update stylegan_tf.')
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LiteRTError(f'{path} is missing or damaged ({error}). Export or copy the model again.') from error
    return card


def is_export(folder):
    """Whether a folder looks like one of `export --format=litert`."""
    return (folder / MODEL_FILE).is_file()


def is_packed(folder):
    """Whether a run folder has a LiteRT graph beside its checkpoint."""
    return (folder / GRAPH_FILE).is_file()
