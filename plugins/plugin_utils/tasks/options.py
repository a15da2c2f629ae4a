# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action takes, read from the documentation of its module: nothing is written down twice.

No import of ansible: the action hands in the module and the documentation fragments it extends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ..base.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is five times faster
_TAKEN_OVER = ("type", "elements", "required", "default", "choices", "aliases")
_FOR_PEOPLE = ("description", "version_added")


def arguments(module: ModuleType, *fragments: ModuleType) -> dict[str, dict[str, Any]]:
    """Return the argument specification of an action, for Ansible's validation.

    For example ``{"campaign": {"type": "str", "default": "proxylogon"}}``. An option of the module
    itself stands before one of the same name in a fragment, as Ansible's own documentation has it.

    ``module``: of ``plugins/modules``; ``fragments``: of ``plugins/doc_fragments``, those that the
    module extends, no more and no less.

    :raises ConfigError: the documentation cannot be read, or says of an option what is not known here.
    """
    document = _read(module.DOCUMENTATION, _name(module))
    extended = [
        name.rpartition(".")[2] for name in document.get("extends_documentation_fragment", ())
    ]
    given = {_name(fragment): fragment.ModuleDocFragment.DOCUMENTATION for fragment in fragments}
    if sorted(extended) != sorted(given):
        raise ConfigError(f"{_name(module)}: extends {extended}, and was given {list(given)}")
    options: dict[str, Any] = {}
    for name in extended:
        options |= _read(given[name], name)["options"]
    options |= document.get("options", {})
    return {name: _argument(f"{_name(module)}.{name}", option) for name, option in options.items()}


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _read(documentation: str, where: str) -> dict[str, Any]:
    try:
        document = yaml.load(documentation, Loader=_LOADER)  # noqa: S506 - it is a safe loader
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: the documentation is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{where}: the documentation is no mapping")
    return document


def _argument(where: str, option: dict[str, Any]) -> dict[str, Any]:
    if unknown := sorted(option.keys() - {*_TAKEN_OVER, *_FOR_PEOPLE}):
        raise ConfigError(f"{where}: {', '.join(unknown)} in the documentation is not understood")
    argument = {word: option[word] for word in _TAKEN_OVER if word in option}
    # Ansible takes a name with "key" for a secret and warns. Documentation cannot say that it is
    # none; a path is not.
    if "key" in where.rpartition(".")[2] and option.get("type") == "path":
        argument["no_log"] = False
    return argument
