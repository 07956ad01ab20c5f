"""What becomes of all gates together: one line each, the grade last, and which error ends the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.errors import GateFailed, GradeTooLow, UsageError
from plimsoll.profiling.gates.check import GRADES, check_gates, enforce, gate_line, judged, parse_conditions, read_gates
from plimsoll.profiling.result.profile import Profile
from support.finished import profile_with


def graded(grade: str, state: str = "Succeeded") -> Profile:
    return profile_with(grade=grade, state=state)


@pytest.mark.parametrize("required", GRADES)
@pytest.mark.parametrize("grade", GRADES)
def test_a_grade_is_enough_from_the_required_one_on(grade: str, required: str) -> None:
    (result,) = check_gates(graded(grade), read_gates(require=required))
    enough = GRADES.index(grade) >= GRADES.index(required)
    assert result.held is enough
    if enough:
        enforce([result])
    else:
        with pytest.raises(GradeTooLow) as low:
            enforce([result])
        assert low.value.exit_code == 6


def test_a_failed_run_has_no_grade_that_counts() -> None:
    (result,) = check_gates(graded("verified", "Failed"), read_gates(require="estimated"))
    assert (result.held, result.measured) == (False, None)


def test_a_gate_that_failed_comes_before_a_grade_that_is_too_low() -> None:
    """Exit code 5 says more than 6: the number is there, and it is too great."""
    results = check_gates(graded("estimated"), read_gates(["cpu>1"], require="verified"))
    with pytest.raises(GateFailed) as failed:
        enforce(results)
    assert failed.value.exit_code == 5
    assert "1.25 cores" in str(failed.value)


def test_all_that_failed_is_named_at_once() -> None:
    with pytest.raises(GateFailed) as failed:
        enforce(check_gates(profile_with(), read_gates(["cpu>1,memory>1MB", "startup>10s"])))
    assert "cpu>1" in str(failed.value)
    assert "memory>1MB" in str(failed.value)
    assert "startup" not in str(failed.value)


def test_without_gates_nothing_is_said_and_nothing_fails() -> None:
    assert check_gates(profile_with(), read_gates()) == []
    enforce([])


def test_one_line_for_each_in_the_order_given_and_the_grade_last(tmp_path: Path) -> None:
    other = profile_with().dataset.model_copy(update={"rows": 9})
    (tmp_path / "old.json").write_text(profile_with(dataset=other).model_dump_json(by_alias=True))
    gates = read_gates(["cpu>1", "memory>1GB"], str(tmp_path / "old.json"), "20%", "estimated")
    results = check_gates(profile_with(), gates)
    kinds = [result.kind for result in results]
    assert kinds == sorted(kinds, key=["condition", "baseline", "grade"].index)
    lines = [gate_line(result) for result in results]
    assert lines[0].startswith("gate FAILED: cpu>1")
    assert lines[1].startswith("gate passed: memory>1GB")
    assert lines[2].startswith("gate note: ")
    assert lines[-1].startswith("gate passed: grade")


def test_what_became_of_the_gates_is_part_of_the_profile(tmp_path: Path) -> None:
    found = judged(profile_with(), read_gates(["cpu>1"], require="estimated"))
    assert [(gate.kind, gate.held) for gate in found.gates] == [("condition", False), ("grade", True)]
    assert (found.gates[0].measured, found.gates[0].bound) == ("1.25 cores", "> 1 cores")
    assert Profile.model_validate_json(found.model_dump_json(by_alias=True)) == found
    assert profile_with().gates == [], "what was given is as it was"


def test_how_much_worse_it_may_be_is_ten_per_cent_unless_said(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(profile_with().model_dump_json(by_alias=True))
    assert read_gates(baseline=str(path)).most_regression == 0.1
    assert read_gates(baseline=str(path), max_regression="2.5%").most_regression == 0.025
    with pytest.raises(UsageError):
        read_gates(baseline=str(path), max_regression="a lot")


def test_blanks_and_empty_parts_are_passed_over() -> None:
    found = parse_conditions([" cpu > 1 ,, p99>=20 ms,", ""])
    assert [(one.metric.name, one.sign, one.limit) for one in found] == [("cpu", ">", 1.0), ("p99", ">=", 0.02)]
