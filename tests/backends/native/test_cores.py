"""How many cores a process uses: what it is told, what the system allows it."""

import os

import pytest

from retrograd.backends.native import cores


def test_the_number_of_threads_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("RETROGRAD_NUM_THREADS", "3")
    assert cores.default_num_threads() == 3
    for wrong in ("0", "-1", "many"):
        monkeypatch.setenv("RETROGRAD_NUM_THREADS", wrong)
        with pytest.raises(ValueError, match="RETROGRAD_NUM_THREADS"):
            cores.default_num_threads()
    monkeypatch.delenv("RETROGRAD_NUM_THREADS")
    assert 1 <= cores.default_num_threads() <= (os.cpu_count() or 1)


def test_the_number_of_compiling_processes_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("RETROGRAD_COMPILE_JOBS", raising=False)
    monkeypatch.delenv("RETROGRAD_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "usable_cores", lambda: 64)
    assert cores.compile_jobs() == cores.MOST_COMPILE_JOBS
    monkeypatch.setenv("RETROGRAD_NUM_THREADS", "1")
    assert cores.compile_jobs() == 1
    monkeypatch.setattr(cores, "usable_cores", lambda: 1)
    monkeypatch.setenv("RETROGRAD_NUM_THREADS", "8")
    assert cores.compile_jobs() == 1
    monkeypatch.setenv("RETROGRAD_COMPILE_JOBS", "3")
    assert cores.compile_jobs() == 3
    monkeypatch.setenv("RETROGRAD_COMPILE_JOBS", "0")
    with pytest.raises(ValueError, match="RETROGRAD_COMPILE_JOBS"):
        cores.compile_jobs()


def test_quota_of_control_groups(tmp_path):
    membership = tmp_path / "cgroup"
    nested = tmp_path / "a" / "b"
    nested.mkdir(parents=True)
    membership.write_text("0::/a/b\n")
    assert cores.cpu_quota(membership, tmp_path) is None
    (nested / "cpu.max").write_text("max 100000\n")
    assert cores.cpu_quota(membership, tmp_path) is None
    (tmp_path / "a" / "cpu.max").write_text("150000 100000\n")
    assert cores.cpu_quota(membership, tmp_path) == 1.5

    first = tmp_path / "cpu,cpuacct"
    first.mkdir()
    membership.write_text("4:memory:/x\n3:cpu,cpuacct:/docker/x\n")
    (first / "cpu.cfs_quota_us").write_text("-1\n")
    (first / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.cpu_quota(membership, tmp_path) is None
    (first / "cpu.cfs_quota_us").write_text("250000\n")
    assert cores.cpu_quota(membership, tmp_path) == 2.5
    assert cores.cpu_quota(tmp_path / "absent", tmp_path) is None
