# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers that die and controllers that wake up again, at any command of a change (I15, I16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from controllers import GOOD, Controllers, killed, paused
from sampling import again, drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from endpoint import Endpoint

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("drill", sorted(GOOD))]
KILLS, PAUSES = 30, 15  # seeds for each drill


@pytest.fixture(scope="module")
def controllers(
    endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controllers]:
    with Controllers(endpoint, tmp_path_factory.mktemp("controllers")) as running:
        yield running


@pytest.mark.sweep
@pytest.mark.timeout(3600)
def test_whoever_is_killed_goes_on_at_once_and_changes_once_i15(
    controllers: Controllers, drill: str, record_property: Callable[[str, object], None]
) -> None:
    seeds = drawn(range(KILLS), f"kill {drill}", 3)
    wrong = [objection for seed in seeds if (objection := killed(controllers, drill, seed))]
    assert not wrong, "\n".join([*wrong, again()])
    record_property("swept", len(seeds))


@pytest.mark.sweep
@pytest.mark.timeout(3600)
def test_whoever_wakes_up_after_a_take_over_changes_nothing_more_i16(
    controllers: Controllers, drill: str, record_property: Callable[[str, object], None]
) -> None:
    seeds = drawn(range(PAUSES), f"stop {drill}", 3)
    wrong = [objection for seed in seeds if (objection := paused(controllers, drill, seed))]
    assert not wrong, "\n".join([*wrong, again()])
    record_property("swept", len(seeds))
