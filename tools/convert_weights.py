#!/usr/bin/env python
"""Converts a VGG16 or VGG19 in ONNX, PyTorch (.pth) or Keras (.h5) form to a frozen network of this package.

Also face-api's face recognition network, which stylegan_tf/pretrained/face_identity was made from:

    python tools/convert_weights.py --architecture=dlib_resnet --licence='MIT; trained weights CC0' \\
        --input=package/model/face_recognition_model-weights_manifest.json --output=face_identity.safetensors

    python tools/convert_weights.py --input=vgg16.onnx --output=weights/vgg16.safetensors \\
        --architecture=vgg16 --preprocessing=caffe --licence=MIT --source='package x 0.1'

The result works wherever a frozen network is named: features.load('weights/vgg16'),
--set=perceptual=weights/vgg16. ONNX files need: pip install stylegan-tf[convert].
Only the convolutions are taken; a .pth file is read without PyTorch and runs no code.
"""

import dataclasses
import pathlib
import re

from absl import flags

from stylegan_tf import commands

FLAGS = flags.FLAGS
flags.DEFINE_string('input', None, 'Weights: .onnx, .pth or .h5 / .weights.h5; face-api: the .json manifest.')
flags.DEFINE_string('output', None, 'File to write; ends in .safetensors.')
flags.DEFINE_enum('architecture', 'vgg16', ['vgg16', 'vgg19', 'dlib_resnet'], 'What the weights belong to.')
flags.DEFINE_enum('preprocessing', 'caffe', ['caffe', 'torch', 'symmetric', 'unit'],
                  'Input of the network: caffe = BGR minus the mean, 0..255 (Keras, Caffe); '
                  'torch = ImageNet mean and deviation; symmetric = -1..1; unit = 0..1.')
flags.DEFINE_string('name', None, "Name in metric names; default: the output's name.")
flags.DEFINE_string('licence', 'unknown', 'Licence of the weights as their source states it.')
flags.DEFINE_string('source', None, "Where the weights come from; default: the input's file name.")
flags.DEFINE_string('photos', None, 'Folder of photographs for the mean activations; default: '
                                    'the photographs inside scikit-image and scikit-learn.')
flags.DEFINE_string('show_mean_activations', None,
                    'Instead of converting, print the mean activations of this frozen network.')


def convolutions_of_onnx(path):
    """(kernel [h, w, in, out], bias) of each Conv node of an ONNX file, in order of execution."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise SystemExit('Reading ONNX needs the package onnx. Run: pip install stylegan-tf[convert]') from None
    graph = onnx.load(str(path)).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    pairs = []
    for node in graph.node:
        if node.op_type == 'Conv' and len(node.input) == 3:
            kernel, bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
            pairs.append((kernel.transpose(2, 3, 1, 0), bias))
    return pairs


def convolutions_of_pth(path):
    """(kernel [h, w, in, out], bias) of each convolution of a PyTorch state dict, in its order."""
    from stylegan_tf.networks import pth

    tensors = pth.read(path)
    return [(array.transpose(2, 3, 1, 0), tensors[name.removesuffix('weight') + 'bias'])
            for name, array in tensors.items()
            if name.endswith('weight') and array.ndim == 4]


def convolutions_of_h5(path):
    """(kernel [h, w, in, out], bias) of each convolution of a Keras file, sorted by layer name."""
    import h5py

    groups = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            groups.setdefault(name.rpartition('/')[0], []).append(item[()])

    with h5py.File(path, 'r') as file:
        file.visititems(collect)
    pairs = []
    # Natural order, so that conv2d_10 follows conv2d_9.
    for name in sorted(groups, key=lambda name: [int(part) if part.isdigit() else part
                                                 for part in re.split(r'(\d+)', name)]):
        kernels = [array for array in groups[name] if array.ndim == 4]
        biases = [array for array in groups[name] if array.ndim == 1]
        if kernels and biases:
            pairs.append((kernels[0], biases[0]))
    return pairs


READERS = {'.onnx': convolutions_of_onnx, '.pth': convolutions_of_pth, '.pt': convolutions_of_pth,
           '.h5': convolutions_of_h5, '.hdf5': convolutions_of_h5}


def convert(input_path, output_path, *, architecture='vgg16', preprocessing='caffe', name=None,
            licence='unknown', source=None, photos=None):
    """Converts one file; see the flags. Returns the FrozenWeights written."""
    from stylegan_tf.networks import calibration, feature_weights, features

    input_path, output_path = pathlib.Path(input_path), pathlib.Path(output_path)
    reader = READERS.get(input_path.suffix.lower())
    if reader is None or not input_path.is_file():
        raise ValueError(f'Expected an existing file ending in {", ".join(READERS)}. Received: {input_path}.')
    pairs = reader(input_path)
    count = sum(feature_weights.VGG_BLOCKS[architecture])
    weights = feature_weights.FrozenWeights(
        name=name or output_path.stem, architecture=architecture,
        tensors=feature_weights.vgg_tensors(architecture, pairs[:count]), mean_activations={},
        preprocessing=preprocessing, licence=licence, source=source or input_path.name)
    means = calibration.mean_activations(weights, features.build, calibration.photographs(photos))
    weights = dataclasses.replace(weights, mean_activations=means)
    feature_weights.write_converted(output_path, weights)
    return weights


def main():
    """Converts, or prints what a network's layers answer to photographs in the mean."""
    if FLAGS.show_mean_activations:
        from stylegan_tf.networks import calibration, features
        weights = features.read_weights(FLAGS.show_mean_activations)
        images = calibration.photographs(FLAGS.photos)
        for layer, mean in calibration.mean_activations(weights, features.build, images).items():
            print(f"    '{layer}': {mean:.6g},")
        return 0
    if not FLAGS.input or not FLAGS.output:
        raise commands.UsageError('--input and --output are required; see --help.')
    if FLAGS.architecture == 'dlib_resnet':
        from stylegan_tf.networks import face_identity_weights, feature_weights
        weights = face_identity_weights.read_manifest(FLAGS.input, licence=FLAGS.licence, source=FLAGS.source)
        feature_weights.write_converted(FLAGS.output, weights)
    else:
        weights = convert(FLAGS.input, FLAGS.output, architecture=FLAGS.architecture,
                          preprocessing=FLAGS.preprocessing, name=FLAGS.name, licence=FLAGS.licence,
                          source=FLAGS.source, photos=FLAGS.photos)
    print(f'Wrote {FLAGS.output}: {weights.architecture}, {len(weights.tensors)} tensors, '
          f'sha256 {weights.sha256[:12]}')
    return 0


if __name__ == '__main__':
    commands.run(main, errors=(ValueError, RuntimeError))
