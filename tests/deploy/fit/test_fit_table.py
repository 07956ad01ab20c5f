"""Tables of nodes: those that come along, and files of a user's own with all that may be wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.table import BUNDLED, read_nodes, table_text
from plimsoll.errors import TableError, UsageError
from plimsoll.profiling.advice.rounding import GIBIBYTE

HEAD = "name,vcpu,memory_gib,gpu,gpu_count,gpu_memory_gib,processor,max_pods,provider,price_per_hour"


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_table_is_whole_and_has_no_prices(name: str) -> None:
    nodes = read_nodes(name)
    assert len(nodes) > 50
    assert {node.provider for node in nodes} == {name}
    assert {node.price_per_hour for node in nodes} == {None}
    for node in nodes:
        assert node.max_pods, node
        assert (node.gpu is None) == (node.gpu_count == 0) == (node.gpu_memory_bytes is None), node
        assert 0.9 <= node.memory_bytes / GIBIBYTE / node.vcpu <= 20, node


@pytest.mark.parametrize(
    ("table", "name", "vcpu", "gib", "gpus", "pods"),
    [
        # learn.microsoft.com/azure/virtual-machines/sizes
        ("azure", "Standard_D4s_v5", 4, 16, 0, 250),
        ("azure", "Standard_E16as_v5", 16, 128, 0, 250),
        ("azure", "Standard_F72s_v2", 72, 144, 0, 250),
        ("azure", "Standard_NC24ads_A100_v4", 24, 220, 1, 250),
        ("azure", "Standard_NC80adis_H100_v5", 80, 640, 2, 250),
        # docs.aws.amazon.com/ec2/latest/instancetypes, and the pods from the EKS image's eni-max-pods.txt
        ("aws", "m5.large", 2, 8, 0, 29),
        ("aws", "c5.9xlarge", 36, 72, 0, 234),
        ("aws", "r7i.24xlarge", 96, 768, 0, 737),
        ("aws", "g5.48xlarge", 192, 768, 8, 345),
        ("aws", "p5.48xlarge", 192, 2048, 8, 100),
        # cloud.google.com/compute/docs/machine-resource
        ("gcp", "e2-highcpu-16", 16, 16, 0, 110),
        ("gcp", "c3-standard-22", 22, 88, 0, 110),
        ("gcp", "g2-standard-24", 24, 96, 2, 110),
        ("gcp", "a2-ultragpu-8g", 96, 1360, 8, 110),
        ("gcp", "a3-highgpu-1g", 26, 234, 1, 110),
    ],
)
def test_types_as_their_providers_publish_them(
    table: str, name: str, vcpu: int, gib: int, gpus: int, pods: int
) -> None:
    node = next(node for node in read_nodes(table) if node.name == name)
    assert (node.vcpu, node.memory_bytes, node.gpu_count, node.max_pods) == (vcpu, gib * GIBIBYTE, gpus, pods)


def test_an_exported_table_is_read_again_with_prices(tmp_path: Path) -> None:
    head, *lines = table_text("aws").splitlines()
    assert head == HEAD
    own = tmp_path / "own.csv"
    own.write_text("\n".join([head, *(f"{line}{place / 10}" for place, line in enumerate(lines, 1))]))
    nodes = read_nodes(str(own))
    assert [node.name for node in nodes] == [node.name for node in read_nodes("aws")]
    assert [node.price_per_hour for node in nodes[:3]] == [0.1, 0.2, 0.3]


def test_a_table_of_ones_own_needs_three_columns_in_any_order(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    # As a spreadsheet writes it: a byte order mark, CRLF, spaces, an empty line.
    own.write_bytes(b"\xef\xbb\xbfmemory_gib, name,vcpu,allocatable_cores\r\n64, big ,16,15.5\r\n,,,\r\n8,small,2,\r\n")
    assert read_nodes(str(own)) == [
        NodeType(name="big", vcpu=16, memory_bytes=64 * GIBIBYTE, allocatable_cores=15.5),
        NodeType(name="small", vcpu=2, memory_bytes=8 * GIBIBYTE),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the column name is missing"),
        ("name,vcpu\nm,2\n", "line 1: the column memory_gib is missing"),
        ("name,vcpu,memory_gib,cost\nm,2,8,1\n", "line 1: no column is called 'cost' (columns: name, vcpu, "),
        ("name,vcpu,memory_gib,vcpu\nm,2,8,2\n", "line 1: a column is there twice"),
        ("name,vcpu,memory_gib\n", "has no line below its columns"),
        ("name,vcpu,memory_gib\nm,2,8\n\nn,2\n", "line 4: 2 values for 3 columns"),
        ("name,vcpu,memory_gib\nm,two,8\n", "line 2: vcpu = 'two' (it must be a number above 0, at most 1e9)"),
        ("name,vcpu,memory_gib\nm,0,8\n", "line 2: vcpu = '0' (it must be a number above 0, at most 1e9)"),
        ("name,vcpu,memory_gib\nm,nan,8\n", "line 2: vcpu = 'nan' (it must be a number above 0, at most 1e9)"),
        (
            "name,vcpu,memory_gib\nm,2,1e308\n",
            "line 2: memory_gib = '1e308' (it must be a number above 0, at most 1e9)",
        ),
        ("name,vcpu,memory_gib\nm,,8\n", "line 2: vcpu is empty (it must be a number above 0, at most 1e9)"),
        ("name,vcpu,memory_gib\nm,2,8\nm,2,8\n", "line 3: m stands there twice (leave one of them out)"),
        ("name,vcpu,memory_gib,price_per_hour\nm,2,8,$1\n", "line 2: price_per_hour = '$1' (it must be a number, 0 or"),
        ("name,vcpu,memory_gib,price_per_hour\nm,2,8,-1\n", "line 2: price_per_hour = '-1' (it must be a number, 0 or"),
        ("name,vcpu,memory_gib,gpu_count\nm,2,8,0.5\n", "line 2: gpu_count = '0.5' (it must be a whole number)"),
        ("name,vcpu,memory_gib,gpu\nm,2,8,T4\n", "line 2: gpu and gpu_count belong together"),
        ("name,vcpu,memory_gib,max_pods\nm,2,8,0\n", "line 2: max_pods = '0' (it must be a whole number above 0)"),
        ("name,vcpu,memory_gib,provider\nm,2,8,Azure\n", "= 'Azure' (it must be one of azure, aws, gcp, none)"),
        (
            "name,vcpu,memory_gib,price_per_hour\nm,2,8,1e308\n",
            "line 2: price_per_hour = '1e308' (it must be a number, 0",
        ),
        ('name,vcpu,memory_gib\n"m\nn",2,8\n', "line 3: name = 'm\\nn' (it must be a name, of characters"),
        (
            "name,vcpu,memory_gib,allocatable_cores\nm,4,16,3860\n",
            "allocatable_cores = 3860 is more than vcpu = 4 (it is",
        ),
        (
            "name,vcpu,memory_gib,allocatable_memory_gib\nm,4,16,14162900\n",
            "line 2: allocatable_memory_gib = 14162900 is more than memory_gib = 16 (it is",
        ),
        ('name,vcpu,memory_gib\n"m,2,8\n', "is no CSV"),
    ],
)
def test_a_bad_table_is_named_with_line_column_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "own.csv"
    own.write_text(text)
    with pytest.raises(TableError) as raised:
        read_nodes(str(own))
    assert str(raised.value).startswith(f"--nodes {own}")
    assert said in str(raised.value)


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file or directory.*azure, aws, gcp"):
        read_nodes(str(tmp_path / "none.csv"))
    with pytest.raises(UsageError, match="Is a directory"):
        read_nodes(str(tmp_path))
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(TableError, match="is not text in UTF-8"):
        read_nodes(str(tmp_path / "sheet.csv"))
