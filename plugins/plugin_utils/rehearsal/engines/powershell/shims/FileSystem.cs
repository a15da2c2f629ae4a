// SPDX-License-Identifier: GPL-3.0-or-later
// The FileSystem provider on the host's folder: PowerShell's own (sealed) provider does the work, this
// one stands before it and gives it the real spelling of each path, because NTFS ignores case.
using System;
using System.Collections.Concurrent;
using System.Collections.ObjectModel;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;
using System.Reflection;
using Microsoft.PowerShell.Commands;

namespace Rehearsal {
    [CmdletProvider("FileSystem", ProviderCapabilities.Filter | ProviderCapabilities.ShouldProcess
        | ProviderCapabilities.Credentials)]
    public sealed partial class FileSystem : NavigationCmdletProvider,
        IContentCmdletProvider, IPropertyCmdletProvider {
        const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        static readonly ConcurrentDictionary<(string, int, string), MethodInfo> Methods =
            new ConcurrentDictionary<(string, int, string), MethodInfo>();
        static readonly PropertyInfo ContextProperty = typeof(CmdletProvider).GetProperty("Context", Any);
        static readonly MethodInfo SetInformation =
            typeof(CmdletProvider).GetMethod("SetProviderInformation", Any);
        readonly FileSystemProvider inner = new FileSystemProvider();

        object Inner(string name, params object[] arguments) {
            SetInformation.Invoke(inner, new object[] { ProviderInfo });
            ContextProperty.SetValue(inner, ContextProperty.GetValue(this));
            var types = string.Join(",", arguments.Select(a => a?.GetType().Name ?? "*"));
            var method = Methods.GetOrAdd((name, arguments.Length, types), _ => Lookup(name, arguments));
            return method.Invoke(inner, BindingFlags.DoNotWrapExceptions, null, arguments, null);
        }

        static MethodInfo Lookup(string name, object[] arguments) {
            return typeof(FileSystemProvider).GetMethods(Any).First(m => m.Name == name
                && m.GetParameters().Length == arguments.Length
                && m.GetParameters().Zip(arguments, (p, a) => a == null
                    ? !p.ParameterType.IsValueType : p.ParameterType.IsInstanceOfType(a)).All(fits => fits));
        }

        static string Real(string path) => PathMap.IsWindows(path) ? PathMap.Native(path) : PathMap.Spell(path);

        protected override ProviderInfo Start(ProviderInfo providerInfo) =>
            (ProviderInfo)Inner("Start", providerInfo);

        protected override Collection<PSDriveInfo> InitializeDefaultDrives() {
            var drives = new Collection<PSDriveInfo>();
            if (World.Current?.Root == null) { return drives; }
            foreach (var folder in Directory.GetDirectories(World.Current.Root).OrderBy(f => f)) {
                var name = Path.GetFileName(folder);
                if (name.Length == 1) {
                    drives.Add(new PSDriveInfo(name, ProviderInfo, folder, "", null));
                }
            }
            // The folder's own path, as GetUnresolvedProviderPathFromPSPath answers it, stays usable:
            // it lies on the drive of one slash that this engine knows on every Unix.
            var slash = new PSDriveInfo("/", ProviderInfo, "/", "", null);
            typeof(PSDriveInfo).GetProperty("VolumeSeparatedByColon", Any)?.SetValue(slash, false);
            drives.Add(slash);
            return drives;
        }

        protected override PSDriveInfo NewDrive(PSDriveInfo drive) {
            if (Directory.Exists(Real(drive.Root))) { return drive; }
            WriteError(new ErrorRecord(new IOException(
                $"The specified drive root \"{drive.Root}\" either does not exist, or it is not a folder."),
                "DriveRootError", ErrorCategory.ReadError, drive));
            return null;
        }

        protected override PSDriveInfo RemoveDrive(PSDriveInfo drive) => drive;
        protected override bool IsValidPath(string path) => true;
        protected override bool ItemExists(string path) => (bool)Inner("ItemExists", Real(path));
        protected override object ItemExistsDynamicParameters(string path) =>
            Inner("ItemExistsDynamicParameters", path);
        protected override bool IsItemContainer(string path) => (bool)Inner("IsItemContainer", Real(path));
        protected override bool HasChildItems(string path) => (bool)Inner("HasChildItems", Real(path));
        protected override void GetItem(string path) => Inner("GetItem", Real(path));
        protected override object GetItemDynamicParameters(string path) =>
            Inner("GetItemDynamicParameters", path);

        protected override void GetChildItems(string path, bool recurse) =>
            GetChildItems(path, recurse, uint.MaxValue);

        protected override void GetChildItems(string path, bool recurse, uint depth) =>
            Inner("GetChildItems", Real(path), recurse, depth);

        protected override object GetChildItemsDynamicParameters(string path, bool recurse) =>
            Inner("GetChildItemsDynamicParameters", path, recurse);

        protected override void GetChildNames(string path, ReturnContainers returnContainers) =>
            Inner("GetChildNames", Real(path), returnContainers);

        protected override object GetChildNamesDynamicParameters(string path) =>
            Inner("GetChildNamesDynamicParameters", path);

        protected override void NewItem(string path, string type, object value) =>
            Inner("NewItem", Real(path), type, value);

        protected override void RemoveItem(string path, bool recurse) =>
            Inner("RemoveItem", Real(path), recurse);

        protected override object RemoveItemDynamicParameters(string path, bool recurse) =>
            Inner("RemoveItemDynamicParameters", path, recurse);

        protected override void CopyItem(string path, string destination, bool recurse) =>
            Inner("CopyItem", Real(path), Real(destination), recurse);

        protected override object CopyItemDynamicParameters(string path, string destination, bool recurse) =>
            Inner("CopyItemDynamicParameters", path, destination, recurse);

        protected override void RenameItem(string path, string newName) {
            var old = Real(path);
            Inner("RenameItem", old, newName);
            Follow(old, Path.Combine(Path.GetDirectoryName(old), newName));
        }

        protected override void MoveItem(string path, string destination) {
            var old = Real(path);
            var target = Real(destination);
            if (Directory.Exists(target)) { target = Path.Combine(target, Path.GetFileName(old.TrimEnd('/'))); }
            Inner("MoveItem", old, Real(destination));
            Follow(old, target);
        }

        /// <summary>Owner and access list stay with what was moved.</summary>
        static void Follow(string from, string to) {
            if (!File.Exists(from) && !Directory.Exists(from)) {
                World.Current.Moved(PathMap.Windows(from.TrimEnd('/')), PathMap.Windows(to.TrimEnd('/')));
            }
        }

        protected override void InvokeDefaultAction(string path) => throw new NotSupportedException(
            "Files are not opened on the simulated host.");

        protected override string GetChildName(string path) {
            var plain = path.Replace('/', '\\').TrimEnd('\\');
            return PathMap.IsWindows(path) && plain.Length > 2
                ? plain.Substring(plain.LastIndexOf('\\') + 1) : (string)Inner("GetChildName", path);
        }

        protected override string GetParentPath(string path, string root) =>
            Like(path, (string)Inner("GetParentPath", path, root));

        protected override string MakePath(string parent, string child) {
            var path = Like(parent, base.MakePath(parent, child));
            return path.StartsWith("/", StringComparison.Ordinal) ? PathMap.Spell(path) : path;
        }

        /// <summary>Back slashes in what is still the script's path, slashes in what is the folder's.</summary>
        static string Like(string model, string path) =>
            model != null && model.StartsWith("/", StringComparison.Ordinal) ? path : path?.Replace('/', '\\');

        protected override string NormalizeRelativePath(string path, string basePath) =>
            (string)Inner("NormalizeRelativePath", Real(path), Real(basePath));

        protected override bool ConvertPath(string path, string filter,
            ref string updatedPath, ref string updatedFilter) => false;

        public void GetProperty(string path, Collection<string> names) => Inner("GetProperty", Real(path), names);
        public object GetPropertyDynamicParameters(string path, Collection<string> names) => null;
        public void SetProperty(string path, PSObject value) => Inner("SetProperty", Real(path), value);
        public object SetPropertyDynamicParameters(string path, PSObject value) => null;
        public void ClearProperty(string path, Collection<string> names) =>
            Inner("ClearProperty", Real(path), names);
        public object ClearPropertyDynamicParameters(string path, Collection<string> names) => null;
        public IContentReader GetContentReader(string path) =>
            (IContentReader)Inner("GetContentReader", Real(path));
        public object GetContentReaderDynamicParameters(string path) =>
            Inner("GetContentReaderDynamicParameters", path);
        public IContentWriter GetContentWriter(string path) =>
            (IContentWriter)Inner("GetContentWriter", Real(path));
        public object GetContentWriterDynamicParameters(string path) =>
            Inner("GetContentWriterDynamicParameters", path);
        public void ClearContent(string path) => Inner("ClearContent", Real(path));
        public object ClearContentDynamicParameters(string path) =>
            Inner("ClearContentDynamicParameters", path);
    }
}
