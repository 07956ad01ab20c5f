"""Names of processors as /proc/cpuinfo has them, beside those of tables."""

from __future__ import annotations

import pytest

from plimsoll.deploy.fit.processor import gpu_likeness, likeness


@pytest.mark.parametrize(
    ("measured", "of_node", "expected"),
    [
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "Intel Xeon Platinum 8370C", "same"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763", "same"),
        ("AMD EPYC 7R13 Processor", "AMD EPYC 7R13", "same"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7R13", "other"),
        ("AMD EPYC 7763 64-Core Processor", "Intel Xeon Platinum 8370C", "other"),
        ("Intel(R) Xeon(R) CPU @ 2.80GHz", "AMD EPYC 7B13", "other"),
        ("AMD EPYC", "Intel Xeon (Cascade Lake or Ice Lake)", "other"),
        # The cloud decides which of them a node gets.
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "Intel Xeon Platinum 8370C or 8473C", "unknown"),
        ("Intel(R) Xeon(R) Platinum 8488C", "Intel Xeon Platinum 8370C or 8473C", "other"),
        # The model is hidden, or the table leaves it open: the clock says nothing of it.
        ("Intel(R) Xeon(R) CPU @ 2.80GHz", "Intel Xeon Platinum 8481C", "unknown"),
        ("AMD EPYC", "AMD EPYC 7763", "unknown"),
        ("AMD EPYC 9V74 80-Core Processor", "AMD EPYC (Genoa)", "unknown"),
        (None, "AMD EPYC 7763", "unknown"),
        ("AMD EPYC 7763 64-Core Processor", None, "unknown"),
        ("A CPU", "AMD EPYC 7763", "unknown"),
    ],
)
def test_other_only_where_it_is_certain(measured: str | None, of_node: str | None, expected: str) -> None:
    assert likeness(measured, of_node) == expected


@pytest.mark.parametrize(
    ("measured", "of_node", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB", "same"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "NVIDIA A100 40GB", "same"),
        ("Tesla T4", "NVIDIA T4", "same"),
        ("NVIDIA A10G", "NVIDIA A10", "other"),
        ("NVIDIA L40S", "NVIDIA L4", "other"),
        ("NVIDIA H100 80GB HBM3", "NVIDIA H200 141GB", "other"),
        ("NVIDIA H100 80GB HBM3", None, "unknown"),
    ],
)
def test_gpus_by_their_model(measured: str | None, of_node: str | None, expected: str) -> None:
    assert gpu_likeness(measured, of_node) == expected
