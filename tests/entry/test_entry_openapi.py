"""The API description of scripts without decorators, files of the user's, and the choice by version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from entry_calls import Load

from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.openapi.description import chosen
from plimsoll.errors import NotFound

SCRIPT = "def init(): pass\ndef run(data): return data"
ANYTHING = {"type": "object", "example": {}}


def test_three_versions_of_a_plain_script(load: Load) -> None:
    documents = load(SCRIPT).swaggers()
    assert list(documents) == ["2", "3", "3.1"]
    assert documents["2"]["swagger"] == "2.0"
    assert (documents["3"]["openapi"], documents["3.1"]["openapi"]) == ("3.0.3", "3.1.0")
    assert {**documents["3"], "openapi": "3.1.0"} == documents["3.1"]
    json.dumps(documents)


@pytest.mark.parametrize("version", ["2", "3", "3.1"])
def test_what_generated_clients_rely_on(load: Load, version: str) -> None:
    document = load(SCRIPT).swaggers()[version]
    assert document["info"]["title"] == "ML service"
    assert document["info"]["version"] == "1.0"
    operations = {
        (path, method): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert operations == {
        ("/", "get"): "ServiceHealthCheck",
        ("/score", "post"): "RunMLService",
        ("/swagger.json", "get"): "GetSwaggerSpec",
    }
    schemas = document["definitions"] if version == "2" else document["components"]["schemas"]
    assert set(schemas) == {"ServiceInput", "ServiceOutput", "ErrorResponse"}
    assert schemas["ServiceInput"] == schemas["ServiceOutput"] == ANYTHING
    security = document["securityDefinitions"] if version == "2" else document["components"]["securitySchemes"]
    assert security["Bearer"]["type"] == "apiKey"
    assert document["paths"]["/score"]["post"]["security"] == [{"Bearer": []}]
    text = json.dumps(document)
    home = "#/definitions/" if version == "2" else "#/components/schemas/"
    assert all(home + name in text for name in schemas)


@pytest.mark.parametrize("prefix", ["api/v1", "/api/v1", "/api/v1/"])
def test_the_services_names_and_prefix_are_told(load: Load, prefix: str) -> None:
    script = load(SCRIPT, service_name="Cats", service_version="7", service_path_prefix=prefix)
    document = script.swaggers()["3"]
    assert (document["info"]["title"], document["info"]["version"]) == ("Cats", "7")
    assert set(document["paths"]) == {"/api/v1/", "/api/v1/score", "/api/v1/swagger.json"}


@pytest.mark.parametrize(
    ("names", "replaced"),
    [
        (["swagger.json"], {"2": "swagger.json"}),
        (["swagger2.json"], {"2": "swagger2.json"}),
        (["swagger2.json", "swagger.json"], {"2": "swagger.json"}),
        (["swagger3.json", "swagger3.1.json"], {"3": "swagger3.json", "3.1": "swagger3.1.json"}),
    ],
)
def test_the_users_files_win(load: Load, tmp_path: Path, names: list[str], replaced: dict[str, str]) -> None:
    for name in names:
        (tmp_path / name).write_text(json.dumps({"mine": name}))
    documents = load(SCRIPT).swaggers()
    for version, document in documents.items():
        assert document == {"mine": replaced[version]} if version in replaced else "paths" in document


def test_a_file_that_init_writes_counts(load: Load) -> None:
    script = load("""
        def init():
            with open("swagger.json", "w") as file: file.write('{"written": "by init"}')
        def run(data): return data
    """)
    script.init()
    assert script.swaggers()["2"] == {"written": "by init"}


@pytest.mark.parametrize("content", [b"{", b"", b'"\xff"', b"\xef\xbb\xbf{}"])
def test_a_file_that_is_no_json_stops_the_start(load: Load, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "swagger3.json").write_bytes(content)
    with pytest.raises(BrokenScript, match=r"swagger3.json: the API description cannot be read as JSON: "):
        load(SCRIPT).swaggers()


@pytest.mark.parametrize("name", ["swagger.json", "swagger2.json"])
@pytest.mark.parametrize("content", ["text", [1], 7])
def test_json_that_is_no_object_is_served_with_a_warning(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: object
) -> None:
    (tmp_path / name).write_text(json.dumps(content))
    assert load(SCRIPT).swaggers()["2"] == content
    assert f"{tmp_path}/{name}: the API description is not a JSON object, and is served" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["null", "false", '""', "[]", "{}"])
def test_empty_json_counts_as_no_file(load: Load, tmp_path: Path, content: str) -> None:
    (tmp_path / "swagger.json").write_text(content)
    assert load(SCRIPT).swaggers()["2"]["swagger"] == "2.0"
    (tmp_path / "swagger2.json").write_text('{"mine": "2"}')
    assert load(SCRIPT).swaggers()["2"] == {"mine": "2"}


@pytest.mark.parametrize(
    ("asked", "given"), [(None, "two"), ("2", "two"), ("2.0", "two"), ("3", "three"), ("3.0", "three"), ("3.1", "new")]
)
def test_versions_have_two_names(asked: str | None, given: str) -> None:
    assert chosen({"2": {"is": "two"}, "3": {"is": "three"}, "3.1": {"is": "new"}}, asked) == {"is": given}


@pytest.mark.parametrize("asked", ["9", "", "3.10", "two"])
def test_an_unknown_version_is_refused_with_the_known_ones(asked: str) -> None:
    with pytest.raises(NotFound) as raised:
        chosen({"2": {}, "3": {}, "3.1": {}}, asked)
    assert str(raised.value) == f"Swagger version [{asked}] is not valid. Supported versions: [2, 3, 3.1]."


def test_a_version_that_the_sample_rules_out_is_refused() -> None:
    with pytest.raises(NotFound) as raised:
        chosen({"3": {}, "3.1": {}}, None)
    assert str(raised.value) == (
        "Swagger version [2] is not supported for the scoring script. Supported swagger versions: [3, 3.1]."
    )
