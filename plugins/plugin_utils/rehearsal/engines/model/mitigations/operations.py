# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that put mitigations on and take them off, as their scripts do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..configuration import configuration
from ..context import Context
from ..core.state import BY
from ..facts.iis import iis
from ..facts.rewrite import places, rewrite_content
from ..registry import operation
from . import record as mitigation_record
from . import rewrite as mitigation_rewrite
from . import rules as mitigation_rules
from . import text as mitigation_text
from . import undo as mitigation_undo
from .frame import refused, with_record

if TYPE_CHECKING:
    from ..iis_document import Configuration
    from ..registry import Given, Result

_MODULE = "HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite"
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration />\r\n'


@operation("Set-UrlRewriteMitigation")
def set_url_rewrite(context: Context, given: Given) -> Result:
    """Make rules stand in one web.config exactly as given."""
    world = context.world
    mitigation, planned, check = given["mitigation"], given["file_sha256"], given["check"]
    found, place = _web_config(context, given["site"], given["path"])
    wanted = _wanted(given["rules"], given["preconditions"])
    _assert_editable(context, found, place, wanted)
    site, path, file = place
    prior = mitigation_text.read(world, file)
    start = _EMPTY if prior is None else prior
    change = mitigation_rewrite.edit(start, file, wanted, given["remove"])
    changed = change.text != start
    before = mitigation_rewrite.content(prior, file, site, path)
    if changed and planned and (before["sha256"] or "").lower() != planned.lower():
        raise refused(
            "StalePlan",
            f"{file} has changed since the plan was made (planned on {planned}, "
            f"is {before['sha256'] or ''}); plan again",
        )
    if changed and not check:
        mitigation_record.remember_file(world, mitigation, file, prior, change)
        mitigation_text.write(world, file, change.text, BY)
    after = change.text if changed else prior
    result = {
        "changed": changed,
        "before": before,
        "after": mitigation_rewrite.content(after, file, site, path),
    }
    return with_record(context, mitigation, result)


def _web_config(
    context: Context, site: str, path: str
) -> tuple[Configuration, tuple[str, str, str]]:
    found = configuration(context)
    if found is None:
        raise refused("IisMissing", "IIS is not installed on this host")
    wanted = f"/{path.strip('/')}"
    for place in places(found.root):
        if (place[0].lower(), place[1].lower()) == (site.lower(), wanted.lower()):
            return found, place
    names = "', '".join(one["name"] for one in iis(Context(context.world))["sites"])
    raise refused(
        "PlaceMissing", f"site '{site}' has no folder for '{wanted}'; the sites are '{names}'"
    )


def _wanted(rules: list[Any], preconditions: list[Any]) -> dict[str, list[dict[str, Any]]]:
    wanted: dict[str, list[dict[str, Any]]] = {"inbound": [], "outbound": [], "precondition": []}
    for rule in rules:
        content = mitigation_rules.rule(rule)
        if content["direction"] not in ("inbound", "outbound") or not content["name"]:
            message = "a rule needs a name and the direction inbound or outbound"
            raise refused("RuleInvalid", message)
        wanted[content["direction"]].append(content)
    wanted["precondition"] = [mitigation_rules.precondition(one) for one in preconditions]
    return wanted


def _assert_editable(
    context: Context,
    found: Configuration,
    place: tuple[str, str, str],
    wanted: dict[str, list[dict[str, Any]]],
) -> None:
    """Refuse before what IIS would answer with errors afterwards."""
    names = {
        (kind, one["name"].lower()) for kind in ("inbound", "outbound") for one in wanted[kind]
    }
    if not names:
        return
    if not context.has_key(_MODULE):
        raise refused(
            "RewriteModuleMissing",
            "the IIS URL Rewrite module is not installed and IIS would answer every request "
            "with HTTP 500.19; install URL Rewrite 2.1 (7.2.1993 or newer), then run again",
        )
    for rule in _site_rules(context, found, place):
        one, two = f"{place[1].rstrip('/')}/".lower(), f"{rule['path'].rstrip('/')}/".lower()
        related = one.startswith(two) or two.startswith(one)
        if related and (rule["direction"], rule["name"].lower()) in names:
            raise refused(
                "NameTaken",
                f"a rule '{rule['name']}' stands in {rule['file']} for '{rule['path']}'; "
                "IIS refuses a name that it inherits, so remove that rule first",
            )


def _site_rules(
    context: Context, found: Configuration, own: tuple[str, str, str]
) -> list[dict[str, Any]]:
    """List the rules of the site that stand in other files."""
    rules, _ = rewrite_content(found.root, None, "/", found.file)
    for site, path, file in places(found.root):
        if site.lower() != own[0].lower() or file.lower() == own[2].lower():
            continue
        text = mitigation_text.read(context.world, file)
        if text is not None:
            rules += rewrite_content(mitigation_text.document(text, file).root, site, path, file)[0]
    return [rule for rule in rules if (rule["site"] or "").lower() == own[0].lower()]


@operation("Undo-Mitigation")
def undo(context: Context, given: Given) -> Result:
    """Restore what the undo record says."""
    return mitigation_undo.undo(context, given["mitigation"], check=given["check"])
