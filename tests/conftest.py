# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps: which part of them is run, and how to run the same part again. The end of tests that hang."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
import sampling
from process_tree import pytest_fixture_setup, pytest_timeout_set_timer  # noqa: F401 - hooks

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Before xdist starts its workers: they must draw the same."""
    sampling.settle()
    _state_of_its_own(config)
    # Debian 12's Python 3.11.2: while pytest parsed the source of a test that had timed out, "AST constructor recursion
    # depth mismatch" (CPython gh-106905, mended in 3.11.5) ended the whole run. These tracebacks need no parser.
    if sys.version_info < (3, 11, 5):
        config.option.tbstyle = "native"


def _state_of_its_own(config: pytest.Config) -> None:
    """Give each worker a controller's state: every rehearsed EX01 is one machine, and they are many."""
    folder = tempfile.TemporaryDirectory(prefix="exchange-remediation-state-")
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_STATE_HOME"] = folder.name


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> sampling.Draw:
    """Choose which commands this test strikes: all of a whole sweep, some of a sample."""
    return lambda numbers: sampling.drawn(numbers, request.node.nodeid)


def pytest_report_header() -> str:
    """Say which sample of the sweeps is run."""
    return f"sweeps: {sampling.again()}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a sample of the parameters of every test that is a sweep."""
    sweeps: dict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if not isinstance(item, pytest.Function) or not item.get_closest_marker("sweep"):
            continue
        if "draw" not in item.fixturenames:  # it takes its part by itself
            sweeps[item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for name, tests in sweeps.items():
        kept = _kept(name, tests)
        left_out |= {test for number, test in enumerate(tests) if number not in kept}
    if left_out and not _named(config):
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))


def _named(config: pytest.Config) -> bool:
    """Whether single tests were asked for by their parameters: they are run, drawn or not."""
    return any("[" in argument for argument in config.args)


def _kept(name: str, tests: list[pytest.Function]) -> set[int]:
    """The numbers of the tests that are run: ``sweep(count=...)`` says how many a sample has."""
    marker = tests[0].get_closest_marker("sweep")
    count = marker.kwargs.get("count") if marker else None
    if count is not None:
        return set(sampling.drawn(range(len(tests)), name, count))
    return sampling.covering([_row(test) for test in tests], name)


def _row(test: pytest.Function) -> dict[str, str]:
    callspec = getattr(test, "callspec", None)
    params: dict[str, object] = callspec.params if callspec else {}
    return {name: repr(value) for name, value in params.items()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Iterator[None]:
    """Say with a failure of a sweep which sample it was."""
    report: pytest.TestReport = yield
    if report.failed and item.get_closest_marker("sweep"):
        report.sections.append(("sweep", sampling.again()))
    return report
