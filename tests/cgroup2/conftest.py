"""These tests run where `make test-cgroup2` takes them; elsewhere they are not even collected."""

from __future__ import annotations

from cgroup2_box import reason_against

if reason_against():
    collect_ignore_glob = ["test_*"]
