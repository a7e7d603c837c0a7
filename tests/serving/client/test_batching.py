"""The client and a server that batches: several clients, limits of rows, bad rows among good ones."""

import concurrent.futures

import numpy as np
import pytest

from stylegan_serving import client


@pytest.mark.slow
@pytest.mark.parametrize('transport', ['grpc', 'rest'])
def test_every_good_row_is_answered_and_every_bad_one_named(transport, local_server, golden_models, tmp_path):
    parameters = tmp_path / 'batching.txt'
    parameters.write_text('max_batch_size { value: 4 } batch_timeout_micros { value: 20000 } '
                          'max_enqueued_batches { value: 2 } num_batch_threads { value: 1 }')

    def call(number):
        # Negative numbers fail the graph: rows 3 and 7 of every second call.
        x = np.full((9, 3), number + 1, np.float32)
        if number % 2:
            x[[3, 7]] = -1
        with client.connect(address, model='pair', retries=client.RetryPolicy(max_attempts=None)) as own:
            try:
                return own.predict('guarded', {'x': x})['y'][:, 0], {}
            except client.RowsError as error:
                return error.results['y'][:, 0], error.failures

    flags = (f'--model_base_path={golden_models}/pair', '--model_name=pair', '--enable_batching',
             f'--batching_parameters_file={parameters}')
    with local_server(*flags) as server, concurrent.futures.ThreadPoolExecutor(12) as pool:
        address = f'grpc://{server.grpc}' if transport == 'grpc' else server.rest
        for number, (y, failures) in enumerate(pool.map(call, range(24))):
            np.testing.assert_array_equal(y, np.full(7 if number % 2 else 9, 101 + number))
            assert sorted(failures) == ([3, 7] if number % 2 else [])
