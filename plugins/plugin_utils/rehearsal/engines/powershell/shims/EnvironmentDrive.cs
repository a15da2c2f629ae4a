// SPDX-License-Identifier: GPL-3.0-or-later
// The Environment provider with Windows' rule for names: case does not count.
using System;
using System.Collections;
using System.Collections.ObjectModel;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;

namespace Rehearsal {
    [CmdletProvider("Environment", ProviderCapabilities.ShouldProcess)]
    public sealed class EnvironmentDrive : ContainerCmdletProvider, IContentCmdletProvider {
        protected override Collection<PSDriveInfo> InitializeDefaultDrives() => new Collection<PSDriveInfo> {
            new PSDriveInfo("Env", ProviderInfo, "", "", null),
        };

        internal static string Spelled(string path) {
            var name = (path ?? "").Trim('\\', '/');
            return Names().FirstOrDefault(n => n.Equals(name, StringComparison.OrdinalIgnoreCase));
        }

        static string[] Names() => System.Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(n => n != "TZ").OrderBy(n => n, StringComparer.OrdinalIgnoreCase).ToArray();

        static string Value(string name) => System.Environment.GetEnvironmentVariable(name);

        void Write(string name) => WriteItemObject(new DictionaryEntry(name, Value(name)), name, false);

        void Store(string path, string value) {
            var name = Spelled(path) ?? path.Trim('\\', '/');
            if (ShouldProcess($"Item: {name} Value: {value}", "Set Item")) {
                System.Environment.SetEnvironmentVariable(name, string.IsNullOrEmpty(value) ? null : value);
            }
        }

        protected override bool IsValidPath(string path) => true;
        protected override bool ItemExists(string path) => string.IsNullOrEmpty(path) || Spelled(path) != null;
        protected override bool HasChildItems(string path) => string.IsNullOrEmpty(path);

        protected override void GetItem(string path) {
            if (string.IsNullOrEmpty(path)) { GetChildItems(path, false); return; }
            var name = Spelled(path);
            if (name != null) { Write(name); }
        }

        protected override void GetChildItems(string path, bool recurse) {
            foreach (var name in string.IsNullOrEmpty(path) ? Names() : new[] { Spelled(path) }) { Write(name); }
        }

        protected override void GetChildNames(string path, ReturnContainers returnContainers) {
            foreach (var name in Names()) { WriteItemObject(name, name, false); }
        }

        protected override void SetItem(string path, object value) =>
            Store(path, LanguagePrimitives.ConvertTo<string>(value is DictionaryEntry entry ? entry.Value : value));
        protected override void ClearItem(string path) => Store(path, null);
        protected override void RemoveItem(string path, bool recurse) => Store(path, null);
        protected override void NewItem(string path, string itemTypeName, object newItemValue) {
            Store(path, LanguagePrimitives.ConvertTo<string>(newItemValue));
            GetItem(path);
        }

        public void ClearContent(string path) => ClearItem(path);
        public object ClearContentDynamicParameters(string path) => null;
        public IContentReader GetContentReader(string path) => new Content(this, path);
        public object GetContentReaderDynamicParameters(string path) => null;
        public IContentWriter GetContentWriter(string path) => new Content(this, path);
        public object GetContentWriterDynamicParameters(string path) => null;

        sealed class Content : IContentReader, IContentWriter {
            readonly EnvironmentDrive drive;
            readonly string path;
            bool read;

            public Content(EnvironmentDrive drive, string path) {
                this.drive = drive;
                this.path = path;
            }

            public IList Read(long readCount) {
                var name = Spelled(path);
                if (read || name == null) { return null; }
                read = true;
                return new object[] { Value(name) };
            }

            public IList Write(IList content) {
                drive.Store(path, content.Count == 0 ? null : LanguagePrimitives.ConvertTo<string>(content[0]));
                return content;
            }

            public void Seek(long offset, SeekOrigin origin) => throw new PSNotSupportedException();
            public void Close() { }
            public void Dispose() { }
        }
    }
}
