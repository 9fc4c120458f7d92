"""The description of the JSON doors, OpenAPI 3.1, made from the tables of routes. Pure but for the one route."""

import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from teleconsult.http.routing import ROUTES, Public, Route, get

_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_REF = "#/components/schemas/{model}"

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable machine word."},
        "support": {"type": "string", "description": "Short code to tell support."},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
        "moves": {"type": "array", "items": {}, "description": "What is allowed instead."},
        "version": {"type": "integer"},
    },
}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Describe all routes that are not pages."""
    described = [route for route in routes if not route.page and route.path.startswith("/api/")]
    models = {model for route in described for model in (route.body, route.answer, route.query) if model is not None}
    ordered = sorted(models, key=lambda model: (model.__name__, model.__module__))
    names, schemas = _schemas(ordered)
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, names, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Teleconsult", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "teleconsult_session"},
            },
        },
    }


def description(version: str) -> Route:
    """The route that serves the description."""

    async def show(request: web.Request) -> web.Response:
        routes: list[Route] = request.app[ROUTES]
        return web.json_response(document(routes, version))

    # Public: it holds no data, and programs read it before they have a token.
    return get("/api/v1/openapi.json", show, Public.PUBLIC, summary="This description")


def _schemas(models: list[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], dict[str, Any]]:
    found, whole = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    names = {model: str(found[model, "validation"]["$ref"]).rsplit("/", 1)[-1] for model in models}
    return names, whole.get("$defs", {})


def _operation(route: Route, names: dict[type[BaseModel], str], schemas: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "parameters": _parameters(route, names, schemas),
        "responses": _responses(route, names),
        "security": [{}] if isinstance(route.needs, Public) else [{"bearer": []}, {"session": []}],
    }
    if not isinstance(route.needs, Public):
        made["x-permission"] = str(route.needs)
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": _json(names[route.body])}
    return made


def _parameters(route: Route, names: dict[type[BaseModel], str], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        schema = schemas[names[route.query]]
        found += [
            {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": of}
            for name, of in schema.get("properties", {}).items()
        ]
    if route.creates:
        key = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    return found


def _responses(route: Route, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done"}
    if route.answer is not None:
        good["content"] = _json(names[route.answer])
    problem = {
        "description": "Refused",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    codes = ["400", "422", "429", "503"]
    if not isinstance(route.needs, Public):
        codes += ["401", "403"]
    if "{" in route.path:
        codes.append("404")
    if route.method != "GET":
        codes += ["404", "408", "409", "413", "415"]
    return {str(route.status): good, **dict.fromkeys(sorted(codes), problem)}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=name)}}}


def _operation_id(route: Route) -> str:
    words = re.sub(r"\W+", "_", _PARAMETER.sub(r"by_\1", route.path)).strip("_")
    return f"{route.method.lower()}_{words.removeprefix('api_v1_')}"
