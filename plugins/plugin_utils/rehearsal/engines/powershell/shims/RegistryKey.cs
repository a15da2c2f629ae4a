// SPDX-License-Identifier: GPL-3.0-or-later
// Microsoft.Win32.RegistryKey and Registry over the simulated registry, under their own names.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Rehearsal;

namespace Microsoft.Win32 {
    public sealed class RegistryKey : IDisposable {
        readonly bool writable;
        internal RegistryNode Node { get; }

        internal RegistryKey(RegistryNode node, bool writable) {
            Node = node;
            this.writable = writable;
        }

        public string Name => Node.Path;
        public int SubKeyCount => Node.Keys.Count;
        public int ValueCount => Node.Values.Count;
        public RegistryView View => RegistryView.Default;

        public string[] GetSubKeyNames() => Node.Keys.Values.Select(k => k.Name).ToArray();
        public string[] GetValueNames() => Node.Values.Select(v => v.Name).ToArray();
        public object GetValue(string name) => GetValue(name, null);
        public object GetValue(string name, object defaultValue) =>
            GetValue(name, defaultValue, RegistryValueOptions.None);

        public object GetValue(string name, object defaultValue, RegistryValueOptions options) {
            var entry = Node.Value(name);
            if (entry == null) { return defaultValue; }
            var expands = entry.Kind == RegistryValueKind.ExpandString
                && (options & RegistryValueOptions.DoNotExpandEnvironmentNames) == 0;
            return expands ? WorldEnvironment.Expand((string)entry.Data) : entry.Data;
        }

        public RegistryValueKind GetValueKind(string name) {
            var entry = Node.Value(name);
            if (entry == null) {
                throw new IOException("The specified registry key does not exist.");
            }
            return entry.Kind;
        }

        public RegistryKey OpenSubKey(string name) => OpenSubKey(name, false);

        public RegistryKey OpenSubKey(string name, bool writable) {
            if (name == null) { throw new ArgumentNullException(nameof(name)); }
            var node = Walk(name);
            return node == null ? null : new RegistryKey(node, writable);
        }

        public RegistryKey CreateSubKey(string subkey) {
            var node = Node;
            foreach (var step in subkey.Split(new[] { '\\' }, StringSplitOptions.RemoveEmptyEntries)) {
                node = node.Keys.TryGetValue(step, out var next) ? next : node.Add(step);
            }
            return new RegistryKey(node, true);
        }

        public RegistryKey CreateSubKey(string subkey, bool writable) => CreateSubKey(subkey);

        public void SetValue(string name, object value) =>
            SetValue(name, value, RegistryData.Infer(value));

        public void SetValue(string name, object value, RegistryValueKind valueKind) {
            if (value == null) { throw new ArgumentNullException(nameof(value)); }
            Writable();
            var kind = valueKind == RegistryValueKind.Unknown ? RegistryData.Infer(value) : valueKind;
            Node.Set(name, kind, value);
        }

        public void DeleteValue(string name) => DeleteValue(name, true);

        public void DeleteValue(string name, bool throwOnMissingValue) {
            Writable();
            if (!Node.Remove(name) && throwOnMissingValue) {
                throw new ArgumentException("No value exists with that name.");
            }
        }

        public void DeleteSubKey(string subkey) {
            var node = Walk(subkey)
                ?? throw new ArgumentException("Cannot delete a subkey tree because the subkey does not exist.");
            if (node.Keys.Count > 0) {
                throw new InvalidOperationException(
                    "Registry key has subkeys and recursive removes are not supported by this method.");
            }
            node.Delete();
        }

        public void DeleteSubKeyTree(string subkey) {
            var node = Walk(subkey)
                ?? throw new ArgumentException("Cannot delete a subkey tree because the subkey does not exist.");
            node.Delete();
        }

        public static RegistryKey OpenBaseKey(RegistryHive hKey, RegistryView view) {
            var root = Registry.Hive(hKey);
            return view == RegistryView.Registry32 && hKey == RegistryHive.LocalMachine
                ? new RegistryKey(root.Node, true) { redirected = true } : root;
        }

        bool redirected;

        /// <summary>A sub-key by path; the 32-bit view finds SOFTWARE below WOW6432Node.</summary>
        RegistryNode Walk(string name) {
            var steps = name.Split(new[] { '\\' }, StringSplitOptions.RemoveEmptyEntries).ToList();
            if (redirected && steps.Count > 0
                && steps[0].Equals("SOFTWARE", StringComparison.OrdinalIgnoreCase)) {
                steps.Insert(1, "WOW6432Node");
            }
            var node = Node;
            foreach (var step in steps) {
                if (!node.Keys.TryGetValue(step, out node)) { return null; }
            }
            return node;
        }

        void Writable() {
            if (!writable) {
                throw new UnauthorizedAccessException("Cannot write to the registry key.");
            }
        }

        public void Flush() { }
        public void Close() { }
        public void Dispose() { }
        public override string ToString() => Name;
    }

    public static class Registry {
        public static RegistryKey LocalMachine => Hive(RegistryHive.LocalMachine);
        public static RegistryKey CurrentUser => Hive(RegistryHive.CurrentUser);
        public static RegistryKey ClassesRoot => Hive(RegistryHive.ClassesRoot);
        public static RegistryKey Users => Hive(RegistryHive.Users);
        public static RegistryKey CurrentConfig => Hive(RegistryHive.CurrentConfig);

        static readonly Dictionary<RegistryHive, string> Names = new Dictionary<RegistryHive, string> {
            [RegistryHive.LocalMachine] = "HKEY_LOCAL_MACHINE",
            [RegistryHive.CurrentUser] = "HKEY_CURRENT_USER",
            [RegistryHive.ClassesRoot] = "HKEY_CLASSES_ROOT",
            [RegistryHive.Users] = "HKEY_USERS",
            [RegistryHive.CurrentConfig] = "HKEY_CURRENT_CONFIG",
        };

        internal static RegistryKey Hive(RegistryHive hive) =>
            new RegistryKey(World.Current.Registry.Find(Names[hive]), true);

        public static object GetValue(string keyName, string valueName, object defaultValue) {
            var node = World.Current.Registry.Find(keyName);
            return node == null ? null : new RegistryKey(node, false).GetValue(valueName, defaultValue);
        }

        public static void SetValue(string keyName, string valueName, object value) {
            var node = World.Current.Registry.Create(keyName);
            new RegistryKey(node, true).SetValue(valueName, value);
        }
    }
}
