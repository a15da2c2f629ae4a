// SPDX-License-Identifier: GPL-3.0-or-later
// Programs that a script starts on the simulated host: how long they take, what they print and how
// they end is said by the world's rules. Time is virtual: waiting moves the host's clock.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rehearsal;

namespace Rehearsal {
    /// <summary>A program that runs, or has run, as a rule of the world says.</summary>
    public sealed class StartedProcess : Process {
        readonly JsonObject behaviour;
        readonly DateTime begun;
        bool ended;

        internal StartedProcess(int id, string name, DateTime begun, string path, JsonObject behaviour)
            : base(id, name, begun, path) {
            this.begun = begun;
            this.behaviour = behaviour;
            var text = behaviour["output"]?.ToString() ?? "";
            StandardOutput = new StreamReader(new MemoryStream(Encoding.UTF8.GetBytes(text)));
        }

        public StreamReader StandardOutput { get; }
        public StreamReader StandardError { get; } = new StreamReader(new MemoryStream());
        public StreamWriter StandardInput { get; } = new StreamWriter(new MemoryStream());
        public IntPtr Handle => new IntPtr(Id);
        bool Hangs => behaviour["hang"]?.GetValue<bool>() ?? false;
        double Duration => Programs.Number(behaviour, "duration_seconds", 5);
        double Elapsed => (World.Current.UtcNow - begun).TotalSeconds;

        public override bool HasExited {
            get {
                if (!ended && !Hangs && Elapsed >= Duration) { End(); }
                return ended;
            }
        }

        public override int ExitCode => ended ? (int)Programs.Number(behaviour, "exit_code", 0)
            : throw new InvalidOperationException("Process must exit before requested information can be determined.");

        /// <summary>It works until it ends, or only for its busy seconds.</summary>
        public override TimeSpan TotalProcessorTime => TimeSpan.FromSeconds(
            Math.Min(Elapsed, Programs.Number(behaviour, "busy_seconds", Hangs ? 0 : double.MaxValue / 2)));

        public override void WaitForExit() { while (!WaitForExit(15000)) { } }

        public override bool WaitForExit(int milliseconds) {
            if (HasExited) { return true; }
            var left = Hangs ? double.MaxValue : Duration - Elapsed;
            World.Current.Advance(Math.Min(left, milliseconds / 1000.0));
            if (HasExited) { return true; }
            // Nobody waits for ever in a rehearsal: what is still at work is left so.
            if (Hangs && Elapsed >= Programs.Number(behaviour, "watched_seconds", 7200)) { Runner.Abandon(); }
            return false;
        }

        void End() {
            if (behaviour["reboots"]?.GetValue<bool>() ?? false) {
                World.Current.Tell("program.reboots", Id.ToString());
                Runner.Abandon();
                return;
            }
            ended = true;
            World.Current.Left.AddRange((behaviour["effects"] as JsonArray ?? new JsonArray()).OfType<JsonObject>());
            World.Current.Tell("program.ended", Id.ToString());
        }
    }

    public static class Programs {
        const int FirstId = 400000;

        internal static double Number(JsonObject from, string name, double otherwise) =>
            from[name] == null ? otherwise : double.Parse(
                from[name].ToString(), System.Globalization.CultureInfo.InvariantCulture);

        public static StartedProcess Start(ProcessStartInfo info) {
            var path = info.FileName.Trim('"');
            var windows = World.Current.Environment["SystemRoot"] + "\\";
            // A bare name is one of Windows' own.
            if (path.Contains('\\') && !File.Exists(PathMap.Native(path)) && !path.StartsWith(windows, StringComparison.OrdinalIgnoreCase)) {
                throw new System.ComponentModel.Win32Exception(2, "The system cannot find the file specified");
            }
            var line = info.FileName + (string.IsNullOrEmpty(info.Arguments) ? "" : " " + info.Arguments);
            var rule = Rule(line);
            var behaviour = rule?["behaviour"] as JsonObject ?? new JsonObject();
            if (behaviour["refused"] != null) {
                throw new System.ComponentModel.Win32Exception(5, behaviour["refused"].ToString());
            }
            var world = World.Current;
            if (rule != null) { rule["launched"] = Number(rule, "launched", 0) + 1; }
            var name = Path.GetFileNameWithoutExtension(path.Substring(path.LastIndexOf('\\') + 1));
            var process = new StartedProcess(
                FirstId + world.ProcessId + 4 * world.Started++, name, world.UtcNow, path, behaviour);
            world.Tell("program", line, ("id", process.Id), ("name", name),
                ("started", Iso(process.StartTime)), ("runner", world.ProcessId),
                ("runner_started", Iso(world.ProcessStarted)));
            return process;
        }

        static string Iso(DateTime time) => time.ToUniversalTime().ToString("o");

        /// <summary>The first rule that fits and is not used up; the same as in effects.py.</summary>
        static JsonObject Rule(string line) {
            foreach (var rule in (World.Current.Data["programs"] as JsonArray ?? new JsonArray()).OfType<JsonObject>()) {
                if (rule["times"] != null && Number(rule, "launched", 0) >= Number(rule, "times", 0)) { continue; }
                var pattern = rule["match"].ToString();
                if (pattern.IndexOfAny(new[] { '*', '?' }) < 0) { pattern = "*" + pattern + "*"; }
                pattern = "^" + Regex.Escape(pattern).Replace(@"\*", ".*").Replace(@"\?", ".") + "$";
                if (Regex.IsMatch(line, pattern, RegexOptions.IgnoreCase | RegexOptions.Singleline)) { return rule; }
            }
            return null;
        }
    }
}

namespace Microsoft.PowerShell.Commands {
    [Cmdlet(VerbsLifecycle.Start, "Process")]
    [OutputType(typeof(Process))]
    public sealed class StartHostProcessCommand : PSCmdlet {
        [Parameter(Mandatory = true, Position = 0)] [Alias("PSPath", "Path")] public string FilePath { get; set; }
        [Parameter(Position = 1)] [Alias("Args")] public string[] ArgumentList { get; set; }
        [Parameter] public string WorkingDirectory { get; set; }
        [Parameter] public SwitchParameter NoNewWindow { get; set; }
        [Parameter] public ProcessWindowStyle WindowStyle { get; set; }
        [Parameter] public SwitchParameter PassThru { get; set; }
        [Parameter] public SwitchParameter Wait { get; set; }

        protected override void EndProcessing() {
            StartedProcess process;
            try {
                process = Programs.Start(new ProcessStartInfo(FilePath, string.Join(" ", ArgumentList ?? new string[0])));
            } catch (System.ComponentModel.Win32Exception problem) {
                ThrowTerminatingError(new ErrorRecord(new InvalidOperationException(
                    $"This command cannot be run due to the error: {problem.Message}."),
                    "InvalidOperationException", ErrorCategory.InvalidOperation, null));
                return;
            }
            if (Wait) { process.WaitForExit(); }
            if (PassThru) { WriteObject(process); }
        }
    }

    /// <summary>In a task, which nobody waits for, the host's clock moves instead.</summary>
    [Cmdlet(VerbsLifecycle.Start, "Sleep", DefaultParameterSetName = "Seconds")]
    public sealed class StartHostSleepCommand : PSCmdlet {
        readonly System.Threading.ManualResetEventSlim stopped = new System.Threading.ManualResetEventSlim();

        [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Seconds", ValueFromPipeline = true)]
        [ValidateRange(0.0, 2147483.0)]
        public double Seconds { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "Milliseconds")]
        [Alias("ms")]
        [ValidateRange(0, int.MaxValue)]
        public int Milliseconds { get; set; }

        protected override void ProcessRecord() {
            // Whole seconds only before PowerShell 6.
            var seconds = World.Current.PSVersion.Major < 6 ? Math.Round(Seconds) : Seconds;
            var time = ParameterSetName == "Seconds" ? TimeSpan.FromSeconds(seconds)
                : TimeSpan.FromMilliseconds(Milliseconds);
            if (World.Current.VirtualTime) {
                World.Current.Advance(time.TotalSeconds);
            } else {
                stopped.Wait(time);
            }
        }

        protected override void StopProcessing() => stopped.Set();
    }
}
