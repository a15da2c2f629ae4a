// SPDX-License-Identifier: GPL-3.0-or-later
// Which .NET types scripts get in another shape, and which members of real ones are replaced.
using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace Rehearsal {
    public static class TypeShims {
        /// <summary>Type names as scripts write them, without "System.".</summary>
        public static readonly Dictionary<string, Type> All = new Dictionary<string, Type> {
            ["Console"] = typeof(ConsoleShim),
        };

        public static readonly Dictionary<string, Type> Full = new Dictionary<string, Type> {
            ["Microsoft.Win32.Registry"] = typeof(Microsoft.Win32.Registry),
            ["Microsoft.Win32.RegistryKey"] = typeof(Microsoft.Win32.RegistryKey),
        };

        /// <summary>Members that show the Windows side of a file object.</summary>
        public static IEnumerable<TypeData> Members() {
            var file = new TypeData(typeof(FileInfo));
            Add(file, "FullName", nameof(FileMembers.FullName));
            Add(file, "DirectoryName", nameof(FileMembers.DirectoryName));
            yield return file;
            var folder = new TypeData(typeof(DirectoryInfo));
            Add(folder, "FullName", nameof(FileMembers.FullName));
            yield return folder;
        }

        static void Add(TypeData type, string member, string method) {
            type.Members.Add(member, new CodePropertyData(member, typeof(FileMembers).GetMethod(method)));
        }
    }

    public static class FileMembers {
        public static string FullName(PSObject item) =>
            PathMap.Windows(((FileSystemInfo)item.BaseObject).FullName);

        public static string DirectoryName(PSObject item) =>
            PathMap.Windows(((FileInfo)item.BaseObject).DirectoryName);
    }
}
