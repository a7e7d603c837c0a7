#!/usr/bin/env python
"""Measures corrections on planted defects, whose clean pictures are known, beside repairs that nothing has learnt.

    python tools/make_defect_benchmark.py --images=good/ --pairs=pairs.csv --output=benchmark/
    python tools/measure_corrections.py --model=runs/critic --benchmark=benchmark/ --output=corrections.json

Nearer means a smaller mean absolute difference to the clean picture; worse means one larger by more than 5%. The other
repairs, on the flagged pictures: cv2.inpaint by the true and by the found damage, cv2.fastNlMeansDenoisingColored, and,
with --generator, painting again at lower strength. Cases are noted as they come: the same command goes on where it
stopped. Exit codes: 0 done; 2 bad usage.
"""

import json
import pathlib
import sys

from absl import flags
from detection import corrections

from stylegan_tf import commands

_MODEL = flags.DEFINE_string('model', 'anomaly', 'Name, folder of an export, or run folder.')
_BENCHMARK = flags.DEFINE_string('benchmark', None, 'Folder made by tools/make_defect_benchmark.py.')
_OUTPUT = flags.DEFINE_string('output', None, 'The report to write, such as corrections.json.')
_FALSE_ALARM_RATE = flags.DEFINE_float('false_alarm_rate', 0.05, 'Between 0 and 1.')
_REFERENCES = flags.DEFINE_enum('references', 'all', ['all', 'content', 'none'], 'What the model is shown besides.')
_SEVERITIES = flags.DEFINE_list('severities', ['0.5', '1'], 'Of the defects.')
_PICTURES = flags.DEFINE_integer('pictures', 0, 'Use the first so many clean pictures; 0 for all.', lower_bound=0)
_CASES = flags.DEFINE_integer('cases', 0, 'Only so many of each defect, drawn at random; 0 for all.', lower_bound=0)
_GENERATOR = flags.DEFINE_string('generator', None, 'Model for painting again.')
_PAINTED = flags.DEFINE_string('painted', '', 'Only sources whose path holds this text are painted again.')
_REPAINT = flags.DEFINE_bool('repaint', False, 'Give the generator to the corrector too.')
_DISTANCE = flags.DEFINE_string('distance', '', 'A second distance, such as lpips@efficientnet_lite0.')

LOWER_STRENGTH = 0.7  # of painting again


def main():
    """Reads the flags, measures and prints the tables; returns the exit code."""
    if not _BENCHMARK.value or not _OUTPUT.value:
        raise commands.UsageError('--benchmark and --output are required; see --help.')
    from stylegan_tf import files
    from stylegan_tf.data import defect_benchmark

    folder = pathlib.Path(_BENCHMARK.value)
    rows = corrections.chosen(defect_benchmark.read_index(folder), [float(text) for text in _SEVERITIES.value],
                              pictures=_PICTURES.value, cases=_CASES.value)
    commands.import_tensorflow()
    cases = measure(folder, rows, pathlib.Path(_OUTPUT.value + '.partial'))
    report = {'false_alarm_rate': _FALSE_ALARM_RATE.value, 'references': _REFERENCES.value,
              'model': _MODEL.value, 'benchmark': defect_benchmark.read_record(folder), **corrections.summarised(cases),
              'cases': cases}
    files.write_whole(_OUTPUT.value, (json.dumps(report, indent=1) + '\n').encode())
    print(corrections.table(report))
    return commands.DONE


def measure(folder, rows, journal):
    """One dict a row: what became of it, and its distances to the clean picture before and after."""
    import tqdm

    from stylegan_tf import api

    model = api.load(_MODEL.value, engine='tensorflow')
    generator = api.load(_GENERATOR.value) if _GENERATOR.value else None
    distance = _second_distance()
    key = {'model': model.hash, 'rate': _FALSE_ALARM_RATE.value, 'references': _REFERENCES.value,
           'repaint': _REPAINT.value}
    known = _read(journal, key)
    journal.parent.mkdir(parents=True, exist_ok=True)
    cases = []
    with open(journal, 'a', encoding='utf-8') as file:
        for row in tqdm.tqdm(rows, unit='picture', mininterval=0.2 if sys.stderr.isatty() else 30):
            if row['path'] not in known:
                known[row['path']] = {**_case(folder, row, model, generator, distance), **key}
                file.write(json.dumps(known[row['path']]) + '\n')
                file.flush()
            cases.append(known[row['path']])
    return cases


def _read(journal, key):
    if not journal.is_file():
        return {}
    found = [json.loads(line) for line in journal.read_text(encoding='utf-8').splitlines() if line.endswith('}')]
    return {case['path']: case for case in found if all(case.get(name) == value for name, value in key.items())}


def _case(folder, row, model, generator, distance):
    from stylegan_tf import images

    image, clean = (images.read(folder / row[name]) for name in ('path', 'clean'))
    shown = {'all': ('content', 'style'), 'content': ('content',), 'none': ()}[_REFERENCES.value]
    references = {name: images.read(folder / row[name]) for name in shown if row[name]}
    may_paint = generator is not None and len(references) == 2 and _PAINTED.value in row['source']
    correction = model.correct(image, **references, false_alarm_rate=_FALSE_ALARM_RATE.value,
                               generator=generator if may_paint and _REPAINT.value else None)
    case = {'path': row['path'], 'clean': row['clean'], 'defect': row['defect'], 'severity': row['severity'],
            'p_value': correction.p_value, 'flagged': correction.p_value <= _FALSE_ALARM_RATE.value,
            'accepted': correction.accepted, 'repair': correction.repair, 'reason': correction.reason,
            'score_before': correction.score_before, 'score_after': correction.score_after,
            'before': _error(image, clean), 'after': _error(correction.image, clean)}
    if not row['defect'] or not case['flagged']:
        return case
    if distance and correction.accepted:
        case.update(second_before=distance(image, clean), second_after=distance(correction.image, clean))
    true = images.read(folder / row['mask'])[..., 0] > 127
    found = model.score(image, **references).map > 0.5
    others = corrections.other_repairs(image, true, found)
    if may_paint:
        others['painted again at lower strength'] = generator.stylize(references['content'], references['style'],
                                                                      strength=LOWER_STRENGTH)
    return {**case, 'others': {name: _error(picture, clean) for name, picture in others.items()}}


def _error(image, clean):
    import numpy as np

    return float(np.abs(image.astype(np.float32) - clean).mean())


def _second_distance():
    if not _DISTANCE.value:
        return None
    from stylegan_tf import evaluator

    measured = evaluator.Evaluator([_DISTANCE.value])
    return lambda image, clean: float(measured.measure(image, clean, clean)[_DISTANCE.value])


if __name__ == '__main__':
    commands.run(main, errors=lambda: (ValueError, OSError))
