"""@rawhttp scripts: Werkzeug's request in, response objects out."""

from __future__ import annotations

import pytest
from entry_calls import Load, call, content, header, message, post, value

from plimsoll.entry.call import Answer, Call, Head, Headers
from plimsoll.errors import ScriptFailed

PRELUDE = """
from plimsoll.entry import rawhttp, Request, Response, AMLRequest, AMLResponse
def init(): pass
"""


def raw(load: Load, body: str, given: Call) -> Answer:
    return load(f"{PRELUDE}\n@rawhttp\ndef run(request):\n    {body}\n").run(given)


def answered(load: Load, expression: str, given: Call | None = None) -> Answer:
    return raw(load, f"return {expression}", given or post("{}"))


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_run_is_called_for_every_method(load: Load, method: str) -> None:
    assert value(answered(load, "request.method", call(method))) == method


def test_head_calls_run_and_drops_the_body(load: Load) -> None:
    answer = answered(load, "AMLResponse('body of ' + request.method, 200)", call("HEAD"))
    assert (answer.status, content(answer)) == (200, b"")
    assert header(answer, "content-length") == ["12"]


def test_raw_scripts_need_the_head(load: Load) -> None:
    assert load(f"{PRELUDE}\n@rawhttp\ndef run(request): pass").needs_head


def test_the_decorator_marks_the_process_wherever_it_stands(load: Load) -> None:
    script = load(f"{PRELUDE}\n@rawhttp\ndef other(): pass\ndef run(request): return request.method")
    assert value(script.run(post())) == "POST"


URL = "/score?a=1&a=2&b=x%20y"
SENT: Headers = [
    ("host", "example.org:5001"),
    ("cookie", "k=v; l=w"),
    ("x-one", "1"),
    ("x-one", "2"),
    ("content-type", "application/json"),
    ("content-length", "9"),
]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("request.get_data(False).decode()", '{"a": [1]}'),
        ("request.data.decode()", '{"a": [1]}'),
        ("request.json", {"a": [1]}),
        ("request.get_json(silent=True)", {"a": [1]}),
        ("request.args.getlist('a') + [request.args['b']]", ["1", "2", "x y"]),
        ("request.query_string.decode()", "a=1&a=2&b=x%20y"),
        ("request.path", "/score"),
        ("request.full_path", "/score?a=1&a=2&b=x%20y"),
        ("request.url", "http://example.org:5001/score?a=1&a=2&b=x%20y"),
        ("request.host_url", "http://example.org:5001/"),
        ("request.remote_addr", "192.0.2.7"),
        ("request.cookies.to_dict()", {"k": "v", "l": "w"}),
        ("request.headers['X-One']", "1,2"),
        ("dict(request.headers)['Host']", "example.org:5001"),
        ("request.content_type", "application/json"),
        ("request.environ['RAW_URI']", URL),
        ("isinstance(request, AMLRequest) and AMLRequest is Request", True),
    ],
)
def test_the_request(load: Load, expression: str, expected: object) -> None:
    body = b'{"a": [1]}'
    sent = [(name, str(len(body)) if name == "content-length" else text) for name, text in SENT]
    assert value(answered(load, expression, call("POST", URL, sent, body))) == expected


def test_a_chunked_body_without_content_length_is_there(load: Load) -> None:
    given = call("POST", headers=[("transfer-encoding", "chunked")], body=b"abc")
    assert value(answered(load, "request.get_data().decode()", given)) == "abc"


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n"
    b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--b--\r\n'
)


def test_files_and_form(load: Load) -> None:
    given = post(MULTIPART, [("content-type", "multipart/form-data; boundary=b")])
    body = (
        "picture = request.files['image']; result = [picture.read().hex(), picture.filename, request.form['note']];"
        "request.close(); return result"
    )
    assert value(raw(load, body, given)) == ["ffd8ff", "a.jpg", "hello"]


def test_get_data_false_first_leaves_no_form(load: Load) -> None:
    given = post("a=1", [("content-type", "application/x-www-form-urlencoded")])
    assert value(answered(load, "[request.get_data(False).decode(), len(request.form)]", given)) == ["a=1", 0]


@pytest.mark.parametrize("expression", ["request.json", "__import__('werkzeug').exceptions.abort(418)"])
def test_http_exceptions_inside_run_are_failures_of_the_script(load: Load, expression: str) -> None:
    answer = answered(load, expression, post("no json"))
    assert (answer.status, answer.run_function_failed) == (500, True)
    assert message(answer).startswith("An unexpected error occurred in scoring script.")


def test_request_headers_come_beside_the_request(load: Load) -> None:
    script = load(f"{PRELUDE}\n@rawhttp\ndef run(request, request_headers): return [request.method, request_headers]")
    assert value(script.run(post("", [("a-b", "c")]))) == ["POST", {"A-B": "c"}]


@pytest.mark.parametrize(
    "head",
    [
        Head("POST", "//x//%ff%00?%zz", [("host", "[::1]:80")], client="[::1]:9"),
        Head("POST", "", [("host", ""), ("", "x")], client="unix"),
        Head("POST", "/\xff?a=\udcff", [("content-length", "many"), ("cookie", "=;;")], client=""),
    ],
)
def test_strange_heads_reach_run(load: Load, head: Head) -> None:
    expression = "len(request.url + str(request.args) + str(request.cookies) + request.get_data().decode()) > 0"
    assert value(answered(load, expression, Call(head, b"x"))) is True


HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("expression", "status", "body", "content_types"),
    [
        ("AMLResponse('text', 200)", 200, b"text", [HTML]),
        ("AMLResponse(message=b'raw', status_code=201)", 201, b"raw", [HTML]),
        ("AMLResponse(None, 200)", 200, b"{}", ["application/json"]),
        ("AMLResponse({'a': 'é'}, 200, json_str=True)", 200, b'{"a": "\\u00e9"}', ["application/json"]),
        ("AMLResponse('s', 200, json_str=True)", 200, b'"s"', ["application/json"]),
        ("AMLResponse({'a': 1, 'b': 2}, 200)", 200, b"ab", [HTML]),
        ("AMLResponse('x', 200, {'Content-Type': 'image/png'})", 200, b"x", ["image/png"]),
        ("AMLResponse('x', 200, {'content-type': 'image/png'})", 200, b"x", [HTML, "image/png"]),
        ("AMLResponse('x', 200, {'Content-Type': 'a/b'}, True)", 200, b'"x"', ["application/json", "a/b"]),
        ("AMLResponse('', 204)", 204, b"", [HTML]),
        ("AMLResponse('gone', '410 GONE')", 410, b"gone", [HTML]),
    ],
)
def test_aml_response(load: Load, expression: str, status: int, body: bytes, content_types: list[str]) -> None:
    answer = answered(load, expression)
    assert (answer.status, content(answer), header(answer, "content-type")) == (status, body, content_types)
    assert answer.run_function_failed is False
    assert answer.run_s is not None


def test_header_values_are_split_at_commas(load: Load) -> None:
    answer = answered(load, "AMLResponse('', 200, {'X-A': 'one, two', 'X-B': '3'})")
    assert (header(answer, "x-a"), header(answer, "x-b")) == (["one", "two"], ["3"])


def test_headers_may_be_changed_afterwards(load: Load) -> None:
    body = "r = AMLResponse('x', 200); r.headers['X-A'] = 'a, b'; r.mimetype = 'text/csv'; return r"
    answer = raw(load, body, post())
    assert (header(answer, "x-a"), header(answer, "content-type")) == (["a, b"], ["text/csv; charset=utf-8"])


def test_a_header_that_is_no_text_fails_in_run(load: Load) -> None:
    answer = answered(load, "AMLResponse('', 200, {'X-A': 3})")
    assert (answer.status, answer.run_function_failed) == (500, True)


@pytest.mark.parametrize(
    ("expression", "failed"),
    [
        ("AMLResponse('x', 200)", False),
        ("AMLResponse('x', 404, run_function_failed=True)", True),
        ("AMLResponse('x', 500)", True),
        ("Response('x', 404)", None),
        ("Response('x', 503)", True),
        ("{'a': 1}", False),
    ],
)
def test_the_run_function_failed_flag(load: Load, expression: str, failed: bool | None) -> None:
    answer = answered(load, expression)
    assert answer.run_function_failed is failed
    assert header(answer, "x-ms-run-function-failed") == []


@pytest.mark.parametrize(("complete", "expected"), [(False, "/a%20b"), (True, "http://h:1/a%20b")])
def test_a_location_is_completed_only_where_the_response_asks_for_it(load: Load, complete: bool, expected: str) -> None:
    body = f"r = Response('', 302, {{'Location': '/a b'}}); r.autocorrect_location_header = {complete}; return r"
    assert header(raw(load, body, post("", [("host", "h:1")])), "location") == [expected]


def test_response_is_html_by_default(load: Load) -> None:
    assert header(answered(load, "Response('x')"), "content-type") == [HTML]


def test_headers_of_the_connection_and_the_length_are_the_servers(load: Load) -> None:
    answer = answered(
        load,
        "AMLResponse('abc', 200, {'Content-Length': '99', 'Connection': 'x', 'Transfer-Encoding': 'y', 'ETag': 'z'})",
    )
    assert [name for name, _ in answer.headers] == ["Content-Type", "ETag"]


@pytest.mark.parametrize(
    "expression",
    [
        "Response('x', headers={'X A': 'b'})",
        "Response('x', headers={'X-A': '\\u20ac'})",
        "Response('x', 'hello')",
        "Response('x', 101)",
        "Response(['x', 3])",
        "AMLResponse(3, 200)",
    ],
)
def test_a_response_that_http_does_not_allow_is_our_500(
    load: Load, expression: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = answered(load, expression)
    assert (answer.status, answer.run_function_failed) == (500, False)
    assert message(answer) == "An unexpected internal error occurred. Check the logs for more info."
    assert "cannot be sent" in capsys.readouterr().err


def test_a_generator_in_a_response_is_streamed_and_closed(load: Load) -> None:
    script = load(f"""{PRELUDE}
log = []
def parts():
    try:
        yield "é"
        yield b""
        yield b"two"
    finally:
        log.append("closed")
@rawhttp
def run(request): return Response(parts()) if request.method == "POST" else log
""")
    answer = script.run(post())
    assert not isinstance(answer.body, bytes)
    assert list(answer.body) == ["é".encode(), b"", b"two"]
    assert value(script.run(call("GET"))) == ["closed"]


def test_a_stream_that_nobody_reads_to_the_end_is_closed(load: Load) -> None:
    script = load(f"""{PRELUDE}
log = []
@rawhttp
def run(request):
    response = Response(iter(["one", "two"]))
    response.call_on_close(lambda: log.append("closed"))
    return response if request.method == "POST" else log
""")
    body = script.run(post()).body
    assert not isinstance(body, bytes)
    assert next(body) == b"one"
    body.close()  # type: ignore[attr-defined]
    assert value(script.run(call("GET"))) == ["closed"]


def test_a_stream_that_nobody_reads_at_all_is_closed(load: Load) -> None:
    script = load(f"""{PRELUDE}
log = []
@rawhttp
def run(request):
    response = Response(iter(["one"]))
    response.call_on_close(lambda: log.append("closed"))
    return response if request.method == "POST" else log
""")
    script.run(post()).body.close()  # type: ignore[union-attr]
    assert value(script.run(call("GET"))) == ["closed"]


@pytest.mark.parametrize("statement", ["raise ValueError('early')", "yield 5"])
def test_a_stream_that_fails_before_its_first_chunk_is_a_failure_of_run(
    load: Load, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"""{PRELUDE}
def parts():
    {statement}
    yield b"one"
@rawhttp
def run(request): return AMLResponse(parts(), 200)
""")
    answer = script.run(post())
    assert (answer.status, answer.run_function_failed) == (500, True)
    assert message(answer) == "An unexpected error occurred in scoring script. Check the logs for more info."
    assert capsys.readouterr().err.count("failed") == 1


@pytest.mark.parametrize("statement", ["raise ValueError('late')", "yield 5"])
def test_a_stream_that_fails_says_so_to_the_log_only(
    load: Load, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = load(f"""{PRELUDE}
def parts():
    yield b"one"
    {statement}
@rawhttp
def run(request): return AMLResponse(parts(), 200)
""")
    body = script.run(post()).body
    assert not isinstance(body, bytes)
    assert next(body) == b"one"
    with pytest.raises(ScriptFailed, match="An unexpected error occurred in scoring script"):
        next(body)
    assert "The stream of a response of run() failed" in capsys.readouterr().err


def test_the_script_of_the_gpu_article_answers(load: Load) -> None:
    script = load("""
        from azureml.contrib.services.aml_request import AMLRequest, rawhttp
        from azureml.contrib.services.aml_response import AMLResponse
        def init(): pass
        @rawhttp
        def run(request):
            if request.method == 'POST':
                reqBody = request.get_data(False)
                return AMLResponse(reqBody[::-1], 200)
            if request.method == 'GET':
                return AMLResponse(str.encode("GET is not supported"), 405)
            return AMLResponse("bad request", 500)
    """)
    assert content(script.run(post(b"\xff\xd8"))) == b"\xd8\xff"
    refused = script.run(call("GET"))
    assert (refused.status, content(refused)) == (405, b"GET is not supported")
    assert script.run(call("OPTIONS")).run_function_failed is True
