"""An evaluation of a method as a subject: every content, style and result is a picture of its own, or a grid of few."""

import contextlib
import os
import pathlib
import tempfile
import time

DISTINCT, GRID = 'all distinct', 'grid'


def evaluation(content, style, pairs, kind, size):
    """Work, whatever the task: what `stylegan-tf evaluate` does with `pairs` results, and both reports written.

    Each turn tells its own `cpu_seconds` and `wall_seconds`, `looks` (pictures shown to the network), `distinct`
    (pictures there are), `score` and `report_bytes`.

    Args:
        content, style: Data SPECs; crops of their pictures are the contents and styles.
        pairs: How many.
        kind: DISTINCT, or GRID: about the root of `pairs` contents by as many styles.
        size: As of `evaluator.Evaluation`.
    """
    from stylegan_tf import evaluator, method_evaluator
    from stylegan_tf.evaluator import evaluator as evaluators

    counted = []
    look = evaluators.Evaluator.look

    def counting(self, pixels):
        counted.append(1)
        return look(self, pixels)

    evaluators.Evaluator.look = counting
    stack = contextlib.ExitStack()
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    planned, distinct = write(folder, content, style, pairs, kind)

    def work(_):
        counted.clear()
        wall, before = time.perf_counter(), os.times()
        evaluated = method_evaluator.MethodEvaluator(planned, evaluator.DEFAULT_METRICS, size=size)
        report = evaluated.run({'ours': folder / 'results'}, show_progress=False)
        page = evaluated.write(report, folder / 'report.json')
        after = os.times()
        assert not report.failures, report.failures[0]
        return {'cpu_seconds': after.user + after.system - before.user - before.system,
                'wall_seconds': time.perf_counter() - wall, 'looks': len(counted), 'distinct': distinct,
                'score': report.methods['ours']['summary']['metrics'][report.score]['mean'],
                'report_bytes': (folder / 'report.json').stat().st_size + page.stat().st_size}

    work.stack = stack  # keeps the folder as long as the work
    return work


def write(folder, content, style, pairs, kind, side=256):
    """Contents, styles and results as JPEG files of `side` pixels.

    A result is its content in the colours of its style, through which a quarter of the style picture shows: cheap,
    and no copy.

    Returns:
        (list of `method_pairs.MethodPair`, number of distinct pictures).
    """
    from judging import planted

    from stylegan_tf import data, images, method_pairs

    across = pairs if kind == DISTINCT else round(pairs ** 0.5 + 0.5)
    sources = {'content': data.load(content), 'style': data.load(style)}
    augmentation = data.Augmentation(crop_scale=(0.6, 0.95))
    crops = {role: data.SampleStream({'image': source}, (side, side), {'image': augmentation}, seed)
             for seed, (role, source) in enumerate(sources.items())}

    def path(role, number):
        file = folder / role / f'{number:05d}.jpg'
        if not file.is_file():
            images.save(file, crops[role].sample(number)['image'])
        return file

    found = []
    for number in range(pairs):
        given = {role: path(role, place) for role, place in (
            ('content', number % across), ('style', number if kind == DISTINCT else number // across))}
        pixels = {role: images.read(file) for role, file in given.items()}
        result = planted.mixed(planted.colored(pixels['content'], pixels['style']), pixels['style'], 0.25)
        images.save(folder / 'results' / f'{number:05d}.jpg', result)
        found.append(method_pairs.MethodPair(f'{number:05d}', given['content'], given['style'], (f'{number:05d}',)))
    return found, pairs + len({pair.content for pair in found}) + len({pair.style for pair in found})
