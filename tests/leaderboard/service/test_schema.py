"""Requests that schemathesis makes from the OpenAPI description: none meets a fault of ours."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from leaderboard.service.settings import Bounds

EXAMPLES = 12
"""Number of requests per operation; with 400 each there was no fault either."""

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)

OPERATIONS = [
    "GET /api/v1/health",
    "GET /api/v1/seeds",
    "GET /api/v1/counterexamples/{sha256}",
    "PUT /api/v1/counterexamples/{sha256}/file",
    "GET /api/v1/submissions",
    "POST /api/v1/submissions",
    "GET /api/v1/submissions/{number}",
    "DELETE /api/v1/submissions/{number}",
    "HEAD /api/v1/submissions/{number}/file",
    "PUT /api/v1/submissions/{number}/file",
    "POST /api/v1/submissions/{number}/approve",
    "POST /api/v1/submissions/{number}/refuse",
]


@pytest.fixture
def open_service(make_service):
    many = 10**9
    return make_service(
        bounds=replace(Bounds(), disk_reserve=0, requests=many, token_requests=many)
    )


def operations(service):
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", service.app)
    found = (each.ok() for each in schema.get_all_operations() if isinstance(each, Ok))
    return {each.label: each for each in found}


def test_every_operation_is_tried(open_service):
    assert sorted(operations(open_service)) == sorted(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_request_meets_a_fault(open_service, label):
    service = open_service
    operation = operations(service)[label]
    numbers = [service.create(b"x" * 10), service.submit(b"y" * 10, name="other")]
    headers = {"Authorization": f"Bearer {service.maintainer}"}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        hypothesis.strategies.one_of(
            operation.as_strategy(),
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        ),
        hypothesis.strategies.booleans(),
    )
    def ask(case, existing):
        if existing and "number" in case.path_parameters:
            case.path_parameters["number"] = numbers[0]
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)

    ask()
    assert {each["state"] for each in service.ask("GET", "/submissions").json()} <= {
        *("uploading", "checking", "withdrawn")
    }
