"""The Prometheus page: the original's series, their bounds, and our own."""

import types

import numpy as np
import pytest
from prometheus_client import parser

from stylegan_serving.local_server import metrics


def samples(counted):
    """Dict (sample name, label values) -> value of the page."""
    page = counted.render().decode()
    # the parser ends the names of counters with _total, and the original's do not
    return {(sample.name if sample.name in page else sample.name.removesuffix('_total'), *sample.labels.values()):
            sample.value for family in parser.text_string_to_metric_families(page) for sample in family.samples}


def test_latency_is_counted_in_microseconds_and_of_successes_only():
    counted = metrics.Metrics()
    counted.request('m', 'Predict', 'GRPC', 'OK', 0.002)
    counted.request('m', 'Predict', 'GRPC', 'UNAVAILABLE', 5)
    counted.request('m', 'GetModelMetadata', 'GRPC', 'OK', 5)
    page, name = samples(counted), ':tensorflow:serving:request_'
    assert page[f'{name}count', 'm', 'OK'] == 2
    assert page[f'{name}count', 'm', 'UNAVAILABLE'] == 1
    assert page[f'{name}latency_sum', 'm', 'Predict', 'GRPC'] == pytest.approx(2000)
    assert page[f'{name}latency_count', 'm', 'Predict', 'GRPC'] == 1
    assert page[f'{name}latency_bucket', 'm', 'Predict', 'GRPC', '10'] == 0
    # 10 * 1.8^9 = 1983.6 and 10 * 1.8^10 = 3570.5
    assert page[f'{name}latency_bucket', 'm', 'Predict', 'GRPC', '1983.59'] == 0
    assert page[f'{name}latency_bucket', 'm', 'Predict', 'GRPC', '3570.47'] == 1
    assert page[f'{name}latency_bucket', 'm', 'Predict', 'GRPC', '+Inf'] == 1


def test_names_that_clients_make_up_do_not_fill_the_memory():
    counted = metrics.Metrics()
    for number in range(500):
        counted.request(f'made up {number}', 'predict', 'REST', 'NOT_FOUND', 0)
    counted.request('real', 'predict', 'REST', 'OK', 0)
    counted.request('real', 'predict', 'REST', 'INVALID_ARGUMENT', 0)
    page = samples(counted)
    names = {key[1] for key in page if key[0] == ':tensorflow:serving:request_count'}
    assert len(names) == metrics.UNKNOWN_NAMES + 2
    assert page[':tensorflow:serving:request_count', metrics.OTHER_NAMES, 'NOT_FOUND'] == 400
    assert page[':tensorflow:serving:request_count', 'real', 'INVALID_ARGUMENT'] == 1


def test_odd_names_are_escaped():
    counted = metrics.Metrics()
    counted.request('a"b\\c\nd\udcff', 'predict', 'REST', 'NOT_FOUND', 0)
    assert samples(counted)[':tensorflow:serving:request_count', 'a"b\\c\nd?', 'NOT_FOUND'] == 1


def test_batches_rows_and_scores():
    counted = metrics.Metrics()
    model = types.SimpleNamespace(name='m')
    counted.batch(model, 5, 8, [0.001, 0.0002])
    counted.batch(model, 8, 8, [0.5])
    scores = np.float32([0.04, 0.5, 3, np.nan])
    counted.run('m', 'Predict', 0.1, {'anomaly_score': scores, 'image_bytes': np.zeros(4, object)})
    page = samples(counted)
    session = ':tensorflow:serving:batching_session:'
    assert page[f'{session}wrapped_run_count',] == 2
    assert page[f'{session}queuing_latency_sum', ''] == pytest.approx(501_200)
    assert page[f'{session}queuing_latency_bucket', '', '100'] == 0
    assert page['stylegan_serving_batch_rows_sum', 'm'] == 13
    assert page['stylegan_serving_batch_padding_rows_total', 'm'] == 3
    assert page['stylegan_serving_answered_rows_total', 'm'] == 4
    assert page['stylegan_serving_anomaly_score_count', 'm'] == 3
    assert page['stylegan_serving_anomaly_score_bucket', '0.05', 'm'] == 1
    assert page['stylegan_serving_anomaly_score_bucket', '5.0', 'm'] == 3


def test_what_others_know_is_asked_for_with_the_page():
    counted = metrics.Metrics()
    versions = [('m', 1)]
    counted.watch(types.SimpleNamespace(available=lambda: versions), types.SimpleNamespace(waiting_rows=lambda: 7))
    versions.append(('m', 2))
    page = samples(counted)
    assert page['stylegan_serving_model_version_available', 'm', '2'] == 1
    assert page['stylegan_serving_waiting_rows',] == 7
