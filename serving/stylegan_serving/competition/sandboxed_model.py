"""Paints every pair with a participant's SavedModel: the program that runs inside the sandbox, as `python FILE`.

/jobs.json is a list of {'number', 'content', 'style'}, paths of pictures; /model a SavedModel with the signature
`serving_default` of serving/README.md. Writes /output/NNN.png. Needs nothing but TensorFlow; what it writes is read as
a stranger's, because the model may have taken its place.
"""

import json
import pathlib
import sys

EXIT_NO_SIGNATURE = 3


def main():
    """Loads, paints; exits with EXIT_NO_SIGNATURE where the model's signature is another one."""
    import tensorflow as tf

    model = tf.saved_model.load('/model')
    paint = model.signatures.get('serving_default')
    keys = set(paint.structured_input_signature[1]) if paint else set()
    if 'content_bytes' not in keys or keys - {'content_bytes', 'style_bytes', 'strength'}:
        print(f'inputs: {sorted(keys)}')
        sys.exit(EXIT_NO_SIGNATURE)
    for job in json.loads(pathlib.Path('/jobs.json').read_text()):
        given = {'content_bytes': tf.constant([pathlib.Path(job['content']).read_bytes()]),
                 'style_bytes': tf.constant([pathlib.Path(job['style']).read_bytes()]),
                 'strength': tf.constant([1.0])}
        outputs = paint(**{key: given[key] for key in keys})
        if 'stylized_bytes' not in outputs:
            print(f'outputs: {sorted(outputs)}')
            sys.exit(EXIT_NO_SIGNATURE)
        pathlib.Path(f'/output/{job["number"]:03d}.png').write_bytes(outputs['stylized_bytes'].numpy()[0])
        print(f'painted {job["number"]}', flush=True)


if __name__ == '__main__':
    main()
