"""Makes the pictures of the demo contest that ship: six styles of the sample set, and what Gatys paints with them.

    python tools/make_demo_contest.py

Contents are cut from photographs inside scikit-image and scikit-learn wherever the demo runs, and do not ship; styles
are painted by stylegan_tf itself. SOURCES.tsv has author and licence of each. Painting takes about ten minutes on two
cores.
"""

import csv
import pathlib
import shutil

from absl import flags

from stylegan_tf import commands

FOLDER = pathlib.Path(__file__).parent.parent / 'serving/stylegan_serving/competition/demo_contest'
PAIRS = (('astronaut', 'swirling_night'), ('chelsea', 'woodblock_wave'), ('china_1', 'impressionist_meadow'),
         ('coffee', 'stained_glass_harbour'), ('flower', 'pointillist_harbour'), ('rocket', 'mosaic_cat'))
SMOOTHING = 0.06  # of the paintings, in units of [0, 1]

_OUTPUT = flags.DEFINE_string('output', None, 'The folder; without it the one that ships.')
_SIZE = flags.DEFINE_integer('size', 192, 'Longer side of every picture, pixels.', 64, 1024)
_ITERATIONS = flags.DEFINE_integer('iterations', 160, 'Of Gatys; 0 leaves the paintings as they are.', 0)


def main():
    """Cuts, lists, paints."""
    from stylegan_tf.data import samples

    folder = pathlib.Path(_OUTPUT.value or FOLDER)
    sources = [_write_set(samples.sample_folder(name), folder / role, [pair[index] for pair in PAIRS])
               for index, (name, role) in enumerate((('photos', 'content'), ('styles', 'style')))]
    with open(folder / 'SOURCES.tsv', 'w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, delimiter='\t', lineterminator='\n')
        writer.writerow(('path', 'title', 'source', 'licence', 'credit'))
        writer.writerows(row for rows in sources for row in rows)
    with open(folder / 'pairs.csv', 'w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(('content', 'style', 'split'))
        # Every other pair is private, so that the demo shows both boards.
        writer.writerows((f'{content}.jpg', f'{style}.jpg', 'private' if number % 2 else 'public')
                         for number, (content, style) in enumerate(PAIRS))
    if _ITERATIONS.value:
        _paint(folder)
    if folder == FOLDER:
        shutil.rmtree(folder / 'content')


def _write_set(source, folder, names):
    """Reduces the named pictures; returns their rows of SOURCES.tsv."""
    from stylegan_tf import images

    with open(source / 'SOURCES.tsv', encoding='utf-8', newline='') as file:
        told = {row['path']: row for row in csv.DictReader(file, delimiter='\t')}
    rows = []
    for name in dict.fromkeys(names):
        pixels = images.fit_within(images.read(source / f'{name}.png'), _SIZE.value)
        images.save(folder / f'{name}.jpg', pixels, quality=92)
        row = told[f'{name}.png']
        rows.append((f'{folder.name}/{name}.jpg', row['title'], row['source'], row['licence'], row['credit']))
    return rows


def _paint(folder):
    commands.import_tensorflow()
    import stylegan_tf as sg
    from stylegan_tf import images

    model = sg.load('gatys', size=_SIZE.value, iterations=_ITERATIONS.value)
    for number, (content, style) in enumerate(PAIRS):
        painted = model.stylize(folder / f'content/{content}.jpg', folder / f'style/{style}.jpg')
        images.save(folder / f'gatys/{number:03d}.jpg', _smooth(painted), quality=92)
        print(f'{number + 1} of {len(PAIRS)} painted', flush=True)


def _smooth(pixels):
    """Takes away the grain that the network leaves at this size: total variation (Chambolle 2004), edges kept."""
    import numpy as np
    from skimage import restoration

    smooth = restoration.denoise_tv_chambolle(pixels / 255.0, weight=SMOOTHING, channel_axis=-1)
    return (smooth.clip(0, 1) * 255).round().astype(np.uint8)


if __name__ == '__main__':
    commands.run(main)
