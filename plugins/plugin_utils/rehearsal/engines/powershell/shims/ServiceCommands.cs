// SPDX-License-Identifier: GPL-3.0-or-later
// Get-Service, Start-Service, Stop-Service, Restart-Service, Set-Service.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.ServiceProcess;
using Microsoft.Win32;
using Rehearsal;

namespace Microsoft.PowerShell.Commands {
    [Cmdlet(VerbsCommon.Get, "Service", DefaultParameterSetName = "Default")]
    [OutputType(typeof(ServiceController))]
    public sealed class GetServiceCommand : ServiceLookupCommand {
        [Parameter(Position = 0, ParameterSetName = "Default", ValueFromPipeline = true,
            ValueFromPipelineByPropertyName = true)]
        [Alias("ServiceName")]
        public string[] Name { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "DisplayName")]
        public string[] DisplayName { get; set; }

        [Parameter(ParameterSetName = "InputObject", ValueFromPipeline = true)]
        public ServiceController[] InputObject { get; set; }

        [Parameter(ValueFromPipelineByPropertyName = true)]
        [Alias("Cn")]
        public string[] ComputerName { get; set; }

        [Parameter] public string[] Include { get; set; }
        [Parameter] public string[] Exclude { get; set; }
        [Parameter] [Alias("DS")] public SwitchParameter DependentServices { get; set; }
        [Parameter] [Alias("SDO", "ServicesDependedOn")] public SwitchParameter RequiredServices { get; set; }

        protected override void ProcessRecord() {
            var found = ParameterSetName == "InputObject" ? InputObject
                : ParameterSetName == "DisplayName" ? ByDisplayName(DisplayName) : ByName(Name);
            foreach (var service in found.Where(Wanted)) {
                if (DependentServices) { foreach (var other in service.DependentServices) { Emit(other); } }
                if (RequiredServices) { foreach (var other in service.ServicesDependedOn) { Emit(other); } }
                if (!DependentServices && !RequiredServices) { Emit(service); }
            }
        }

        bool Wanted(ServiceController service) {
            bool Any(string[] patterns) => patterns.Any(
                p => new WildcardPattern(p, WildcardOptions.IgnoreCase).IsMatch(service.ServiceName));
            return (Include == null || Any(Include)) && (Exclude == null || !Any(Exclude));
        }
    }

    public abstract class ServiceActionCommand : ServiceLookupCommand {
        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Default", ValueFromPipeline = true,
            ValueFromPipelineByPropertyName = true)]
        [Alias("ServiceName")]
        public string[] Name { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "DisplayName")]
        public string[] DisplayName { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "InputObject", ValueFromPipeline = true)]
        public ServiceController[] InputObject { get; set; }

        [Parameter] public SwitchParameter PassThru { get; set; }

        protected abstract string Verb { get; }
        protected abstract void Act(ServiceController service);

        protected override void ProcessRecord() {
            var found = ParameterSetName == "InputObject" ? InputObject
                : ParameterSetName == "DisplayName" ? ByDisplayName(DisplayName) : ByName(Name);
            foreach (var service in found) {
                var shown = $"{service.DisplayName} ({service.ServiceName})";
                if (!ShouldProcess(shown)) { continue; }
                try {
                    Act(service);
                    if (PassThru) { Emit(service); }
                } catch (InvalidOperationException problem) {
                    var noun = char.ToUpperInvariant(Verb[0]) + Verb.Substring(1);
                    WriteError(new ErrorRecord(new ServiceCommandException(
                        $"Service '{shown}' cannot be {Verb} due to the following error: {problem.Message}",
                        service.ServiceName, problem), $"CouldNot{GetType().Name.Replace("Command", "")}",
                        ErrorCategory.OpenError, service));
                }
            }
        }
    }

    [Cmdlet(VerbsLifecycle.Start, "Service", DefaultParameterSetName = "InputObject", SupportsShouldProcess = true)]
    public sealed class StartServiceCommand : ServiceActionCommand {
        protected override string Verb => "started";

        protected override void Act(ServiceController service) {
            if (service.Status == ServiceControllerStatus.Stopped) { service.Start(); }
        }
    }

    [Cmdlet(VerbsLifecycle.Stop, "Service", DefaultParameterSetName = "InputObject", SupportsShouldProcess = true)]
    public sealed class StopServiceCommand : ServiceActionCommand {
        [Parameter] public SwitchParameter Force { get; set; }
        [Parameter] public SwitchParameter NoWait { get; set; }
        protected override string Verb => "stopped";

        protected override void Act(ServiceController service) {
            var running = service.DependentServices
                .Where(s => s.Status != ServiceControllerStatus.Stopped).ToArray();
            if (running.Length > 0 && !Force) {
                throw new InvalidOperationException("it has dependent services. It can only be stopped if the Force flag is set.");
            }
            foreach (var other in running) { other.Stop(); }
            if (service.Status != ServiceControllerStatus.Stopped) { service.Stop(); }
        }
    }

    [Cmdlet(VerbsLifecycle.Restart, "Service", DefaultParameterSetName = "InputObject", SupportsShouldProcess = true)]
    public sealed class RestartServiceCommand : ServiceActionCommand {
        [Parameter] public SwitchParameter Force { get; set; }
        protected override string Verb => "restarted";

        protected override void Act(ServiceController service) {
            if (service.Status != ServiceControllerStatus.Stopped) { service.Stop(); }
            service.Start();
        }
    }

    [Cmdlet(VerbsCommon.Set, "Service", DefaultParameterSetName = "Name", SupportsShouldProcess = true)]
    public sealed class SetServiceCommand : ServiceLookupCommand {
        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Name", ValueFromPipelineByPropertyName = true)]
        [Alias("ServiceName", "SN")]
        public string Name { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "InputObject", ValueFromPipeline = true)]
        public ServiceController InputObject { get; set; }

        [Parameter] [Alias("StartMode", "SM", "ST")] public ServiceStartMode StartupType { get; set; }
        [Parameter] [ValidateSet("Paused", "Running", "Stopped")] public string Status { get; set; }
        [Parameter] public SwitchParameter PassThru { get; set; }

        protected override void ProcessRecord() {
            var found = InputObject != null ? new[] { InputObject } : ByName(new[] { Name });
            foreach (var service in found) {
                if (!ShouldProcess($"{service.DisplayName} ({service.ServiceName})")) { continue; }
                if (MyInvocation.BoundParameters.ContainsKey("StartupType")) { SetStart(service); }
                if (Status == "Running" && service.Status != ServiceControllerStatus.Running) { service.Start(); }
                if (Status == "Stopped" && service.Status != ServiceControllerStatus.Stopped) { service.Stop(); }
                if (PassThru) { Emit(service); }
            }
        }

        void SetStart(ServiceController service) {
            var key = World.Current.Registry.Create(
                @"HKLM\SYSTEM\CurrentControlSet\Services\" + service.ServiceName);
            key.Set("Start", RegistryValueKind.DWord, (int)StartupType);
            if (key.Value("DelayedAutostart") != null) { key.Set("DelayedAutostart", RegistryValueKind.DWord, 0); }
        }
    }
}
