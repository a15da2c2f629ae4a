# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of an operation, bound as PowerShell binds a splat to its script."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from ....host.operations.contract import Measure, Type
from .errors import OperationError

if TYPE_CHECKING:
    from ....host.operations.contract import Bounds, OperationParameter
    from .registry import Given

_BINDING = "System.Management.Automation.ParameterBindingException"
_VALIDATION = "System.Management.Automation.ParameterBindingValidationException"


def bind(request: dict[str, Any], wanted: tuple[OperationParameter, ...]) -> Given:
    """Return the values of a request by their names on the wire, defaults included.

    :raises OperationError: RequestInvalid, as PowerShell refuses the splat.
    """
    sent = {n.replace("_", "").lower(): v for n, v in (request.get("parameters") or {}).items()}
    known = {parameter.name.lower() for parameter in wanted}
    for name in sent:
        if name not in known:
            message = f"A parameter cannot be found that matches parameter name '{name}'."
            raise _invalid("NamedParameterNotFound", _BINDING, message)
    missing = [p.name for p in wanted if p.mandatory and p.name.lower() not in sent]
    if missing:
        message = (
            "Cannot process command because of one or more missing mandatory parameters: "
            f"{' '.join(missing)}."
        )
        raise _invalid("MissingMandatoryParameter", _BINDING, message)
    return {
        parameter.key: _value(parameter, sent[parameter.name.lower()])
        if parameter.name.lower() in sent
        else _default(parameter)
        for parameter in wanted
    }


def _default(parameter: OperationParameter) -> Any:
    return list(parameter.default) if parameter.type.is_list else parameter.default


def _value(parameter: OperationParameter, value: Any) -> Any:
    converted = _converted(parameter.type, value)
    if (
        (parameter.bounds and not _within(parameter.bounds, converted))
        or (parameter.pattern and not _pattern(parameter.pattern).search(converted))
        or (parameter.choices and converted.casefold() not in parameter.choices)
    ):
        message = f"Cannot validate argument on parameter '{parameter.name}'."
        raise _invalid("ParameterArgumentValidationError", _VALIDATION, message)
    return converted


def _converted(kind: Type, value: Any) -> Any:
    if kind is Type.BOOL:
        return bool(value)
    if kind in (Type.INT, Type.LONG):
        return int(value)
    if kind is Type.STRING:
        return _text(value)
    items = value if isinstance(value, list) else [value]
    return [_text(item) for item in items] if kind is Type.STRINGS else items


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _within(bounds: Bounds, value: Any) -> bool:
    size = value if bounds.measure is Measure.RANGE else len(value)
    return bool(bounds.least <= size <= bounds.most)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a .NET expression for Python, which has another name for the end of the text."""
    return re.compile(text.replace("\\z", "\\Z"), re.IGNORECASE)


def _invalid(identity: str, exception: str, message: str) -> OperationError:
    full = f"{identity},Invoke-OperationScript"
    return OperationError("RequestInvalid", message, identity=full, exception=exception)
