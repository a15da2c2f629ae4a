// SPDX-License-Identifier: GPL-3.0-or-later
// The Registry provider: values as item properties.
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.IO;
using System.Linq;
using System.Management.Automation;
using Microsoft.Win32;

namespace Rehearsal {
    /// <summary>-Type of Set-ItemProperty and Set-Item on a registry path.</summary>
    public sealed class RegistryKindParameter {
        [Parameter(ValueFromPipelineByPropertyName = true)]
        public RegistryValueKind Type { get; set; } = RegistryValueKind.Unknown;

        public RegistryValueKind Kind(object value) => Type == RegistryValueKind.Unknown
            ? RegistryData.Infer(value is PSObject wrapped ? wrapped.BaseObject : value) : Type;
    }

    public sealed partial class RegistryProvider {
        static bool IsDefault(string name) =>
            name.Length == 0 || name.Equals("(default)", StringComparison.OrdinalIgnoreCase);

        static string Shown(RegistryEntry entry) => entry.Name.Length == 0 ? "(default)" : entry.Name;

        /// <summary>The values that the names or patterns select; a plain missing name is an error.</summary>
        List<RegistryEntry> Select(RegistryNode node, Collection<string> names, string path, bool wildcards) {
            if (names == null || names.Count == 0) { return node.Values.ToList(); }
            var found = new List<RegistryEntry>();
            foreach (var name in names) {
                var pattern = wildcards && WildcardPattern.ContainsWildcardCharacters(name)
                    ? new WildcardPattern(name, WildcardOptions.IgnoreCase) : null;
                var hits = pattern != null
                    ? node.Values.Where(v => pattern.IsMatch(Shown(v))).ToList()
                    : node.Values.Where(v => IsDefault(name) ? v.Name.Length == 0
                        : v.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).ToList();
                if (hits.Count == 0 && pattern == null) { Missing(name, path); }
                found.AddRange(hits.Where(h => !found.Contains(h)));
            }
            return found;
        }

        void Missing(string name, string path) {
            Report(new PSArgumentException($"Property {name} does not exist at path {path}."),
                ErrorCategory.InvalidArgument, path);
        }

        /// <summary>As the real provider shows it: expanded, and DWORDs over int.Max as unsigned.</summary>
        static object Visible(RegistryEntry entry) {
            if (entry.Data is int number && number < 0) { return unchecked((uint)number); }
            if (entry.Data is long big && big < 0) { return unchecked((ulong)big); }
            return entry.Kind == RegistryValueKind.ExpandString
                ? WorldEnvironment.Expand((string)entry.Data) : entry.Data;
        }

        public void GetProperty(string path, Collection<string> providerSpecificPickList) {
            var node = FindOrReport(path);
            if (node == null) { return; }
            var result = new PSObject();
            foreach (var entry in Select(node, providerSpecificPickList, node.Path, true)) {
                result.Properties.Add(new PSNoteProperty(Shown(entry), Visible(entry)));
            }
            if (result.Properties.Any()) { WritePropertyObject(result, node.Path); }
        }

        public object GetPropertyDynamicParameters(string path, Collection<string> names) => null;

        public void SetProperty(string path, PSObject propertyValue) {
            var node = FindOrReport(path);
            if (node == null || propertyValue == null) { return; }
            var kind = DynamicParameters as RegistryKindParameter ?? new RegistryKindParameter();
            foreach (var property in propertyValue.Properties.ToArray()) {
                if (!ShouldProcess($"Item: {node.Path} Property: {property.Name}", "Set Property")) { continue; }
                Store(node, property.Name, kind.Type, property.Value);
            }
        }

        void Store(RegistryNode node, string name, RegistryValueKind wanted, object value) {
            var bare = Bare(value) ?? "";
            var stored = IsDefault(name) ? "" : name;
            // Without -Type the kind of a value that exists already is kept, as SetValue's caller does.
            var kind = wanted != RegistryValueKind.Unknown ? wanted
                : node.Value(stored)?.Kind ?? RegistryData.Infer(bare);
            try {
                node.Set(stored, kind, bare);
            } catch (Exception problem) when (problem is FormatException || problem is InvalidCastException
                || problem is OverflowException) {
                Report(new ArgumentException(
                    "The type of the value object did not match the specified RegistryValueKind or the object could not be properly converted."),
                    ErrorCategory.WriteError, node.Path);
                return;
            }
            var written = new PSObject();
            written.Properties.Add(new PSNoteProperty(name, value));
            WritePropertyObject(written, node.Path);
        }

        public object SetPropertyDynamicParameters(string path, PSObject propertyValue) =>
            new RegistryKindParameter();

        public void ClearProperty(string path, Collection<string> propertyToClear) {
            var node = FindOrReport(path);
            if (node == null) { return; }
            foreach (var entry in Select(node, propertyToClear, node.Path, true)) {
                if (!ShouldProcess($"Item: {node.Path} Property: {Shown(entry)}", "Clear Property")) { continue; }
                node.Set(entry.Name, entry.Kind, Empty(entry.Kind));
            }
        }

        public object ClearPropertyDynamicParameters(string path, Collection<string> names) => null;

        static object Empty(RegistryValueKind kind) {
            switch (kind) {
                case RegistryValueKind.DWord:
                case RegistryValueKind.QWord: return 0;
                case RegistryValueKind.MultiString: return Array.Empty<string>();
                case RegistryValueKind.Binary: return Array.Empty<byte>();
                default: return "";
            }
        }

        public void NewProperty(string path, string propertyName, string propertyTypeName, object value) {
            var node = FindOrReport(path);
            if (node == null
                || !ShouldProcess($"Item: {node.Path} Property: {propertyName}", "New Property")) { return; }
            var name = IsDefault(propertyName) ? "" : propertyName;
            if (node.Value(name) != null && !Force) {
                Report(new IOException("The property already exists."), ErrorCategory.ResourceExists, node.Path);
                return;
            }
            var kind = RegistryValueKind.Unknown;
            if (!string.IsNullOrEmpty(propertyTypeName)
                && !Enum.TryParse(propertyTypeName, true, out kind)) {
                throw new ArgumentException($"Cannot bind parameter because parameter 'PropertyType' is not a RegistryValueKind: {propertyTypeName}");
            }
            if (node.Value(name) != null) { node.Remove(name); }
            var empty = value == null && kind != RegistryValueKind.Unknown;
            Store(node, propertyName, kind, empty ? Empty(kind) : value);
        }

        public object NewPropertyDynamicParameters(
            string path, string propertyName, string propertyTypeName, object value) => null;

        public void RemoveProperty(string path, string propertyName) {
            var node = FindOrReport(path);
            if (node == null) { return; }
            foreach (var entry in Select(node, new Collection<string> { propertyName }, node.Path, true)) {
                if (ShouldProcess($"Item: {node.Path} Property: {Shown(entry)}", "Remove Property")) {
                    node.Remove(entry.Name);
                }
            }
        }

        public object RemovePropertyDynamicParameters(string path, string propertyName) => null;

        public void RenameProperty(string path, string sourceProperty, string destinationProperty) {
            MoveProperty(path, sourceProperty, path, destinationProperty);
        }

        public object RenamePropertyDynamicParameters(string path, string source, string target) => null;

        public void CopyProperty(string sourcePath, string sourceProperty,
            string destinationPath, string destinationProperty) {
            var source = FindOrReport(sourcePath);
            var target = source == null ? null : FindOrReport(destinationPath);
            if (target == null) { return; }
            var names = new Collection<string> { sourceProperty };
            foreach (var entry in Select(source, names, source.Path, false)) {
                target.Set(destinationProperty, entry.Kind, entry.Data);
            }
        }

        public object CopyPropertyDynamicParameters(string sourcePath, string sourceProperty,
            string destinationPath, string destinationProperty) => null;

        public void MoveProperty(string sourcePath, string sourceProperty,
            string destinationPath, string destinationProperty) {
            CopyProperty(sourcePath, sourceProperty, destinationPath, destinationProperty);
            Find(sourcePath)?.Remove(IsDefault(sourceProperty) ? "" : sourceProperty);
        }

        public object MovePropertyDynamicParameters(string sourcePath, string sourceProperty,
            string destinationPath, string destinationProperty) => null;
    }
}
