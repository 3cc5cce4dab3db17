"""OpenAPI 3.1 out of the declared endpoints, and the same as a page of Markdown."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import notifier
from notifier.web.endpoints import Endpoint, Nothing

_TEMPLATE = "#/components/schemas/{model}"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error after RFC 9457; `code` is stable.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document of these endpoints."""
    refs, schemas = _schemas(endpoints)
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        path = endpoint.path.replace(":int}", "}")
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Outage notification service",
            "version": notifier.__version__ if hasattr(notifier, "__version__") else "0.1.0",
            "description": "Plans in, people told, proof out. Times are ISO 8601 with an offset.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(e.tag for e in endpoints if e.tag)],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {
                    "description": "What was asked for is not done.",
                    "content": {
                        "application/problem+json": {
                            "schema": {"$ref": "#/components/schemas/Problem"}
                        }
                    },
                }
            },
        },
    }


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[Any, str], dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], Any]] = []
    for endpoint in endpoints:
        if endpoint.body is not None:
            wanted.append((endpoint.body, "validation"))
        if endpoint.answer is not None:
            wanted.append((endpoint.answer, "serialization"))
    keys, found = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_TEMPLATE)
    refs = {key: value["$ref"] for key, value in keys.items()}
    return refs, found.get("$defs", {})


def _operation(endpoint: Endpoint, refs: dict[Any, str]) -> dict[str, Any]:
    roles = ", ".join(sorted(role.value for role in endpoint.roles))
    success: dict[str, Any] = {"description": "Done."}
    if endpoint.answer is not None:
        schema: dict[str, Any] = {"$ref": refs[endpoint.answer, "serialization"]}
        success["content"] = {"application/json": {"schema": schema}}
    for kind in endpoint.produces:
        if kind != "application/json":
            success.setdefault("content", {})[kind] = {"schema": {}}
    statuses = {422, *endpoint.also} | ({401, 403} if endpoint.roles else set())
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.tag] if endpoint.tag else [],
        "security": [{"bearer": []}] if endpoint.roles else [],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint)],
        "responses": {
            str(endpoint.status): success,
            **{str(s): {"$ref": "#/components/responses/Problem"} for s in sorted(statuses)},
        },
    }
    description = endpoint.description
    if roles:
        description = f"{description}\n\nRoles: {roles}.".strip()
        operation["x-roles"] = sorted(role.value for role in endpoint.roles)
    if description:
        operation["description"] = description
    if endpoint.files:
        operation["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _multipart(endpoint)}},
        }
    elif endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": refs[endpoint.body, "validation"]}}
            },
        }
    return operation


def _multipart(endpoint: Endpoint) -> dict[str, Any]:
    properties: dict[str, Any] = {
        name: {"type": "string", "format": "binary"} for name in endpoint.files
    }
    if endpoint.body is not None:
        properties |= endpoint.body.model_json_schema(ref_template=_TEMPLATE)["properties"]
    return {"type": "object", "properties": properties, "required": list(endpoint.files)}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind is int else "string"},
        }
        for name, kind in endpoint.parameters
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is Nothing:
        return []
    schema = endpoint.query.model_json_schema(ref_template=_TEMPLATE)
    required = schema.get("required", [])
    found = []
    for name, described in schema.get("properties", {}).items():
        plain = _inlined(described, schema.get("$defs", {}))
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required}
        if text := plain.pop("description", ""):
            parameter["description"] = text
        found.append({**parameter, "schema": plain})
    return found


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema without references: parameters have no components of their own."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            inner = definitions[schema["$ref"].rpartition("/")[2]]
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return {**_inlined(inner, definitions), **rest}
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    return schema


def _operation_id(endpoint: Endpoint) -> str:
    return endpoint.handler.__name__.lstrip("_")


_MARKS = ("<!-- endpoints -->", "<!-- /endpoints -->")


def into_page(page: str, endpoints: Sequence[Endpoint]) -> str:
    """The page of documentation with its list of endpoints brought up to date."""
    head, _, rest = page.partition(_MARKS[0])
    _, _, tail = rest.partition(_MARKS[1])
    return f"{head}{_MARKS[0]}\n{markdown(endpoints)}\n{_MARKS[1]}{tail}"


def markdown(endpoints: Sequence[Endpoint]) -> str:
    """The list of endpoints for ``docs/api.md``: what each is for and who may use it."""
    lines: list[str] = []
    for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints):
        lines += [f"### {tag}", "", "| method | path | what | roles |", "| --- | --- | --- | --- |"]
        for endpoint in endpoints:
            if endpoint.tag == tag:
                path = endpoint.path.replace(":int}", "}")
                roles = ", ".join(sorted(role.value for role in endpoint.roles)) or "open"
                lines.append(f"| {endpoint.method} | `{path}` | {endpoint.summary} | {roles} |")
        lines.append("")
    return "\n".join(lines)
