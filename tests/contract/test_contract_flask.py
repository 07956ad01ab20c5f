"""Scripts that use Flask's own functions, as they may in Azure ML's server, which is a Flask application.

What is expected here was seen there, unless a test says that it is new.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from contract_scripts import SCRIPT_FAILED, RunScript, other, post

from support.fixtures import Serve

PLAIN = """
import flask, threading
from flask import abort, after_this_request, current_app, g, jsonify, make_response, redirect, request, url_for
def init():
    global before
    before = [flask.has_request_context(), flask.has_app_context()]
def after(response):
    response.headers["X-After"] = "yes"
    return response
def answered(data):
    if data == "before": return before
    if data == "jsonify": return jsonify(b=1, a=[2])
    if data == "jsonify and status": return jsonify(a=1), 201
    if data == "pair": return "body", 201
    if data == "made": return make_response({"a": 1}, 202, {"X-A": "b"})
    if data == "unavailable": return make_response("busy", 503)
    if data == "redirect": return redirect("/elsewhere")
    if data == "abort": abort(404)
    if data == "url": return [url_for("main.handle_score"), url_for("main.handle_score", _external=True)]
    if data == "session": return len(flask.session)
    if data == "template": return flask.render_template_string("{{ request.path }}")
    if data == "g":
        g.calls = g.get("calls", 0) + 1
        return g.calls
    if data.startswith("after"):
        after_this_request(after)
        return {"a": 1} if data == "after" else make_response("x")
    if data == "thread":
        there = []
        thread = threading.Thread(target=lambda: there.append(flask.has_request_context()))
        thread.start(); thread.join()
        return there
    if data == "left":
        flask.Flask("mine").app_context().push()
        return current_app.name
    return [flask.has_request_context(), current_app.name]
def run(data): return answered(data)
"""


def described(run: RunScript, script: str, *bodies: str) -> list[tuple[int, bytes]]:
    answers = run(script, *(post(body.encode(), ("host", "example.org")) for body in bodies)).answers
    return [(answer.status, answer.body) for answer in answers]


def test_flasks_functions_work_inside_run(with_packages: RunScript) -> None:
    bodies = ("before", "jsonify", "pair", "url", "session", "template", "thread")
    assert described(with_packages, PLAIN, *bodies) == [
        (200, b"[false, false]"),
        (200, b'{"a":[2],"b":1}\n'),
        (200, b'["body", 201]'),
        (200, b'["/score", "http://example.org/score"]'),
        (200, b"0"),
        (200, b'"/score"'),
        (200, b"[false]"),
    ]


def test_statuses_are_those_of_responses_not_of_pairs_or_abort(with_packages: RunScript) -> None:
    bodies = ("jsonify and status", "made", "unavailable", "redirect", "abort")
    pair, made, unavailable, redirect, abort = with_packages(PLAIN, *(post(body.encode()) for body in bodies)).answers
    assert (pair.status, pair.run_function_failed) == (500, False)
    assert (made.status, made.body, made.run_function_failed) == (202, b'{"a":1}\n', None)
    assert ("X-A", "b") in made.headers
    assert (unavailable.status, unavailable.run_function_failed) == (503, True)
    assert (redirect.status, redirect.run_function_failed) == (302, None)
    assert ("Location", "/elsewhere") in redirect.headers
    assert (abort.status, abort.message, abort.run_function_failed) == (500, SCRIPT_FAILED, True)


def test_what_is_wanted_after_the_request_is_done_to_json_and_responses(with_packages: RunScript) -> None:
    value, response, next_one = with_packages(PLAIN, post(b"after"), post(b"after 2"), post(b"g")).answers
    assert (value.body, value.run_function_failed) == (b'{"a": 1}', False)
    assert (response.body, response.run_function_failed) == (b"x", None)
    assert all(("X-After", "yes") in answer.headers for answer in (value, response))
    assert not any(name == "X-After" for name, _ in next_one.headers)


def test_nothing_of_a_call_is_seen_by_the_next(with_packages: RunScript) -> None:
    """A context that the script pushes and leaves there is a 500 in Azure ML's server; here it ends with its call."""
    run = with_packages(PLAIN, post(b"g"), post(b"g"), post(b"left"), post(b"rest"))
    assert run.values() == [1, 1, "mine", [True, "entry_module"]]
    assert "Flask's context could not be left" in run.log


REQUEST = """
from flask import request
def init(): pass
def run(data):
    body = request.get_json(silent=True)
    return [request.method, request.full_path, request.headers.get("X-A"), request.args.to_dict(), body,
            request.data.decode(), request.form.to_dict(), request.endpoint, request.remote_addr]
"""
FORM = "application/x-www-form-urlencoded"


def test_request_is_the_real_one(serve: Serve, packages: Path) -> None:
    """Through a server: the front must send the head to a script that takes none."""
    server = serve(REQUEST, env={"PYTHONPATH": str(packages)})
    rest = ["main.handle_score", "127.0.0.1"]
    posted = server.post("/score?q=1", b'{"b": 2}', x_a="v").json()
    assert posted == ["POST", "/score?q=1", "v", {"q": "1"}, {"b": 2}, '{"b": 2}', {}, *rest]
    assert server.get("/score?q=2").json() == ["GET", "/score?q=2", None, {"q": "2"}, None, "", {}, *rest]
    form = server.request("POST", "/score", b"c=3", {"content-type": FORM}).json()
    assert form == ["POST", "/score?", None, {}, None, "", {"c": "3"}, *rest]


RAW = """
import flask, threading
from azureml.contrib.services.aml_request import rawhttp
from flask import jsonify, request as flasks
def init(): pass
@rawhttp
def run(request):
    behind = request._get_current_object()
    if request.method != "POST":
        return [request.method, flasks.method, request.endpoint]
    seen = []
    thread = threading.Thread(target=lambda: seen.append(behind.get_data().decode()))
    thread.start(); thread.join()
    same = flasks._get_current_object() is behind and request == flasks and isinstance(request, flask.Request)
    return jsonify(same=same, seen=seen, body=flasks.get_data().decode(), args=request.args, json=request.json)
"""


def test_a_raw_scripts_request_is_flasks(with_packages: RunScript) -> None:
    posted, got = with_packages(RAW, post({"a": 1}), other("GET")).answers
    assert posted.value == {"same": True, "seen": ['{"a": 1}'], "body": '{"a": 1}', "args": {}, "json": {"a": 1}}
    assert got.value == ["GET", "GET", "main.handle_score"]


def test_a_raw_scripts_request_can_be_asked_for_itself_without_flask(without_packages: RunScript) -> None:
    script = """
        from plimsoll.entry import Request, rawhttp
        def init(): pass
        @rawhttp
        def run(request):
            behind = request._get_current_object()
            return [isinstance(behind, Request), behind.method]
    """
    assert without_packages(script, post(b"")).values() == [[True, "POST"]]


STREAMS = """
import flask
from flask import Response, request, stream_with_context
def init(): pass
def chunks():
    yield "a"
    yield request.headers["X-A"]
def run(data):
    if data == "with": return Response(stream_with_context(chunks()))
    if data == "without": return Response(chunks())
    if data == "own": return chunks()
    return flask.has_request_context()
"""


def test_streams_have_their_request_to_their_end_and_leave_none_behind(with_packages: RunScript) -> None:
    """Without stream_with_context, and from a run() that is a generator: new."""
    bodies = ("with", "without", "own", "after")
    calls = [post(body.encode(), ("x-a", str(number))) for number, body in enumerate(bodies)]
    answers = with_packages(STREAMS, *calls).answers
    assert [answer.body for answer in answers] == [b"a0", b"a1", b"a2", b"true"]


ASYNC = """
import asyncio
from flask import Response, current_app, g, jsonify, request, stream_with_context
async def init(): pass
async def chunks():
    yield "a"
    await asyncio.sleep(0)
    yield request.headers["X-A"]
def later():
    yield request.headers["X-A"]
async def run(data):
    g.data = data
    await asyncio.sleep(0.001)
    if data == "stream": return chunks()
    if data == "with": return Response(stream_with_context(later()))
    inner = await asyncio.create_task(asyncio.sleep(0, request.headers["X-A"]))
    return jsonify(data=g.data, header=inner, app=current_app.name)
"""


def test_an_async_run_has_its_request_too(with_packages: RunScript) -> None:
    """New, as async run() is."""
    calls = (post(b"1", ("x-a", "x")), post(b"stream", ("x-a", "y")), post(b"with", ("x-a", "z")))
    value, stream, held = with_packages(ASYNC, *calls).answers
    assert value.value == {"data": "1", "header": "x", "app": "entry_module"}
    assert (stream.body, held.body) == (b"ay", b"z")


BATCH = """
import flask
from flask import current_app, g, jsonify
from plimsoll.entry import batch
def init(): pass
@batch(max_size=4)
def run(data):
    if "bad" in data: raise ValueError(len(data))
    g.size = len(data)
    return [jsonify(one=one, size=g.size, request=flask.has_request_context()) for one in data]
"""


def test_a_batch_has_an_application_and_no_request(with_packages: RunScript) -> None:
    """New, as batches are."""
    first, second = with_packages(BATCH, post(b"x"), post(b"y")).values()
    assert first == {"one": "x", "size": 2, "request": False}
    assert second["one"] == "y"
    alone, bad = with_packages(BATCH, post(b"x"), post(b"bad")).answers
    assert alone.value == {"one": "x", "size": 1, "request": False}
    assert bad.status == 500


@pytest.mark.parametrize(
    "script",
    [
        "def init(): pass\ndef run(data):\n    from flask import jsonify, request\n    return jsonify(request.path)",
        "def init(): import flask\ndef run(data):\n    import flask as f\n    return f.jsonify(f.request.path)",
        "def init(): pass\ndef run(data):\n    import helper\n    return helper.answer()",
    ],
)
def test_flask_may_be_imported_late(with_packages: RunScript, tmp_path: Path, script: str) -> None:
    (tmp_path / "helper.py").write_text("import json, flask\ndef answer(): return flask.jsonify(flask.request.path)\n")
    assert with_packages(script, post(b"1")).values() == ["/score"]


def test_flask_that_nobody_saw_coming_works_from_the_second_call(with_packages: RunScript) -> None:
    script = """
        import importlib
        def init(): pass
        def run(data): return importlib.import_module("fla" + "sk").jsonify(data)
    """
    first, second = (run := with_packages(script, post(b"1"), post(b"2"))).answers
    assert (first.status, second.value) == (500, "2")
    assert "Flask was first imported during a call." in run.log


def test_a_module_of_the_users_called_flask_disturbs_nothing(without_packages: RunScript, tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text("volume = 0.5")
    assert without_packages(
        "import flask\ndef init(): pass\ndef run(data): return flask.volume", post(b"")
    ).values() == [0.5]


def test_flask_is_not_loaded_for_those_who_do_without(with_packages: RunScript) -> None:
    """The word alone is no import."""
    script = """
        import sys
        # Under flask this was a proxy; do not import flask here.
        def init(): pass
        def run(data): return ["flask" in sys.modules, "werkzeug" in sys.modules]
    """
    assert with_packages(script, post(b"")).values() == [[False, False]]


THREADS = """
import time
from flask import g, jsonify, request
def init(): pass
def run(data):
    g.mine = data
    time.sleep(float(request.headers["X-Pause"]))
    again = request.data.decode()
    return jsonify(body=data, header=request.headers["X-A"], query=request.args["n"], g=g.mine, again=again)
"""


def test_calls_in_many_threads_never_see_each_other(serve: Serve, packages: Path) -> None:
    server = serve(THREADS, "--threads", "8", env={"PYTHONPATH": str(packages)})
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    pauses = random.Random(seed)

    def ask(number: int, pause_s: float) -> dict[str, str]:
        reply = server.post(f"/score?n={number}", str(number).encode(), x_a=str(number), x_pause=f"{pause_s:.4f}")
        return json.loads(reply.body)  # type: ignore[no-any-return]

    numbers = range(300)
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, numbers, [pauses.uniform(0, 0.02) for _ in numbers]))
    for number, answer in zip(numbers, answers, strict=True):
        assert set(answer.values()) == {str(number)}, answer
