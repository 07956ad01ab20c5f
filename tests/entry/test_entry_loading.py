"""Finding, executing and checking score.py; every mistake in one line that names the file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from entry_calls import Load, post, value

from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.loading.environment import environment
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import EntryError

GOOD = "def init(): pass\ndef run(data): return data\n"


def refusal(load: Load, source: str) -> BrokenScript:
    with pytest.raises(EntryError) as caught:
        load(source)
    assert isinstance(caught.value, BrokenScript)
    assert "\n" not in caught.value.message
    assert "code/score.py" in caught.value.message
    return caught.value


def test_a_missing_file_is_named(tmp_path: Path, pristine: None) -> None:
    with pytest.raises(EntryError, match=r"nowhere\.py: the entry script cannot be read: No such file or directory"):
        Script.load(EntrySpec(str(tmp_path / "nowhere.py"), str(tmp_path)))


def test_a_directory_is_no_script(tmp_path: Path, pristine: None) -> None:
    with pytest.raises(EntryError, match="is a directory, not a file"):
        Script.load(EntrySpec(str(tmp_path), str(tmp_path)))


def test_a_script_needs_no_py_suffix(tmp_path: Path, pristine: None) -> None:
    (tmp_path / "score").write_text(GOOD)
    assert value(Script.load(EntrySpec(str(tmp_path / "score"), "/")).run(post("x"))) == "x"


def test_a_syntax_error_names_file_and_line(load: Load) -> None:
    failure = refusal(load, "def init(): pass\ndef run(data:\n")
    assert "SyntaxError: '(' was never closed (score.py, line 2)" in failure.message
    assert 'score.py", line 2' in failure.report


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("import not_installed_anywhere", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("raise ValueError('first\\nsecond')", "ValueError: first"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
    ],
)
def test_an_import_that_raises_names_the_line(load: Load, statement: str, reason: str) -> None:
    failure = refusal(load, f"\n\n{statement}\n")
    assert failure.message.endswith(f"code/score.py, line 3: {reason}")
    assert failure.message.startswith("Failed to import user script ")
    assert statement in failure.report
    assert "plimsoll/entry" not in failure.report
    assert "importlib" not in failure.report
    assert "entry_module" not in sys.modules


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def run(data): pass", "does not have a init() function defined."),
        ("init = 3\ndef run(data): pass", "does not have a init() function defined."),
        ("def init(): pass", "does not have a run() function defined."),
        ("def init(): pass\nrun = 'no'", "does not have a run() function defined."),
        ("def init(): pass\ndef run(a, /): pass", "run() cannot accept positional-only arguments, *args, or **kwargs."),
        ("def init(): pass\ndef run(*a): pass", "run() cannot accept positional-only arguments, *args, or **kwargs."),
        (
            "def init(): pass\ndef run(a, **b): pass",
            "run() cannot accept positional-only arguments, *args, or **kwargs.",
        ),
        ("def init(): pass\ndef run(): pass", "run() needs to accept an argument for input data."),
        (
            "def init(): pass\ndef run(request_headers): pass",
            'run() needs to accept an argument other than "request_headers".',
        ),
        ("def init(): pass\nrun = type", "the parameters of run() cannot be found out."),
    ],
)
def test_functions_and_signature(load: Load, source: str, text: str) -> None:
    assert refusal(load, source).message.endswith(text)


def test_the_module_is_registered_for_dataclasses_and_pickle(load: Load) -> None:
    script = load("""
        from __future__ import annotations
        import pickle
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: int
        def init(): pass
        def run(data): return [__name__, pickle.loads(pickle.dumps(Point(4))).x, __file__[-14:]]
    """)
    assert value(script.run(post())) == ["entry_module", 4, "/code/score.py"]


def test_imports_from_working_directory_app_root_source_and_script_folder(tmp_path: Path, load: Load) -> None:
    for folder in ("cwd", "root", "source", "code"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"from_{folder}.py").write_text(f"NAME = {folder!r}")
        (tmp_path / folder / "shared_helper.py").write_text(f"WINS = {folder!r}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "cwd")
        script = load(
            """
            import from_cwd, from_root, from_source, from_code, shared_helper
            def init(): pass
            def run(data): return [from_cwd.NAME, from_root.NAME, from_source.NAME, from_code.NAME, shared_helper.WINS]
            """,
            app_root=str(tmp_path / "root"),
            source_dir=str(tmp_path / "source"),
        )
    assert value(script.run(post())) == ["cwd", "root", "source", "code", "cwd"]


def test_a_driver_module_gives_run_and_the_outer_script_init(tmp_path: Path, load: Load) -> None:
    (tmp_path / "inner_score.py").write_text("ready = []\ndef run(data, request_headers): return ['inner', *ready]\n")
    script = load("""
        import inner_score as driver_module
        def init(): driver_module.ready.append("outer init")
        def run(data): return "outer"
    """)
    script.init()
    assert value(script.run(post())) == ["inner", "outer init"]
    assert script.needs_head


def test_init_runs_before_run_and_only_when_asked(load: Load) -> None:
    script = load("state = []\ndef init(): state.append(1)\ndef run(data): return state")
    assert value(script.run(post())) == []
    script.init()
    assert value(script.run(post())) == [1]


@pytest.mark.parametrize(
    "statement", ["raise OSError('no model')", "import sys; sys.exit(0)", "raise KeyboardInterrupt"]
)
def test_a_failing_init_carries_traceback_and_model_listing(load: Load, tmp_path: Path, statement: str) -> None:
    (tmp_path / "model" / "1").mkdir(parents=True)
    (tmp_path / "model" / "1" / "weights.bin").touch()
    script = load(f"def init():\n    {statement}\ndef run(data): pass", model_dir=str(tmp_path / "model"))
    with pytest.raises(BrokenScript, match="User's init function failed") as caught:
        script.init()
    assert "\n" not in caught.value.message
    assert statement in caught.value.report
    assert "1/weights.bin" in caught.value.report
    assert "plimsoll/entry" not in caught.value.report


def test_the_model_listing_ends_after_200_lines(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}").touch()
    script = load("def init(): 1 / 0\ndef run(data): pass", model_dir=str(folder))
    with pytest.raises(BrokenScript) as caught:
        script.init()
    listing = caught.value.report.partition("holds:\n")[2].splitlines()
    assert (len(listing), listing[0].strip(), listing[-1].strip()) == (201, "000", "...")


@pytest.mark.parametrize(
    ("model_dir", "text"), [(None, "AZUREML_MODEL_DIR is not set."), ("/nowhere", "empty or missing")]
)
def test_the_listing_says_when_there_is_nothing(load: Load, model_dir: str | None, text: str) -> None:
    script = load("def init(): 1 / 0\ndef run(data): pass", **({"model_dir": model_dir} if model_dir else {}))
    with pytest.raises(BrokenScript) as caught:
        script.init()
    assert text in caught.value.report


def test_the_environment_of_a_script() -> None:
    assert environment(EntrySpec("/a/score.py", "/a")) == {"AML_APP_ROOT": "/a", "AZUREML_ENTRY_SCRIPT": "/a/score.py"}
    assert environment(EntrySpec("/a/s.py", "/a", source_dir="/a/src", model_dir="/m")) == {
        "AML_APP_ROOT": "/a",
        "AZUREML_ENTRY_SCRIPT": "/a/s.py",
        "AZUREML_MODEL_DIR": "/m",
        "AZUREML_SOURCE_DIRECTORY": "/a/src",
    }
