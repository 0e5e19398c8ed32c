"""Requests made from our OpenAPI page: mostly as it says, often not, sometimes far from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

Schema = dict[str, Any]

#: Texts that have broken programs before.
NASTY = [
    *(
        "",
        " ",
        "\0",
        "\n",
        "..",
        "../..",
        "/",
        "\\",
        "%2e%2e%2f",
        "%",
        "-x",
        "--upload-pack=x",
        "'",
        '"',
        "`",
    ),
    *(
        "$(id)",
        "{}",
        "[]",
        "null",
        "NaN",
        "-1",
        "1e999",
        "9" * 30,
        "0x10",
        "True",
        "\u202e",
        "\ufeff",
        "\u0661",
    ),
    *(
        "<script>alert(1)</script>",
        "__class__",
        "🧪" * 10,
        "a" * 3000,
        "\x1b[31m",
        "İ",
        "a\u0300",
        "' OR 1=1 --",
    ),
    *(
        "a/b",
        "owner/name@main",
        "train.py",
        "six==1.16",
        "3.11",
        "2026-01-01",
        "_",
        "%s%n",
        "*",
        "(a+)+$",
    ),
]
_TEXTS = st.sampled_from(NASTY) | st.text(max_size=20)
_NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, 1e308, 1e-308])
_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    _NUMBERS,
    _TEXTS,
    st.just([]),
    st.just({}),
    st.just([[[[]]]]),
    st.just({"": {"": None}}),
)


@dataclass(frozen=True)
class Case:
    """One request."""

    method: str
    path: str
    query: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Cases:
    """All operations of an OpenAPI page."""

    def __init__(self, page: Schema, run_ids: Sequence[str]) -> None:
        self._schemas = page["components"]["schemas"]
        self._run_ids = run_ids
        self.operations = [
            (method.upper(), path, operation)
            for path, operations in page["paths"].items()
            for method, operation in operations.items()
        ]

    def any(self) -> st.SearchStrategy[Case]:
        """Any request to any operation."""
        return st.one_of(self.of(*operation) for operation in self.operations)

    def of(self, method: str, path: str, operation: Schema) -> st.SearchStrategy[Case]:
        """Any request to one operation."""
        asked = operation.get("parameters", [])
        places = {
            place: {p["name"]: self.values(p["schema"]) for p in asked if p["in"] == place}
            for place in ("path", "query", "header")
        }
        ids = st.sampled_from([*self._run_ids, "none"]) | _TEXTS
        places["path"] = {n: ids if n == "run_id" else s for n, s in places["path"].items()}
        parts = st.fixed_dictionaries(
            {
                "path": st.fixed_dictionaries(places["path"]),
                "query": st.fixed_dictionaries({}, optional=places["query"]),
                "header": st.fixed_dictionaries({}, optional=places["header"]),
                "body": self.bodies(operation),
            }
        )
        return parts.map(lambda drawn: _request(method, path, drawn))

    def bodies(self, operation: Schema) -> st.SearchStrategy[bytes]:
        """JSON as the page says, other JSON, and no JSON at all."""
        if "requestBody" not in operation:
            return st.just(b"")
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        asked = self.values(schema).map(as_json)
        broken = st.sampled_from(
            [b"", b"{", b"[" * 3000, b'{"link": NaN}', b"\xff\xfe", b'{"link":"a","link":"b"}']
        )
        return st.one_of(asked, asked, asked, broken, _JUNK.map(as_json))

    def values(self, schema: Schema) -> st.SearchStrategy[Any]:
        """What a schema describes, and now and then something else."""
        if "$ref" in schema:
            return st.deferred(
                lambda: self.values(self._schemas[schema["$ref"].rsplit("/", 1)[-1]])
            )
        return st.one_of(self._valid(schema), self._valid(schema), self._valid(schema), _JUNK)

    def _valid(self, schema: Schema) -> st.SearchStrategy[Any]:
        if "anyOf" in schema:
            return st.one_of(self.values(each) for each in schema["anyOf"])
        if "enum" in schema or "const" in schema:
            return st.sampled_from(schema.get("enum") or [schema["const"]])
        match schema.get("type"):
            case "object":
                return self._objects(schema)
            case "array":
                items = schema.get("items") or {}
                return st.lists(self.values(items), max_size=3)
            case "integer":
                return st.integers(schema.get("minimum", -5), schema.get("maximum", 10**12))
            case "number":
                return st.floats(allow_nan=False) | _NUMBERS
        return {"boolean": st.booleans(), "null": st.none()}.get(schema.get("type", ""), _TEXTS)

    def _objects(self, schema: Schema) -> st.SearchStrategy[Any]:
        fields = {name: self.values(each) for name, each in schema.get("properties", {}).items()}
        if not fields:
            more = schema.get("additionalProperties")
            values = self.values(more) if isinstance(more, dict) else _JUNK
            return st.dictionaries(_TEXTS, values, max_size=3)
        wanted = {name: fields.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(wanted, optional=fields)


def _request(method: str, path: str, drawn: dict[str, Any]) -> Case:
    for name, value in drawn["path"].items():
        path = path.replace(f"{{{name}}}", str(value))
    pairs = [
        f"{quote(name)}={quote(_as_text(each), safe='')}"
        for name, value in drawn["query"].items()
        for each in (value if isinstance(value, list) else [value])
    ]
    headers = {name: _as_text(value) for name, value in drawn["header"].items()}
    headers["Content-Type"] = "application/json"
    return Case(method, path, "&".join(pairs).encode(), headers, drawn["body"])


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_json(value: Any) -> bytes:
    """As a client sends it."""
    return json.dumps(value).encode()
