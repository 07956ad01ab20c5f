"""Import names: ours, and the fallbacks for Azure ML's, which never win over installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from entry_calls import RunFresh

LOAD = """
import sys
from pathlib import Path
from plimsoll.entry.call import Call, Head
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec

def answer(source):
    Path("score.py").write_text("def init(): pass\\n" + source)
    script = Script.load(EntrySpec(str(Path("score.py").absolute()), str(Path.cwd())))
    return script.run(Call(Head(), b"body"))
"""

FORMS = {
    "aml_request": (
        "from azureml.contrib.services.aml_request import AMLRequest, rawhttp\n"
        "from azureml.contrib.services.aml_response import AMLResponse\n"
    ),
    "server": (
        "from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp\n"
        "from azureml_inference_server_http.api.aml_response import AMLResponse\n"
    ),
    "package": "from azureml.contrib.services import AMLRequest, AMLResponse, rawhttp\n",
    "module": (
        "import azureml.contrib.services.aml_request as m, azureml.contrib.services.aml_response as r\n"
        "rawhttp, AMLRequest, AMLResponse = m.rawhttp, m.AMLRequest, r.AMLResponse\n"
    ),
}
RUN = "@rawhttp\ndef run(request): return AMLResponse(isinstance(request, AMLRequest) and request.data, 203)\n"


def fake(folder: Path, *files: str, text: str = "REAL = True\n") -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "present",
    [
        (),
        ("azureml/__init__.py", "azureml/ai/__init__.py"),
        ("azureml/ai/monitoring.py",),
        ("azureml/contrib/other/__init__.py",),
        ("azureml/__init__.py", "azureml/contrib/__init__.py"),
        ("azureml_inference_server_http/__init__.py",),
    ],
)
def test_all_four_forms_beside_whatever_is_installed(
    run_fresh: RunFresh, tmp_path: Path, form: str, present: tuple[str, ...]
) -> None:
    site = fake(tmp_path / "site", *present)
    source = f"{LOAD}\nprint(answer({FORMS[form] + RUN!r}))"
    result = run_fresh(source, site)
    assert "status=203" in result.stdout, result.stderr
    assert "body=b'body'" in result.stdout


def test_other_parts_of_an_installed_azureml_stay_reachable(run_fresh: RunFresh, tmp_path: Path) -> None:
    site = fake(tmp_path / "site", "azureml/__init__.py", "azureml/ai/__init__.py", "azureml/ai/monitoring.py")
    source = FORMS["aml_request"] + "from azureml.ai.monitoring import REAL\ndef run(data): return REAL"
    result = run_fresh(f"{LOAD}\nprint(answer({source!r}))", site)
    assert "body=b'true'" in result.stdout, result.stderr


REAL_REQUEST = """
from werkzeug.wrappers import Request
class AMLRequest(Request): REAL = True
_rawHttpRequested = False
def rawhttp(f):
    global _rawHttpRequested
    _rawHttpRequested = True
    return f
"""
REAL_RESPONSE = """
from werkzeug.wrappers import Response
class AMLResponse(Response):
    def __init__(self, message, status_code):
        super().__init__("the real one got " + message, status_code)
        self.headers["x-ms-run-function-failed"] = "False"
"""


@pytest.mark.parametrize("package", ["azureml/contrib/services", "azureml_inference_server_http/api"])
def test_the_real_packages_win_and_their_mark_is_honoured(run_fresh: RunFresh, tmp_path: Path, package: str) -> None:
    site = fake(tmp_path / "site", f"{package}/__init__.py", text="")
    fake(site, f"{package}/aml_request.py", text=REAL_REQUEST)
    fake(site, f"{package}/aml_response.py", text=REAL_RESPONSE)
    home = package.replace("/", ".")
    source = (
        f"from {home}.aml_request import AMLRequest, rawhttp\nfrom {home}.aml_response import AMLResponse\n"
        "assert AMLRequest.REAL\n@rawhttp\ndef run(request): return AMLResponse(request.method, 200)"
    )
    result = run_fresh(f"{LOAD}\nprint(answer({source!r}))", site)
    assert "body=b'the real one got POST', run_function_failed=False" in result.stdout, result.stderr


def test_a_real_model_class_wins(run_fresh: RunFresh, tmp_path: Path) -> None:
    site = fake(
        tmp_path / "site", "azureml/core/model.py", "azureml/core/__init__.py", text="class Model: REAL = True\n"
    )
    source = (
        "from azureml.core.model import Model\nfrom azureml.core import Model as M\ndef run(data): return Model.REAL"
    )
    result = run_fresh(f"{LOAD}\nprint(answer({source!r}))", site)
    assert "body=b'true'" in result.stdout, result.stderr


def test_names_beyond_the_fallbacks_are_missing_as_ever(run_fresh: RunFresh) -> None:
    source = """
        from importlib.util import find_spec
        from plimsoll.entry.compat import fallbacks
        fallbacks.install(); fallbacks.install()
        print(find_spec("azureml.core.run"), find_spec("azureml.train"), find_spec("azure"))
    """
    assert run_fresh(source).stdout == "None None None\n"


def test_a_plain_script_loads_neither_werkzeug_nor_numpy_and_stays_small(run_fresh: RunFresh) -> None:
    source = """
        answer("def run(data): return data")
        heavy = {"werkzeug", "numpy", "pydantic", "starlette", "asyncio", "click"} & set(sys.modules)
        own_kib = int(Path("/proc/self/smaps_rollup").read_text().partition("Anonymous:")[2].split()[0])
        print(sorted(heavy), own_kib < 16 * 1024, own_kib)  # files do not count: who else has them open decides
    """
    result = run_fresh(LOAD + "\n".join(line.strip() for line in source.splitlines()))
    assert result.stdout.startswith("[] True"), result.stdout + result.stderr


def test_our_own_names_load_on_first_use(run_fresh: RunFresh) -> None:
    source = """
        import sys
        import plimsoll.entry
        import plimsoll.entry.call
        assert "werkzeug" not in sys.modules
        from plimsoll.entry import batch, rawhttp, Request, Response, AMLRequest, AMLResponse
        assert callable(rawhttp) and AMLRequest is Request and issubclass(AMLResponse, Response)
        https = {"rawhttp", "Request", "Response", "AMLRequest", "AMLResponse"}
        assert set(plimsoll.entry.__all__) == {"batch", "signature", "Tensor", *https}
        try:
            plimsoll.entry.batchy
        except AttributeError as failure:
            print(failure)
    """
    assert run_fresh(source).stdout == "module 'plimsoll.entry' has no attribute 'batchy'\n"
