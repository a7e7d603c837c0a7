"""Says where a SavedModel's time goes: operations of `stylize_from_code` on one core, beside the core's peak.

    stylegan-tf export --workdir=arbitrary_style --output=models/arbitrary_style
    python tools/benchmark.py profile --saved_model=models/arbitrary_style/1 --size=512
"""

import os

from absl import flags

from stylegan_tf import commands

_SAVED_MODEL = flags.DEFINE_string('saved_model', None, 'Folder of a SavedModel of the shipped model.')
_MODEL = flags.DEFINE_string('model', 'arbitrary_style', 'The shipped model that it was made of.')
_SIZE = flags.DEFINE_integer('size', 512, 'Side of the picture, pixels.', 16)
_ROUNDS = flags.DEFINE_integer('rounds', 7, 'Runs.', 1)


def main():
    """Prints the table."""
    from benchmarks import checks, subject

    if not _SAVED_MODEL.value or not os.path.isfile(os.path.join(_SAVED_MODEL.value, 'saved_model.pb')):
        raise commands.UsageError('--saved_model expects the folder of a version of an export, with saved_model.pb; '
                                  f'--help shows how to make one. Received: {_SAVED_MODEL.value or "none"}.')
    checks.eight_bit_model(_MODEL.value)
    subject.bind(1)
    commands.import_tensorflow()
    import numpy as np
    from benchmarks import operation_times, painters

    content = painters.picture(_SIZE.value)[None] / np.float32(255)
    code = np.random.default_rng(0).standard_normal((1, painters.code_size(_MODEL.value))).astype(np.float32)
    seconds, whole = operation_times.trace(
        _SAVED_MODEL.value, 'stylize_from_code',
        {'content': content, 'code': code, 'strength': np.ones(1, np.float32)}, _ROUNDS.value)
    flops, best = painters.flops(_MODEL.value) * _SIZE.value ** 2, operation_times.peak()
    print(operation_times.table(seconds, whole, flops, best))


if __name__ == '__main__':
    commands.run(main)
