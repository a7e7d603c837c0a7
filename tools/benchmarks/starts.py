"""Measures how long commands take from nothing: every `--help`, and `stylize` for one photograph by each engine.

    python tools/benchmark.py starts --rounds=3 --output=runs/starts
"""

import tempfile

from absl import flags

from stylegan_tf import commands

_ROUNDS = flags.DEFINE_integer('rounds', 3, 'Runs of each.', 1)
_HELP = flags.DEFINE_bool('help_too', True, 'Whether every --help is measured as well.')
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for starts.json and starts.png.')


def main():
    """Prints the table."""
    from benchmarks import checks, records, start_times

    checks.output_folder(_OUTPUT.value)
    with tempfile.TemporaryDirectory() as folder:
        rows = start_times.cold_rows(folder, _ROUNDS.value)
    if _HELP.value:
        helps = start_times.help_rows(_ROUNDS.value)
        rows += sorted(helps, key=lambda row: -row.ours)
    print(records.table(rows))
    print('\nCPU seconds: ' + ', '.join(f'{row.what} {row.more["cpu_seconds"]:.1f}' for row in rows[:3]))
    if _OUTPUT.value:
        records.save(_OUTPUT.value, 'starts', rows, rounds=_ROUNDS.value)


if __name__ == '__main__':
    commands.run(main)
