"""A small bundle in a folder, of pictures made here."""

import pathlib
import shutil

import numpy as np

from stylegan_tf import images

TEXT = """\
version: 1
slug: small-contest
title: A small contest
description: description.md
rules: rules.md
images: {content: content/, style: style/}
pairs: pairs.csv
private_share: 0.5
size: 48
submission: {kind: results, maximum_megabytes: 5}
phases:
  - {name: development, start: 2026-01-01T00:00Z, end: 2026-02-01T00:00Z, quota: {per_day: 3, total: 9}}
  - name: final
    start: 2026-02-01T00:00Z
    end: null
    quota: {per_day: null, total: 2, concurrent: 1}
    final_selection: chosen
metrics:
  - {name: balance@efficientnet_lite0, better: higher}
ranking: weighted
voting: {enabled: true, per_user_per_hour: 20}
"""


def picture(seed, side=48):
    """A smooth picture of its own colours, uint8 [side, side, 3]."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6, 3), np.uint8)
    return images.resize(small, (side, side))


def write(folder, text=TEXT, *, pairs=4):
    """Writes the bundle below `folder`, anew, and returns the folder."""
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    for index in range(pairs):
        images.save(folder / 'content' / f'photo{index}.png', picture(index))
        images.save(folder / 'style' / f'painting{index}.png', picture(100 + index))
    rows = ''.join(f'photo{index}.png,painting{index}.png\n' for index in range(pairs))
    for name, words in (('competition.yaml', text), ('pairs.csv', f'content,style\n{rows}'),
                        ('description.md', '# Small\n'), ('description.zh.md', '# 小\n'), ('rules.md', 'Be fair.\n')):
        (folder / name).write_text(words, encoding='utf-8')
    return folder
