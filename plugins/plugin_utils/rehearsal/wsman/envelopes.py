# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service answers: WS-Management envelopes and faults, from templates.

No tree is built: every value that a client chose is escaped where it is put in.
"""

from __future__ import annotations

import uuid
from xml.sax.saxutils import escape, quoteattr

from .soap import ADDRESSING, SHELL, SOAP, TRANSFER, WSMAN

_ANONYMOUS = f"{ADDRESSING}/role/anonymous"
_FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
_OPEN = (
    f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}"'
    f' xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}"'
    ' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>'
)
_STATE = f"{SHELL}/CommandState"
DONE = f"{_STATE}/Done"
RUNNING = f"{_STATE}/Running"

OPERATION_TIMED_OUT = 2150858793  # 0x80338029
QUOTA_MAX_SHELLS = 2150859173  # 0x803381A5
QUOTA_MAX_OPERATIONS = 2150859174  # 0x803381A6
QUOTA_MAX_COMMANDS = 2150859241  # 0x803381E9
ALREADY_EXISTS = 2150858803  # 0x80338033
SHELL_NOT_FOUND = 2150858843  # 0x8033805B ERROR_WSMAN_UNEXPECTED_SELECTORS
ENVELOPE_TOO_LARGE = 2150858790  # 0x80338026
INVALID_XML = 2150858819  # 0x80338043
ACTION_NOT_SUPPORTED = 2150858753  # 0x80338001
INVALID_RESOURCE_URI = 2150858811  # 0x8033803B
SCHEMA_VALIDATION = 2150858817  # 0x80338041
COMMAND_NOT_FOUND = 2150858844  # no command of that id in the shell
ERROR_BUSY = 170


class Fault(Exception):  # noqa: N818 - SOAP's word
    """A WS-Management fault: the number clients look at, the SOAP subcode, the sentence."""

    def __init__(self, code: int, subcode: str, reason: str, *, sender: bool = True) -> None:
        """Take the parts as the envelope shows them."""
        super().__init__(code, reason)
        self.code = code
        self.subcode = subcode
        self.reason = reason
        self.sender = sender


def operation_timed_out() -> Fault:
    """Nothing to deliver within the client's OperationTimeout: it asks again."""
    return Fault(
        OPERATION_TIMED_OUT,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in"
        " OperationTimeout.",
        sender=False,
    )


def too_many_shells(limit: int) -> Fault:
    """MaxShellsPerUser."""
    return Fault(
        QUOTA_MAX_SHELLS,
        "w:QuotaLimit",
        "The WS-Management service cannot process the request. This user is allowed a maximum"
        f" number of {limit} concurrent shells, which has been exceeded. Close existing shells"
        " or raise the quota for this user.",
    )


def too_many_operations(limit: int) -> Fault:
    """MaxConcurrentOperationsPerUser, which WinRS never counts down within a shell."""
    return Fault(
        QUOTA_MAX_OPERATIONS,
        "w:QuotaLimit",
        "The WS-Management service cannot process the request. This user is allowed a maximum"
        f" number of {limit} concurrent operations, which has been exceeded. Close existing"
        " operations for this user, or raise the quota for this user.",
    )


def too_many_commands() -> Fault:
    """MaxProcessesPerShell."""
    return Fault(
        QUOTA_MAX_COMMANDS,
        "w:QuotaLimit",
        "The WS-Management service cannot process the request. The maximum number of concurrent"
        " commands per shell has been exceeded. Retry the request later or raise the Maximum"
        " Commands per Shell quota.",
    )


def shell_exists(shell_id: str) -> Fault:
    """Say that a client proposed the id of an open shell."""
    return Fault(
        ALREADY_EXISTS,
        "w:AlreadyExists",
        "The WS-Management service cannot process the request. A shell with the ShellId"
        f" {shell_id} exists already.",
    )


def shell_not_found(shell_id: str) -> Fault:
    """Never created, deleted, or idle for too long."""
    return Fault(
        SHELL_NOT_FOUND,
        "w:InvalidSelectors",
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the"
        " shell was not found on the server. Possible causes are: the specified ShellId is"
        " incorrect or the shell no longer exists on the server. Provide the correct ShellId or"
        " create a new shell and retry the operation.",
    )


def command_not_found(command_id: str) -> Fault:
    """No such command in the shell."""
    return Fault(
        COMMAND_NOT_FOUND,
        "w:InvalidSelectors",
        f"The Windows Remote Shell cannot process the request. The command with CommandId"
        f" {command_id} was not found in the shell.",
    )


def invalid_xml(detail: str) -> Fault:
    """Not well-formed, or no SOAP 1.2 envelope."""
    return Fault(
        INVALID_XML,
        "w:SchemaValidationError",
        f"The WS-Management service cannot process the request because the XML is invalid."
        f" {detail}",
    )


def missing(what: str) -> Fault:
    """The body lacks an element or attribute, or it has no readable value."""
    return Fault(
        SCHEMA_VALIDATION,
        "w:SchemaValidationError",
        "The WS-Management service cannot process the request because the SOAP packet does not"
        f" validate: {what}.",
    )


def envelope_too_large(limit: int) -> Fault:
    """MaxEnvelopeSizekb."""
    return Fault(
        ENVELOPE_TOO_LARGE,
        "w:EncodingLimit",
        "The WS-Management service cannot process the request because the size of the request"
        f" exceeds the MaxEnvelopeSize of {limit} bytes.",
    )


def action_not_supported(action: str) -> Fault:
    """An action that a shell does not have."""
    return Fault(
        ACTION_NOT_SUPPORTED,
        "a:ActionNotSupported",
        f"The WS-Management service cannot process the request. The action {action} is not"
        " supported by the service.",
    )


def invalid_resource(uri: str) -> Fault:
    """Neither the cmd shell nor a PowerShell configuration."""
    return Fault(
        INVALID_RESOURCE_URI,
        "a:DestinationUnreachable",
        f"The WS-Management service cannot process the request. The resource URI {uri} was not"
        " found.",
    )


def encode_fault(fault: Fault, relates_to: str, machine: str) -> bytes:
    """Return the envelope of a fault (HTTP status 500)."""
    reason = escape(fault.reason)
    detail = (
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
        f' Code="{fault.code}" Machine={quoteattr(machine)}><f:Message>{reason}</f:Message>'
        "</f:WSManFault>"
    )
    if fault.code in (QUOTA_MAX_OPERATIONS, QUOTA_MAX_SHELLS):
        # Ansible's connection reads the code of a quota from here, not from WSManFault.
        detail += (
            '<m:MSFT_WmiError xmlns:m="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/'
            f'MSFT_WmiError"><m:error_Code>{fault.code}</m:error_Code></m:MSFT_WmiError>'
        )
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if fault.sender else 'Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{reason}</s:Text></s:Reason>'
        f"<s:Detail>{detail}</s:Detail></s:Fault>"
    )
    return envelope(_FAULT_ACTION, relates_to, body)


def envelope(action: str, relates_to: str, body: str) -> bytes:
    """Return a response envelope; ``body`` is XML already."""
    return (
        f"{_OPEN}{action}</a:Action><a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>"
        f"<a:To>{_ANONYMOUS}</a:To><a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def shell_created(shell_id: str, resource_uri: str, owner: str, idle_seconds: float) -> str:
    """Return the body that answers Create."""
    identifier, uri = escape(shell_id), escape(resource_uri)
    return (
        f"<x:ResourceCreated><a:Address>{_ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f'<w:ResourceURI>{uri}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">'
        f"{identifier}</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{identifier}</rsp:ShellId><rsp:ResourceUri>{uri}"
        f"</rsp:ResourceUri><rsp:Owner>{escape(owner)}</rsp:Owner>"
        f"<rsp:IdleTimeOut>PT{idle_seconds:.3f}S</rsp:IdleTimeOut>"
        "<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr"
        "</rsp:OutputStreams></rsp:Shell>"
    )


def shell_state(shell_id: str, resource_uri: str) -> str:
    """Return the body that answers Get on a shell."""
    return (
        f"<rsp:Shell><rsp:ShellId>{escape(shell_id)}</rsp:ShellId><rsp:ResourceUri>"
        f"{escape(resource_uri)}</rsp:ResourceUri><rsp:State>Connected</rsp:State></rsp:Shell>"
    )


def service_config(envelope_bytes: int) -> str:
    """Return the body that answers Get on the service's configuration."""
    return (
        '<c:Config xmlns:c="http://schemas.microsoft.com/wbem/wsman/1/config">'
        f"<c:MaxEnvelopeSizekb>{envelope_bytes // 1024}</c:MaxEnvelopeSizekb></c:Config>"
    )


def command_started(command_id: str) -> str:
    """Return the body that answers Command."""
    return (
        f"<rsp:CommandResponse><rsp:CommandId>{escape(command_id)}</rsp:CommandId>"
        "</rsp:CommandResponse>"
    )


def output(
    command_id: str,
    streams: list[tuple[str, str]],
    *,
    exit_code: int | None = None,
    done: bool = False,
) -> str:
    """Return the body that answers Receive; streams are (name, base64) pairs."""
    attribute = f" CommandId={quoteattr(command_id)}" if command_id else ""
    parts = [f'<rsp:Stream Name="{name}"{attribute}>{data}</rsp:Stream>' for name, data in streams]
    if done:
        parts += [f'<rsp:Stream Name="{n}"{attribute} End="true"/>' for n in ("stdout", "stderr")]
        code = "" if exit_code is None else f"<rsp:ExitCode>{exit_code}</rsp:ExitCode>"
        parts.append(f'<rsp:CommandState{attribute} State="{DONE}">{code}</rsp:CommandState>')
    elif command_id:
        parts.append(f'<rsp:CommandState{attribute} State="{RUNNING}"/>')
    return f"<rsp:ReceiveResponse>{''.join(parts)}</rsp:ReceiveResponse>"
