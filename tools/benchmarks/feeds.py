"""Feeds of a training as subjects: ours, and a PyTorch DataLoader that reads, crops and colours with OpenCV.

Both give batches of float32 pictures in [-1, 1]: decode at the size that the crop needs, crop, flip, colours as a
preset says, one batch after another without end. Each turn tells `images` and, where processes work, their CPU seconds.
"""

import math
import os
import time

AHEAD = 4  # batches
AREA, LINEAR = 'area', 'linear'  # how the peer makes crops smaller: by averages as ours, or by the quicker way


def ours(preset, specs, cores, kept_bytes=0):
    """Work on a task {'images': n}: batches of `to_tensors`, as a training on TensorFlow takes them.

    Args:
        preset: Whose resolution, batch size and augmentations.
        specs: Data SPECs, one a role: content and style, or one for the only role.
        cores: Threads.
        kept_bytes: Decoded pictures kept in memory; 0 decodes every one anew.
    """
    from stylegan_tf import configs, data

    config = configs.get(preset)
    roles = ('content', 'style') if len(specs) == 2 else ('image',)
    stream = data.SampleStream({role: data.load(spec, cache_bytes=kept_bytes) for role, spec in zip(roles, specs)},
                               (config.height, config.width), {role: config.augmentation(role) for role in roles})
    batches = data.to_tensors(stream, start=0, batch_size=config.batch_size, threads=cores, prefetch=AHEAD)
    return timed(lambda: sum(len(batch) for role, batch in next(batches).items() if role in roles), [])


def torch_loader(preset, specs, cores, interpolation=AREA):
    """As `ours`, by a torch.utils.data.DataLoader with a worker process a core."""
    import cv2
    import torch

    from stylegan_tf import configs, images
    from stylegan_tf.data import samples

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    config = configs.get(preset)
    roles = ('content', 'style') if len(specs) == 2 else ('image',)
    folders = [samples.sample_folder(spec.removeprefix('sample:')) if spec.startswith('sample:') else spec
               for spec in specs]
    pictures = Pictures([images.find_images(folder) for folder in folders], (config.height, config.width),
                        [config.augmentation(role) for role in roles], interpolation)
    loader = torch.utils.data.DataLoader(pictures, batch_size=config.batch_size, sampler=Shuffled(len(pictures)),
                                         num_workers=cores, prefetch_factor=max(1, AHEAD // cores),
                                         persistent_workers=True)
    batches = iter(loader)
    workers = [worker.pid for worker in batches._workers]
    return timed(lambda: sum(len(batch.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)) for batch in next(batches)),
                 workers)


def timed(take, processes):
    """Work on a task {'images': n}; what was made ahead since the last turn is taken away before the clocks start.

    Args:
        take: Function that takes a batch and returns the number of its images.
        processes: Ids of other processes whose CPU time counts.
    """
    def work(task):
        for _ in range(AHEAD + 1):
            take()
        count, wall, before = 0, time.perf_counter(), cpu_seconds(processes)
        while count < task['images']:
            count += take()
        return {'images': count, 'wall_seconds': time.perf_counter() - wall,
                'cpu_seconds': cpu_seconds(processes) - before}
    return work


def cpu_seconds(processes):
    """CPU seconds of this process and others so far, which Linux counts in hundredths."""
    total = time.process_time()
    for process in processes:
        with open(f'/proc/{process}/stat') as file:
            fields = file.read().rpartition(')')[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return total


class Shuffled:
    """Indices without end, each once an epoch, in random order: no pause where an epoch ends."""

    def __init__(self, count):
        self._count = count

    def __iter__(self):
        import torch

        while True:
            yield from torch.randperm(self._count).tolist()


class Pictures:
    """A map-style dataset: one picture of each folder, uint8 tensors [H, W, 3].

    Args:
        paths: Lists of files, one a folder; the longest decides the length, the others repeat.
        size: (height, width).
        augmentations: `AugmentationConfig`s, one a folder.
        interpolation: AREA or LINEAR.
    """

    def __init__(self, paths, size, augmentations, interpolation):
        from PIL import Image

        def short_side(path):
            with Image.open(path) as image:
                return min(image.size)

        self._pictures = [[(str(path), short_side(path)) for path in folder] for folder in paths]
        self._size, self._augmentations, self._interpolation = size, augmentations, interpolation
        self._generator = None

    def __len__(self):
        return max(map(len, self._pictures))

    def __getitem__(self, index):
        import numpy as np
        import torch

        if self._generator is None:  # in the worker, with a seed of its own
            self._generator = np.random.default_rng(torch.initial_seed())
        return [torch.from_numpy(self._view(*pictures[index % len(pictures)], augmentation))
                for pictures, augmentation in zip(self._pictures, self._augmentations)]

    def _view(self, path, short_side, augmentation):
        import cv2
        import numpy as np

        draws = self._generator.random(10)
        low, high = augmentation.crop_scale
        scale = low + (high - low) * draws[0]
        factor = max(factor for factor in (1, 2, 4, 8) if factor == 1 or short_side * scale >= factor * max(self._size))
        flag = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
                8: cv2.IMREAD_REDUCED_COLOR_8}[factor]
        image = cv2.imread(path, flag)
        rows, columns = image.shape[:2]
        ratio = self._size[1] / self._size[0]
        height = min(rows, columns / ratio) * scale
        height, width = max(1, int(height)), max(1, int(height * ratio))
        top, left = int(draws[1] * (rows - height + 1)), int(draws[2] * (columns - width + 1))
        kind = cv2.INTER_AREA if self._interpolation == AREA else cv2.INTER_LINEAR
        view = cv2.resize(image[top:top + height, left:left + width], self._size[::-1], interpolation=kind)
        if augmentation.flip and draws[3] < 0.5:
            view = cv2.flip(view, 1)
        view = cv2.cvtColor(view, cv2.COLOR_BGR2RGB)
        return np.ascontiguousarray(colored(view, 2 * draws[4:] - 1, augmentation))


def colored(view, draws, augmentation):
    """A picture uint8 [H, W, 3] with the colours changed as an augmentation says, by OpenCV.

    Args:
        view: uint8 [H, W, 3].
        draws: float [6] in [-1, 1).
        augmentation: `AugmentationConfig`.
    """
    import cv2
    import numpy as np

    if abs(draws[0]) < augmentation.channel_shuffle:
        view = view[:, :, np.random.permutation(3)]
    if augmentation.hue or augmentation.saturation:
        hue, saturation, lightness = cv2.split(cv2.cvtColor(np.ascontiguousarray(view), cv2.COLOR_RGB2HSV))
        hue = cv2.LUT(hue, ((np.arange(256) + round(180 * augmentation.hue * draws[1])) % 180).astype(np.uint8))
        saturation = cv2.convertScaleAbs(saturation, alpha=1 + augmentation.saturation * draws[2])
        view = cv2.cvtColor(cv2.merge([hue, saturation, lightness]), cv2.COLOR_HSV2RGB)
    if augmentation.contrast or augmentation.brightness or augmentation.gamma:
        contrast = 1 + augmentation.contrast * draws[3]
        levels = contrast * (np.arange(256) - 127.5) + 127.5 + 255 * augmentation.brightness * draws[4]
        levels = np.clip(levels, 0, 255) / 255
        table = np.rint(255 * levels ** math.pow(2.0, augmentation.gamma * draws[5])).astype(np.uint8)
        view = cv2.LUT(np.ascontiguousarray(view), table)
    return view
