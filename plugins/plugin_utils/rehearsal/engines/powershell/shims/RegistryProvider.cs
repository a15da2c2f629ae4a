// SPDX-License-Identifier: GPL-3.0-or-later
// The Registry provider: items. Properties are in RegistryProperties.cs.
using System;
using System.Collections.ObjectModel;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;
using Microsoft.Win32;

namespace Rehearsal {
    [CmdletProvider("Registry", ProviderCapabilities.ShouldProcess)]
    [OutputType(typeof(RegistryKey), ProviderCmdlet = "Get-Item")]
    [OutputType(typeof(RegistryKey), ProviderCmdlet = "Get-ChildItem")]
    public sealed partial class RegistryProvider : NavigationCmdletProvider,
        IPropertyCmdletProvider, IDynamicPropertyCmdletProvider {
        const string NotThere = "The registry key at the specified path does not exist.";

        public override char ItemSeparator => '\\';
        public override char AltItemSeparator => '\\';

        protected override Collection<PSDriveInfo> InitializeDefaultDrives() {
            return new Collection<PSDriveInfo> {
                new PSDriveInfo("HKLM", ProviderInfo, "HKEY_LOCAL_MACHINE",
                    "The configuration settings for the local computer", null),
                new PSDriveInfo("HKCU", ProviderInfo, "HKEY_CURRENT_USER",
                    "The software settings for the current user", null),
            };
        }

        protected override PSDriveInfo NewDrive(PSDriveInfo drive) {
            if (Find(drive.Root) == null) {
                WriteError(new ErrorRecord(new ArgumentException("Drive root does not exist or is not a folder."),
                    "NewDriveRootDoesNotExist", ErrorCategory.ReadError, drive));
                return null;
            }
            return drive;
        }

        static string Clean(string path) => (path ?? "").Replace('/', '\\').Trim('\\');

        static RegistryNode Find(string path) => World.Current.Registry.Find(Clean(path));

        RegistryNode FindOrReport(string path) {
            var node = Find(path);
            if (node == null) {
                var problem = new ArgumentException(NotThere);
                WriteError(new ErrorRecord(
                    problem, problem.GetType().FullName, ErrorCategory.InvalidArgument, path));
            }
            return node;
        }

        void WriteKey(RegistryNode node) {
            var item = new PSObject(new RegistryKey(node, true));
            var names = node.Values.Select(v => v.Name.Length == 0 ? "(default)" : v.Name).ToArray();
            item.Properties.Add(new PSNoteProperty("Property", names));
            WriteItemObject(item, node.Path, true);
        }

        protected override bool IsValidPath(string path) => true;
        protected override bool ItemExists(string path) => Find(path) != null;
        protected override bool IsItemContainer(string path) => Find(path) != null;
        protected override bool HasChildItems(string path) => Find(path)?.Keys.Count > 0;

        protected override string GetParentPath(string path, string root) =>
            base.GetParentPath(path, root).Replace('/', '\\');

        protected override string GetChildName(string path) =>
            Clean(path).Substring(Clean(path).LastIndexOf('\\') + 1);

        protected override string MakePath(string parent, string child) =>
            base.MakePath(parent, child).Replace('/', '\\');

        protected override string NormalizeRelativePath(string path, string basePath) =>
            base.NormalizeRelativePath(path, basePath).Replace('/', '\\');

        protected override void GetItem(string path) {
            var node = FindOrReport(path);
            if (node != null) { WriteKey(node); }
        }

        protected override void GetChildItems(string path, bool recurse) =>
            GetChildItems(path, recurse, uint.MaxValue);

        protected override void GetChildItems(string path, bool recurse, uint depth) {
            var node = FindOrReport(path);
            if (node == null) { return; }
            foreach (var child in node.Keys.Values.ToArray()) {
                if (Stopping) { return; }
                WriteKey(child);
                if (recurse && depth > 0) {
                    GetChildItems(child.Path, true, depth == uint.MaxValue ? depth : depth - 1);
                }
            }
        }

        protected override void GetChildNames(string path, ReturnContainers returnContainers) {
            var node = FindOrReport(path);
            if (node == null) { return; }
            foreach (var child in node.Keys.Values.ToArray()) {
                WriteItemObject(child.Name, child.Path, true);
            }
        }

        protected override void NewItem(string path, string itemTypeName, object newItemValue) {
            var full = Clean(path);
            if (!ShouldProcess(full, "New Key")) { return; }
            var existing = Find(full);
            if (existing != null) {
                if (!Force) {
                    Report(new IOException("A key in this path already exists."),
                        ErrorCategory.ResourceExists, existing);
                    return;
                }
                existing.Delete();
            }
            var parent = full.Contains('\\') ? full.Substring(0, full.LastIndexOf('\\')) : "";
            if (!Force && FindOrReport(parent) == null) { return; }
            var node = World.Current.Registry.Create(full);
            if (newItemValue != null) { node.Set("", RegistryData.Infer(Bare(newItemValue)), Bare(newItemValue)); }
            WriteKey(node);
        }

        protected override void RemoveItem(string path, bool recurse) {
            var node = FindOrReport(path);
            if (node != null && ShouldProcess(node.Path, "Remove Key")) { node.Delete(); }
        }

        protected override void SetItem(string path, object value) {
            var node = FindOrReport(path);
            if (node == null || !ShouldProcess(node.Path, "Set Default Value")) { return; }
            node.Set("", (DynamicParameters as RegistryKindParameter)?.Kind(value)
                ?? RegistryData.Infer(Bare(value)), Bare(value));
            WriteItemObject(value, path, false);
        }

        protected override object SetItemDynamicParameters(string path, object value) =>
            new RegistryKindParameter();

        protected override void ClearItem(string path) {
            var node = FindOrReport(path);
            if (node == null || !ShouldProcess(node.Path, "Clear Key")) { return; }
            foreach (var value in node.Values.ToArray()) { node.Remove(value.Name); }
            WriteKey(node);
        }

        protected override void RenameItem(string path, string newName) {
            var node = FindOrReport(path);
            if (node == null || !ShouldProcess(node.Path, "Rename Key")) { return; }
            if (node.Parent.Keys.ContainsKey(newName)) {
                Report(new InvalidOperationException(
                    $"Cannot rename the item because the target '{newName}' already exists."),
                    ErrorCategory.InvalidArgument, node);
                return;
            }
            var renamed = Copy(node, node.Parent, newName);
            node.Delete();
            WriteKey(renamed);
        }

        protected override void CopyItem(string path, string copyPath, bool recurse) {
            var node = FindOrReport(path);
            if (node == null || !ShouldProcess(node.Path, "Copy Key")) { return; }
            var target = Find(copyPath);
            var parent = target ?? World.Current.Registry.Create(
                Clean(copyPath).Substring(0, Clean(copyPath).LastIndexOf('\\')));
            var name = target != null ? node.Name : GetChildName(copyPath);
            WriteKey(Copy(node, parent, name, recurse));
        }

        static RegistryNode Copy(RegistryNode node, RegistryNode parent, string name, bool deep = true) {
            var copy = parent.Keys.TryGetValue(name, out var there) ? there : parent.Add(name);
            foreach (var value in node.Values) { copy.Set(value.Name, value.Kind, value.Data); }
            if (deep) {
                foreach (var child in node.Keys.Values.ToArray()) { Copy(child, copy, child.Name); }
            }
            return copy;
        }

        void Report(Exception problem, ErrorCategory category, object target) {
            WriteError(new ErrorRecord(problem, problem.GetType().FullName, category, target));
        }

        static object Bare(object value) => value is PSObject wrapped ? wrapped.BaseObject : value;
    }
}
