#!/usr/bin/env python
"""Cuts the faces out of a folder of pictures, upright and framed as FFHQ is, for training on faces.

    python tools/align_faces.py --images=photos/ --output=faces/ --size=256
    python -m stylegan_tf.train --preset=... --data=faces/

Pictures may show several faces, turned, painted or in profile. Each face becomes a PNG named after its picture, the
largest first; folders are kept. faces.tsv lists every face: crop, picture, box, score, roll, yaw, enlargement. Run the
same command again after an interruption: pictures that are in the table are not read again.
Damaged pictures and those without a face are named. Exit code: 0 every picture showed a face, 1 some did not or could
not be read, 2 bad usage.
"""

import sys

from absl import flags

from stylegan_tf import commands

_IMAGES = flags.DEFINE_string('images', None, 'Folder of pictures, anywhere below it.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the crops and faces.tsv.')
_SIZE = flags.DEFINE_integer('size', 256, 'Side of the crops in pixels.', lower_bound=8)
_SCALE = flags.DEFINE_float('scale', 1.0, "Side of the frame in sides of FFHQ's: more shows hair and shoulders.",
                            lower_bound=0.3, upper_bound=5.0)
_LEAST_SCORE = flags.DEFINE_float('least_score', 0.5, 'Faces that are less sure are left out.', lower_bound=0.1,
                                  upper_bound=1.0)
_MOST_FACES = flags.DEFINE_integer('most_faces', 0, 'Faces taken of a picture, the largest first; 0 takes all.',
                                   lower_bound=0)
_MOST_ENLARGED = flags.DEFINE_float('most_enlarged', 0.0, 'Faces that would be enlarged more than this are left out; '
                                    '0 takes all.', lower_bound=0.0)
_TURNED = flags.DEFINE_bool('turned', True, 'Also look for faces that lie on their side or upside down.')
_OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Start anew where the folder was made with other settings.')


def _progress(names):
    import tqdm
    return tqdm.tqdm(names, unit=' pictures', mininterval=0.2 if sys.stderr.isatty() else 10)


def main():
    """Reads the flags and cuts; returns the exit code."""
    for flag in (_IMAGES, _OUTPUT):
        if not flag.value:
            raise commands.UsageError(f'--{flag.name} is required; see --help.')
    from stylegan_tf.data import face_folders

    settings = face_folders.Settings(size=_SIZE.value, scale=_SCALE.value, least_score=_LEAST_SCORE.value,
                                     most_faces=_MOST_FACES.value, most_enlarged=_MOST_ENLARGED.value,
                                     is_turned=_TURNED.value)
    result = face_folders.align_folder(_IMAGES.value, _OUTPUT.value, settings, overwrite=_OVERWRITE.value,
                                       progress=_progress)
    sys.stdout.reconfigure(errors='backslashreplace')  # file names may hold any bytes
    for name, reason in result.without:
        print(f'NO FACE {name}: {reason}')
    print(f'{_OUTPUT.value}: {result.faces} faces of {result.pictures} pictures, {result.kept} of them kept from an '
          f'earlier run; {len(result.without)} without a face. Table: {result.table}')
    return commands.SOME_FAILED if result.without else commands.DONE


def _user_errors():
    from stylegan_tf import images
    from stylegan_tf.data import sources
    from stylegan_tf.litert import runtime
    return images.ImageError, sources.DataError, runtime.LiteRTError, OSError


if __name__ == '__main__':
    commands.run(main, errors=_user_errors)
