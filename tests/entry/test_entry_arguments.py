"""What an undecorated run() receives."""

from __future__ import annotations

import pytest
from entry_calls import Load, call, content, header, message, post, value

ECHO = """
def init(): pass
def run(data):
    assert isinstance(data, str)
    return data
"""


@pytest.mark.parametrize("body", ["", "plain", '{"a": [1, 2]}', "é ß 漢 \U0001f6a2", "\ufeff{}", "a\x00b"])
def test_post_gives_the_body_as_text_and_never_parses_it(load: Load, body: str) -> None:
    assert value(load(ECHO).run(post(body))) == body


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "image/jpeg", "", "nonsense"])
def test_the_content_type_does_not_matter(load: Load, kind: str) -> None:
    assert value(load(ECHO).run(post("x=1", [("content-type", kind)]))) == "x=1"


def test_a_body_that_is_not_utf8_answers_400(load: Load) -> None:
    answer = load(ECHO).run(post(b"\xff\xd8"))
    assert answer.status == 400
    assert answer.run_function_failed is False
    assert message(answer).startswith("Input cannot be decoded as UTF-8: 'utf-8' codec can't decode byte 0xff")


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        "multipart/form-data; boundary=abc",
    ],
)
def test_a_form_reaches_run_as_an_empty_string_with_one_warning(
    load: Load, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(ECHO)
    for _ in range(3):
        assert value(script.run(post("a=1", [("content-type", kind)]))) == ""
    assert capsys.readouterr().err.count("form content type") == 1


def test_multipart_without_boundary_is_no_form(load: Load) -> None:
    assert value(load(ECHO).run(post("a", [("content-type", "multipart/form-data")]))) == "a"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "{}"),
        ("?", "{}"),
        ("?a=1", '{"a": 1}'),
        ("?a=1&b=[1,2]&c=a&d=null", '{"a": 1, "b": [1, 2], "c": "a", "d": null}'),
        ("?foo=bar1&foo=2&x=y", '{"foo": ["bar1", 2], "x": "y"}'),
        ("?a=&b", '{"a": "", "b": ""}'),
        ("?a=hello+there%21", '{"a": "hello there!"}'),
        ("?a=%FF", '{"a": "%FF"}'),
        ("?%C3%A9=%22q%22", '{"\\u00e9": "q"}'),
        ("?a=" + "[" * 3000, '{"a": "' + "[" * 3000 + '"}'),
    ],
)
def test_get_gives_the_query_as_json_text(load: Load, query: str, text: str) -> None:
    assert value(load(ECHO).run(call("GET", f"/score{query}"))) == text


def test_get_ignores_the_body(load: Load) -> None:
    assert value(load(ECHO).run(call("GET", body=b"\xff"))) == "{}"


def test_options_is_answered_without_run(load: Load) -> None:
    answer = load("def init(): pass\ndef run(data): raise ValueError").run(call("OPTIONS"))
    assert (answer.status, content(answer), answer.run_function_failed) == (200, b"", False)
    assert header(answer, "content-type") == ["text/html; charset=utf-8"]
    assert answer.run_s is None


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_other_methods_answer_405(load: Load, method: str) -> None:
    answer = load(ECHO).run(call(method))
    assert (answer.status, message(answer), answer.run_function_failed) == (405, "Method not allowed", False)


HEADERS = """
def init(): pass
def run(data, request_headers):
    assert type(request_headers) is dict
    return request_headers
"""


@pytest.mark.parametrize("target", ["POST", "GET"])
def test_request_headers_have_title_case_names_and_joined_duplicates(load: Load, target: str) -> None:
    given = [
        ("host", "h:1"),
        ("x-request-id", "7"),
        ("accept", "a"),
        ("accept", "b"),
        ("content-type", "text/plain"),
        ("content-length", "0"),
        ("x_sneaky", "1"),
    ]
    assert value(load(HEADERS).run(call(target, headers=given))) == {
        "Host": "h:1",
        "X-Request-Id": "7",
        "Accept": "a,b",
        "Content-Type": "text/plain",
        "Content-Length": "0",
    }


def test_request_headers_may_stand_first(load: Load) -> None:
    script = load("def init(): pass\ndef run(request_headers, body): return [body, request_headers]")
    assert value(script.run(post("x", [("a", "b")]))) == ["x", {"A": "b"}]


def test_only_scripts_that_look_at_the_head_need_it(load: Load) -> None:
    assert load(ECHO).needs_head is False
    assert load(HEADERS).needs_head is True


def test_further_parameters_keep_their_defaults(load: Load) -> None:
    script = load("def init(): pass\ndef run(data, scale=3): return [data, scale]")
    assert value(script.run(post("x"))) == ["x", 3]


def test_further_parameters_without_default_fail_every_call(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    answer = load("def init(): pass\ndef run(data, scale): return 1").run(post("x"))
    assert (answer.status, answer.run_function_failed) == (500, True)
    assert "missing 1 required positional argument: 'scale'" in capsys.readouterr().err


@pytest.mark.parametrize("parameters", ["raw_data", "*, raw_data", "raw_data: bytes = None"])
def test_the_parameter_may_have_any_name(load: Load, parameters: str) -> None:
    assert value(load(f"def init(): pass\ndef run({parameters}): return raw_data").run(post("x"))) == "x"
