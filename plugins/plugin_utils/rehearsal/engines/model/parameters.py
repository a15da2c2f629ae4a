# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of an operation, bound as PowerShell binds a splat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import OperationError

_BINDING = "System.Management.Automation.ParameterBindingException"
_VALIDATION = "System.Management.Automation.ParameterBindingValidationException"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a host script: its bounds are lengths, values or counts by type."""

    name: str
    kind: type
    least: int = 0
    most: int = 1_000_000
    default: Any = None
    mandatory: bool = True


def bind(request: dict[str, Any], wanted: tuple[Parameter, ...]) -> list[Any]:
    """Return the values in the order of ``wanted``; raises RequestInvalid."""
    given = {n.replace("_", "").lower(): v for n, v in (request.get("parameters") or {}).items()}
    known = {parameter.name.lower(): parameter for parameter in wanted}
    for name in given:
        if name not in known:
            message = f"A parameter cannot be found that matches parameter name '{name}'."
            raise _invalid("NamedParameterNotFound", _BINDING, message)
    missing = [p.name for p in wanted if p.mandatory and p.name.lower() not in given]
    if missing:
        message = (
            "Cannot process command because of one or more missing mandatory parameters: "
            f"{' '.join(missing)}."
        )
        raise _invalid("MissingMandatoryParameter", _BINDING, message)
    return [
        _value(parameter, given[parameter.name.lower()])
        if parameter.name.lower() in given
        else parameter.default
        for parameter in wanted
    ]


def _value(parameter: Parameter, value: Any) -> Any:
    converted: Any
    if parameter.kind is bool:
        return bool(value)
    if parameter.kind is int:
        converted = int(value)
    elif parameter.kind is list:
        converted = value if isinstance(value, list) else [value]
    else:
        converted = "" if value is None else str(value)
    size = converted if parameter.kind is int else len(converted)
    if not parameter.least <= size <= parameter.most:
        raise invalid_argument(parameter.name)
    return converted


def invalid_argument(name: str) -> OperationError:
    """Return the failure for a value that the parameter's attributes do not allow."""
    message = f"Cannot validate argument on parameter '{name}'."
    return _invalid("ParameterArgumentValidationError", _VALIDATION, message)


def _invalid(identity: str, exception: str, message: str) -> OperationError:
    full = f"{identity},Invoke-OperationScript"
    return OperationError("RequestInvalid", message, identity=full, exception=exception)
