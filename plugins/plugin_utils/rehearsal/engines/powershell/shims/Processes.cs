// SPDX-License-Identifier: GPL-3.0-or-later
// Processes of the simulated host: System.Diagnostics.Process under its own name, and Get-Process.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using Rehearsal;

namespace System.Diagnostics {
    public class Process : IDisposable {
        readonly DateTime? started;

        internal Process(int id, string name, DateTime? started, string path) {
            Id = id;
            ProcessName = name;
            this.started = started;
            MainModule = path == null ? null : new ProcessModule(path);
        }

        public int Id { get; }
        public string ProcessName { get; }
        public ProcessModule MainModule { get; }
        public int SessionId => 0;
        public string MachineName => ".";
        public virtual bool HasExited => false;
        public virtual int ExitCode => throw new InvalidOperationException(
            "Process must exit before requested information can be determined.");
        public virtual TimeSpan TotalProcessorTime => TimeSpan.FromSeconds(Id % 60);
        public string MainWindowTitle => "";
        public long WorkingSet64 => 4194304L * (1 + Id % 32);
        public int HandleCount => 100 + Id % 500;

        public DateTime StartTime => started?.ToLocalTime()
            ?? throw new ComponentModel.Win32Exception(5, "Access is denied");

        public static Process Start(ProcessStartInfo startInfo) => Programs.Start(startInfo);
        public static Process Start(string fileName, string arguments) =>
            Programs.Start(new ProcessStartInfo(fileName, arguments));

        public static Process GetCurrentProcess() => GetProcessById(World.Current.ProcessId);
        public static Process[] GetProcesses() => ProcessTable.All().ToArray();

        public static Process[] GetProcessesByName(string processName) => ProcessTable.All()
            .Where(p => p.ProcessName.Equals(processName, StringComparison.OrdinalIgnoreCase)).ToArray();

        public static Process GetProcessById(int processId) => ProcessTable.All()
            .FirstOrDefault(p => p.Id == processId)
            ?? throw new ArgumentException($"Process with an Id of {processId} is not running.");

        public virtual void WaitForExit() { }
        public virtual bool WaitForExit(int milliseconds) => false;
        public void Refresh() { }
        public void Close() { }
        public void Dispose() { }
        public override string ToString() => $"System.Diagnostics.Process ({ProcessName})";
    }

    public class ProcessModule {
        internal ProcessModule(string path) { FileName = path; }
        public string FileName { get; }
        public string ModuleName => FileName.Substring(FileName.LastIndexOf('\\') + 1);
        public FileVersionInfoShim FileVersionInfo => FileVersionInfoShim.GetVersionInfo(FileName);
    }
}

namespace Rehearsal {
    static class ProcessTable {
        static readonly string[] Always = {
            "smss", "csrss", "wininit", "winlogon", "services", "lsass", "svchost", "svchost",
        };

        /// <summary>Idle and System, what every Windows runs, the world's own, and this PowerShell.</summary>
        public static IEnumerable<System.Diagnostics.Process> All() {
            var boot = BootTime();
            // Idle has no start time, and only an elevated caller may ask for that of System.
            yield return new System.Diagnostics.Process(0, "Idle", null, null);
            yield return new System.Diagnostics.Process(
                4, "System", World.Current.Flag(true, "session", "elevated") ? boot : (DateTime?)null, null);
            var id = 300;
            foreach (var name in Always) {
                yield return new System.Diagnostics.Process(
                    id += 4, name, boot.AddSeconds(id % 60), @"C:\Windows\System32\" + name + ".exe");
            }
            id = 4000;
            foreach (var node in World.Current.Data["processes"]?.AsArray() ?? new System.Text.Json.Nodes.JsonArray()) {
                var known = node as System.Text.Json.Nodes.JsonObject;
                var name = known == null ? node.ToString() : known["name"].ToString();
                name = name.EndsWith(".exe", StringComparison.OrdinalIgnoreCase) ? name[..^4] : name;
                var began = known?["started"] == null ? World.Current.UtcNow.AddMinutes(-5)
                    : World.Time(known["started"].ToString());
                yield return new System.Diagnostics.Process(known?["id"]?.GetValue<int>() ?? (id += 4),
                    name, began, @"C:\Windows\System32\" + name + ".exe");
            }
            yield return new System.Diagnostics.Process(World.Current.ProcessId, "powershell",
                World.Current.ProcessStarted, World.Current.Environment["SystemRoot"]
                    + @"\System32\WindowsPowerShell\v1.0\powershell.exe");
        }

        /// <summary>One moment for each boot session, earlier than anything that assess asks about.</summary>
        static DateTime BootTime() {
            var now = World.Current.Text("now");
            var day = now == null ? new DateTime(2021, 1, 1, 0, 0, 0, DateTimeKind.Utc)
                : World.Time(now).Date.AddDays(-2);
            int.TryParse(World.Current.Text("boot_id"), NumberStyles.Integer, CultureInfo.InvariantCulture,
                out var session);
            return day.AddMinutes(session % 1440);
        }
    }
}

namespace Microsoft.PowerShell.Commands {
    public class ProcessCommandException : SystemException {
        public ProcessCommandException(string message, string name) : base(message) { ProcessName = name; }
        public string ProcessName { get; }
    }

    [Cmdlet(VerbsCommon.Get, "Process", DefaultParameterSetName = "Name")]
    [OutputType(typeof(System.Diagnostics.Process))]
    public sealed class GetProcessCommand : PSCmdlet {
        [Parameter(Position = 0, ParameterSetName = "Name", ValueFromPipelineByPropertyName = true)]
        [Alias("ProcessName")]
        public string[] Name { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "Id", ValueFromPipelineByPropertyName = true)]
        [Alias("PID")]
        public int[] Id { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "InputObject", ValueFromPipeline = true)]
        public System.Diagnostics.Process[] InputObject { get; set; }

        protected override void ProcessRecord() {
            if (InputObject != null) { WriteObject(InputObject, true); return; }
            if (Id != null) { foreach (var id in Id) { ById(id); } return; }
            foreach (var name in Name ?? new[] { "*" }) { ByName(name); }
        }

        void ById(int id) {
            var found = ProcessTable.All().FirstOrDefault(p => p.Id == id);
            if (found != null) { WriteObject(found); return; }
            Missing($"Cannot find a process with the process identifier {id}.", "NoProcessFoundForGivenId", id);
        }

        void ByName(string name) {
            var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
            var found = ProcessTable.All().Where(p => pattern.IsMatch(p.ProcessName))
                .OrderBy(p => p.ProcessName, StringComparer.OrdinalIgnoreCase).ThenBy(p => p.Id).ToArray();
            WriteObject(found, true);
            if (found.Length == 0 && !WildcardPattern.ContainsWildcardCharacters(name)) {
                Missing($"Cannot find a process with the name \"{name}\". Verify the process name and call the cmdlet again.",
                    "NoProcessFoundForGivenName", name);
            }
        }

        void Missing(string message, string id, object target) => WriteError(new ErrorRecord(
            new ProcessCommandException(message, target.ToString()), id, ErrorCategory.ObjectNotFound, target));
    }
}
