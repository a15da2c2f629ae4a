// SPDX-License-Identifier: GPL-3.0-or-later
// The registry as a tree in memory, and the .NET classes through which scripts see it.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;
using Microsoft.Win32;

namespace Rehearsal {
    public sealed class RegistryEntry {
        public string Name;
        public RegistryValueKind Kind;
        public object Data;   // as .NET returns it without expansion: string, int, long, string[], byte[]
    }

    public sealed class RegistryNode {
        public RegistryTree Tree;
        public RegistryNode Parent;
        public string Name;
        public readonly SortedDictionary<string, RegistryNode> Keys =
            new SortedDictionary<string, RegistryNode>(StringComparer.OrdinalIgnoreCase);
        public readonly List<RegistryEntry> Values = new List<RegistryEntry>();

        /// <summary>HKEY_LOCAL_MACHINE\SOFTWARE\...</summary>
        public string Path => Parent == null || Parent.Parent == null ? Name : Parent.Path + "\\" + Name;

        public RegistryEntry Value(string name) {
            return Values.FirstOrDefault(
                v => string.Equals(v.Name, name ?? "", StringComparison.OrdinalIgnoreCase));
        }

        public void Set(string name, RegistryValueKind kind, object data) {
            var entry = Value(name);
            if (entry == null) { Values.Add(entry = new RegistryEntry { Name = name ?? "" }); }
            entry.Kind = kind;
            entry.Data = RegistryData.Coerce(kind, data);
            Tree.Note("registry.set", this, ("name", entry.Name), ("type", kind.ToString()),
                ("value", RegistryData.ToJson(entry)));
        }

        public bool Remove(string name) {
            var entry = Value(name);
            if (entry == null) { return false; }
            Values.Remove(entry);
            Tree.Note("registry.remove-value", this, ("name", entry.Name));
            return true;
        }

        public RegistryNode Add(string name) {
            var node = new RegistryNode { Tree = Tree, Parent = this, Name = name };
            Keys[name] = node;
            Tree.Note("registry.create-key", node);
            return node;
        }

        public void Delete() {
            Parent.Keys.Remove(Name);
            Tree.Note("registry.remove-key", this);
        }
    }

    public sealed class RegistryTree {
        static readonly Dictionary<string, string> Hives =
            new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) {
                ["HKLM"] = "HKEY_LOCAL_MACHINE", ["HKCU"] = "HKEY_CURRENT_USER",
                ["HKCR"] = "HKEY_CLASSES_ROOT", ["HKU"] = "HKEY_USERS",
                ["HKCC"] = "HKEY_CURRENT_CONFIG",
            };
        readonly World world;
        readonly bool loading;
        public RegistryNode Top { get; }

        public RegistryTree(World world, JsonObject keys) {
            this.world = world;
            Top = new RegistryNode { Tree = this, Name = "" };
            loading = true;
            foreach (var hive in Hives.Values) { Top.Add(hive); }
            foreach (var key in keys) {
                var node = Create(key.Key);
                if (key.Value is JsonObject values) {
                    foreach (var value in values) { Load(node, value.Key, value.Value); }
                }
            }
            loading = false;
        }

        static void Load(RegistryNode node, string name, JsonNode value) {
            var kind = (RegistryValueKind)Enum.Parse(
                typeof(RegistryValueKind), value["type"].ToString(), true);
            node.Set(name == "(default)" ? "" : name, kind, RegistryData.FromJson(kind, value["value"]));
        }

        static IEnumerable<string> Steps(string path) {
            var steps = path.Split(new[] { '\\' }, StringSplitOptions.RemoveEmptyEntries);
            if (steps.Length > 0) {
                if (steps[0].EndsWith(":")) { steps[0] = steps[0].TrimEnd(':'); }
                if (Hives.TryGetValue(steps[0], out var hive)) { steps[0] = hive; }
            }
            return steps;
        }

        public RegistryNode Find(string path) {
            var node = Top;
            foreach (var step in Steps(path)) {
                if (!node.Keys.TryGetValue(step, out node)) { return null; }
            }
            return node;
        }

        public RegistryNode Create(string path) {
            var node = Top;
            foreach (var step in Steps(path)) {
                node = node.Keys.TryGetValue(step, out var next) ? next : node.Add(step);
            }
            return node;
        }

        /// <summary>Records a change, with the key as the world spells hives (HKLM\...).</summary>
        internal void Note(string kind, RegistryNode node, params (string, JsonNode)[] more) {
            if (loading) { return; }
            var path = node.Path;
            foreach (var hive in Hives) {
                if (path == hive.Value || path.StartsWith(hive.Value + "\\")) {
                    path = hive.Key + path.Substring(hive.Value.Length);
                    break;
                }
            }
            world.Mutate(kind, path, more);
        }
    }

    public static class RegistryData {
        public static object FromJson(RegistryValueKind kind, JsonNode node) {
            switch (kind) {
                case RegistryValueKind.MultiString:
                    return node is JsonArray lines
                        ? lines.Select(Text).ToArray() : new[] { Text(node) };
                case RegistryValueKind.Binary:
                case RegistryValueKind.None:
                    return node is JsonArray bytes
                        ? bytes.Select(b => (byte)b.GetValue<int>()).ToArray() : Bytes(node?.ToString() ?? "");
                case RegistryValueKind.DWord:
                case RegistryValueKind.QWord:
                    return decimal.Parse(node.ToString(), CultureInfo.InvariantCulture);
                default:
                    return Text(node);
            }
        }

        /// <summary>A JSON string as it is, lone surrogates too, which the parser refuses to hand out.</summary>
        static string Text(JsonNode node) {
            if (node == null) { return ""; }
            try {
                return node.ToString();
            } catch (InvalidOperationException) {
                var raw = node.GetValue<System.Text.Json.JsonElement>().GetRawText();
                return System.Text.RegularExpressions.Regex.Unescape(raw.Substring(1, raw.Length - 2).Replace("\\/", "/"));
            }
        }

        static byte[] Bytes(string text) {
            var hex = text.Replace(",", "").Replace(" ", "");
            return hex.Length % 2 == 0 && hex.All(Uri.IsHexDigit)
                ? Convert.FromHexString(hex) : Convert.FromBase64String(text);
        }

        public static JsonNode ToJson(RegistryEntry entry) {
            if (entry.Data is string[] lines) {
                return new JsonArray(lines.Select(l => (JsonNode)JsonValue.Create(l)).ToArray());
            }
            if (entry.Data is byte[] bytes) {
                return new JsonArray(bytes.Select(b => (JsonNode)JsonValue.Create((int)b)).ToArray());
            }
            if (entry.Data is int number) { return JsonValue.Create((long)unchecked((uint)number)); }
            if (entry.Data is long big) { return JsonValue.Create(unchecked((ulong)big)); }
            return JsonValue.Create(entry.Data.ToString());
        }

        /// <summary>The kind that .NET's SetValue picks when none is given.</summary>
        public static RegistryValueKind Infer(object data) {
            if (data is int) { return RegistryValueKind.DWord; }
            if (data is long) { return RegistryValueKind.QWord; }
            if (data is byte[]) { return RegistryValueKind.Binary; }
            return data is string[] || data is object[]
                ? RegistryValueKind.MultiString : RegistryValueKind.String;
        }

        public static object Coerce(RegistryValueKind kind, object data) {
            switch (kind) {
                case RegistryValueKind.DWord:
                    return unchecked((int)(uint)(long)Whole(data));
                case RegistryValueKind.QWord:
                    var whole = Whole(data);
                    return whole > long.MaxValue ? unchecked((long)(ulong)whole) : (long)whole;
                case RegistryValueKind.MultiString:
                    return data is string single ? new[] { single }
                        : ((System.Collections.IEnumerable)data).Cast<object>()
                            .Select(o => Convert.ToString(o, CultureInfo.InvariantCulture)).ToArray();
                case RegistryValueKind.Binary:
                case RegistryValueKind.None:
                    return data as byte[] ?? ((System.Collections.IEnumerable)data).Cast<object>()
                        .Select(o => Convert.ToByte(o, CultureInfo.InvariantCulture)).ToArray();
                default:
                    return Convert.ToString(data, CultureInfo.InvariantCulture) ?? "";
            }
        }

        static decimal Whole(object data) {
            return Convert.ToDecimal(data, CultureInfo.InvariantCulture);
        }
    }
}
