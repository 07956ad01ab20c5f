"""Calls to `azureml.ai.monitoring`, for the stand-in and for Azure's own package (azureml_ai_monitoring.py).

A case is what stands in a script's run(): it sees the names of `play` and may leave a context in `context`.
"""

from __future__ import annotations

from typing import Any

_FRAMES: dict[str, str] = {
    "integers": "pd.DataFrame({'a': [1, 2], 'b': [-3, 2**53 + 1]})",
    "small types": "pd.DataFrame({'a': np.array([1, 2], 'uint8'), 'b': np.array([1.5, 0.1], 'float32')})",
    "numbers that are none": "pd.DataFrame({'a': [1.0, float('nan'), float('inf'), -float('inf')]})",
    "truth values": "pd.DataFrame({'a': [True, False], 'b': [True, None]})",
    "times": "pd.DataFrame({'a': pd.to_datetime(['2024-01-02 03:04:05.678', None])})",
    "times with zones": "pd.DataFrame({'a': pd.to_datetime(['2024-01-02T03:04:05+02:00'])})",
    "durations": "pd.DataFrame({'a': pd.to_timedelta(['1 days 00:00:01'])})",
    "categories": "pd.DataFrame({'a': pd.Categorical(['x', 'y', None])})",
    "nullable types": "pd.DataFrame({'a': pd.array([1, None], 'Int64'), 'b': pd.array(['x', None], 'string')})",
    "text": "pd.DataFrame({'a': ['größer', 'a\\nb', '\\u2028', '\"', '\\x00', '</script>']})",
    "nested objects": "pd.DataFrame({'a': [{'x': [1, {'y': None}]}, [1, 'z']]})",
    "arrays in cells": "pd.DataFrame({'a': [np.arange(2), np.zeros((1, 2))]})",
    "nothing": "pd.DataFrame()",
    "columns without rows": "pd.DataFrame({'a': [], 'b': []})",
    "rows without columns": "pd.DataFrame(index=[1, 2])",
    "an index that is named": "pd.DataFrame({'a': [1, 2]}, index=pd.Index(['x', 'y'], name='i'))",
    "the same index twice": "pd.DataFrame({'a': [1, 2]}, index=[0, 0])",
    "columns that are numbers": "pd.DataFrame([[1, 2]])",
    "columns of several levels": "pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([('a', 'b'), ('a', 'c')]))",
    "columns in another order": "pd.DataFrame({'b': [1], 'a': [2]})",
    "a frame of another class": "type('Mine', (pd.DataFrame,), {'__module__': 'mine'})({'a': [1]})",
    "the same column twice": "pd.DataFrame([[1, 2]], columns=['a', 'a'])",
    "bytes that are no text": "pd.DataFrame({'a': [b'\\xff']})",
    "an object that holds itself": "pd.DataFrame({'a': [own]})",
    "half a surrogate pair": "pd.DataFrame({'a': ['\\ud800']}, dtype=object)",
    "complex numbers": "pd.DataFrame({'a': [1j]})",
}
_OTHERS: dict[str, str] = {
    "a list": "[1]",
    "a dictionary": "{'a': 1}",
    "text instead of a frame": "'a'",
    "none": "None",
    "a series": "pd.Series([1])",
    "an array": "np.array([1])",
    "a number": "1",
}
_NAMES: dict[str, str] = {
    "an empty name": "''",
    "no name": "None",
    "a number for a name": "5",
    "a list for a name": "['a']",
    "a name with a blank": "'model inputs'",
    "a name with a slash": "'a/b'",
    "a name above its folder": "'../a'",
    "a name with a hyphen first": "'-a'",
    "a name of dots": "'..'",
    "a name with large letters": "'Model_Inputs'",
    "a name of 100 letters": "'n' * 100",
    "a name of 200 letters": "'n' * 200",
}
_FRAME = "pd.DataFrame({'a': [1]})"
_IN_ANY_CASE = "on_error=errors.append"
_OWN = "class Mine(CorrelationContext):\n  "
_CONTEXTS: dict[str, str] = {
    "a context with an id": "BasicCorrelationContext(id='mine')",
    "a context with an empty id": "BasicCorrelationContext(id='')",
    "a context with a number for an id": "BasicCorrelationContext(id=5)",
    "a context with a time": "BasicCorrelationContext('mine', 1700000000)",
    "a context with a time of its own kind": "BasicCorrelationContext('mine', 'yesterday')",
    "a context with a time in nanoseconds": "BasicCorrelationContext('mine', 1700000000000000000)",
    "a context with attributes": "BasicCorrelationContext('mine', None, {'Color': 'red', 'my-key': 5})",
    "a context with the package's attributes": "BasicCorrelationContext('mine', None, {'type': 'x', 'agent': 'y'})",
    "a context made by the package": "get_context()",
    "a context that is wrapped": "get_context_wrapper(BasicCorrelationContext('mine', 9, {'a': 'b'}), False, 'why')",
    "text for a context": "'mine'",
}
CASES: dict[str, str] = {
    **{name: f"context = Collector(name='c').collect({frame})" for name, frame in _FRAMES.items()},
    **{name: f"context = Collector(name='c').collect({data})" for name, data in _OTHERS.items()},
    **{
        f"{name}, with on_error": f"context = Collector(name='c', {_IN_ANY_CASE}).collect({data})"
        for name, data in _OTHERS.items()
    },
    **{
        f"{name}, with on_error": f"context = Collector(name='c', {_IN_ANY_CASE}).collect({_FRAMES[name]})"
        for name in ("the same column twice", "an object that holds itself")
    },
    **{name: f"context = Collector(name={text}).collect({_FRAME})" for name, text in _NAMES.items()},
    **{
        f"{name}, with on_error": f"context = Collector(name={text}, {_IN_ANY_CASE}).collect({_FRAME})"
        for name, text in _NAMES.items()
    },
    **{name: f"context = Collector(name='c').collect({_FRAME}, {made})" for name, made in _CONTEXTS.items()},
    "one context for two": f"one = Collector(name='c').collect({_FRAME})\n"
    f"context = Collector(name='d').collect({_FRAME}, one)",
    "a context of the script's own": f"{_OWN}def get_id(self): return 'mine'\n"
    f"context = Collector(name='c').collect({_FRAME}, Mine())",
    "a context of the script's own, with all": f"{_OWN}def get_id(self): return 'mine'\n"
    "  def get_timestamp(self): return 1700000000\n  def get_headers(self): return {'a': 'b'}\n"
    f"context = Collector(name='c').collect({_FRAME}, Mine())",
    "a context without headers": f"{_OWN}def get_id(self): return None\n"
    "  def get_timestamp(self): return None\n  def get_headers(self): return None\n"
    f"context = Collector(name='c').collect({_FRAME}, Mine())",
    "an on_error that raises": "def fail(error): raise RuntimeError(f'mine: {error}')\n"
    "context = Collector(name='c', on_error=fail).collect([1])",
    "an on_error that is no function": "context = Collector(name='c', on_error=5).collect([1])",
    "a name by its place": "Collector('c')",
    "no arguments": "Collector()",
    "by keywords": f"context = Collector(name='c').collect(data={_FRAME}, correlation_context=None)",
    "no data": "Collector(name='c').collect()",
    "what a context says": "context = BasicCorrelationContext('mine', 7, {'a': 'b'})\n"
    "errors.append((str(context), repr(context), context.get_id(), context.get_timestamp(), context.get_headers()))",
    "what a bare context says": "errors.append((str(CorrelationContext()), CorrelationContext.get_id()))",
    "what a wrapped context says": "context = get_context_wrapper(BasicCorrelationContext('mine', 7), True, 'why')\n"
    "errors.append((context.is_success(), context.get_message(), context.get_id(), context.get_timestamp()))",
}


OFF: dict[str, str] = {
    "nothing is collected": f"context = Collector(name='c').collect({_FRAME})",
    "nothing is collected, with on_error": f"context = Collector(name='c', {_IN_ANY_CASE}).collect({_FRAME})",
    "nothing is collected, and no name": f"context = Collector(name='', {_IN_ANY_CASE}).collect({_FRAME})",
}


def play(code: str, pd: Any, np: Any) -> dict[str, Any]:
    """What the script sees. The package, or the stand-in for it, is imported here."""
    from azureml.ai.monitoring import Collector
    from azureml.ai.monitoring.context import (
        BasicCorrelationContext,
        CorrelationContext,
        get_context,
        get_context_wrapper,
    )

    own: list[Any] = []
    own.append(own)
    errors: list[Any] = []
    names: dict[str, Any] = {"pd": pd, "np": np, "own": own, "errors": errors, "Collector": Collector}
    names |= {one.__name__: one for one in (BasicCorrelationContext, CorrelationContext)}
    names |= {one.__name__: one for one in (get_context, get_context_wrapper)}
    found: dict[str, Any] = {"raised": None}
    try:
        exec(code, names)
    except Exception as error:
        found["raised"] = _said(error)
    context = names.get("context")
    found["errors"] = [_said(one) if isinstance(one, Exception) else repr(one) for one in errors]
    found["answer"] = None if context is None else type(context).__name__
    found["id"] = None if context is None else _id(context)
    return found


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _id(context: Any) -> str | None:
    found = context.get_id() if hasattr(context, "get_id") else None
    return told_id(found) if isinstance(found, str) else repr(found)


def told_id(text: str | None) -> str | None:
    """`made` for one that nobody has given: a UUID, or the id of the request."""
    return "made" if text is not None and (text.count("-") == 4 or text.startswith("case-")) else text
