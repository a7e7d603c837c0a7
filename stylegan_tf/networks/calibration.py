"""Mean activations: the constants that make layers and networks comparable."""

import dataclasses
import pathlib

import numpy as np


def photographs(folder=None, size=256):
    """Photographs covering `size` x `size`, float32 [N, size, size, 3] in [-1, 1].

    Args:
        folder: Folder of photographs, at most 64 are taken; None takes the seven colour photographs inside
            scikit-image (astronaut, chelsea, coffee, motorcycle_left, rocket) and scikit-learn (china, flower).
        size: Side in pixels.
    Raises:
        ValueError: If the folder holds no photograph.
    """
    from PIL import Image, ImageOps

    if folder:
        paths = sorted(path for path in pathlib.Path(folder).rglob('*')
                       if path.suffix.lower() in ('.jpg', '.jpeg', '.png', '.webp'))[:64]
    else:
        import skimage
        import sklearn.datasets
        first = pathlib.Path(skimage.__file__).parent / 'data'
        second = pathlib.Path(sklearn.datasets.__file__).parent / 'images'
        paths = [first / 'astronaut.png', first / 'chelsea.png', first / 'coffee.png',
                 first / 'motorcycle_left.png', first / 'rocket.jpg', second / 'china.jpg', second / 'flower.jpg']
    if not paths:
        raise ValueError(f'Expected photographs below {folder}. Found none.')
    images = [ImageOps.fit(Image.open(path).convert('RGB'), (size, size), Image.Resampling.LANCZOS)
              for path in paths]
    return np.stack([np.asarray(image, np.float32) for image in images]) / 127.5 - 1.0


def mean_activations(weights, build, images=None):
    """Mean of the absolute raw activations of each layer, by layer name.

    Args:
        weights: FrozenWeights.
        build: Function from FrozenWeights to its FeatureExtractor with all layers.
        images: float32 [N, H, W, 3] in [-1, 1]; None for `photographs()`.
    """
    extractor = build(dataclasses.replace(weights, mean_activations={}))
    totals = {}
    for image in photographs() if images is None else images:
        for name, feature in extractor(image[None]).items():
            totals.setdefault(name, []).append(float(np.abs(np.asarray(feature)).mean()))
    return {name: float(np.mean(values)) for name, values in totals.items()}
