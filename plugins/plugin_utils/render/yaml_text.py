# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that people write about devices, in which no key stands twice: the last one would win unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ..base.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class _OnceLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as PyYAML calls it
        seen: set[str] = set()
        for key, _value in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice; keep one of them", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, wanted: str) -> Any:
    """Return what a file says; ``wanted`` is the cure that a message names."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_OnceLoader)  # noqa: S506 - a safe loader
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); {wanted}") from None
