# SPDX-License-Identifier: GPL-3.0-or-later
"""The drives of a simulated host as folders: written from its world, read back after a command."""

from __future__ import annotations

import base64
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...world.world import parse_time

if TYPE_CHECKING:
    from pathlib import Path

    from ...world.world import World

_TEXT_LIMIT = 4 * 1024 * 1024  # larger files come back as sizes only
_ADMINISTRATORS = "S-1-5-32-544"  # owns what an elevated session creates
_BY = "powershell"
_ALWAYS = ("ProgramData", "Windows/System32", "Windows/Temp")  # every Windows has these on C:


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file or folder was changed."""

    directory: bool
    size: int
    modified: int


@dataclass(slots=True)
class HostFolder:
    """``root/C``, ``root/D`` ... of one host; kept from command to command."""

    root: Path
    _entries: dict[str, dict[str, Any]] = field(default_factory=dict)  # as written, by world path
    _generation: int | None = None
    _spelled: dict[str, Path] = field(default_factory=dict)  # lower-case path -> folder on disk
    _baseline: dict[str, Stamp] = field(default_factory=dict)

    def write(self, world: World) -> None:
        """Bring the folders to what the world says; costs nothing when nothing changed."""
        if self._generation == world.generation:
            return
        if self._generation is None:
            for drive in {"C", *world.data["drives"]}:
                self._directory(f"{drive}:")
            for path in _ALWAYS:
                self._directory(f"C:\\{path}".replace("/", "\\"))
        files: dict[str, dict[str, Any]] = world.data["files"]
        for path in [known for known in self._entries if known not in files]:
            self._remove(path)
        for path, entry in files.items():
            if self._entries.get(path) is not entry:
                self._write(path, entry)
        for path, entry in sorted(files.items(), reverse=True):
            if entry.get("directory") and entry.get("mtime"):
                _touch(self._native(path), entry)
        self._entries = dict(files)
        self._generation = world.generation
        self._baseline = self._scan()

    def read_back(self, world: World) -> bool:
        """Put what a command changed on disk into the world; whether there was anything."""
        now = self._scan()
        if now == self._baseline:
            return False
        gone = [path for path in self._baseline if path not in now]
        fresh = [p for p, s in now.items() if self._changed(s, self._baseline.get(p))]
        for path in sorted(gone):
            if world.file(path) is not None:
                world.delete_file(path, by=_BY)
        # A folder that the world knew only by what was in it is still there when that is gone.
        emptied = {path.rpartition("\\")[0] for path in gone} & set(now)
        fresh += [path for path in emptied if world.file(path) is None and path not in fresh]
        for path in sorted(fresh):
            kept = {k: v for k, v in (world.file(path) or {}).items() if k in {"owner", "sddl"}}
            world.put_file(path, {**self._read(path, now[path]), **kept}, by=_BY)
        self._baseline = now
        return True

    def accept(self, world: World) -> None:
        """Take the world's files as what lies on disk: both just got the same changes."""
        self._entries = dict(world.data["files"])
        self._generation = world.generation

    @staticmethod
    def _changed(now: Stamp, before: Stamp | None) -> bool:
        if before is None:
            return True
        return now != before and not (now.directory and before.directory)

    def _read(self, path: str, stamp: Stamp) -> dict[str, Any]:
        if stamp.directory:
            return {"directory": True, "owner": _ADMINISTRATORS, "reparse": False}
        moment = datetime.fromtimestamp(stamp.modified / 1e9, UTC)
        entry: dict[str, Any] = {"mtime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
        if stamp.size <= _TEXT_LIMIT:
            raw = self._native(path).read_bytes()
            try:
                return {"text": raw.decode(), **entry}
            except UnicodeDecodeError:
                entry["data"] = base64.b64encode(raw).decode("ascii")
        return {"size": stamp.size, **entry}

    def _scan(self) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        for drive in os.scandir(self.root):
            if len(drive.name) == 1:
                _scan_into(found, drive.path, f"{drive.name}:")
        return found

    def _native(self, path: str) -> Path:
        r"""Return the path on disk of ``C:\a\b``, through folders as they are spelled there."""
        key = path.rstrip("\\").lower()
        known = self._spelled.get(key)
        if known is not None:
            return known
        parent, _, name = path.rstrip("\\").rpartition("\\")
        if parent == "\\":  # a server: shares of others, which a command may only read
            return self.root / "UNC" / name
        native = self._native(parent) / name if parent else self.root / name[0].upper()
        self._spelled[key] = native
        return native

    def _directory(self, path: str) -> Path:
        native = self._native(path)
        native.mkdir(parents=True, exist_ok=True)
        return native

    def _write(self, path: str, entry: dict[str, Any]) -> None:
        native = self._native(path)
        if entry.get("reparse"):
            target = self.root / ".reparse" / str(len(self._entries) + len(self._spelled))
            target.mkdir(parents=True, exist_ok=True)
            native.parent.mkdir(parents=True, exist_ok=True)
            native.symlink_to(target, target_is_directory=True)
            return
        if entry.get("directory"):
            native.mkdir(parents=True, exist_ok=True)
            return
        native.parent.mkdir(parents=True, exist_ok=True)
        if "text" in entry:
            native.write_bytes(str(entry["text"]).encode("utf-8", "surrogatepass"))
        elif "data" in entry:
            native.write_bytes(base64.b64decode(entry["data"]))
        else:
            native.write_bytes(b"")
            os.truncate(native, int(entry.get("size") or 0))
        _touch(native, entry)

    def _remove(self, path: str) -> None:
        native = self._native(path)
        if native.is_symlink() or native.is_file():
            native.unlink()
        elif native.is_dir():
            shutil.rmtree(native, ignore_errors=True)
        key = path.rstrip("\\").lower()
        for known in [k for k in self._spelled if k == key or k.startswith(key + "\\")]:
            del self._spelled[known]


def _touch(native: Path, entry: dict[str, Any]) -> None:
    if entry.get("mtime"):
        moment = parse_time(entry["mtime"]).timestamp()
        os.utime(native, (moment, moment))


def _scan_into(found: dict[str, Stamp], folder: str, path: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            inner = f"{path}\\{entry.name}"
            directory = entry.is_dir(follow_symlinks=False)
            size = 0 if directory else status.st_size
            found[inner] = Stamp(directory, size, status.st_mtime_ns)
            if directory:
                _scan_into(found, entry.path, inner)
