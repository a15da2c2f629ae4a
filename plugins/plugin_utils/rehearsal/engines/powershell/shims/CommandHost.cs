// SPDX-License-Identifier: GPL-3.0-or-later
// The PSHost of one command: no console, no one to ask, output kept in the order it was written.
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

namespace Rehearsal {
    /// <summary>What a command wrote: stdout as text, stderr as the serialised records of powershell.exe.</summary>
    public sealed class CommandOutput {
        /// <summary>The stream name of what a script wrote to stderr itself: no record around it.</summary>
        public const string Raw = "raw";
        const string Head = "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" "
            + "xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">";
        readonly object gate = new object();
        readonly StringBuilder stdout = new StringBuilder();
        readonly List<(string Stream, string Text)> records = new List<(string, string)>();

        public void Write(string text) { lock (gate) { stdout.Append(text); } }
        public void Record(string stream, string text) { lock (gate) { records.Add((stream, text)); } }
        public string Stdout { get { lock (gate) { return stdout.ToString(); } } }

        /// <summary>The text of stderr; CLIXML when stderr is a pipe and the command came encoded.</summary>
        public string Stderr(bool clixml) {
            lock (gate) {
                if (records.Count == 0) { return ""; }
                var text = new StringBuilder();
                var open = false;
                foreach (var record in records) {
                    if (!clixml || record.Stream == Raw) { text.Append(record.Text); continue; }
                    if (!open) { text.Append(Head); }
                    open = true;
                    text.Append($"<S S=\"{record.Stream}\">{Encode(record.Text)}</S>");
                }
                return text.Append(open ? "</Objs>" : "").ToString();
            }
        }

        /// <summary>_x000A_ for what XML cannot hold, as PowerShell's serialiser writes it.</summary>
        static string Encode(string text) {
            var encoded = new StringBuilder();
            for (var i = 0; i < text.Length; i++) {
                var c = text[i];
                var escapes = c < 0x20 || (c >= 0x7f && c <= 0x9f) || char.IsSurrogate(c)
                    || (c == '_' && i + 1 < text.Length && (text[i + 1] == 'x' || text[i + 1] == 'X'));
                encoded.Append(escapes ? $"_x{(int)c:X4}_" : SecurityElement.Escape(c.ToString())
                    .Replace("&apos;", "'").Replace("&quot;", "\""));
            }
            return encoded.ToString();
        }
    }

    public sealed class CommandHost : PSHost {
        readonly CommandUI ui;
        readonly CultureInfo culture;

        public CommandHost(CommandOutput output, bool records, CultureInfo culture, Version version) {
            ui = new CommandUI(output, records);
            this.culture = culture;
            Version = version;
        }

        public int? ExitCode { get; private set; }
        public override string Name => "ConsoleHost";
        public override Version Version { get; }
        public override Guid InstanceId { get; } = Guid.NewGuid();
        public override PSHostUserInterface UI => ui;
        public override CultureInfo CurrentCulture => culture;
        public override CultureInfo CurrentUICulture => culture;
        public override void EnterNestedPrompt() => throw CommandUI.NobodyThere();
        public override void ExitNestedPrompt() { }
        public override void NotifyBeginApplication() { }
        public override void NotifyEndApplication() { }
        public override void SetShouldExit(int exitCode) => ExitCode = exitCode;
    }

    public sealed class CommandUI : PSHostUserInterface {
        readonly CommandOutput output;
        readonly bool records;

        public CommandUI(CommandOutput output, bool records) {
            this.output = output;
            this.records = records;
        }

        internal static Exception NobodyThere() => new PSInvalidOperationException(
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.");

        public override PSHostRawUserInterface RawUI { get; } = new CommandRawUI();
        public override bool SupportsVirtualTerminal => false;
        public override void Write(string value) => output.Write(Uncoloured(value));
        public override void Write(ConsoleColor foreground, ConsoleColor background, string value) =>
            output.Write(Uncoloured(value));
        public override void WriteLine(string value) => output.Write(Uncoloured(value) + "\r\n");
        public override void WriteErrorLine(string value) =>
            output.Record("Error", Uncoloured(value) + "\r\n");

        /// <summary>The formatter ends each column with a reset, even where no colour is set.</summary>
        static string Uncoloured(string value) => value?.Replace("\x1b[0m", "");

        // With stderr as CLIXML these go there; else the console prints them among the output.
        public override void WriteDebugLine(string message) => Message("debug", "DEBUG: ", message);
        public override void WriteVerboseLine(string message) => Message("verbose", "VERBOSE: ", message);
        public override void WriteWarningLine(string message) => Message("warning", "WARNING: ", message);

        void Message(string stream, string prefix, string message) {
            if (records) { output.Record(stream, message); } else { WriteLine(prefix + message); }
        }

        public override void WriteProgress(long sourceId, ProgressRecord record) { }
        public override string ReadLine() => throw NobodyThere();
        public override SecureString ReadLineAsSecureString() => throw NobodyThere();
        public override Dictionary<string, PSObject> Prompt(
            string caption, string message, Collection<FieldDescription> descriptions) => throw NobodyThere();
        public override int PromptForChoice(string caption, string message,
            Collection<ChoiceDescription> choices, int defaultChoice) => throw NobodyThere();
        public override PSCredential PromptForCredential(
            string caption, string message, string userName, string targetName) => throw NobodyThere();
        public override PSCredential PromptForCredential(string caption, string message, string userName,
            string targetName, PSCredentialTypes types, PSCredentialUIOptions options) => throw NobodyThere();
    }

    public sealed class CommandRawUI : PSHostRawUserInterface {
        public override Size BufferSize { get; set; } = new Size(80, 300);
        public override Size WindowSize { get; set; } = new Size(80, 50);
        public override Size MaxWindowSize => new Size(80, 50);
        public override Size MaxPhysicalWindowSize => new Size(80, 50);
        public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
        public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
        public override Coordinates CursorPosition { get; set; }
        public override Coordinates WindowPosition { get; set; }
        public override int CursorSize { get; set; } = 25;
        public override bool KeyAvailable => false;
        public override string WindowTitle { get; set; } = "";
        public override void FlushInputBuffer() { }
        public override BufferCell[,] GetBufferContents(Rectangle rectangle) => new BufferCell[0, 0];
        public override KeyInfo ReadKey(ReadKeyOptions options) => throw CommandUI.NobodyThere();
        public override void ScrollBufferContents(
            Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }
        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
        public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
    }
}
