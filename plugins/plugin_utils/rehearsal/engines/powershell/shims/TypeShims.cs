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
            ["Environment"] = typeof(EnvironmentShim),
            ["Diagnostics.FileVersionInfo"] = typeof(FileVersionInfoShim),
            ["Diagnostics.Process"] = typeof(System.Diagnostics.Process),
            ["IO.Directory"] = typeof(DirectoryShim),
            ["IO.DriveInfo"] = typeof(DriveInfoShim),
            ["IO.File"] = typeof(FileShim),
            ["IO.FileStream"] = typeof(FileStreamShim),
            ["IO.Path"] = typeof(PathShim),
            ["IO.StreamReader"] = typeof(StreamReaderShim),
            ["IO.StreamWriter"] = typeof(StreamWriterShim),
            ["Net.WebRequest"] = typeof(WebRequestShim),
            ["Security.AccessControl.DirectorySecurity"] = typeof(FileSecurityShim),
            ["Security.AccessControl.FileSecurity"] = typeof(FileSecurityShim),
            ["Security.AccessControl.FileSystemAccessRule"] = typeof(FileSystemAccessRuleShim),
            ["Security.Principal.IdentityNotMappedException"] =
                typeof(System.Security.Principal.IdentityNotMappedException),
            ["Security.Principal.IdentityReference"] = typeof(IdentityReferenceShim),
            ["Security.Principal.NTAccount"] = typeof(NTAccountShim),
            ["Security.Principal.SecurityIdentifier"] = typeof(SecurityIdentifierShim),
            ["Security.Principal.WindowsIdentity"] = typeof(WindowsIdentityShim),
            ["Security.Principal.WindowsPrincipal"] = typeof(WindowsPrincipalShim),
            ["ServiceProcess.ServiceController"] = typeof(System.ServiceProcess.ServiceController),
        };

        public static readonly Dictionary<string, Type> Full = new Dictionary<string, Type> {
            ["Microsoft.Win32.Registry"] = typeof(Microsoft.Win32.Registry),
            ["Microsoft.Win32.RegistryKey"] = typeof(Microsoft.Win32.RegistryKey),
        };

        /// <summary>Members that show the Windows side of files and drives.</summary>
        public static IEnumerable<TypeData> Members() {
            var file = new TypeData(typeof(FileInfo));
            Property(file, nameof(FileMembers.FullName));
            Property(file, nameof(FileMembers.DirectoryName));
            Property(file, nameof(FileMembers.VersionInfo));
            Method(file, nameof(FileMembers.GetAccessControl));
            yield return file;
            var folder = new TypeData(typeof(DirectoryInfo));
            Property(folder, nameof(FileMembers.FullName));
            Method(folder, nameof(FileMembers.GetAccessControl));
            yield return folder;
            var drive = new TypeData(typeof(PSDriveInfo));
            Property(drive, nameof(DriveMembers.Used), typeof(DriveMembers));
            Property(drive, nameof(DriveMembers.Free), typeof(DriveMembers));
            Property(drive, nameof(DriveMembers.Root), typeof(DriveMembers));
            yield return drive;
        }

        static void Property(TypeData type, string member, Type owner = null) => type.Members.Add(
            member, new CodePropertyData(member, (owner ?? typeof(FileMembers)).GetMethod(member)));

        static void Method(TypeData type, string member) => type.Members.Add(
            member, new CodeMethodData(member, typeof(FileMembers).GetMethod(member)));
    }

    public static class FileMembers {
        static string Native(PSObject item) => ((FileSystemInfo)item.BaseObject).FullName;

        public static string FullName(PSObject item) => PathMap.Windows(Native(item));
        public static string DirectoryName(PSObject item) => PathMap.Windows(Path.GetDirectoryName(Native(item)));
        public static object VersionInfo(PSObject item) => FileVersionInfoShim.GetVersionInfo(Native(item));
        public static object GetAccessControl(PSObject item) =>
            new FileSecurityShim(Native(item), item.BaseObject is DirectoryInfo);
    }

    public static class DriveMembers {
        static DriveInfoShim Of(PSObject item) {
            var drive = (PSDriveInfo)item.BaseObject;
            if (drive.Provider.Name != "FileSystem" || drive.Name.Length != 1) { return null; }
            var info = char.IsAsciiLetter(drive.Name[0]) ? new DriveInfoShim(drive.Name) : null;
            return info != null && info.IsReady ? info : null;
        }

        public static object Used(PSObject item) {
            var drive = Of(item);
            return drive == null ? null : (object)(drive.TotalSize - drive.AvailableFreeSpace);
        }

        public static object Free(PSObject item) => Of(item)?.AvailableFreeSpace;

        public static string Root(PSObject item) {
            var root = ((PSDriveInfo)item.BaseObject).Root;
            return PathMap.Windows(root);
        }
    }
}
