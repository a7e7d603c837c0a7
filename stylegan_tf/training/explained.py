"""What a system says of what it learnt, kept in the run folder for the report.

    WORKDIR/explained.json                  the step, and title, lines and table of each section
    WORKDIR/samples/explained-1.png         its picture, where it has one

Imports no TensorFlow.
"""

import json
import pathlib

from stylegan_tf import images
from stylegan_tf.training import run_folder


def write(folder, step, sections):
    """Writes the sections of `System.explain` in place of earlier ones.

    Args:
        folder: RunFolder.
        step: Steps done.
        sections: As `System.explain` returns them.
    Raises:
        RunFolderError: If a file cannot be written.
    """
    kept = []
    for number, section in enumerate(sections, 1):
        entry = {name: section[name] for name in ('title', 'lines', 'table') if name in section}
        if section.get('picture') is not None:
            entry['picture'] = f'samples/explained-{number}.png'
            run_folder.write_atomically(folder.path / entry['picture'], images.encode(section['picture'], 'png'))
        kept.append(entry)
    run_folder.write_atomically(folder.explained_file, json.dumps({'step': step, 'sections': kept}, indent=1) + '\n')


def read(path):
    """The sections below a run folder, their pictures as PNG files in bytes; empty where there are none."""
    path = pathlib.Path(path)
    try:
        record = json.loads((path / run_folder.EXPLAINED_FILE).read_text(encoding='utf-8'))
        sections = []
        for section in record['sections']:
            if 'picture' in section:
                section = {**section, 'picture': (path / section['picture']).read_bytes()}
            sections.append({**section, 'title': f'{section["title"]} (step {record["step"]:,})'})
        return sections
    except (OSError, ValueError, KeyError):
        return []
