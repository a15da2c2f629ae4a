// SPDX-License-Identifier: GPL-3.0-or-later
// The session state of a command: which commands, providers and variables a PowerShell version has.
using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.PowerShell.Commands;

namespace Rehearsal {
    public static class SessionStates {
        static readonly ConcurrentDictionary<string, InitialSessionState> Cache =
            new ConcurrentDictionary<string, InitialSessionState>();
        static readonly Dictionary<string, Version> Since =
            new Dictionary<string, Version>(StringComparer.OrdinalIgnoreCase);
        static CmdletInfo[] commands = Array.Empty<CmdletInfo>();
        static readonly BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

        /// <summary>Short names that PowerShell gives up on other platforms, where programs have them.</summary>
        static readonly Dictionary<string, string> WindowsAliases = new Dictionary<string, string> {
            ["cat"] = "Get-Content", ["clear"] = "Clear-Host", ["compare"] = "Compare-Object",
            ["cp"] = "Copy-Item", ["cpp"] = "Copy-ItemProperty", ["diff"] = "Compare-Object",
            ["kill"] = "Stop-Process", ["ls"] = "Get-ChildItem", ["mount"] = "New-PSDrive",
            ["mv"] = "Move-Item", ["ps"] = "Get-Process", ["rm"] = "Remove-Item",
            ["rmdir"] = "Remove-Item", ["sleep"] = "Start-Sleep", ["sort"] = "Sort-Object",
            ["start"] = "Start-Process", ["tee"] = "Tee-Object", ["write"] = "Write-Output",
            ["gsv"] = "Get-Service", ["sasv"] = "Start-Service", ["spsv"] = "Stop-Service",
        };

        /// <summary>Once per worker: the command list and the classes that stand for Windows-only ones.</summary>
        public static void Prepare(CmdletInfo[] available, string commandList) {
            commands = available;
            GetHostDateCommand.Real = available.First(c => c.Name == "Get-Date").ImplementingType;
            foreach (var version in JsonNode.Parse(File.ReadAllText(commandList))["since"].AsObject()) {
                foreach (var name in version.Value.AsArray()) { Since[name.ToString()] = Version.Parse(version.Key); }
            }
            var accelerators = typeof(PSObject).Assembly.GetType("System.Management.Automation.TypeAccelerators");
            var add = accelerators.GetMethod("Add", new[] { typeof(string), typeof(Type) });
            foreach (var shim in TypeShims.All) {
                add.Invoke(null, new object[] { shim.Key, shim.Value });
                add.Invoke(null, new object[] { "System." + shim.Key, shim.Value });
            }
            foreach (var shim in TypeShims.Full) { add.Invoke(null, new object[] { shim.Key, shim.Value }); }
        }

        public static InitialSessionState For(World world) =>
            Cache.GetOrAdd(world.PSVersion + "/" + world.LanguageMode + "/" + DiskImages.Offered(world), _ => Build(world));

        static InitialSessionState Build(World world) {
            var state = InitialSessionState.CreateDefault();
            state.LanguageMode = (PSLanguageMode)Enum.Parse(typeof(PSLanguageMode), world.LanguageMode, true);
            state.Providers.Remove("FileSystem", null);
            state.Providers.Remove("Environment", null);
            state.Providers.Add(Provider("Environment", typeof(EnvironmentDrive)));
            state.Providers.Add(Provider("FileSystem", typeof(FileSystem)));
            state.Providers.Add(Provider("Registry", typeof(RegistryProvider)));
            AddCommands(state);
            foreach (var alias in WindowsAliases) {
                state.Commands.Remove(alias.Key, typeof(SessionStateAliasEntry));
                state.Commands.Add(new SessionStateAliasEntry(alias.Key, alias.Value));
            }
            foreach (var name in state.Commands.Select(c => c.Name).Distinct().ToArray()) {
                if (Since.TryGetValue(name, out var since) && since > Short(world.PSVersion)) {
                    state.Commands.Remove(name, null);
                }
            }
            foreach (var type in typeof(StorageCommand).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(StorageCommand)))) {
                var cmdlet = type.GetCustomAttribute<CmdletAttribute>();
                if (!DiskImages.Offered(world)) { state.Commands.Remove(cmdlet.VerbName + "-" + cmdlet.NounName, null); }
            }
            return state;
        }

        /// <summary>The engine's own commands are there without loading modules; shims replace or add.</summary>
        static void AddCommands(InitialSessionState state) {
            foreach (var command in commands) {
                if (state.Commands[command.Name].Count > 0) { continue; }
                var entry = new SessionStateCmdletEntry(command.Name, command.ImplementingType, null);
                if (command.Module != null) {
                    typeof(InitialSessionStateEntry).GetMethod("SetModule", Any)
                        ?.Invoke(entry, new object[] { command.Module });
                }
                state.Commands.Add(entry);
            }
            foreach (var type in typeof(SessionStates).Assembly.GetTypes()) {
                var cmdlet = type.GetCustomAttribute<CmdletAttribute>();
                if (cmdlet == null || type.Namespace != "Microsoft.PowerShell.Commands") { continue; }
                var name = cmdlet.VerbName + "-" + cmdlet.NounName;
                state.Commands.Remove(name, null);
                state.Commands.Add(new SessionStateCmdletEntry(name, type, null));
            }
        }

        static SessionStateProviderEntry Provider(string name, Type type) {
            var entry = new SessionStateProviderEntry(name, type, null);
            // Paths then read Microsoft.PowerShell.Core\Registry::..., as on Windows.
            var core = InitialSessionState.CreateDefault().Providers["Environment"].First().PSSnapIn;
            if (core != null) {
                typeof(InitialSessionStateEntry).GetMethod("SetPSSnapIn", Any)
                    ?.Invoke(entry, new object[] { core });
            }
            return entry;
        }

        static Version Short(Version version) => new Version(version.Major, version.Minor);

        /// <summary>What can only be set in the open runspace.</summary>
        public static void Finish(Runspace runspace, World world) {
            var variables = runspace.SessionStateProxy;
            var context = runspace.GetType().GetProperty("ExecutionContext", Any)
                ?? typeof(Runspace).GetProperty("ExecutionContext", Any);
            SetReadOnly(variables.PSVariable, "PSVersionTable", VersionTable(world));
            SetReadOnly(variables.PSVariable, "PID", world.ProcessId);
            SetReadOnly(variables.PSVariable, "PSHOME",
                world.Environment["SystemRoot"] + @"\System32\WindowsPowerShell\v1.0");
            variables.SetVariable("ErrorView", "NormalView");
            Plain((PSStyle)variables.GetVariable("PSStyle"));
            if (world.PSVersion.Major < 6) {
                foreach (var name in new[] { "IsLinux", "IsWindows", "IsMacOS", "IsCoreCLR", "PSEdition" }) {
                    if (name == "PSEdition" && world.PSVersion.Major == 5) {
                        SetReadOnly(variables.PSVariable, name, "Desktop");
                        continue;
                    }
                    Forget(context.GetValue(runspace), name);
                }
            }
            // No module of the engine may bring back a command that this version does not have.
            variables.SetVariable("PSModuleAutoLoadingPreference", "None");
            System.Environment.SetEnvironmentVariable("PSModulePath",
                world.Environment["SystemRoot"] + @"\System32\WindowsPowerShell\v1.0\Modules");
            NativeCommands.Attach(runspace);
            using (var shell = PowerShell.Create()) {
                shell.Runspace = runspace;
                foreach (var data in TypeShims.Members()) {
                    shell.AddCommand("Update-TypeData")
                        .AddParameter("TypeData", data).AddParameter("Force").AddStatement();
                }
                shell.AddCommand("Set-Location")
                    .AddParameter("LiteralPath", world.Environment["SystemDrive"] + @"\");
                shell.Invoke();
            }
        }

        /// <summary>Windows PowerShell prints no escape sequences.</summary>
        static void Plain(PSStyle style) {
            style.OutputRendering = OutputRendering.PlainText;
            foreach (var property in typeof(PSStyle.FormattingData).GetProperties()) {
                if (property.PropertyType == typeof(string) && property.CanWrite) {
                    property.SetValue(style.Formatting, "");
                }
            }
        }

        static Hashtable VersionTable(World world) {
            var version = world.PSVersion;
            var table = new Hashtable(StringComparer.OrdinalIgnoreCase) {
                ["PSVersion"] = version,
                ["CLRVersion"] = Version.Parse(world.Text("powershell", "clr") ?? "4.0.30319.42000"),
                ["BuildVersion"] = version.Major >= 5 ? new Version(10, 0, Math.Max(0, version.Build), Math.Max(0, version.Revision))
                    : new Version(6, version.Major == 3 ? 2 : 3, version.Build < 0 ? 9200 : version.Build, 0),
                ["PSRemotingProtocolVersion"] = version.Major >= 5 ? new Version(2, 3) : new Version(2, 2),
                ["SerializationVersion"] = new Version(1, 1, 0, 1),
                ["WSManStackVersion"] = new Version(3, 0),
                ["PSCompatibleVersions"] = new[] { "1.0", "2.0", "3.0", "4.0", "5.0", version.ToString() }
                    .Select(Version.Parse).Where(v => v <= version).ToArray(),
            };
            if (version.Major >= 5) { table["PSEdition"] = "Desktop"; }
            return table;
        }

        static void SetReadOnly(PSVariableIntrinsics variables, string name, object value) {
            var variable = variables.Get(name);
            if (variable == null) { variables.Set(name, value); return; }
            typeof(PSVariable).GetMethod("SetValueRaw", Any).Invoke(variable, new[] { value, (object)true });
        }

        static void Forget(object context, string name) {
            var state = context.GetType().GetProperty("EngineSessionState", Any).GetValue(context);
            var scope = state.GetType().GetProperty("GlobalScope", Any).GetValue(state);
            var variables = scope.GetType().GetProperty("_variables", Any)?.GetValue(scope)
                ?? scope.GetType().GetField("_variables", Any)?.GetValue(scope);
            (variables as IDictionary)?.Remove(name);
        }
    }
}
