// SPDX-License-Identifier: GPL-3.0-or-later
// The few programs of Windows that scripts start: answered in process instead of started.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Security;
using System.Xml.Linq;

namespace Rehearsal {
    public static class NativeCommands {
        static readonly Dictionary<string, Type> Shims =
            new Dictionary<string, Type>(StringComparer.OrdinalIgnoreCase) {
                ["appcmd"] = typeof(AppCmdShim), ["whoami"] = typeof(WhoAmIShim),
                ["hostname"] = typeof(HostNameShim), ["schtasks"] = typeof(SchtasksShim),
                ["shutdown"] = typeof(ShutdownShim),
            };

        /// <summary>Makes the command lookup find the shim for appcmd.exe and the like, also by full path.</summary>
        public static void Attach(Runspace runspace) {
            runspace.SessionStateProxy.InvokeCommand.PreCommandLookupAction = (sender, found) => {
                var name = found.CommandName.Substring(found.CommandName.LastIndexOfAny(new[] { '\\', '/' }) + 1);
                name = name.EndsWith(".exe", StringComparison.OrdinalIgnoreCase) ? name[..^4] : name;
                if (!Shims.TryGetValue(name, out var type) || !Installed(name)) { return; }
                found.Command = new CmdletInfo("Invoke-NativeShim", type);
                found.StopSearch = true;
            };
        }

        /// <summary>appcmd.exe comes with IIS, the others with Windows.</summary>
        static bool Installed(string name) =>
            !name.Equals("appcmd", StringComparison.OrdinalIgnoreCase) || File.Exists(AppCmd.Configuration);
    }

    /// <summary>A program: its arguments in, lines and an exit code out.</summary>
    public abstract class NativeShim : PSCmdlet {
        [Parameter(ValueFromRemainingArguments = true)]
        public string[] Arguments { get; set; } = Array.Empty<string>();

        [Parameter(ValueFromPipeline = true)]
        public object InputObject { get; set; }

        protected abstract int Run(List<string> lines);

        protected override void EndProcessing() {
            var lines = new List<string>();
            var code = Run(lines);
            WriteObject(lines, true);
            SessionState.PSVariable.Set(new PSVariable("global:LASTEXITCODE", code));
        }
    }

    [Cmdlet(VerbsLifecycle.Invoke, "NativeShim")]
    public sealed class AppCmdShim : NativeShim {
        protected override int Run(List<string> lines) => AppCmd.Run(Arguments, lines);
    }

    [Cmdlet(VerbsLifecycle.Invoke, "NativeShim")]
    public sealed class HostNameShim : NativeShim {
        protected override int Run(List<string> lines) {
            lines.Add(World.Current.ComputerName);
            return 0;
        }
    }

    [Cmdlet(VerbsLifecycle.Invoke, "NativeShim")]
    public sealed class WhoAmIShim : NativeShim {
        protected override int Run(List<string> lines) {
            var identity = WindowsIdentityShim.GetCurrent();
            var name = identity.Name.ToLowerInvariant();
            if (Arguments.Length == 0) {
                lines.Add(name);
                return 0;
            }
            if (Arguments[0].Equals("/user", StringComparison.OrdinalIgnoreCase)) {
                var csv = string.Join(" ", Arguments).Contains("csv", StringComparison.OrdinalIgnoreCase);
                lines.Add(csv ? $"\"{name}\",\"{identity.User}\"" : $"{name} {identity.User}");
                return 0;
            }
            lines.Add($"ERROR: Invalid argument/option - '{Arguments[0]}'.");
            return 1;
        }
    }

    /// <summary>appcmd.exe list site|apppool [name] [/xml], from applicationHost.config and the run-time state.</summary>
    public static class AppCmd {
        internal static string Configuration => PathMap.Native(
            World.Current.Environment["SystemRoot"] + @"\System32\inetsrv\config\applicationHost.config");

        public static int Run(string[] arguments, List<string> lines) {
            var words = arguments.Where(a => !a.StartsWith("/") && !a.StartsWith("-")).ToArray();
            var xml = arguments.Any(a => a.Equals("/xml", StringComparison.OrdinalIgnoreCase)
                || a.Equals("/xml:*", StringComparison.OrdinalIgnoreCase));
            if (words.Length >= 2 && PoolVerbs.Known(words)) { return PoolVerbs.Run(words, arguments, lines, xml); }
            if (words.Length < 2 || !words[0].Equals("list", StringComparison.OrdinalIgnoreCase)) {
                return Fail(lines, xml, "The simulated appcmd.exe knows list site, list apppool, start apppool and stop apppool.", "8007000D");
            }
            XElement host;
            try {
                host = XDocument.Load(Configuration).Root?.Element("system.applicationHost");
            } catch (Exception problem) when (problem is System.Xml.XmlException || problem is IOException) {
                return Fail(lines, xml, "Configuration error: " + problem.Message, "8007000d");
            }
            var kind = words[1].ToLowerInvariant().TrimEnd('s');
            var rows = kind == "site" ? Sites(host, xml) : kind == "apppool" ? Pools(host, xml) : null;
            if (rows == null) {
                return Fail(lines, xml, $"Object '{words[1].ToUpperInvariant()}' is not supported.  Run 'appcmd.exe /?' to display supported objects.", "80070057");
            }
            var wanted = rows.Where(r => words.Length < 3
                || r.Name.Equals(words[2], StringComparison.OrdinalIgnoreCase)).ToArray();
            if (xml) { lines.AddRange(new[] { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<appcmd>" }); }
            lines.AddRange(wanted.Select(r => r.Line));
            if (xml) { lines.Add("</appcmd>"); }
            return words.Length > 2 && wanted.Length == 0 ? 1 : 0;
        }

        internal static int Fail(List<string> lines, bool xml, string message, string code) {
            lines.AddRange(xml
                ? new[] { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<appcmd>", $"<ERROR message=\"{Escape(message)}\" hresult=\"{code}\" />", "</appcmd>" }
                : new[] { $"ERROR ( message:{message} )" });
            return 1;
        }

        static string Escape(string text) => SecurityElement.Escape(text);
        static string Text(XElement element, string name) => element?.Attribute(name)?.Value;

        internal static string State(string kind, string name) =>
            World.Current.Section("iis_runtime", kind)
                .Where(s => s.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
                .Select(s => s.Value.ToString()).FirstOrDefault() ?? "Unknown";

        static IEnumerable<(string Name, string Line)> Sites(XElement host, bool xml) {
            foreach (var site in host?.Element("sites")?.Elements("site") ?? Array.Empty<XElement>()) {
                var name = Text(site, "name");
                var bindings = string.Join(",", site.Descendants("binding").Select(
                    b => Text(b, "protocol") + "/" + Text(b, "bindingInformation")));
                var state = State("sites", name);
                yield return (name, xml
                    ? $"    <SITE SITE.NAME=\"{Escape(name)}\" SITE.ID=\"{Text(site, "id")}\" bindings=\"{Escape(bindings)}\" state=\"{state}\" />"
                    : $"SITE \"{name}\" (id:{Text(site, "id")},bindings:{bindings},state:{state})");
            }
        }

        internal static IEnumerable<(string Name, string Line)> Pools(XElement host, bool xml) {
            var pools = host?.Element("applicationPools");
            var defaults = pools?.Element("applicationPoolDefaults");
            foreach (var pool in pools?.Elements("add") ?? Array.Empty<XElement>()) {
                var name = Text(pool, "name");
                var mode = Text(pool, "managedPipelineMode") ?? Text(defaults, "managedPipelineMode") ?? "Integrated";
                var runtime = Text(pool, "managedRuntimeVersion") ?? Text(defaults, "managedRuntimeVersion") ?? "v4.0";
                var state = State("app_pools", name);
                yield return (name, xml
                    ? $"    <APPPOOL APPPOOL.NAME=\"{Escape(name)}\" PipelineMode=\"{mode}\" RuntimeVersion=\"{runtime}\" state=\"{state}\" />"
                    : $"APPPOOL \"{name}\" (MgdVersion:{runtime},MgdMode:{mode},state:{state})");
            }
        }
    }
}
