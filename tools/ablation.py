"""Trains one preset with single terms of its objective switched off, and shows what each does.

    python tools/ablation.py --output=runs/ablation --data=sample:photos --style_data=sample:styles

Every variant starts from the same reconstruction warm-up, with the same seed, data and number of steps. The result is
a sheet of pictures on held-out photographs (sheet.png), a table (table.md) and the numbers (table.json).
Trainings resume: the same command run again continues.
"""

import json
import pathlib
import sys

from absl import flags

from stylegan_tf import commands

_PRESET = flags.DEFINE_string('preset', 'style_transfer_64', 'Preset of style transfer.')
_DATA = flags.DEFINE_string('data', 'sample:photos', 'Content pictures, a SPEC as for training.')
_STYLE_DATA = flags.DEFINE_string('style_data', 'sample:styles', 'Style pictures.')
_HOLDOUT = flags.DEFINE_string('holdout', '0.2', 'Share, or file of names, kept out of training.')
_OUTPUT = flags.DEFINE_string('output', 'runs/ablation', 'Folder for runs and results.')
_IMAGES = flags.DEFINE_integer('images', 3200, 'Images each variant trains on.')
_WARMUP_IMAGES = flags.DEFINE_integer('warmup_images', 1200, 'Images of the common warm-up.')
_PAIRS = flags.DEFINE_integer('pairs', 4, 'Held-out pairs on the sheet.')
_SEED = flags.DEFINE_integer('seed', 0, 'Seed of every run.')
_SET = flags.DEFINE_multi_string('set', [], 'Settings common to all variants, as for training.')

VARIANTS = {
    'full': (),
    'no content conditioning': ('discriminator_condition=off',),
    'no style loss': ('style_weight=0', 'mean_variance_weight=0'),
    'no adversarial loss': ('adversarial_weight=0',),
}
MEASURES = ('content_loss', 'style_loss', 'discriminator_accuracy')


def main():
    """Trains, measures, draws."""
    commands.import_tensorflow()
    from stylegan_tf import images, sheets

    output = pathlib.Path(_OUTPUT.value)
    start = _train(output / 'warm-up', _WARMUP_IMAGES.value, f'warmup_images={_WARMUP_IMAGES.value}', init=None)
    folders = {name: _train(output / name.replace(' ', '-'), _IMAGES.value, 'warmup_images=0', *settings, init=start)
               for name, settings in VARIANTS.items()}
    pairs = _held_out_pairs(_PAIRS.value)
    pictures = {name: _paint(folder, pairs) for name, folder in folders.items()}
    rows = [{'variant': name, **_last_numbers(folder), 'difference_from_full': _difference(pictures, name)}
            for name, folder in folders.items()]
    (output / 'table.json').write_text(json.dumps(rows, indent=2), encoding='utf-8')
    (output / 'table.md').write_text(_markdown(rows), encoding='utf-8')
    cells = [[images.resize(picture, (128, 128)) for picture in
              (content, style, *(pictures[name][index] for name in VARIANTS))]
             for index, (content, style) in enumerate(pairs)]
    images.save(output / 'sheet.png', sheets.grid(cells, column_labels=['content', 'style', *VARIANTS]))
    print(_markdown(rows))
    print(f'pictures: {output / "sheet.png"}')


def _train(folder, total_images, *settings, init):
    from stylegan_tf.training import launcher

    common = ('snapshot_images=1000000', 'adversarial_weight=0.5', f'total_images={total_images}')
    print(f'== {folder.name}')
    outcome = launcher.train(launcher.Options(
        preset=_PRESET.value, workdir=str(folder), data=_DATA.value, style_data=_STYLE_DATA.value,
        settings=(*common, *_SET.value, *settings), seed=_SEED.value, holdout=_HOLDOUT.value,
        init=init and str(init)))
    if outcome.status == 'stopped':
        sys.exit(outcome.message)
    return folder


def _held_out_pairs(count):
    from stylegan_tf import images
    from stylegan_tf.training import splits

    _, sources = splits.load(_DATA.value, _STYLE_DATA.value, holdout=_HOLDOUT.value, default_share=0.2,
                            max_bad_share=0.05, note=lambda text: None).of_roles(('content', 'style'))
    contents, styles = (sources[role] for role in ('content', 'style'))
    return [tuple(images.cover_crop(source[index % len(source)].image, (128, 128)) for source in (contents, styles))
            for index in range(count)]


def _paint(folder, pairs):
    import stylegan_tf

    model = stylegan_tf.load(folder)
    return [model.stylize(content, style) for content, style in pairs]


def _last_numbers(folder):
    rows = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text(encoding='utf-8').splitlines()]
    numbers = {}
    for row in rows:
        numbers.update({name: row[key] for name in MEASURES for key in row if key.endswith(name)})
    return numbers


def _difference(pictures, name):
    import numpy as np

    return float(np.mean([np.abs(one.astype(float) - other).mean()
                          for one, other in zip(pictures[name], pictures['full'], strict=True)]))


def _markdown(rows):
    lines = ['| variant | content loss | style loss | discriminator accuracy | difference from full, of 255 |',
             '|---|---|---|---|---|']
    for row in rows:
        numbers = [f'{row[name]:.3f}' if name in row else '–' for name in MEASURES]
        lines.append(f'| {row["variant"]} | {" | ".join(numbers)} | {row["difference_from_full"]:.1f} |')
    return '\n'.join(lines) + '\n'


def _errors():
    from stylegan_tf.training import launcher

    return launcher.user_errors()


if __name__ == '__main__':
    commands.run(main, errors=_errors)
