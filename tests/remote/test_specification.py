"""Our own comparison of names: what a request names and its specification doesn't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.remote.forms import field
from tests.remote.recorder import Request
from tests.remote.specification import Specification

TEXT = {"type": "string"}
SMALL = {
    "type": "object",
    "required": ["model"],
    "properties": {"model": {"const": "small"}, "seed": {"type": "integer"}},
}
LARGE = {
    "type": "object",
    "required": ["model"],
    "properties": {"model": {"const": "large"}, "sound": {"type": "boolean"}},
}
SCHEMAS: dict[str, Any] = {
    "Closed": {
        "type": "object",
        "properties": {"a": TEXT, "inner": {"$ref": "#/components/schemas/Inner"}},
    },
    "Inner": {"properties": {"b": TEXT}},
    "Both": {"allOf": [{"properties": {"a": TEXT}}, {"properties": {"b": TEXT}}]},
    "ByModel": {"oneOf": [SMALL, LARGE]},
    "Perhaps": {
        "properties": {
            "inner": {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]}
        }
    },
    "Free": {"properties": {"input": {"type": "object"}}},
    "Typed": {"properties": {"a": TEXT}, "additionalProperties": {"properties": {"b": TEXT}}},
    "Open": {"properties": {"a": TEXT}, "additionalProperties": True},
    "Listed": {"properties": {"list": {"type": "array", "items": {"properties": {"b": TEXT}}}}},
}


@pytest.fixture
def specification(tmp_path: Path) -> Specification:
    content = {
        name: {"post": {"responses": {}, "requestBody": {"content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}},
            "multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{name}"}},
        }}}}
        for name in SCHEMAS
    }  # fmt: skip
    get = {
        "responses": {},
        "parameters": [{"name": "limit", "in": "query"}, {"$ref": "#/components/parameters/after"}],
    }
    document = {
        "servers": [{"url": "https://example.com/v1/"}],
        "paths": {
            **{f"/{name}": item for name, item in content.items()},
            "/things": {"get": get},
            "/things/{id}:make": {"post": {"responses": {}}},
            "/things/{id}": {"get": get},
        },
        "components": {
            "schemas": SCHEMAS,
            "parameters": {"after": {"name": "after", "in": "query"}},
        },
    }
    path = tmp_path / "example.json"
    path.write_text(json.dumps(document))
    return Specification(path)


def posted(name: str, body: Any) -> Request:
    headers = [("Content-Type", "application/json; charset=utf-8")]
    return Request("POST", f"/v1/{name}", headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("schema", "body", "unknown"),
    [
        ("Closed", {"a": "x", "inner": {"b": "x"}}, []),
        ("Closed", {"c": 1}, ["body.c"]),
        ("Closed", {"inner": {"c": 1}}, ["body.inner.c"]),
        ("Both", {"a": "x", "b": "x"}, []),
        ("Both", {"c": 1}, ["body.c"]),
        ("ByModel", {"model": "small", "seed": 1}, []),
        ("ByModel", {"model": "small", "sound": True}, ["body.sound"]),
        ("ByModel", {"model": "other", "sound": True}, []),
        ("Perhaps", {"inner": None}, []),
        ("Perhaps", {"inner": {"c": 1}}, ["body.inner.c"]),
        ("Free", {"input": {"anything": {"at": "all"}}}, []),
        ("Typed", {"a": "x", "any": {"b": "x"}}, []),
        ("Typed", {"any": {"c": 1}}, ["body.any.c"]),
        ("Open", {"c": 1}, []),
        ("Listed", {"list": [{"b": "x"}, {"c": 1}]}, ["body.list[1].c"]),
    ],
)
def test_a_name_that_the_schema_does_not_have_is_found(
    specification: Specification, schema: str, body: Any, unknown: list[str]
) -> None:
    assert specification.unknown_names(posted(schema, body)) == unknown


def test_names_in_a_form_are_read_out_of_their_brackets(specification: Specification) -> None:
    bare = Request("POST", "/v1/Closed")
    right = bare.with_form([field("a", 1), field("inner[b]", 2)])
    wrong = bare.with_form([field("a[]", 1), field("inner[c]", 2), field("d[]", 3)])
    assert specification.unknown_names(right) == []
    assert specification.unknown_names(wrong) == ["body.inner.c", "body.d"]


def test_names_in_the_query_are_those_of_the_parameters(specification: Specification) -> None:
    asked = Request("GET", "/v1/things/7?limit=1&after=b&page=2&filter[a]=3")
    assert specification.unknown_names(asked) == ["query.filter", "query.page"]


def test_a_body_where_none_is_known_is_found(specification: Specification) -> None:
    assert specification.unknown_names(posted("things/7:make", {})) == ["body"]
    assert specification.unknown_names(Request("POST", "/v1/things/7:make")) == []


@pytest.mark.parametrize(
    ("method", "target", "template"),
    [
        ("GET", "/v1/things?limit=1", "/things"),
        ("GET", "/v1/things/7", "/things/{id}"),
        ("POST", "/v1/things/7:make", "/things/{id}:make"),
        ("POST", "/v1/things/7", None),
        ("GET", "/things/7", None),
        ("GET", "/v2/things/7", None),
        ("GET", "/v1/things/7/8", None),
    ],
)
def test_an_operation_is_found_below_the_prefix_alone(
    specification: Specification, method: str, target: str, template: str | None
) -> None:
    operation = specification.operation(Request(method, target))
    assert (operation and operation.path) == template
