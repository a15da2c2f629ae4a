# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what is wrong with an inventory before anything is sent to any host. Pure.

A wrong host is refused with a sentence that names host, variable and cure; the others go on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..host.transport.preflight import allowed_rules
from ..judge.directive.sources import VARIABLE, wrong_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

# variable -> what it must be, in words, and the test
_PORTS = ("ansible_port", "ansible_winrm_port")
_TEXTS = (
    "ansible_host",
    "ansible_winrm_host",
    "ansible_psrp_host",
    "ansible_user",
    "ansible_password",
    "ansible_connection",
    "ansible_winrm_scheme",
    "ansible_winrm_path",
    "ansible_winrm_ca_trust_path",
    "ansible_psrp_protocol",
    "ansible_psrp_auth",
)
_NUMBERS = (
    "exchange_response_max_bytes",
    "exchange_command_max_bytes",
    "ansible_winrm_operation_timeout_sec",
    "ansible_winrm_read_timeout_sec",
    "ansible_winrm_connection_timeout",
)
_LARGEST_PORT = 65535
_NAMES_OF_ADDRESS = ("ansible_winrm_host", "ansible_psrp_host", "ansible_host")
_SCHEMES = ("ansible_winrm_scheme", "ansible_psrp_protocol")
_DEFAULT_PORTS = {"https": "5986", "http": "5985"}
_DEFAULT_PATH = "wsman"
# pywinrm's own defaults, in seconds
_OPERATION_TIMEOUT, _READ_TIMEOUT = 20, 30
_SECRET = frozenset({"ansible_password"})


def check_inventory(
    hosts: Iterable[str], variables: Callable[[str], Mapping[str, Any]]
) -> dict[str, str]:
    """Host -> why it must not be contacted; a host without a problem is not in it."""
    names = list(hosts)
    problems: dict[str, list[str]] = defaultdict(list)
    endpoints: dict[Endpoint, list[str]] = defaultdict(list)
    for name in names:
        known = _Variables(variables(name))
        problems[name] += _wrong_types(name, known)
        endpoints[_endpoint(name, known)].append(name)
    for place, same in endpoints.items():
        for name in same if len(same) > 1 else ():
            others = ", ".join(other for other in same if other != name)
            problems[name].append(
                f"{name}: is at {place}, and so is {others}; the same server would be counted "
                f"twice: remove one of them or correct its ansible_host"
            )
    for short, longer in _unqualified(endpoints):
        for one, two in ((short, longer), (longer, short)):
            mine, others = ", ".join(endpoints[one]), ", ".join(endpoints[two])
            for name in endpoints[one]:
                problems[name].append(
                    f"{name}: is at {one}, and {others} is at {two}, which may be one server "
                    f"({mine} and {others}): write both addresses out in full, or remove one of them"
                )
    return {name: " ".join(found) for name, found in problems.items() if found}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a host is asked."""

    address: str
    port: str
    path: str

    @property
    def is_number(self) -> bool:
        """Whether the address is one of IP, and no name."""
        return self.address.replace(".", "").isdigit() or ":" in self.address

    def __str__(self) -> str:
        """Return it for people; a usual path is not worth a word."""
        path = "" if self.path == f"/{_DEFAULT_PATH}" else f" path {self.path}"
        return f"{self.address} port {self.port}{path}"


class _Variables:
    """A host's variables; one that cannot be templated counts as a problem, not as an error."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known
        self.broken: dict[str, str] = {}

    def get(self, name: str) -> Any:
        try:
            return self._known.get(name)
        except Exception as error:  # noqa: BLE001 - a template can fail in any way
            self.broken[name] = str(error).splitlines()[0][:200]
            return None


def _endpoint(name: str, known: _Variables) -> Endpoint:
    """What makes two entries one server: address, port and path, whatever their spelling."""
    address = next((value for key in _NAMES_OF_ADDRESS if (value := known.get(key))), name)
    port = next((value for key in _PORTS if (value := known.get(key))), None)
    if port is None:
        schemes = (known.get(key) for key in _SCHEMES)
        scheme = next((str(value).lower() for value in schemes if value), "https")
        port = _DEFAULT_PORTS.get(scheme, "default")
    path = known.get("ansible_winrm_path") or known.get("ansible_psrp_path") or _DEFAULT_PATH
    return Endpoint(_address(str(address)), str(port).strip(), f"/{str(path).strip('/').lower()}")


def _address(text: str) -> str:
    """Return an address in one spelling; names are compared without case and closing dot."""
    plain = text.strip().lower().rstrip(".")
    try:
        found = ip_address(plain.strip("[]"))
    except ValueError:
        return plain
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def _unqualified(endpoints: Iterable[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Yield a name without a domain, and each name with one that begins with it."""
    by_label: dict[tuple[str, str, str], list[Endpoint]] = defaultdict(list)
    for place in endpoints:
        if not place.is_number:
            by_label[place.address.partition(".")[0], place.port, place.path].append(place)
    for same in by_label.values():
        for short in (place for place in same if "." not in place.address):
            yield from ((short, place) for place in same if place is not short)


def _wrong_types(name: str, known: _Variables) -> list[str]:
    problems = []
    for key in _PORTS:
        value = known.get(key)
        if value is not None and not _is_number(value, _LARGEST_PORT):
            problems.append(
                f"{name}: {key} must be a port number from 1 to {_LARGEST_PORT}, not {value!r}; "
                "write it as a plain number such as 5986"
            )
    for key in _NUMBERS:
        value = known.get(key)
        if value is not None and not _is_number(value):
            problems.append(f"{name}: {key} must be a whole number above 0, not {value!r}")
    for key in _TEXTS:
        value = known.get(key)
        if value is not None and not isinstance(value, str):
            shown = "what it is" if key in _SECRET else repr(value)
            problems.append(
                f"{name}: {key} must be text, not {shown} ({_kind(value)}); put it into quotes"
            )
    problems += _wrong_timeouts(name, known)
    try:
        allowed_rules(name, known.get("exchange_allow_insecure"))
    except ValueError as error:
        problems.append(str(error))
    wrong = wrong_answers(name, known.get(VARIABLE))
    problems += [wrong] if wrong else []
    problems += [
        f"{name}: {key} cannot be worked out: {why}; correct the template"
        for key, why in known.broken.items()
    ]
    return problems


def _wrong_timeouts(name: str, known: _Variables) -> list[str]:
    operation = known.get("ansible_winrm_operation_timeout_sec") or _OPERATION_TIMEOUT
    read = known.get("ansible_winrm_read_timeout_sec") or _READ_TIMEOUT
    if not (_is_number(operation) and _is_number(read)) or int(operation) < int(read):
        return []
    return [
        (
            f"{name}: ansible_winrm_read_timeout_sec ({read}) must be larger than "
            f"ansible_winrm_operation_timeout_sec ({operation}); set it to {int(operation) + 10}"
        )
    ]


def _kind(value: object) -> str:
    """The plain name of a type; Ansible's own subclasses only add where a value came from."""
    return next(kind.__name__ for kind in type(value).__mro__ if kind.__module__ == "builtins")


def _is_number(value: object, largest: int | None = None) -> bool:
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit():
        return False
    return int(text) > 0 and (largest is None or int(text) <= largest)
