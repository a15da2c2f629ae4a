// SPDX-License-Identifier: GPL-3.0-or-later
// appcmd.exe start apppool and stop apppool: the run-time state only, as the real ones; autoStart stays.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Rehearsal {
    static class PoolVerbs {
        const string NameKey = "/apppool.name:";

        internal static bool Known(string[] words) =>
            (Same(words[0], "start") || Same(words[0], "stop")) && Same(words[1].TrimEnd('s'), "apppool");

        internal static int Run(string[] words, string[] arguments, List<string> lines, bool xml) {
            var named = arguments.FirstOrDefault(a => a.StartsWith(NameKey, StringComparison.OrdinalIgnoreCase));
            var name = named?.Substring(NameKey.Length) ?? (words.Length > 2 ? words[2] : "");
            var host = XDocument.Load(AppCmd.Configuration).Root?.Element("system.applicationHost");
            var pool = AppCmd.Pools(host, xml).Select(p => p.Name).FirstOrDefault(n => Same(n, name));
            if (pool == null) {
                return AppCmd.Fail(lines, xml, $"Cannot find APPPOOL object with identifier \"{name}\".", "80070490");
            }
            var start = Same(words[0], "start");
            var state = AppCmd.State("app_pools", pool);
            if (!ServiceRuns("WAS")) {
                return AppCmd.Fail(lines, xml, "Command execution failed.\r\nThe service has not been started.", "80070426");
            }
            if (start && state == "Started") {
                return AppCmd.Fail(lines, xml, "Command execution failed.\r\nAn instance of the service is already running.", "80070420");
            }
            if (!start && state == "Stopped") {
                return AppCmd.Fail(lines, xml, "Command execution failed.\r\nThe service has not been started.", "80070426");
            }
            Become(pool, start ? "Started" : "Stopped");
            lines.Add($"\"{pool}\" successfully {(start ? "started" : "stopped")}");
            return 0;
        }

        static bool Same(string one, string other) => one.Equals(other, StringComparison.OrdinalIgnoreCase);

        static bool ServiceRuns(string name) =>
            World.Current.Section("services", name).Count == 0
            || World.Current.Text("services", name, "status") == "Running";

        static void Become(string pool, string state) {
            var known = World.Current.Section("iis_runtime", "app_pools");
            var spelled = known.Select(p => p.Key).FirstOrDefault(k => Same(k, pool)) ?? pool;
            known[spelled] = state;
            World.Current.Mutate("iis.app_pools", spelled, ("value", JsonValue.Create(state)));
        }
    }
}
