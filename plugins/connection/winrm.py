# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's winrm connection, guarded against the server."""

from __future__ import annotations

DOCUMENTATION = """
name: winrm
author: exchange.remediation maintainers
short_description: WinRM to hosts that may be hostile
version_added: 0.1.0
description:
  - Does what P(ansible.builtin.winrm#connection) does, takes the same variables
    (C(ansible_user), C(ansible_password), C(ansible_winrm_transport) and so on), and protects
    the controller from the server.
  - No redirect is followed. Compressed replies are refused. Replies are read in pieces up to a
    cap. Proxies, C(.netrc) and certificate stores named by the environment are ignored.
  - A rejected login ends the attempt, no further authentication scheme is tried, because
    repeated attempts lock accounts.
  - Without C(ansible_winrm_transport) the authentication is Kerberos, also for user names
    without a realm. The stock plugin would send the password with Basic.
  - Kerberos gives a ticket before the first packet leaves, or the error names what is missing and
    the cure. A ticket is sent once, over HTTPS bound to the server's certificate, and the server
    must prove itself in return. It is never handed on.
  - These are refused before the first packet, unless O(allow_insecure) names them - Basic over
    HTTP, HTTP without message encryption, CredSSP, delegation, TLS without verification of the
    certificate.
requirements:
  - pywinrm >= 0.5
  - pykerberos >= 1.2.4 for Kerberos (the extra C(kerberos) of this package brings it)
extends_documentation_fragment:
  - ansible.builtin.connection_pipelining
  - exchange.remediation.winrm
options:
  allow_insecure:
    description:
      - Names of the rules that this host is exempt from. What was used ends up in the report.
      - V(stock_connection) says nothing to this plugin. With it the actions of this collection also
        work over P(ansible.builtin.winrm#connection) and P(ansible.builtin.psrp#connection).
    type: list
    elements: str
    default: []
    choices: [basic_over_http, cleartext_http, credssp, delegation, stock_connection, unverified_tls]
    vars:
      - name: exchange_allow_insecure
  inventory_name:
    description:
      - The host's name in the inventory, for messages.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
  response_max_bytes:
    description:
      - Largest body of one HTTP reply. A larger one ends the task.
    type: int
    default: 16777216
    vars:
      - name: exchange_response_max_bytes
  command_max_bytes:
    description:
      - Largest output of one command, standard output and error together.
    type: int
    default: 67108864
    vars:
      - name: exchange_command_max_bytes
"""

import ipaddress
import time
import typing as t
from urllib.parse import urlunsplit

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import winrm as stock

from ..plugin_utils.base.requirements import required

with required(AnsibleError):
    from winrm.exceptions import AuthenticationError, WinRMOperationTimeoutError

    from ..plugin_utils.base.errors import AuthenticationFailed, RemediationError
    from ..plugin_utils.host.transport.classify import defuse
    from ..plugin_utils.host.transport.guarded_http import HttpGuard
    from ..plugin_utils.host.transport.guarded_winrm import GuardedProtocol
    from ..plugin_utils.host.transport.kerberos_causes import explain_kinit, missing_library
    from ..plugin_utils.host.transport.preflight import (
        OURS,
        ConnectionSettings,
        allowed_rules,
        refusals,
        winrm_settings,
    )

_UTF8 = 65001
# Seconds without output. Long work is a job of the host, the longest command fetches a package.
_LONGEST_SILENCE = 4 * 3600.0
# The service did not say in time that it took the input: then the command may wait for it for ever.
_DOUBTFUL_INPUT = 120.0
# What a time-out counts at least, so that a host that answers it at once ends too.
_SHORTEST_WAIT = 0.5
_OPTIONS = ("remote_addr", "remote_user", "remote_password", "port", "scheme", "transport")


class Connection(stock.Connection):
    """WinRM with caps, without redirects and downgrades."""

    transport = OURS

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self.guard = HttpGuard()
        self.send_error: Exception | None = None  # of the last command, if its input broke off
        # How long to look for the output of a command whose input broke off, in seconds. Who can
        # ask again, or ask what became of it, sets it low.
        self.recovery_seconds: int | None = None
        self._patience = _LONGEST_SILENCE  # seconds of silence left to the command at work

    def settings(self) -> ConnectionSettings:
        """How this connection is about to be made."""
        options = {name: self.get_option(name) for name in (*_OPTIONS, "_extras")}
        try:
            return winrm_settings(OURS, options)
        except ValueError as error:
            raise AnsibleError(f"{self._name()}: {error}") from None

    def allowed(self) -> tuple[str, ...]:
        return allowed_rules(self._name(), self.get_option("allow_insecure"))

    def _name(self) -> str:
        return str(self.get_option("inventory_name"))

    def _build_winrm_kwargs(self) -> None:
        settings = self.settings()
        self.set_option("transport", [_pywinrm_name(way) for way in settings.authentication])
        super()._build_winrm_kwargs()
        self.guard.response_bytes = self.get_option("response_max_bytes")
        self.guard.command_bytes = self.get_option("command_max_bytes")

    def _winrm_connect(self) -> GuardedProtocol:
        problems = refusals(self._name(), self.settings(), self.allowed())
        if problems:
            raise AnsibleError("Refused before connecting. " + " ".join(problems))
        stock.display.vvv(f"GUARDED WINRM CONNECTION TO {self._endpoint()}", host=self._winrm_host)
        failures = []
        for way in self._winrm_transport:
            try:
                return self._open(way)
            except AuthenticationError as exc:
                # Not the next scheme: each further attempt counts towards the account's lockout.
                raise AnsibleConnectionFailure(
                    f"{way}: the specified credentials were rejected by the server"
                ) from exc
            except AuthenticationFailed as exc:
                # Ansible adds the words of the cause.
                raise AnsibleConnectionFailure(way) from exc
            except RemediationError as exc:
                raise AnsibleError(f"{way}: {exc}") from exc
            except Exception as exc:  # noqa: BLE001 - libraries raise their own trees
                defuse(exc)
                failures.append((way, exc))
        text = ", ".join(f"{way}: {exc}" for way, exc in failures)
        raise AnsibleConnectionFailure(text) from failures[-1][1]

    def _open(self, way: str) -> GuardedProtocol:
        if way == "kerberos":
            if not stock.HAVE_KERBEROS:
                raise missing_library()
            if self._kerb_managed:
                self._kinit()
        settings = dict(self._winrm_kwargs)
        if self._winrm_connection_timeout:
            settings["operation_timeout_sec"] = self._winrm_connection_timeout
            settings["read_timeout_sec"] = self._winrm_connection_timeout + 10
        protocol = GuardedProtocol(self._endpoint(), self.guard, transport=way, **settings)
        if not self.shell_id:
            try:
                self.shell_id = protocol.open_shell(codepage=_UTF8)
            except BaseException:
                protocol.transport.close_session()  # nobody else has it
                raise
        return protocol

    def _kinit(self) -> None:
        """Take a ticket with the password, once; raises an error with its cause and cure."""
        try:
            self._kerb_auth(self._winrm_user, self._winrm_pass)
        except AnsibleConnectionFailure as exc:
            raise explain_kinit(str(exc.args[0])) or exc from None

    def _endpoint(self) -> str:
        host = str(self._winrm_host)
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            pass
        else:
            host = f"[{host}]"
        netloc = f"{host}:{self._winrm_port}"
        return str(urlunsplit((self._winrm_scheme, netloc, self._winrm_path, "", "")))

    def _winrm_exec(self, *args: t.Any, **kwargs: t.Any) -> tuple[int, bytes, bytes]:
        self.guard.start_command()
        self.send_error = None
        self._patience = _LONGEST_SILENCE
        try:
            rc, stdout, stderr = super()._winrm_exec(*args, **kwargs)
        except Exception as exc:
            defuse(exc)
            if self.guard.refusal is None:
                raise
            # The clean-up after a refusal fails with a less telling error: name the first.
            raise AnsibleError(str(self.guard.refusal)) from (self.guard.refusal or exc)
        return rc, stdout, stderr

    def _winrm_write_stdin(self, *args: t.Any, **kwargs: t.Any) -> None:
        try:
            super()._winrm_write_stdin(*args, **kwargs)
        except Exception as exc:
            # The stock plugin goes on and looks for JSON in the output, whoever that answers.
            self.send_error = exc
            raise

    def _winrm_get_command_output(
        self, protocol: GuardedProtocol, *args: t.Any, **kwargs: t.Any
    ) -> tuple[bytes, bytes, int]:
        usual = protocol.operation_timeout_sec
        if self.send_error is not None and self.recovery_seconds:
            protocol.operation_timeout_sec = min(usual, self.recovery_seconds)
        try:
            stdout, stderr, rc = super()._winrm_get_command_output(protocol, *args, **kwargs)
        finally:
            protocol.operation_timeout_sec = usual
        return stdout, stderr, rc

    def _winrm_send_input(self, *args: t.Any, **kwargs: t.Any) -> None:
        try:
            super()._winrm_send_input(*args, **kwargs)
        except WinRMOperationTimeoutError:
            # The stock plugin takes the input for arrived and waits for output without an end.
            self._patience = _DOUBTFUL_INPUT
            raise

    def _winrm_get_raw_command_output(
        self, *args: t.Any, **kwargs: t.Any
    ) -> tuple[bytes, bytes, int, bool]:
        began = time.monotonic()
        try:
            stdout, stderr, rc, done = super()._winrm_get_raw_command_output(*args, **kwargs)
        except WinRMOperationTimeoutError as exc:
            self._patience -= max(time.monotonic() - began, _SHORTEST_WAIT)
            if self._patience <= 0:
                raise AnsibleConnectionFailure(
                    "timed out: the host lets us wait and sends no output"
                ) from exc
            raise
        self.guard.count_command_output(len(stdout) + len(stderr))
        return stdout, stderr, rc, done

    def close(self) -> None:
        """Close the shell; a host that fails here has already given its answer."""
        protocol = self.protocol
        try:
            super().close()
        except Exception as exc:  # noqa: BLE001 - nothing depends on a suspect host's goodbye
            stock.display.vvv(f"closing the shell failed: {exc!r}", host=self._winrm_host)
        finally:
            if protocol is not None:
                protocol.transport.close_session()
            cache = getattr(self, "_kerb_ccache", None)
            if cache is not None:
                cache.close()  # the ticket of this connection is gone with it
            self.shell_id = None
            self.protocol = None
            self._connected = False


def _pywinrm_name(way: str) -> str:
    return "ssl" if way == "certificate" else way
