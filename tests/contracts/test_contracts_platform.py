"""Which contracts are on, and what their platforms set."""

from __future__ import annotations

import pytest

from plimsoll.contracts.names import KNOWN, parse
from plimsoll.contracts.platform import Start, chosen
from plimsoll.errors import UsageError


def test_azure_ml_is_spoken_where_no_platform_shows() -> None:
    assert chosen("auto", Start({"PATH": "/bin"})).value == "azureml"


def test_the_word_of_sagemaker_and_the_variables_of_vertex_show_theirs() -> None:
    assert chosen("auto", Start({}, serves=True)) == ("sagemaker", "the word 'serve'")
    assert chosen("AUTO", Start({"AIP_HTTP_PORT": "8080"})) == ("vertex", "environment AIP_HTTP_PORT")


def test_what_is_asked_for_counts_whatever_platform_shows() -> None:
    assert chosen("v2", Start({"AIP_HTTP_PORT": "8080"}, serves=True)).value == "v2"


def test_several_are_written_with_commas() -> None:
    assert parse(" V2, azureml,v2 ") == ("v2", "azureml")


@pytest.mark.parametrize("text", ["v3", "azureml,triton"])
def test_another_name_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert all(name in str(refused.value) for name in (*KNOWN, "auto"))
