// SPDX-License-Identifier: GPL-3.0-or-later
// schtasks.exe and shutdown.exe. What they order is carried out by the engine after the command.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;

namespace Rehearsal {
    [Cmdlet(VerbsLifecycle.Invoke, "NativeShim")]
    public sealed class SchtasksShim : NativeShim {
        const string Missing = "ERROR: The system cannot find the file specified.";

        JsonObject Tasks {
            get {
                if (!(World.Current.Data["scheduled_tasks"] is JsonObject)) {
                    World.Current.Data["scheduled_tasks"] = new JsonObject();
                }
                return (JsonObject)World.Current.Data["scheduled_tasks"];
            }
        }

        protected override int Run(List<string> lines) {
            var verb = Arguments.FirstOrDefault()?.ToLowerInvariant();
            if (!World.Current.Flag(true, "session", "elevated") && verb != "/query") {
                return Fail(lines, "ERROR: Access is denied.");
            }
            var service = World.Current.Text("services", "Schedule", "status");
            if (service != null && service != "Running") { return Fail(lines, "ERROR: The RPC server is unavailable."); }
            var known = Tasks.Select(t => t.Key).FirstOrDefault(
                k => k.Equals(Option("/tn")?.TrimStart('\\'), StringComparison.OrdinalIgnoreCase));
            if (verb == "/create") { return Create(lines, known); }
            if (verb == "/query" && Option("/tn") == null) {
                lines.AddRange(Tasks.Select(t => $"\"\\{t.Key}\",\"N/A\",\"Ready\""));
                return 0;
            }
            if (known == null) { return Fail(lines, verb == null ? "ERROR: Invalid syntax." : Missing); }
            switch (verb) {
                case "/run":
                    World.Current.Tell("task.run", known);
                    return Say(lines, $"SUCCESS: Attempted to run the scheduled task \"{known}\".");
                case "/delete":
                    if (!Has("/f")) { return Fail(lines, "ERROR: The simulated schtasks.exe asks nobody: /F is missing."); }
                    Tasks.Remove(known);
                    World.Current.Tell("task.remove", known);
                    return Say(lines, $"SUCCESS: The scheduled task \"{known}\" was successfully deleted.");
                case "/query":
                    lines.Add(Has("/xml") ? Tasks[known]["xml"].ToString() : $"{known,-40} N/A                    Ready");
                    return 0;
                case "/end":
                    return Say(lines, $"SUCCESS: The scheduled task \"{known}\" has been terminated successfully.");
                default:
                    return Fail(lines, $"ERROR: Invalid argument/option - '{verb}'.");
            }
        }

        int Create(List<string> lines, string known) {
            var (name, file) = (Option("/tn")?.TrimStart('\\'), Option("/xml"));
            if (name == null || file == null) { return Fail(lines, "ERROR: The simulated schtasks.exe creates tasks from /XML only."); }
            if (known != null && !Has("/f")) { return Fail(lines, $"WARNING: The task name \"{name}\" already exists."); }
            string text;
            try {
                text = File.ReadAllText(PathMap.Native(file));
                var root = XDocument.Parse(text).Root;
                if (root.Name.LocalName != "Task") { throw new XmlException("unexpected node"); }
            } catch (IOException) {
                return Fail(lines, Missing);
            } catch (XmlException problem) {
                return Fail(lines, "ERROR: The task XML is malformed. " + problem.Message);
            }
            name = known ?? name;
            Tasks[name] = new JsonObject { ["xml"] = text };
            World.Current.Tell("task.put", name, ("xml", text));
            return Say(lines, $"SUCCESS: The scheduled task \"{name}\" has successfully been created.");
        }

        bool Has(string option) => Arguments.Any(a => a.Equals(option, StringComparison.OrdinalIgnoreCase));

        string Option(string option) {
            var at = Array.FindIndex(Arguments, a => a.Equals(option, StringComparison.OrdinalIgnoreCase));
            return at >= 0 && at + 1 < Arguments.Length ? Arguments[at + 1] : null;
        }

        static int Say(List<string> lines, string text) { lines.Add(text); return 0; }
        static int Fail(List<string> lines, string text) { lines.Add(text); return 1; }
    }

    [Cmdlet(VerbsLifecycle.Invoke, "NativeShim")]
    public sealed class ShutdownShim : NativeShim {
        const int AlreadyScheduled = 1190, NothingScheduled = 1116, AccessDenied = 5;

        protected override int Run(List<string> lines) {
            var world = World.Current;
            var planned = world.Data["shutdown"] != null;
            if (!world.Flag(true, "session", "elevated")) { lines.Add("Access is denied.(5)"); return AccessDenied; }
            if (Arguments.Contains("/a")) {
                if (!planned) { return NothingScheduled; }
                world.Data["shutdown"] = null;
                world.Tell("shutdown.cancel", world.Name);
                return 0;
            }
            if (planned) { lines.Add("A system shutdown has already been scheduled.(1190)"); return AlreadyScheduled; }
            var at = Array.IndexOf(Arguments, "/t");
            var delay = at >= 0 && at + 1 < Arguments.Length && int.TryParse(Arguments[at + 1], out var seconds) ? seconds : 30;
            world.Data["shutdown"] = new JsonObject { ["at"] = world.UtcNow.AddSeconds(delay).ToString("o") };
            world.Tell("shutdown", world.Name, ("seconds", delay));
            return 0;
        }
    }
}
