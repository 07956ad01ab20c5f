"""Shares of a CPU profile, on samples counted by hand."""

from __future__ import annotations

import pytest
from benchmarks.cpu.stacks import by_function, by_module, by_symbol

RUN = "run (/usr/lib/python3.11/asyncio/runners.py:10)"
RAW = [
    f"{RUN};call (/x/site-packages/uvicorn/a.py:3) 6",
    f"{RUN};call (/x/site-packages/uvicorn/a.py:4);read (/y/runtime/plimsoll/b.py:1) 3",
    f"{RUN};{RUN} 1",
]
REPORT = """# Overhead  Shared Object  Symbol
#
    40.00%  libpython3.11.so.1.0  [.] _PyEval_EvalFrameDefault        -      -
     2.50%  [kernel.kallsyms]     [k] finish_task_switch.isra.0       -      -
"""


def test_functions_by_what_they_spend_themselves_and_with_callees() -> None:
    found = {(share.module, share.function): (share.itself, share.total) for share in by_function(RAW)}
    assert found == {
        ("uvicorn/a.py", "call"): (0.6, 0.9),
        ("plimsoll/b.py", "read"): (0.3, 0.3),
        ("asyncio/runners.py", "run"): (0.1, 1.0),
    }


def test_modules_add_up_to_the_whole() -> None:
    shares = by_module(by_function([*RAW, "run (/y/runtime/plimsoll/b.py:9) 10"]))
    assert shares[0].module == "plimsoll/b.py"
    assert sum(share.itself for share in shares) == pytest.approx(1.0)


def test_symbols_of_the_interpreter_and_the_kernel() -> None:
    found = [(share.module, share.function, share.itself) for share in by_symbol(REPORT.splitlines())]
    assert found == [
        ("libpython3.11.so.1.0", "_PyEval_EvalFrameDefault", 0.4),
        ("kernel", "finish_task_switch.isra.0", 0.025),
    ]
