# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of installing and removing the URL Rewrite module, as plans show them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plan.records import Step
from .jobs import INSTALL, REMOVE, arguments

if TYPE_CHECKING:
    from ..catalog.records.iis_modules import ModuleKnowledge
    from ..trust.packages.iis_module_records import ModuleRecord

BASE = "rewrite-module"
RECORD, PACKAGE, FORGET = f"{BASE}/record", f"{BASE}/package", f"{BASE}/forget"
ACTS = {INSTALL: f"{BASE}/install", REMOVE: f"{BASE}/remove"}


def identity(known: ModuleKnowledge) -> dict[str, Any]:
    """How a host finds the module among its products, whatever it is called there."""
    return {"product_codes": [one.code for one in known.products], **words(known)}


def words(known: ModuleKnowledge) -> dict[str, Any]:
    """The parameters of Remove-RewriteRecord."""
    return {"words": list(known.words)}


def record_parameters(
    known: ModuleKnowledge, module: ModuleRecord, job: str, run: str
) -> dict[str, Any]:
    """The parameters of Save-RewriteRecord."""
    return {
        "product_code": module.product_code,
        "version": module.version,
        "sha256": module.sha256,
        "job": job,
        "run": run,
        **identity(known),
    }


def record_step(parameters: dict[str, Any], reason: str) -> Step:
    """What is noted before anything is changed."""
    noted = {"noted": parameters["product_code"]}
    return Step(RECORD, "Save-RewriteRecord", parameters, reason, {"noted": None}, noted)


def forget_step(parameters: dict[str, Any], noted: str, reason: str, *, alone: bool) -> Step:
    """What was noted goes after the module."""
    before, after = {"noted": noted}, {"noted": None}
    needs = () if alone else (ACTS[REMOVE],)
    return Step(FORGET, "Remove-RewriteRecord", parameters, reason, before, after, needs=needs)


def package_step(wanted: dict[str, Any], state: str) -> Step:
    """The MSI comes to the server."""
    text = "the server gets the MSI of the signed catalogue"
    before, after = {"state": state}, {"state": "complete"}
    return Step(PACKAGE, "Add-PackageChunk", wanted, text, before, after)


def job_step(module: ModuleRecord, job: str, act: str, before_it: tuple[Step, ...]) -> Step:
    """The job, without folder and deadline, which only the host can say when it begins."""
    order = {"job": job, "sha256": module.sha256, "arguments": list(arguments(act, f"{job}.log"))}
    there = {"product": module.product_code, "version": module.version}
    before, after = (there, None) if act == REMOVE else (None, there)
    text = "msiexec runs it as a durable job; IIS reads its configuration anew"
    needs = tuple(step.id for step in before_it)
    return Step(ACTS[act], "Start-HostJob", order, text, before, after, needs=needs)
