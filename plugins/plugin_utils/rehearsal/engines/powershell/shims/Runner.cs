// SPDX-License-Identifier: GPL-3.0-or-later
// Runs one script in a fresh runspace, the way powershell.exe -EncodedCommand does under WinRM.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Text;

namespace Rehearsal {
    public sealed class CommandRequest {
        public string Script;
        public string[] Lines = Array.Empty<string>();
        public bool Console = true;     // false: a PSRP pipeline, where no console exists
        public bool Clixml = true;      // stderr as powershell.exe writes it after -EncodedCommand
        public bool VirtualTime;        // a task: nobody waits, its sleeping moves the host's clock
        public int TimeoutMs = 600000;
    }

    public sealed class CommandOutcome {
        public string Stdout, Stderr;
        public int ExitCode;
        public bool Stuck;
    }

    public static class Runner {
        const int StopMs = 2000;
        const string Status = "RehearsalLastStatus";

        static PowerShell current;

        /// <summary>
        /// The command goes no further, as when its process is gone: called from within it, by what
        /// stands for a program that restarts Windows or never ends.
        /// </summary>
        public static void Abandon() {
            var shell = current;
            shell.BeginStop(null, null);
            while (shell.InvocationStateInfo.State == PSInvocationState.Running) {
                System.Threading.Thread.Sleep(1);
            }
        }

        public static CommandOutcome Run(World world, CommandRequest request) {
            World.Current = world;
            world.VirtualTime = request.VirtualTime;
            var output = new CommandOutput();
            var culture = Locale.Of(world);
            var host = new CommandHost(output, request.Clixml, culture, world.PSVersion);
            ConsoleShim.Attach(output, request);
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.DefaultThreadCurrentUICulture = culture;
            ProcessEnvironment.Apply(world);
            var runspace = RunspaceFactory.CreateRunspace(host, SessionStates.For(world));
            var stuck = false;
            try {
                runspace.ThreadOptions = PSThreadOptions.ReuseThread;
                runspace.Open();
                SessionStates.Finish(runspace, world);
                var outcome = Execute(runspace, host, output, request);
                stuck = outcome.Stuck;
                outcome.Stdout = output.Stdout;
                outcome.Stderr = output.Stderr(request.Clixml);
                return outcome;
            } finally {
                // Closing waits for the command; one that does not stop ends with the process.
                if (!stuck) { runspace.Dispose(); }
            }
        }

        static CommandOutcome Execute(
            Runspace runspace, CommandHost host, CommandOutput output, CommandRequest request) {
            var outcome = new CommandOutcome();
            var shell = PowerShell.Create();
            current = shell;
            try {
                shell.Runspace = runspace;
                shell.AddScript(WithStatus(request.Script), false);
                shell.AddCommand("Microsoft.PowerShell.Core\\Out-Default");
                shell.Commands.Commands[0].MergeMyResults(
                    PipelineResultTypes.Error, PipelineResultTypes.Output);
                var input = new PSDataCollection<object>(request.Lines);
                input.Complete();
                var running = shell.BeginInvoke(input);
                if (!running.AsyncWaitHandle.WaitOne(request.TimeoutMs)) {
                    output.Record("Error", $"The command was stopped after {request.TimeoutMs} ms.\r\n");
                    outcome.ExitCode = 1;
                    var stopping = shell.BeginStop(null, null);
                    outcome.Stuck = !stopping.AsyncWaitHandle.WaitOne(StopMs);
                    return outcome;
                }
                try {
                    shell.EndInvoke(running);
                    outcome.ExitCode = host.ExitCode ?? (LastSucceeded(runspace) ? 0 : 1);
                } catch (RuntimeException problem) {
                    Report(runspace, problem);
                    outcome.ExitCode = host.ExitCode ?? 1;
                }
            } finally {
                if (!outcome.Stuck) { shell.Dispose(); }
            }
            return outcome;
        }

        /// <summary>
        /// The script, and a last line that keeps $?: powershell.exe exits with 1 when the last statement
        /// failed, and a hosted engine has forgotten that when the pipeline is over.
        /// </summary>
        static string WithStatus(string script) {
            var tree = Parser.ParseInput(script, out _, out var problems);
            return problems.Length == 0 && tree.EndBlock != null && tree.EndBlock.Unnamed
                && tree.EndBlock.Statements.Count > 0 ? script + "\n$global:" + Status + " = $?" : script;
        }

        static bool LastSucceeded(Runspace runspace) =>
            !Equals(runspace.SessionStateProxy.GetVariable(Status), false);

        /// <summary>A terminating error, printed by Out-Default as the console host does.</summary>
        static void Report(Runspace runspace, RuntimeException problem) {
            var record = new PSObject(problem.ErrorRecord ?? new ErrorRecord(
                problem, "ConsoleHost", ErrorCategory.NotSpecified, null));
            // What marks an object as an error for Out-Default; internal, as the console host is a friend.
            var stream = typeof(PSObject).GetProperty("WriteStream", BindingFlags.Instance | BindingFlags.NonPublic);
            stream?.SetValue(record, Enum.Parse(stream.PropertyType, "Error"));
            using (var shell = PowerShell.Create()) {
                shell.Runspace = runspace;
                shell.AddCommand("Microsoft.PowerShell.Core\\Out-Default");
                shell.Invoke(new[] { record });
            }
        }
    }

    /// <summary>The process's own environment, replaced by the host's for each command.</summary>
    public static class ProcessEnvironment {
        public static void Apply(World world) {
            foreach (string name in System.Environment.GetEnvironmentVariables().Keys.Cast<string>().ToArray()) {
                System.Environment.SetEnvironmentVariable(name, null);
            }
            foreach (var variable in world.Environment) {
                System.Environment.SetEnvironmentVariable(variable.Key, variable.Value);
            }
            // Local times are those of the host's zone; without ICU's table they stay UTC.
            var zone = world.Registry.Find(@"HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation")
                ?.Value("TimeZoneKeyName")?.Data as string;
            var known = zone != null && TimeZoneInfo.TryConvertWindowsIdToIanaId(zone, out zone);
            System.Environment.SetEnvironmentVariable("TZ", known ? zone : "UTC");
            TimeZoneInfo.ClearCachedData();
        }
    }

    /// <summary>The culture that the host's system locale gives.</summary>
    public static class Locale {
        public static CultureInfo Of(World world) {
            var name = world.Text("locale");
            var node = world.Registry.Find(@"HKLM\SYSTEM\CurrentControlSet\Control\Nls\Locale")
                ?? world.Registry.Find(@"HKLM\SYSTEM\CurrentControlSet\Control\Nls\Language");
            try {
                if (name != null) { return CultureInfo.GetCultureInfo(name); }
                var id = node?.Value("")?.Data as string ?? node?.Value("Default")?.Data as string;
                return id == null ? CultureInfo.GetCultureInfo("en-US")
                    : CultureInfo.GetCultureInfo(int.Parse(id, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            } catch (Exception problem) when (problem is CultureNotFoundException || problem is FormatException) {
                return CultureInfo.GetCultureInfo("en-US");
            }
        }
    }

    /// <summary>[Console] of the command: its streams end in the same output as everything else.</summary>
    public static class ConsoleShim {
        static CommandOutput output;
        static byte[] input = Array.Empty<byte>();

        internal static void Attach(CommandOutput target, CommandRequest request) {
            output = target;
            input = Encoding.UTF8.GetBytes(string.Concat(request.Lines.Select(line => line + "\n")));
            var nowhere = !request.Console;
            System.Console.SetOut(nowhere ? TextWriter.Null : new OutputWriter(target, null));
            System.Console.SetError(nowhere ? TextWriter.Null : new OutputWriter(target, CommandOutput.Raw));
            System.Console.SetIn(nowhere ? TextReader.Null : new StreamReader(new MemoryStream(input)));
        }

        public static TextWriter Out => System.Console.Out;
        public static TextWriter Error => System.Console.Error;
        public static TextReader In => System.Console.In;
        public static Encoding OutputEncoding { get; set; } = new UTF8Encoding(false);
        public static Encoding InputEncoding { get; set; } = new UTF8Encoding(false);
        public static bool IsInputRedirected => true;
        public static bool IsOutputRedirected => true;
        public static bool IsErrorRedirected => true;
        public static void Write(object value) => Out.Write(value);
        public static void WriteLine() => Out.WriteLine();
        public static void WriteLine(object value) => Out.WriteLine(value);
        public static void Write(string format, params object[] values) => Out.Write(format, values);
        public static void WriteLine(string format, params object[] values) => Out.WriteLine(format, values);
        public static int Read() => In.Read();
        public static string ReadLine() => In.ReadLine();
        public static void SetOut(TextWriter writer) => System.Console.SetOut(writer);
        public static void SetError(TextWriter writer) => System.Console.SetError(writer);
        public static Stream OpenStandardInput() => new MemoryStream(input);
        public static Stream OpenStandardOutput() => new OutputStream(output, null);
        public static Stream OpenStandardError() => new OutputStream(output, CommandOutput.Raw);
    }

    sealed class OutputWriter : TextWriter {
        readonly CommandOutput output;
        readonly string stream;

        public OutputWriter(CommandOutput output, string stream) {
            this.output = output;
            this.stream = stream;
            NewLine = "\r\n";
        }

        public override Encoding Encoding => new UTF8Encoding(false);
        public override void Write(char value) => Write(value.ToString());
        public override void Write(char[] buffer, int index, int count) =>
            Write(new string(buffer, index, count));

        public override void Write(string value) {
            if (stream == null) { output.Write(value); } else { output.Record(stream, value); }
        }
    }

    sealed class OutputStream : MemoryStream {
        readonly OutputWriter writer;
        readonly Decoder decoder = new UTF8Encoding(false).GetDecoder();

        public OutputStream(CommandOutput output, string stream) {
            writer = new OutputWriter(output, stream);
        }

        public override void Write(byte[] buffer, int offset, int count) {
            var text = new char[count + 1];
            writer.Write(text, 0, decoder.GetChars(buffer, offset, count, text, 0));
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);
    }
}
