// SPDX-License-Identifier: GPL-3.0-or-later
// The simulated Windows host that one command sees: registry, services, files, session, clock.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;

namespace Rehearsal {
    /// <summary>A world as sent by the engine, with what the running command changed.</summary>
    public sealed class World {
        /// <summary>The world of the command that runs now; a worker runs one at a time.</summary>
        public static World Current { get; set; }

        public JsonObject Data { get; }
        public string Root { get; }
        public RegistryTree Registry { get; }
        public List<JsonObject> Mutations { get; } = new List<JsonObject>();
        public Dictionary<string, string> Environment { get; }
        readonly Dictionary<string, JsonObject> files;
        readonly HashSet<(string Path, string Fact)> recorded = new HashSet<(string, string)>();

        public World(JsonObject data, string root, int processId = 6000) {
            ProcessId = processId;
            Data = data;
            Root = root;
            Registry = new RegistryTree(this, Section("registry"));
            files = new Dictionary<string, JsonObject>(StringComparer.OrdinalIgnoreCase);
            foreach (var entry in Section("files")) {
                if (entry.Value is JsonObject file) { files[entry.Key.TrimEnd('\\')] = file; }
            }
            Environment = WorldEnvironment.Build(this);
            ProcessStarted = Text("now") == null ? UtcNow : UtcNow.AddMilliseconds(processId - 1000000);
        }

        /// <summary>Each command is a process of its own; ids are multiples of four, as Windows gives them.</summary>
        public int ProcessId { get; }
        /// <summary>When the command began, on the clock of the disk.</summary>
        public DateTime Began { get; } = DateTime.UtcNow;
        /// <summary>On a host whose clock stands still, later processes still start later.</summary>
        public DateTime ProcessStarted { get; private set; }

        public string Name => Text("name") ?? "HOST";
        public string Domain => Text("domain");
        public string ComputerName => Name.Split('.')[0].ToUpperInvariant();
        public Version PSVersion => Version.Parse(Text("powershell", "version") ?? "5.1.14393.0");
        public string LanguageMode => Text("powershell", "language_mode") ?? "FullLanguage";

        /// <summary>What the host's clock shows: the fixed time, or the real one plus the skew.</summary>
        public DateTime UtcNow {
            get {
                var now = Text("now");
                if (now != null) { return Time(now).AddTicks(advanced); }
                return DateTime.UtcNow.AddSeconds(Number("clock_offset_seconds") ?? 0).AddTicks(advanced);
            }
        }

        long advanced, told;

        /// <summary>In a task the clock moves instead of somebody waiting.</summary>
        public bool VirtualTime { get; set; }

        /// <summary>Programs that this command started.</summary>
        public int Started { get; set; }

        /// <summary>Effects of programs that ended in this command; the engine carries them out after it.</summary>
        public List<JsonObject> Left { get; } = new List<JsonObject>();

        public void Advance(double seconds) { advanced += (long)Math.Round(seconds * 1000) * TimeSpan.TicksPerMillisecond; }

        void TellTime() {
            if (advanced > told) { Mutate("clock", Name, ("seconds", (advanced - told) / (double)TimeSpan.TicksPerSecond)); }
            told = advanced;
        }

        /// <summary>A change in time: first how far the clock has moved.</summary>
        public void Tell(string kind, string target, params (string, JsonNode)[] more) {
            TellTime();
            Mutate(kind, target, more);
        }

        public JsonObject Section(params string[] path) {
            return Find(path) as JsonObject ?? new JsonObject();
        }

        public string Text(params string[] path) {
            var node = Find(path);
            return node == null ? null : node.ToString();
        }

        public double? Number(params string[] path) {
            var text = Text(path);
            return text == null ? (double?)null : double.Parse(text, CultureInfo.InvariantCulture);
        }

        public bool Flag(bool otherwise, params string[] path) {
            var node = Find(path);
            return node == null ? otherwise : node.GetValue<bool>();
        }

        JsonNode Find(string[] path) {
            JsonNode node = Data;
            foreach (var step in path) {
                node = (node as JsonObject)?[step];
                if (node == null) { return null; }
            }
            return node;
        }

        /// <summary>The world's record of a file by its Windows path, or null.</summary>
        public JsonObject File(string windowsPath) {
            return files.TryGetValue(windowsPath.TrimEnd('\\'), out var file) ? file : null;
        }

        /// <summary>Notes facts about a file that the folder on disk cannot hold (owner, ACL).</summary>
        public void RecordFile(string windowsPath, string fact, string value) {
            var key = windowsPath.TrimEnd('\\');
            // A fact of its own command: the entry is copied, what the worker keeps stays as it was.
            files[key] = files.TryGetValue(key, out var file) ? (JsonObject)file.DeepClone() : new JsonObject();
            files[key][fact] = value;
            recorded.Add((key, fact));
        }

        /// <summary>Facts go along when a file or folder gets another name.</summary>
        public void Moved(string from, string to) {
            foreach (var key in files.Keys.Where(k => Below(k, from)).ToArray()) {
                files[to + key.Substring(from.Length)] = files[key];
                files.Remove(key);
            }
            foreach (var (key, fact) in recorded.Where(r => Below(r.Path, from)).ToArray()) {
                recorded.Remove((key, fact));
                recorded.Add((to + key.Substring(from.Length), fact));
            }
        }

        static bool Below(string path, string folder) =>
            path.Equals(folder, StringComparison.OrdinalIgnoreCase)
            || path.StartsWith(folder + "\\", StringComparison.OrdinalIgnoreCase);

        /// <summary>At the end of the command: facts of what is still there become changes.</summary>
        public void Finish() {
            TellTime();
            foreach (var (key, fact) in recorded) {
                var native = PathMap.Native(key);
                if (System.IO.File.Exists(native) || System.IO.Directory.Exists(native)) {
                    Mutate("file." + fact, key, ("value", files[key][fact]?.DeepClone()));
                }
            }
        }

        public void Mutate(string kind, string target, params (string, JsonNode)[] more) {
            var entry = new JsonObject { ["kind"] = kind, ["target"] = target };
            foreach (var (name, value) in more) { entry[name] = value; }
            Mutations.Add(entry);
        }

        public static DateTime Time(string iso) {
            return DateTime.Parse(iso, CultureInfo.InvariantCulture,
                DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);
        }
    }

    /// <summary>Environment variables of a process on the simulated host.</summary>
    public static class WorldEnvironment {
        public static Dictionary<string, string> Build(World world) {
            var drive = world.Text("environment", "system_drive")
                ?? world.Text("environment", "SystemDrive") ?? "C:";
            var variables = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) {
                ["ALLUSERSPROFILE"] = drive + @"\ProgramData",
                ["COMPUTERNAME"] = world.ComputerName,
                ["ComSpec"] = drive + @"\Windows\system32\cmd.exe",
                ["CommonProgramFiles"] = drive + @"\Program Files\Common Files",
                ["CommonProgramFiles(x86)"] = drive + @"\Program Files (x86)\Common Files",
                ["NUMBER_OF_PROCESSORS"] = "4",
                ["OS"] = "Windows_NT",
                ["PATHEXT"] = ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
                ["PROCESSOR_ARCHITECTURE"] = world.Flag(true, "session", "process_64bit") ? "AMD64" : "x86",
                ["ProgramData"] = drive + @"\ProgramData",
                ["ProgramFiles"] = drive + @"\Program Files",
                ["ProgramFiles(x86)"] = drive + @"\Program Files (x86)",
                ["ProgramW6432"] = drive + @"\Program Files",
                ["PUBLIC"] = drive + @"\Users\Public",
                ["SystemDrive"] = drive,
                ["SystemRoot"] = drive + @"\Windows",
                ["TEMP"] = drive + @"\Windows\TEMP",
                ["TMP"] = drive + @"\Windows\TEMP",
                ["USERDOMAIN"] = (world.Domain ?? world.ComputerName).Split('.')[0].ToUpperInvariant(),
                ["USERNAME"] = world.Text("session", "user_name") ?? "Administrator",
                ["USERPROFILE"] = drive + @"\Users\Administrator",
                ["windir"] = drive + @"\Windows",
            };
            variables["Path"] = drive + @"\Windows\system32;" + drive + @"\Windows;"
                + drive + @"\Windows\System32\Wbem";
            if (!world.Flag(true, "session", "process_64bit")) {
                variables["PROCESSOR_ARCHITECTURE"] = "x86";
                variables["PROCESSOR_ARCHITEW6432"] = "AMD64";
                variables["ProgramFiles"] = variables["ProgramFiles(x86)"];
                variables["CommonProgramFiles"] = variables["CommonProgramFiles(x86)"];
            }
            foreach (var entry in world.Section("environment")) {
                if (entry.Value != null) { variables[entry.Key] = entry.Value.ToString(); }
            }
            return variables;
        }

        /// <summary>%NAME% replaced as ExpandEnvironmentStrings does: unknown names stay.</summary>
        public static string Expand(string text) {
            return System.Text.RegularExpressions.Regex.Replace(text, "%([^%]+)%", match =>
                World.Current.Environment.TryGetValue(match.Groups[1].Value, out var value)
                    ? value : match.Value);
        }
    }
}
