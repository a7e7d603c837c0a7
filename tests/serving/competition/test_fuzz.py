"""The JSON routes under what their own OpenAPI schema says may come, and under what it says may not."""

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

_KINDS = ('anonymous', 'participant', 'judge', 'organiser', 'admin')
# Not that everything that fits is accepted: no schema can say that a slug must exist and a password be right.
_CHECKS = [checks.not_a_server_error, openapi_checks.status_code_conformance, openapi_checks.content_type_conformance,
           openapi_checks.response_headers_conformance, openapi_checks.response_schema_conformance]


def ask_at_random(stage, operation, mode, examples):
    """Sends requests of an operation, half of them with names of things that are there, as several kinds of people."""

    @hypothesis.settings(max_examples=examples, deadline=None, database=None, derandomize=True,
                         phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), kind=strategies.sampled_from(_KINDS),
                      is_there=strategies.booleans())
    def ask(case, kind, is_there):
        known = stage.names(kind)
        if is_there:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = known[name]
        signed = {} if kind == 'anonymous' else {'Authorization': f'Bearer {stage.web.token(kind)}'}
        answer = case.call(headers=signed)
        if case.method not in ('GET', 'HEAD') and answer.status_code < 400:
            stage.reset()
        case.validate_response(answer, checks=_CHECKS)

    ask()


def operations(stage):
    schema = schemathesis.openapi.from_asgi('/api/v1/openapi.json', stage.web.app)
    return [result.ok() for result in schema.get_all_operations()]


def ask_everything_at_random(stage, mode, examples):
    asked = 0
    for operation in operations(stage):
        try:
            ask_at_random(stage, operation, mode, examples)
            asked += 1
        except hypothesis.errors.Unsatisfiable:
            # Where every text fits, nothing can be wrong.
            assert mode is GenerationMode.NEGATIVE
    return asked


def test_no_request_breaks_the_server_or_its_own_description(stage):
    assert ask_everything_at_random(stage, GenerationMode.POSITIVE, 1) >= 70


@pytest.mark.slow
@pytest.mark.parametrize('mode, examples, least', [(GenerationMode.POSITIVE, 6, 70), (GenerationMode.NEGATIVE, 10, 30)])
def test_nor_do_many_requests(stage, mode, examples, least):
    assert ask_everything_at_random(stage, mode, examples) >= least
