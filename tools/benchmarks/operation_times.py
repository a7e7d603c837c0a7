"""Which operations of a SavedModel's signature take the time, as TensorFlow's own trace of one core tells."""

import collections
import statistics

import numpy as np

OTHERS = 8  # kinds of operations that are told one by one; the rest are summed


def trace(folder, signature, inputs, rounds):
    """Seconds of every operation.

    Args:
        folder: Of a SavedModel.
        signature: Name of one of its signatures.
        inputs: Dict name -> NumPy array.
        rounds: Runs that count; two more warm up.
    Returns:
        (dict kind of operation -> median over the runs of its sum of seconds, median seconds of a whole run).
    """
    import time

    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        loaded = tf.compat.v1.saved_model.load(session, ['serve'], str(folder))
        described = loaded.signature_def[signature]
        feed = {described.inputs[name].name: value for name, value in inputs.items()}
        fetch = [output.name for output in described.outputs.values()]
        run_options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
        kinds, totals = [], []
        for turn in range(rounds + 2):
            facts, start = tf.compat.v1.RunMetadata(), time.process_time()
            session.run(fetch, feed)
            seconds = time.process_time() - start
            session.run(fetch, feed, options=run_options, run_metadata=facts)
            if turn >= 2:
                kinds.append(_by_kind(facts.step_stats))
                totals.append(seconds)
    names = set().union(*kinds)
    return ({name: statistics.median(kind.get(name, 0.0) for kind in kinds) for name in names},
            statistics.median(totals))


def _by_kind(stats):
    seconds = collections.Counter()
    for device in stats.dev_stats:
        for node in device.node_stats:
            seconds[_kind(node)] += node.op_end_rel_micros * 1e-6 - node.op_start_rel_micros * 1e-6
    return seconds


def _kind(node):
    # Labels read 'name = Kind(inputs)'; transfers have none.
    _, equals, call = node.timeline_label.partition(' = ')
    return call.partition('(')[0] if equals else node.node_name.partition(':')[0]


def table(seconds, whole, flops, peak_flops):
    """Markdown table of the kinds that take most; convolutions with their share of the peak.

    Args:
        seconds, whole: As of `trace`. The trace counts seconds of the wall, so that only its shares are taken: they
            divide the CPU seconds of a run without it.
        flops: Floating-point operations of all convolutions of the run.
        peak_flops: Of a core, a second.
    """
    scale = whole / sum(seconds.values())
    ordered = sorted(((value * scale, kind) for kind, value in seconds.items()), reverse=True)
    told, rest = ordered[:OTHERS], sum(value for value, _ in ordered[OTHERS:])
    lines = ['| operation | CPU ms | share |', '|---|---|---|']
    lines += [f'| {kind} | {value * 1e3:.1f} | {value / whole:.0%} |' for value, kind in [*told, (rest, 'others')]]
    inside = scale * sum(value for kind, value in seconds.items() if 'Conv2D' in kind)
    lines += ['', f'{whole * 1e3:.0f} CPU ms in all: {flops / whole / 1e9:.0f} of {peak_flops / 1e9:.0f} GFLOP/s, '
                  f'{flops / whole / peak_flops:.0%} of the peak; convolutions while they run: '
                  f'{flops / max(inside, 1e-12) / peak_flops:.0%}']
    return '\n'.join(lines)


def peak(seconds=2.0):
    """Floating-point operations a CPU second of one core's matrix products, the median of several turns."""
    from benchmarks import peak as matrix
    from benchmarks import subject

    work, rates = matrix.matrix_multiplication(), []
    for _ in range(max(3, round(seconds / 0.5))):
        before = subject.usage()
        numbers = work(None)
        rates.append(numbers['flops'] / subject.difference(before, subject.usage())['cpu_seconds'])
    return float(np.median(rates))
