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

_BINDING = "System.Management.Automation.ParameterBinding{}Exception"
_TRANSFORMED, _VALIDATED = "ArgumentTransformation", "Validation"
_LARGEST = {Type.INT: (1 << 31) - 1, Type.LONG: (1 << 63) - 1}


def bind(request: dict[str, Any], wanted: tuple[OperationParameter, ...]) -> Given:
    """Return the values of a request by their names on the wire, defaults included.

    As PowerShell does it, what is missing is looked for last.

    :raises OperationError: RequestInvalid, as PowerShell refuses the splat.
    """
    sent = {n.replace("_", "").lower(): v for n, v in (request.get("parameters") or {}).items()}
    known = {parameter.name.lower() for parameter in wanted}
    for name in sent:
        if name not in known:
            message = f"A parameter cannot be found that matches parameter name '{name}'."
            raise _invalid("NamedParameterNotFound", "", message)
    given = {
        parameter.key: _value(parameter, sent[parameter.name.lower()])
        if parameter.name.lower() in sent
        else _default(parameter)
        for parameter in wanted
    }
    missing = [p.name for p in wanted if p.mandatory and p.name.lower() not in sent]
    if missing:
        message = (
            "Cannot process command because of one or more missing mandatory parameters: "
            f"{' '.join(missing)}."
        )
        raise _invalid("MissingMandatoryParameter", "", message)
    return given


def _default(parameter: OperationParameter) -> Any:
    return list(parameter.default or ()) if parameter.type.is_list else parameter.default


def _value(parameter: OperationParameter, value: Any) -> Any:
    try:
        converted = _converted(parameter.type, value)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"Cannot process argument transformation on parameter '{parameter.name}'."
        raise _invalid("ParameterArgumentTransformationError", _TRANSFORMED, message) from error
    if (
        (parameter.bounds and not _within(parameter.bounds, converted))
        or (parameter.pattern and not _pattern(parameter.pattern).search(converted))
        or (parameter.choices and converted.casefold() not in parameter.choices)
    ):
        message = f"Cannot validate argument on parameter '{parameter.name}'."
        raise _invalid("ParameterArgumentValidationError", _VALIDATED, message)
    if parameter.mandatory:
        _assert_content(parameter.name, converted)
    return converted


def _assert_content(name: str, value: Any) -> None:
    """Refuse what a mandatory parameter never takes: nothing, or a list with nothing in it."""
    for item in value if isinstance(value, list) else [value]:
        kind, words = ("EmptyString", "an empty string") if item == "" else ("Null", "null")
        if item is None or item == "":
            message = f"Cannot bind argument to parameter '{name}' because it is {words}."
            raise _invalid(f"ParameterArgumentValidationError{kind}NotAllowed", _VALIDATED, message)


def _converted(kind: Type, value: Any) -> Any:
    """Return the value in another type; raises what Python raises where that cannot be."""
    if kind is Type.BOOL:
        if not isinstance(value, (bool, int, float)):
            raise TypeError(value)
        return bool(value)
    if kind in _LARGEST:
        return _number(value, _LARGEST[kind])
    if kind is Type.STRING:
        return _text(value)
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [_text(item) for item in items] if kind is Type.STRINGS else items


def _number(value: Any, largest: int) -> int:
    try:
        number = int(value or 0) if not isinstance(value, float) else round(value)
    except ValueError:
        number = round(float(value))
    if not -largest - 1 <= number <= largest:
        raise OverflowError(value)
    return number


def _text(value: Any) -> str:
    if isinstance(value, list):
        raise TypeError(value)
    return "" if value is None else str(value)


def _within(bounds: Bounds, value: Any) -> bool:
    size = value if bounds.measure is Measure.RANGE else len(value)
    return bool(bounds.least <= size <= bounds.most)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a .NET expression for Python, which has another name for the end of the text."""
    return re.compile(text.replace("\\z", "\\Z"), re.IGNORECASE)


def _invalid(identity: str, kind: str, message: str) -> OperationError:
    full = f"{identity},Invoke-OperationScript"
    exception = _BINDING.format(kind)
    return OperationError("RequestInvalid", message, identity=full, exception=exception)
