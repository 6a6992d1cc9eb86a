"""An OpenAPI document read for one question: which names does an operation know?

Servers that check requests let unknown names pass, as most services do, without using them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.remote.recorder import Request

Schema = Mapping[str, Any]

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


class Operation(NamedTuple):
    """One method of one path: its template, its own entry, and the parameters of both."""

    path: str
    entry: Mapping[str, Any]
    parameters: list[Schema]

    def names(self, place: str) -> set[str]:
        """Return the parameters of a place: ``query``, ``header`` or ``path``."""
        return {each["name"] for each in self.parameters if each["in"] == place}


class Specification:
    """A document in JSON.

    Attributes:
        path: Of the file.
        prefix: The path in the address of its first server: ``/v1``; empty where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document: dict[str, Any] = json.loads(path.read_bytes())
        servers = self.document.get("servers") or [{"url": ""}]
        self.prefix = urlsplit(servers[0]["url"]).path.rstrip("/")

    def of_requests(self) -> dict[str, Any]:
        """Return the document with the servers' addresses and all replies taken out.

        A server that is asked about a request then never chooses between replies: it says what it
        finds in its own words, and not by a service's example of an error.
        """
        replies = {"200": {"description": "The request is right."}}
        paths = {
            path: {
                method: {**entry, "responses": replies} if _is_operation(entry) else entry
                for method, entry in item.items()
            }
            for path, item in self.document["paths"].items()
        }
        without = {key: of for key, of in self.document.items() if key != "servers"}
        return {**without, "paths": paths}

    def operation(self, request: Request) -> Operation | None:
        """Return the operation that a request is for; a literal path goes before a template."""
        path = request.path.removeprefix(self.prefix)
        for pattern, template in self._templates:
            entry = self.document["paths"][template].get(request.method.lower())
            if entry and pattern.fullmatch(path) and request.path.startswith(self.prefix):
                shared = self.document["paths"][template].get("parameters", [])
                stated = [*entry.get("parameters", []), *shared]
                return Operation(template, entry, [self._resolved(each) for each in stated])
        return None

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], str]]:
        ordered = sorted(self.document["paths"], key=lambda path: path.count("{"))
        return [(re.compile(_pattern(path)), path) for path in ordered]

    def unknown_names(self, request: Request) -> list[str]:
        """Return what query and body of a request name and the specification doesn't, with places.

        A request that no operation is for names nothing here: that is a complaint of its own.
        """
        operation = self.operation(request)
        if operation is None:
            return []
        known = operation.names("query") | self._keys_in("query")
        asked = {re.sub(r"\[.*", "", name) for name, _ in request.query}
        found = [f"query.{name}" for name in sorted(asked - known)]
        schema = self._schema(operation, request.content_type)
        if schema is None:
            is_bare = "requestBody" not in operation.entry
            return [*found, "body"] if request.body and is_bare else found
        if request.content_type == "application/json":
            return found + self.unknown([schema], _json(request), "body")
        return found + self.unknown([schema], _nested(request), "body", texts=True)

    def field_kinds(self, request: Request) -> dict[str, set[str]]:
        """Return what JSON types each field of a form may have."""
        operation = self.operation(request)
        schema = self._schema(operation, request.content_type) if operation else None
        if schema is None:
            return {}
        return {
            name: self._kinds(each)
            for way in self._ways(schema, _nested(request), texts=True)
            for inner in way
            for name, each in inner.get("properties", {}).items()
        }

    def _schema(self, operation: Operation, content_type: str) -> Schema | None:
        body = self._resolved(operation.entry.get("requestBody", {})).get("content", {})
        schema: Schema | None = body.get(content_type, {}).get("schema")
        return schema

    def _kinds(self, schema: Schema) -> set[str]:
        schema = self._resolved(schema)
        choices = [*schema.get("oneOf", []), *schema.get("anyOf", []), *schema.get("allOf", [])]
        if "type" not in schema and choices:
            return set().union(*(self._kinds(each) for each in choices))
        kinds = schema.get("type", list(JSON_TYPES))
        return {kinds} if isinstance(kinds, str) else set(kinds)

    def _keys_in(self, place: str) -> set[str]:
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        return {scheme["name"] for scheme in schemes.values() if scheme.get("in") == place}

    def unknown(
        self, schemas: list[Schema], value: Any, place: str, *, texts: bool = False
    ) -> list[str]:
        """Return the places in a value that no schema names, by the reading that names the most.

        Args:
            schemas: What the value must fit at once.
            value: JSON data.
            place: Where the value stands.
            texts: Whether numbers and the like are written as texts, as in a form.
        """
        readings = self._readings(schemas, value, texts)
        return min((self._unknown(each, value, place, texts) for each in readings), key=len)

    def _unknown(
        self, reading: tuple[Schema, ...], value: Any, place: str, texts: bool
    ) -> list[str]:
        if isinstance(value, list):
            items = [schema["items"] for schema in reading if "items" in schema]
            inner = (
                self.unknown(items, each, f"{place}[{index}]", texts=texts)
                for index, each in enumerate(value)
            )
            return [name for names in inner for name in names] if items else []
        if not isinstance(value, dict):
            return []
        found: list[str] = []
        rest = [schema.get("additionalProperties") for schema in reading]
        # An object of which nothing is said is free; a service's model names its own inputs so.
        is_open = True in rest or not any("properties" in schema for schema in reading)
        for key, inside in value.items():
            of_key = [s["properties"][key] for s in reading if key in s.get("properties", {})]
            of_key = of_key or [schema for schema in rest if isinstance(schema, dict)]
            if of_key:
                found += self.unknown(of_key, inside, f"{place}.{key}", texts=texts)
            elif not is_open:
                found.append(f"{place}.{key}")
        return found

    def _readings(
        self, schemas: Iterable[Schema], value: Any, texts: bool
    ) -> list[tuple[Schema, ...]]:
        """Return every way to read schemas: those that hold at once, one of each choice."""
        ways = [list(self._ways(schema, value, texts)) for schema in schemas]
        return [sum(way, ()) for way in product(*ways)]

    def _ways(self, schema: Schema, value: Any, texts: bool) -> Iterator[tuple[Schema, ...]]:
        schema = self._resolved(schema)
        choices = [schema.get("oneOf", []), schema.get("anyOf", [])]
        held = [self._readings([each], value, texts) for each in schema.get("allOf", [])]
        chosen = [self._chosen(choice, value, texts) for choice in choices if choice]
        for way in product(*held, *chosen):
            yield sum(way, (schema,))

    def _chosen(self, choice: list[Schema], value: Any, texts: bool) -> list[tuple[Schema, ...]]:
        fitting = [each for each in choice if self._fits(each, value, texts)] or choice
        return [way for each in fitting for way in self._readings([each], value, texts)]

    def _fits(self, schema: Schema, value: Any, texts: bool) -> bool:
        """Tell whether types, constants and required names let a value through."""
        schema = self._resolved(schema)
        types = tuple(each for kind in self._kinds(schema) for each in JSON_TYPES[kind])
        if not texts and not isinstance(value, types):
            return value is None and bool(schema.get("nullable"))
        for choice in (schema.get("oneOf"), schema.get("anyOf")):
            if choice and not any(self._fits(each, value, texts) for each in choice):
                return False
        if not all(self._fits(each, value, texts) for each in schema.get("allOf", ())):
            return False
        allowed = schema.get("enum", [schema["const"]] if "const" in schema else [value])
        if value not in ([str(each) for each in allowed] if texts else allowed):
            return False
        if not isinstance(value, dict):
            return True
        return all(key in value for key in schema.get("required", ())) and all(
            self._fits(schema["properties"][key], inside, texts)
            for key, inside in value.items()
            if key in schema.get("properties", {})
        )

    def _resolved(self, entry: Schema) -> Schema:
        while "$ref" in entry:
            at: Any = self.document
            for step in entry["$ref"].removeprefix("#/").split("/"):
                at = at[step.replace("~1", "/").replace("~0", "~")]
            entry = at
        return entry


def _is_operation(entry: Any) -> bool:
    return isinstance(entry, dict) and "responses" in entry


def _pattern(template: str) -> str:
    parts = re.split(r"\{[^}]*\}", template)
    return "[^/]+".join(re.escape(part) for part in parts)


def _json(request: Request) -> Any:
    try:
        return request.json()
    except ValueError:
        return None


def _nested(request: Request) -> dict[str, Any]:
    """Return a form as data: ``a[b]=1`` and ``c[]=2`` give ``{"a": {"b": "1"}, "c": ["2"]}``."""
    data: dict[str, Any] = {}
    for part in request.form():
        text = part.content.decode(errors="replace") if part.filename is None else ""
        name, *inner = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", part.name)
        if inner == [""]:
            data.setdefault(name, []).append(text)
        elif inner:
            data.setdefault(name, {})[inner[0]] = text
        else:
            data[name] = text
    return data
