// SPDX-License-Identifier: GPL-3.0-or-later
// Get-Date on the host's clock. [DateTime]::UtcNow stays real: a type that every script converts to
// cannot be replaced, so host scripts read the time through Get-Date.
using System;
using System.Collections;
using System.Linq;
using System.Management.Automation;
using Rehearsal;

namespace Microsoft.PowerShell.Commands {
    [Cmdlet(VerbsCommon.Get, "Date", DefaultParameterSetName = "net")]
    [OutputType(typeof(DateTime), typeof(string))]
    public sealed class GetHostDateCommand : PSCmdlet {
        /// <summary>The engine's own command, which does everything but know the time.</summary>
        internal static Type Real { get; set; }

        [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
        [Alias("LastWriteTime")]
        public DateTime Date { get; set; }

        [Parameter] [ValidateRange(1, 9999)] public int Year { get; set; }
        [Parameter] [ValidateRange(1, 12)] public int Month { get; set; }
        [Parameter] [ValidateRange(1, 31)] public int Day { get; set; }
        [Parameter] [ValidateRange(0, 23)] public int Hour { get; set; }
        [Parameter] [ValidateRange(0, 59)] public int Minute { get; set; }
        [Parameter] [ValidateRange(0, 59)] public int Second { get; set; }
        [Parameter] [ValidateRange(0, 999)] public int Millisecond { get; set; }
        [Parameter] [ValidateSet("Date", "Time", "DateTime")] public string DisplayHint { get; set; }
        [Parameter(ParameterSetName = "UFormat")] public string UFormat { get; set; }
        [Parameter(ParameterSetName = "net")] public string Format { get; set; }

        static readonly string[] Common = typeof(System.Management.Automation.Internal.CommonParameters)
            .GetProperties().Select(p => p.Name).ToArray();

        protected override void ProcessRecord() {
            var bound = new Hashtable();
            foreach (var parameter in MyInvocation.BoundParameters.Where(p => !Common.Contains(p.Key))) {
                bound[parameter.Key] = parameter.Value;
            }
            if (!bound.ContainsKey("Date")) { bound["Date"] = World.Current.UtcNow.ToLocalTime(); }
            var block = InvokeCommand.NewScriptBlock("param($command, $parameters) & $command @parameters");
            WriteObject(block.Invoke(new CmdletInfo("Get-Date", Real), bound), true);
        }
    }
}
