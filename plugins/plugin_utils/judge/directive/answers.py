# SPDX-License-Identifier: GPL-3.0-or-later
"""What a directive asks of a server and of its organisation before it can be said what to do.

The one list of these answers: the command's options, inventory variables, attestations and the
conditions of clauses use its names.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

from ...base.errors import ConfigError

UNKNOWN = "unknown"
ORGANISATIONS = ("agency", "for-agency", "other")
ROLES = (
    "mailbox",
    "client-access",
    "hub-transport",
    "unified-messaging",
    "edge-transport",
    "management-tools",
)


@dataclass(frozen=True, slots=True)
class SituationQuestion:
    """One answer that a directive's clauses may depend on, in words for people."""

    name: str
    asks: str
    yes: str
    no: str
    unknown: str


# The order is that in which a person is asked.
QUESTIONS = (
    SituationQuestion(
        "expertise",
        "Are people trained in taking a forensic image of system memory there, with tooling to do it at once?",
        "the forensic expertise is there",
        "the forensic expertise is not there",
        "nobody has said whether the forensic expertise is there",
    ),
    SituationQuestion(
        "indicator",
        "Was an indication of compromise or an anomaly found? 'no' only after everything was examined.",
        "an indication of compromise or an anomaly was found",
        "a full examination found no indication of compromise",
        "it is not known whether there is an indication of compromise",
    ),
    SituationQuestion(
        "disk_image",
        "Can a live forensic image of the server's disks be acquired?",
        "a live image of the disks can be acquired",
        "no live image of the disks can be acquired",
        "nobody has said whether a live image of the disks can be acquired",
    ),
    SituationQuestion(
        "updatable",
        "Can the server be updated, with what the directive asks for, before the deadline?",
        "the server can be updated in time",
        "the server cannot be updated in time",
        "it is not known whether the server can be updated in time",
    ),
    SituationQuestion(
        "internet",
        "Was the server connected to the internet, directly or not, at any time since 1 January 2021?",
        "the server was connected to the internet since 1 January 2021",
        "the server was never connected to the internet since 1 January 2021",
        "nobody has said whether the server was connected to the internet since 1 January 2021",
    ),
    SituationQuestion(
        "hybrid",
        "Was a hybrid configuration with Exchange Online ever set up?",
        "a hybrid configuration was set up",
        "no hybrid configuration was ever set up",
        "nobody has said whether a hybrid configuration was ever set up",
    ),
    SituationQuestion(
        "triage",
        "Does the directive's table ask for forensic triage of this server?",
        "the directive's table asks for forensic triage",
        "the directive's table asks for no forensic triage",
        "it is not known whether the directive's table asks for forensic triage",
    ),
    SituationQuestion(
        "dag",
        "Is the server a member of a database availability group?",
        "the server is a member of a database availability group",
        "the server is in no database availability group",
        "it is not known whether the server is in a database availability group",
    ),
)
_BY_NAME = {question.name: question for question in QUESTIONS}
ROLE_QUESTION = "Which roles of Exchange does the server have?"
ORGANISATION_QUESTION = (
    "Which kind of organisation is it: agency, for-agency (a system run for one), or other?"
)


@dataclass(frozen=True, slots=True)
class ServerSituation:
    """The answers for one server; ``None`` (and no roles) is unknown, which never counts as no."""

    organisation: str | None = None  # agency | for-agency | other
    expertise: bool | None = None
    indicator: bool | None = None
    disk_image: bool | None = None
    updatable: bool | None = None
    internet: bool | None = None
    hybrid: bool | None = None
    triage: bool | None = None
    dag: bool | None = None
    roles: tuple[str, ...] = ()

    @classmethod
    def of(cls, answers: dict[str, Any], *, where: str = "the situation") -> Self:
        """Read answers as people write them (``{"expertise": "no", "roles": ["mailbox"]}``).

        :raises ConfigError: a name or a value that is none.
        """
        read: dict[str, Any] = {}
        names = {entry.name for entry in fields(cls)}
        for name, value in answers.items():
            if name not in names:
                raise ConfigError(
                    f"{where}: {name!r} is no answer; known are {', '.join(sorted(names))}"
                )
            read[name] = _value(name, value, where)
        return cls(**read)

    def given(self, name: str) -> bool | None:
        """The answer to one question of :data:`QUESTIONS`."""
        value: bool | None = getattr(self, name)
        return value

    def with_answers(self, **answers: Any) -> ServerSituation:
        """The same server with other answers."""
        return replace(self, **answers)

    def to_dict(self) -> dict[str, Any]:
        """Return the answers as reports show them: yes, no, unknown, and the roles as a list."""
        shown: dict[str, Any] = {"organisation": self.organisation or UNKNOWN}
        for question in QUESTIONS:
            shown[question.name] = word(self.given(question.name))
        shown["roles"] = list(self.roles) or [UNKNOWN]
        return shown


def question(name: str) -> str:
    """The question behind the name of an answer."""
    if name == "roles":
        return ROLE_QUESTION
    if name == "organisation":
        return ORGANISATION_QUESTION
    return _BY_NAME[name].asks


def phrase(name: str, *, given: bool | None) -> str:
    """An answer as a part of a sentence."""
    entry = _BY_NAME[name]
    if given is None:
        return entry.unknown
    return entry.yes if given else entry.no


def word(given: bool | None) -> str:  # noqa: FBT001 - it is the value itself
    """yes, no, or unknown."""
    if given is None:
        return UNKNOWN
    return "yes" if given else "no"


_WORDS = {"yes": True, "true": True, "no": False, "false": False, UNKNOWN: None, "": None}


def _value(name: str, value: Any, where: str) -> Any:
    if name == "roles":
        return _roles(value, where)
    if name == "organisation":
        if value in (None, "", UNKNOWN):
            return None
        if value not in ORGANISATIONS:
            raise ConfigError(
                f"{where}: organisation {value!r} is none of {', '.join((*ORGANISATIONS, UNKNOWN))}"
            )
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().casefold() in _WORDS:
        return _WORDS[value.strip().casefold()]
    raise ConfigError(f"{where}: {name} {value!r} is none of yes, no, unknown")


def _roles(value: Any, where: str) -> tuple[str, ...]:
    entries = [value] if isinstance(value, str) else value or ()
    if not isinstance(entries, list | tuple):
        raise ConfigError(f"{where}: roles is {value!r}, not a list of roles")
    wrong = [entry for entry in entries if entry not in (*ROLES, UNKNOWN)]
    if wrong:
        raise ConfigError(f"{where}: role {wrong[0]!r} is none of {', '.join((*ROLES, UNKNOWN))}")
    # One that nobody knows may be any of them, so beside it the roles are not known.
    return () if UNKNOWN in entries else tuple(dict.fromkeys(entries))
