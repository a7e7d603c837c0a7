"""Counts of a job, the histogram of anomaly scores, and both as JSON and as Prometheus metrics."""

import json
import time

import apache_beam as beam
import numpy as np

from stylegan_serving.batch.records import DONE, FAILED, SKIPPED

BINS = 20  # of anomaly scores, over [0, 1]


class Summarize(beam.CombineFn):
    """PCollection of records.Outcome -> one dict of counts, with 'scores': counts by bin, sum and number."""

    def create_accumulator(self, *args, **kwargs):
        return {'kinds': {}, 'stages': {}, 'bins': [0] * BINS, 'score_sum': 0.0, 'accepted': {}}

    def add_input(self, accumulator, outcome, *args, **kwargs):
        _count(accumulator['kinds'], outcome.kind)
        if outcome.kind == FAILED:
            _count(accumulator['stages'], outcome.stage)
        if outcome.anomaly_score is not None:
            accumulator['bins'][_bin(outcome.anomaly_score)] += 1
            accumulator['score_sum'] += outcome.anomaly_score
        if outcome.accepted is not None:
            _count(accumulator['accepted'], 'accepted' if outcome.accepted else 'kept')
        return accumulator

    def merge_accumulators(self, accumulators, *args, **kwargs):
        merged = self.create_accumulator()
        for one in accumulators:
            for name in ('kinds', 'stages', 'accepted'):
                for key, number in one[name].items():
                    _count(merged[name], key, number)
            merged['bins'] = [a + b for a, b in zip(merged['bins'], one['bins'], strict=True)]
            merged['score_sum'] += one['score_sum']
        return merged

    def extract_output(self, accumulator, *args, **kwargs):
        return accumulator


def encode(counts, seconds, job):
    """The bytes of summary.json.

    Args:
        counts: What `Summarize` returns.
        seconds: Since the pipeline was started, start of the workers included.
        job: records.Job.
    """
    done = counts['kinds'].get(DONE, 0)
    scored = sum(counts['bins'])
    document = {
        'pictures': sum(counts['kinds'].values()), DONE: done, SKIPPED: counts['kinds'].get(SKIPPED, 0),
        FAILED: counts['kinds'].get(FAILED, 0), 'failed_by_stage': counts['stages'],
        'seconds': round(seconds, 3), 'images_per_second': round(done / seconds, 4) if seconds else None,
        'corrections': counts['accepted'] or None,
        'anomaly_scores': None if not scored else {
            'count': scored, 'mean': round(counts['score_sum'] / scored, 6), 'counts': counts['bins'],
            'upper_edges': [round(edge, 6) for edge in np.linspace(0, 1, BINS + 1)[1:].tolist()]},
        **job.identity()}
    return (json.dumps(document, indent=2) + '\n').encode()


def as_text(document):
    """A line or two for people of a parsed summary.json."""
    speed = document['images_per_second']
    lines = [f'{document[DONE]} done, {document[SKIPPED]} skipped (finished before), {document[FAILED]} failed, '
             f'in {document["seconds"]:.1f} s' + (f' ({speed:.2f} images/s)' if speed else '')]
    if document['failed_by_stage']:
        stages = ', '.join(f'{stage} {count}' for stage, count in sorted(document['failed_by_stage'].items()))
        lines.append(f'failed by stage: {stages}')
    scores = document['anomaly_scores']
    if scores:
        lines.append(f'anomaly scores of {scores["count"]} pictures: mean {scores["mean"]:.3f}')
    return '\n'.join(lines)


def as_prometheus(document, *, job_name):
    """A parsed summary.json as Prometheus text, for node_exporter's textfile collector or a Pushgateway.

    All are gauges of the last run of the job, because a batch job starts anew each time.

    Args:
        document: Dict of summary.json.
        job_name: Value of the label `batch`, which tells several jobs apart.
    """
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    labels = {'batch': job_name, 'model': document['model']['name']}

    def gauge(name, description, value, **further):
        known = _gauges.get(name)
        if known is None:
            known = _gauges[name] = Gauge(f'stylegan_batch_{name}', description, [*labels, *further], registry=registry)
        known.labels(**labels, **further).set(value)

    _gauges = {}
    for kind in (DONE, SKIPPED, FAILED):
        gauge('images', 'Pictures of the last run, by outcome.', document[kind], outcome=kind)
    gauge('duration_seconds', 'Duration of the last run.', document['seconds'])
    gauge('completed_timestamp_seconds', 'When the last run ended, Unix time.', time.time())
    scores = document['anomaly_scores']
    if scores:
        total = 0
        for edge, count in zip(scores['upper_edges'], scores['counts'], strict=True):
            total += count
            gauge('anomaly_score_images', 'Pictures of the last run whose anomaly score is at most `le`.', total,
                  le=f'{edge:g}')
        gauge('anomaly_score_mean', 'Mean anomaly score of the last run.', scores['mean'])
    return generate_latest(registry)


def _bin(score):
    return min(BINS - 1, max(0, int(np.ceil(score * BINS)) - 1)) if np.isfinite(score) else BINS - 1


def _count(counts, key, number=1):
    counts[key] = counts.get(key, 0) + number
