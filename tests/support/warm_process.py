# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process of ``warm_ansible``: imports what the commands need, then forks for each run."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROOM = "ansible_collections.exchange.remediation.plugins.plugin_utils"
# What a run of Ansible or of an action imports besides, found by comparing sys.modules.
_LIBRARIES = (
    "ansible.__main__", "ansible.cli.playbook", "ansible.cli.adhoc", "ansible.cli.inventory",
    "ansible.executor.task_queue_manager", "ansible.plugins.strategy.linear",
    "ansible.plugins.strategy.free", "ansible.plugins.callback.default",
    "ansible.plugins.connection.winrm", "ansible.plugins.connection.psrp",
    "ansible.plugins.connection.local", "ansible.plugins.inventory.yaml",
    "ansible.plugins.filter.core", "ansible.plugins.test.core", "ansible.plugins.action.normal",
    "concurrent.futures", "pypsrp.client", "requests_ntlm", "spnego", "winrm.protocol",
)  # fmt: skip

_OPTIONAL = {"kerberos", "gssapi", "krb5"}  # of the extra, which is not everywhere


def _import_all() -> None:
    """Import what the runs will need, the collection through Ansible's finder as they would."""
    from ansible.plugins import loader  # noqa: PLC0415 - after the environment is known
    from ansible.utils.collection_loader._collection_finder import (  # noqa: PLC0415
        _AnsibleCollectionFinder,
    )

    for name in _LIBRARIES:
        importlib.import_module(name)
    loader.init_plugin_loader()
    room = importlib.import_module(_ROOM)
    for found in pkgutil.walk_packages(room.__path__, f"{_ROOM}."):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name not in _OPTIONAL:
                raise
    sys.modules[f"{_ROOM}.catalog.loader"].load()  # it is kept in memory, here for all runs
    _AnsibleCollectionFinder._remove()  # each run sets up its own
    sys.path.remove(os.path.dirname(__file__))  # noqa: PTH120 - as PYTHONPATH spells it
    gc.freeze()


def _status(act: Callable[[], object]) -> int:
    """Do what the interpreter does around a program: status, traceback, clearing up."""
    try:
        result = act()
    except SystemExit as end:
        result = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter: say it and end with 1
        sys.excepthook(*sys.exc_info())
        result = 1
    if isinstance(result, str):
        sys.stderr.write(f"{result}\n")
        result = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return int(result or 0)


def _forget() -> None:
    """Leave the temporary folders of the warm process alone: a run has its own and removes it."""
    from ansible import constants  # noqa: PLC0415
    from ansible.config.manager import cleanup_tmp_file  # noqa: PLC0415

    tempfile.tempdir = None
    atexit.unregister(cleanup_tmp_file)
    shared = constants.DEFAULT_LOCAL_TMP
    prefix = f"ansible-local-{os.getpid()}"
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix=prefix, dir=os.path.dirname(shared))  # noqa: PTH120
    atexit.register(cleanup_tmp_file, constants.DEFAULT_LOCAL_TMP, warn=True)


def _ansible(arguments: list[str], environment: dict[str, str]) -> int:
    """Run ``python -m ansible`` in this process."""
    os.environ.clear()
    os.environ.update(environment)
    from ansible import __main__ as ansible_main  # noqa: PLC0415

    _forget()
    sys.argv = [ansible_main.__file__, *arguments]
    return _status(ansible_main.main)


def _fork(act: Callable[[], int]) -> int:
    """Do it in a child; returns the child's number."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        status = act()
    finally:
        os._exit(status)


def _nested(
    real: Callable[..., Any], command: Sequence[str], **options: Any
) -> subprocess.CompletedProcess[Any]:
    """Stand for ``subprocess.run`` in the toolkit: Ansible in a fork, everything else as ever."""
    if list(command[:3]) != [sys.executable, "-m", "ansible"]:
        return real(command, **options)
    if options.get("capture_output"):
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            code = _inner(command, options | {"stdout": output, "stderr": errors})
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(command, code, output.read(), errors.read())
    if options["stdout"] != subprocess.PIPE:
        return subprocess.CompletedProcess(command, _inner(command, options))
    with tempfile.TemporaryFile() as output:
        code = _inner(command, options | {"stdout": output})
        output.seek(0)
        return subprocess.CompletedProcess(command, code, output.read())


def _inner(command: Sequence[str], options: dict[str, Any]) -> int:
    def child() -> int:
        os.dup2(options["stdout"].fileno(), 1)
        errors = options.get("stderr")
        os.dup2(errors.fileno() if hasattr(errors, "fileno") else 1, 2)
        return _ansible(list(command[3:]), options["env"])

    _, ended = os.waitpid(_fork(child), 0)
    return os.waitstatus_to_exitcode(ended)


def _toolkit(arguments: list[str], environment: dict[str, str]) -> int:
    """Run our own command in this process."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv = [sys.modules[f"{_ROOM}.cli.main"].__file__ or "", *arguments]
    subprocess.run = partial(_nested, subprocess.run)  # type: ignore[assignment]
    return _status(sys.modules[f"{_ROOM}.cli.main"].main)


class _Process:
    """Takes orders until the other side is gone."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders
        self.selector = selectors.DefaultSelector()
        self.selector.register(orders, selectors.EVENT_READ)
        self.running: dict[int, tuple[int, socket.socket]] = {}

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is not self.orders:
                    self._ended(key.fd)
                elif not self._order():
                    return

    def _order(self) -> bool:
        word, descriptors, _, _ = socket.recv_fds(self.orders, 16, 3)
        if not word:
            return False
        status = socket.socket(fileno=descriptors[0])
        with status.makefile("rb") as stream:
            order = json.loads(stream.readline())
        pid = _fork(lambda: self._begin(order, descriptors[1:]))
        for number in descriptors[1:]:
            os.close(number)
        status.sendall(f"{pid}\n".encode())
        pidfd = os.pidfd_open(pid)
        self.running[pidfd] = (pid, status)
        self.selector.register(pidfd, selectors.EVENT_READ)
        return True

    def _ended(self, pidfd: int) -> None:
        pid, status = self.running.pop(pidfd)
        _, ended = os.waitpid(pid, 0)
        self.selector.unregister(pidfd)
        os.close(pidfd)
        with status, contextlib.suppress(OSError):  # if nobody waits any more
            status.sendall(f"{os.waitstatus_to_exitcode(ended)}\n".encode())

    def _begin(self, order: dict[str, Any], outputs: list[int]) -> int:
        """What the child does: become what a new interpreter with these arguments would be."""
        self.selector.close()
        self.orders.close()
        for pidfd, (_, status) in self.running.items():
            os.close(pidfd)
            status.close()
        for number, output in zip((1, 2), outputs, strict=True):
            os.dup2(output, number)
            os.close(output)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(order["cwd"])
        sys.path[0] = order["cwd"]  # as ``python -m`` has it
        name, *arguments = order["argv"]
        act = _ansible if name == "ansible" else _toolkit
        return act(arguments, order["env"])


def main() -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _import_all()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        _Process(orders).serve()
    sys.exit(0)


if __name__ == "__main__":
    main()
