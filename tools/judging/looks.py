"""How near a learned look comes to a known grade, beside doing nothing and palette transfers."""

import cv2
import numpy as np
from skimage import color

from stylegan_tf import looks
from stylegan_tf.metrics.bootstrap import bootstrap_interval

from . import known_grades, palette_transfers

NOTHING, LEARNED = 'nothing', 'learned look'
SIDE = 32  # pixels of the pictures that differences are measured on


def split(path):
    """Dict role ('reference', 'look', 'unseen') -> list of file names, of a file of lines NAME<TAB>ROLE."""
    roles = {'reference': [], 'look': [], 'unseen': []}
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            if line.strip() and not line.startswith('#'):
                name, role = line.split()
                roles[role].append(name)
    return roles


def color_difference(a, b):
    """Mean CIEDE2000 of two pictures uint8 [H, W, 3]."""
    return float(color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b)).mean())


def measure(grade, look_pictures, unseen, *, content=(), reference=None, seed=0):
    """Learns one grade from graded pictures and measures all ways on unseen ones.

    Args:
        grade: Name of a known grade.
        look_pictures: Ungraded pictures uint8; they are graded here.
        unseen: Ungraded pictures uint8 to judge on.
        content: Ungraded pictures for the fit; none takes the shipped statistics.
        reference: Colours of ungraded portraits uint8 [N, 3] for the palette transfers.
        seed: Of the fit.
    Returns:
        (dict way -> list of mean CIEDE2000, one an unseen picture; looks.Look).
    """
    graded = [known_grades.grade(picture, grade) for picture in look_pictures]
    small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in unseen]
    truth = [known_grades.grade(picture, grade) for picture in small]
    look = looks.fit_look(content, graded, seed=seed, with_texture=False)
    pooled = np.concatenate([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(-1, 3)
                             for picture in graded])
    ways = {NOTHING: lambda pixels: pixels, LEARNED: look.apply,
            **{name: make(reference, pooled) for name, make in palette_transfers.TRANSFERS.items()}}
    return {name: [color_difference(way(picture), wanted) for picture, wanted in zip(small, truth)]
            for name, way in ways.items()}, look


def table(results):
    """Lines of a Markdown table of {grade: {way: list of differences}}, with 95% intervals over pictures."""
    ways = list(next(iter(results.values())))
    lines = ['| grade | ' + ' | '.join(ways) + ' |', '|---' * (len(ways) + 1) + '|']
    for grade, scores in results.items():
        lines.append(f'| {grade} | ' + ' | '.join(_cell(scores[way], way) for way in ways) + ' |')
    means = {way: [float(np.mean(scores[way])) for scores in results.values()] for way in ways}
    lines.append('| **mean of the grades** | ' + ' | '.join(_cell(means[way], way) for way in ways) + ' |')
    return lines


def _cell(values, way):
    interval = bootstrap_interval(values)
    text = f'{np.mean(values):.2f}'
    if interval is None or way not in (NOTHING, LEARNED):
        return text
    return f'{text} [{interval[0]:.2f}, {interval[1]:.2f}]'
