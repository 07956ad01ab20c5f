"""The two layouts of an API description: Swagger 2, and OpenAPI 3.0 and 3.1, which differ in a number only.

Operation ids and the names of definitions are those that generated clients of Azure ML services are built on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
_JSON = "application/json"
_KEY = {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer, a space and an API key"}
_ERROR = {
    "type": "object",
    "properties": {"message": {"type": "string"}, "code": {"type": "string"}, "requestId": {"type": "string"}},
}
_FAILED = "The request was refused, or the service failed to answer it."
_HEALTHY = "The service is up and answers with the word Healthy."
_VERSIONS = ["2", "3", "3.1"]


@dataclass(slots=True, frozen=True)
class Service:
    name: str
    version: str
    path_prefix: str
    input: Document
    output: Document


def swagger2(service: Service) -> Document:
    return {
        "swagger": "2.0",
        "info": _info(service),
        "schemes": ["https"],
        "consumes": [_JSON],
        "produces": [_JSON],
        "securityDefinitions": {"Bearer": _KEY},
        "paths": _paths(service, _get_health_2(), _score_2(), _get_document_2()),
        "definitions": _definitions(service),
    }


def openapi3(service: Service, number: str) -> Document:
    return {
        "openapi": number,
        "info": _info(service),
        "security": [{"Bearer": []}],
        "paths": _paths(service, _get_health_3(), _score_3(), _get_document_3()),
        "components": {"schemas": _definitions(service), "securitySchemes": {"Bearer": _KEY}},
    }


def _info(service: Service) -> Document:
    return {
        "title": service.name,
        "description": f"The scoring API of {service.name}",
        "version": service.version,
    }


def _paths(service: Service, health: Document, score: Document, document: Document) -> Document:
    return {
        f"{service.path_prefix}/": {"get": {"operationId": "ServiceHealthCheck", **health}},
        f"{service.path_prefix}/score": {"post": {"operationId": "RunMLService", **score}},
        f"{service.path_prefix}/swagger.json": {"get": {"operationId": "GetSwaggerSpec", **document}},
    }


def _definitions(service: Service) -> Document:
    return {"ServiceInput": service.input, "ServiceOutput": service.output, "ErrorResponse": _ERROR}


def _get_health_2() -> Document:
    healthy = {"description": _HEALTHY, "schema": {"type": "string"}, "examples": {"text/html": "Healthy"}}
    return {"description": "Says whether the service is up.", "responses": _responses_2(healthy)}


def _score_2() -> Document:
    payload = {"name": "serviceInputPayload", "in": "body", "description": "The input of run().", "schema": _2("Input")}
    return {
        "description": "Runs the model and answers with what it says.",
        "security": [{"Bearer": []}],
        "parameters": [payload],
        "responses": _responses_2({"description": "What run() returned.", "schema": _2("Output")}),
    }


def _get_document_2() -> Document:
    version = {"name": "version", "in": "query", "required": False, "type": "string", "enum": _VERSIONS}
    return {
        "description": "This description, in the version asked for.",
        "parameters": [version],
        "responses": _responses_2({"description": "The description.", "schema": {"type": "object"}}),
    }


def _responses_2(ok: Document) -> Document:
    return {"200": ok, "default": {"description": _FAILED, "schema": {"$ref": "#/definitions/ErrorResponse"}}}


def _2(name: str) -> Document:
    return {"$ref": f"#/definitions/Service{name}"}


def _get_health_3() -> Document:
    healthy = _content("text/html", {"type": "string", "example": "Healthy"}, _HEALTHY)
    return {"description": "Says whether the service is up.", "responses": _responses_3(healthy)}


def _score_3() -> Document:
    return {
        "description": "Runs the model and answers with what it says.",
        "security": [{"Bearer": []}],
        "requestBody": _content(_JSON, _3("ServiceInput"), "The input of run()."),
        "responses": _responses_3(_content(_JSON, _3("ServiceOutput"), "What run() returned.")),
    }


def _get_document_3() -> Document:
    schema = {"type": "string", "enum": _VERSIONS}
    return {
        "description": "This description, in the version asked for.",
        "parameters": [{"name": "version", "in": "query", "required": False, "schema": schema}],
        "responses": _responses_3(_content(_JSON, {"type": "object"}, "The description.")),
    }


def _responses_3(ok: Document) -> Document:
    return {"200": ok, "default": _content(_JSON, _3("ErrorResponse"), _FAILED)}


def _content(kind: str, schema: Document, description: str) -> Document:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _3(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}
