# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of a sweep leaves out pairs, and never a fault or a command."""

from __future__ import annotations

import itertools

import pytest
import sampling

ROWS = [{"number": n, "fault": f} for n, f in itertools.product(range(18), "abcdefghijkl")]


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sampling.VARIABLE, "7")


@pytest.mark.parametrize("seed", ["1", "20261130"])
def test_every_command_and_every_fault_is_struck(
    seed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sampling.VARIABLE, seed)
    chosen = [ROWS[number] for number in sampling.covering(ROWS, "a sweep")]
    assert {row["number"] for row in chosen} == set(range(18))
    assert {row["fault"] for row in chosen} == set("abcdefghijkl")
    assert len(chosen) <= 18 + 12


def test_a_seed_names_one_sample_and_another_seed_another(monkeypatch: pytest.MonkeyPatch) -> None:
    first = (sampling.covering(ROWS, "a sweep"), sampling.drawn(range(100), "a sweep"))
    assert first == (sampling.covering(ROWS, "a sweep"), sampling.drawn(range(100), "a sweep"))
    assert first[1] != sampling.drawn(range(100), "another sweep")
    monkeypatch.setenv(sampling.VARIABLE, "8")
    assert first != (sampling.covering(ROWS, "a sweep"), sampling.drawn(range(100), "a sweep"))
    assert sampling.again().endswith("make sweep SEED=8")


def test_whole_sweep_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sampling.VARIABLE, sampling.WHOLE)
    assert sampling.covering(ROWS, "a sweep") == set(range(len(ROWS)))
    assert sampling.drawn(range(100), "a sweep") == list(range(100))


def test_seed_of_a_run_that_names_none_is_kept_for_its_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(sampling.VARIABLE)
    assert sampling.seed() == sampling.WHOLE
    sampling.settle()
    chosen = sampling.seed()
    assert chosen.isdecimal()
    sampling.settle()
    assert sampling.seed() == chosen
