"""Styles encoded once: how often a style crosses the wire, and what happens when the version that encoded it ends."""

import numpy as np
import pytest

from stylegan_serving.client import RetryPolicy, ServerError, calls, operations, pictures
from stylegan_serving.client.exchanges import Metadata, ModelSpec, Prediction
from stylegan_serving.client.signatures import ModelMetadata, Signature, TensorInfo
from tests import tiny_models


def signature(name, inputs, outputs):
    kinds = {'code': ('DT_FLOAT', (None, 1)), 'strength': ('DT_FLOAT', (None,)), 'anomaly_score': ('DT_FLOAT', (None,))}
    return Signature(name, *({key: TensorInfo(key, *kinds.get(key, ('DT_STRING', (None,)))) for key in keys}
                             for keys in (inputs, outputs)))


SIGNATURES = {made.name: made for made in (
    signature('serving_default', ('content_bytes', 'style_bytes', 'strength'), ('stylized_bytes',)),
    signature('encode_style_bytes', ('style_bytes',), ('code',)),
    signature('stylize_from_code_bytes', ('content_bytes', 'code', 'strength'), ('stylized_bytes',)))}
CONTENTS = [tiny_models.picture(9, 8, seed) for seed in range(3)]
STYLES = [tiny_models.picture(8, 9, seed) for seed in (7, 8)]


class Server:
    """A transport to a server of one version at a time, whose results say who made them by what."""

    server, bytes_factor = 'grpc://test', 1.0

    def __init__(self, signatures=SIGNATURES, swaps=0):
        self.signatures, self.version, self.swaps, self.asked = signatures, 1, swaps, []

    def exchange(self, request, timeout_seconds):
        if request.spec.version not in (None, self.version):
            raise ServerError('NOT_FOUND', f'Servable not found for request: Specific(m, {request.spec.version})')
        if isinstance(request, Metadata):
            return ModelMetadata('m', self.version, self.signatures)
        name, inputs = request.signature.name, request.inputs
        self.asked.append(name)
        if name == 'encode_style_bytes':
            code = np.float32([[self.version * 100 + len(inputs['style_bytes'][0])]])
            if self.swaps:
                self.swaps, self.version = self.swaps - 1, self.version + 1
            return Prediction({'code': code}, self.version)
        by = inputs['code'][:, 0] if 'code' in inputs else inputs['style_bytes']
        return Prediction({'stylized_bytes': np.array(
            [f'{self.version} {by_one}'.encode() for by_one in by], object)}, self.version)


def stylize(server, contents, styles, made=None, **options):
    made = made or calls.Calls(calls.Options(**options), 1.0)
    steps = operations.stylize(made, ModelSpec('m'), contents, styles, 1.0, None, made.until())
    return [result.encoded.decode() for result in calls.drive(steps, server, lambda seconds: None)]


def length(style):
    return len(pictures.prepare(style).encoded)


def test_many_contents_in_one_style_encode_it_once_however_many_calls():
    server, made = Server(), calls.Calls(calls.Options(), 1.0)
    for _ in range(3):
        assert stylize(server, CONTENTS, STYLES[0], made) == [f'1 {100.0 + length(STYLES[0])}'] * 3
    assert server.asked == ['encode_style_bytes', *['stylize_from_code_bytes'] * 3]


def test_one_content_takes_one_request():
    server = Server()
    stylize(server, CONTENTS[:1], STYLES[0])
    assert server.asked == ['serving_default']


def test_an_output_that_only_the_plain_call_has_decides():
    scored = signature('serving_default', ('content_bytes', 'style_bytes', 'strength'),
                       ('stylized_bytes', 'anomaly_score'))
    server = Server({**SIGNATURES, 'serving_default': scored})
    stylize(server, CONTENTS, STYLES[0])
    assert server.asked == ['serving_default']


def test_styles_are_mixed_by_their_weights():
    mean = np.float32(np.mean([100 + length(style) for style in STYLES]))
    assert stylize(Server(), CONTENTS, STYLES) == [f'1 {mean}'] * 3


@pytest.mark.parametrize('swaps', [1, 2])
def test_no_version_paints_by_the_code_of_another(swaps):
    server = Server(swaps=swaps)
    version, by = stylize(server, CONTENTS, STYLES[0])[0].split(maxsplit=1)
    assert version == str(swaps + 1)
    # The last attempt encodes the style anew in the request itself.
    assert by.startswith("b'") if swaps == 2 else by == str((swaps + 1) * 100.0 + length(STYLES[0]))


def test_a_client_that_waits_for_models_does_not_wait_for_a_version_that_is_gone():
    waiting = RetryPolicy(retries_not_found=True, max_attempts=None)
    assert stylize(Server(swaps=1), CONTENTS, STYLES[0], retries=waiting)[0] == f'2 {200.0 + length(STYLES[0])}'


def test_versions_that_never_stay_are_an_error_of_mixed_styles_and_none_of_one():
    assert stylize(Server(swaps=99), CONTENTS, STYLES[0])[0].split()[1].startswith("b'")
    with pytest.raises(ServerError, match='NOT_FOUND'):
        stylize(Server(swaps=99), CONTENTS, STYLES)
