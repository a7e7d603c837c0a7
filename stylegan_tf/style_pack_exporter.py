"""Makes a style pack of a run: slim weights, the colours as a table where the model has one, a sheet of samples."""

import pathlib
import tempfile

from stylegan_tf import api, exporter, images, looks, slim_runs, style_packs
from stylegan_tf.data import samples
from stylegan_tf.version import __version__

SHEET_SIDE = 256  # pixels of a picture on the sheet
SHEET_PICTURES = 3  # of `sample:photos`: a pack shows none of the pictures that the look was learned from


def export(workdir, output, *, weights='float32'):
    """Writes a style pack.

    Args:
        workdir: Run folder, style pack or name of a model that ships, of a model that has its own look.
        output: The file, NAME.zip; an older one is replaced.
        weights: One of `slim_runs.WEIGHTS`.
    Returns:
        pathlib.Path of the pack.
    Raises:
        ExportError: The model has no look of its own.
        ModelError, StylePackError, RunFolderError, CheckpointError, ConfigError, SlimRunError: As of what is called.
    """
    run, name = exporter.find_run(workdir)
    output = pathlib.Path(output)
    if not api.stylizes(run) or api.takes_style(run):
        raise exporter.ExportError(f'{workdir} has no look of its own: a style pack is made of a model that changes '
                                   'pictures without being given a style, such as a portrait or a translation. Use '
                                   '--format=savedmodel.')
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        slim_runs.write(run, folder / style_packs.MODEL_FOLDER, weights=weights)
        model = api.load(folder / style_packs.MODEL_FOLDER, engine='tensorflow')
        name = name or output.stem
        table = model.color_table()
        if table is not None:
            looks.write_cube(folder / style_packs.TABLE_FILE, table, title=name)
        images.save(folder / style_packs.SHEET_FILE, sheet(model, name), quality=88)
        members = {path.relative_to(folder).as_posix(): path.read_bytes()
                   for path in sorted(folder.rglob('*')) if path.is_file()}
    return style_packs.write(output, members, {'name': name, **_facts(model)})


def sheet(model, name):
    """Before and after on free photographs, uint8 [H, W, 3]."""
    photographs = sorted(samples.sample_folder('photos').glob('*.png'))[:SHEET_PICTURES]
    before = [images.cover_crop(images.read(path), (SHEET_SIDE, SHEET_SIDE)) for path in photographs]
    return images.grid([before, [model.stylize(picture) for picture in before]], row_labels=['before', 'after'],
                       caption=name)


def _facts(model):
    """What the card says of a loaded model."""
    card = model.card
    told = {entry: card[entry] for entry in ('purpose', 'notes', 'preset', 'training', 'perceptual_networks')
            if entry in card}
    return {'model_hash': model.hash, 'config_hash': card.get('config_hash'), **told,
            'consent': card.get('consent') or card.get('config', {}).get('consent') or 'not stated',
            'package': f'stylegan_tf {__version__}'}
