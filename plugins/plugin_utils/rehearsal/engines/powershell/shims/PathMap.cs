// SPDX-License-Identifier: GPL-3.0-or-later
// Windows paths to the folder that plays the host's drives, and back.
using System;
using System.IO;
using System.Linq;

namespace Rehearsal {
    /// <summary>
    /// The host's drive C: is the folder ROOT/C. Names are matched without regard to case, like NTFS;
    /// what does not exist yet keeps the spelling it was asked for.
    /// </summary>
    public static class PathMap {
        static string Root => World.Current?.Root;

        public static bool IsWindows(string path) =>
            path != null && path.Length >= 2 && path[1] == ':' && char.IsAsciiLetter(path[0]);

        /// <summary>A path that .NET can open: Windows paths mapped, spelling corrected.</summary>
        public static string Native(string path) {
            if (string.IsNullOrEmpty(path) || Root == null) { return path; }
            if (path.StartsWith(@"\\?\") || path.StartsWith(@"\\.\")) { path = path.Substring(4); }
            if (IsWindows(path)) {
                var tail = path.Substring(2).Replace('\\', '/').TrimStart('/');
                return Spell(Path.Combine(Root, char.ToUpperInvariant(path[0]).ToString(), tail));
            }
            if (path.StartsWith(Root, StringComparison.Ordinal)) { return Spell(path); }
            // Shares of other servers lie beside the drives.
            if (path.StartsWith(@"\\")) { return Spell(Root + "/UNC/" + path.Substring(2)); }
            if (path[0] == '/') { return path; }
            var drive = Root + "/C/";
            return Spell(drive + path.Replace('\\', '/').TrimStart('/'));
        }

        /// <summary>C:\... of a path below the host's folder; any other path stays as it is.</summary>
        public static string Windows(string path) {
            if (Root == null || path == null || !path.StartsWith(Root + "/", StringComparison.Ordinal)) {
                return path;
            }
            var inner = path.Substring(Root.Length + 1);
            if (inner.StartsWith("UNC/")) { return @"\\" + inner.Substring(4).Replace('/', '\\'); }
            if (inner.Length == 0 || (inner.Length > 1 && inner[1] != '/')) { return path; }
            var tail = inner.Length > 1 ? inner.Substring(2) : "";
            return inner[0] + @":\" + tail.Replace('/', '\\');
        }

        /// <summary>Replaces each step by the name that the folder really has.</summary>
        public static string Spell(string path) {
            path = path.Replace('\\', '/');
            if (Root == null || !path.StartsWith(Root + "/", StringComparison.Ordinal)) { return path; }
            if (Exists(path)) { return path; }
            var steps = path.Substring(Root.Length).Split('/', StringSplitOptions.RemoveEmptyEntries);
            var spelled = Root;
            for (var i = 0; i < steps.Length; i++) {
                var next = spelled + "/" + steps[i];
                if (steps[i] != ".." && steps[i] != "." && !Exists(next)) {
                    var real = Directory.Exists(spelled) ? Directory.EnumerateFileSystemEntries(spelled)
                        .FirstOrDefault(e => Path.GetFileName(e).Equals(
                            steps[i], StringComparison.OrdinalIgnoreCase)) : null;
                    if (real == null) {
                        return spelled + "/" + string.Join("/", steps.Skip(i))
                            + (path.EndsWith("/") ? "/" : "");
                    }
                    next = real;
                }
                spelled = next;
            }
            return spelled + (path.EndsWith("/") ? "/" : "");
        }

        static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);
    }
}
