// SPDX-License-Identifier: GPL-3.0-or-later
// Services: the .NET class under its own name, and the service commands over it.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Text.Json.Nodes;
using Rehearsal;

namespace System.ServiceProcess {
    public enum ServiceControllerStatus {
        Stopped = 1, StartPending, StopPending, Running, ContinuePending, PausePending, Paused,
    }

    public enum ServiceStartMode { Boot, System, Automatic, Manual, Disabled }

    [Flags]
    public enum ServiceType { KernelDriver = 1, FileSystemDriver = 2, Win32OwnProcess = 16, Win32ShareProcess = 32 }

    public class ServiceController : ComponentModel.Component {
        readonly string asked;
        string name;
        JsonObject entry;

        public ServiceController(string name) { asked = name; }
        public ServiceController(string name, string machineName) : this(name) { }

        internal static JsonObject Services => World.Current.Section("services");

        public static ServiceController[] GetServices() => Services.Select(s => s.Key)
            .OrderBy(n => n, StringComparer.OrdinalIgnoreCase).Select(n => new ServiceController(n)).ToArray();

        JsonObject Entry {
            get {
                if (entry != null) { return entry; }
                var found = Services.FirstOrDefault(s => Same(s.Key, asked) || Same(Title(s), asked));
                if (found.Value == null) {
                    throw new InvalidOperationException($"Cannot open {asked} service on computer '.'.",
                        new ComponentModel.Win32Exception(1060, "The specified service does not exist as an installed service"));
                }
                name = found.Key;
                return entry = (JsonObject)found.Value;
            }
        }

        static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
        static string Title(KeyValuePair<string, JsonNode> service) =>
            service.Value?["display_name"]?.ToString() ?? service.Key;

        RegistryNode Key => World.Current.Registry.Find(
            @"HKLM\SYSTEM\CurrentControlSet\Services\" + ServiceName);

        public string ServiceName { get { _ = Entry; return name; } }
        public string DisplayName => Entry["display_name"]?.ToString() ?? ServiceName;
        public string MachineName => ".";
        public ServiceType ServiceType => (ServiceType)(Key?.Value("Type")?.Data as int? ?? 16);
        internal ServiceStartMode StartMode => (ServiceStartMode)(Key?.Value("Start")?.Data as int? ?? 3);
        public bool CanStop => Status == ServiceControllerStatus.Running;
        public bool CanShutdown => CanStop;
        public bool CanPauseAndContinue => false;
        public ServiceController[] DependentServices => GetServices().Where(other =>
            other.ServicesDependedOn.Any(s => Same(s.ServiceName, ServiceName))).ToArray();

        public ServiceController[] ServicesDependedOn => (Key?.Value("DependOnService")?.Data as string[]
            ?? Array.Empty<string>()).Where(n => Services.Any(s => Same(s.Key, n)))
            .Select(n => new ServiceController(n)).ToArray();

        public ServiceControllerStatus Status => (ServiceControllerStatus)Enum.Parse(
            typeof(ServiceControllerStatus), Entry["status"]?.ToString() ?? "Stopped", true);

        public void Refresh() { }

        public void Start() {
            if (StartMode == ServiceStartMode.Disabled) { Refuse("start", 1058, "The service cannot be started, either because it is disabled or because it has no enabled devices associated with it"); }
            if (Status != ServiceControllerStatus.Stopped) { Refuse("start", 1056, "An instance of the service is already running"); }
            if (Refuses("start")) { Refuse("start", 1053, "The service did not respond to the start or control request in a timely fashion"); }
            foreach (var needed in ServicesDependedOn.Where(s => s.Status == ServiceControllerStatus.Stopped)) {
                if (needed.StartMode == ServiceStartMode.Disabled) { Refuse("start", 1068, "The dependency service or group failed to start"); }
                needed.Start();
            }
            Become(ServiceControllerStatus.Running);
        }

        public void Stop() {
            if (Status == ServiceControllerStatus.Stopped) { Refuse("stop", 1062, "The service has not been started"); }
            if (Refuses("stop")) { Refuse("stop", 1053, "The service did not respond to the start or control request in a timely fashion"); }
            Become(ServiceControllerStatus.Stopped);
        }

        public void WaitForStatus(ServiceControllerStatus desiredStatus) { }
        public void WaitForStatus(ServiceControllerStatus desiredStatus, TimeSpan timeout) {
            if (Status != desiredStatus) {
                throw new InvalidOperationException("Time out has expired and the operation has not been completed.");
            }
        }

        /// <summary>A service of the world that hangs: "refuses": "start" or "stop".</summary>
        bool Refuses(string verb) => Entry["refuses"]?.ToString() == verb;

        void Become(ServiceControllerStatus status) {
            Entry["status"] = status.ToString();
            World.Current.Mutate("service.status", ServiceName, ("value", JsonValue.Create(status.ToString())));
        }

        void Refuse(string verb, int code, string text) => throw new InvalidOperationException(
            $"Cannot {verb} service {ServiceName} on computer '.'.", new ComponentModel.Win32Exception(code, text));

        public void Close() { }
        public override string ToString() => GetType().FullName;
    }
}

namespace Microsoft.PowerShell.Commands {
    using System.ServiceProcess;

    public class ServiceCommandException : SystemException {
        public ServiceCommandException(string message, string name, Exception inner = null) : base(message, inner) {
            ServiceName = name;
        }

        public string ServiceName { get; }
    }

    /// <summary>What the service commands share: finding services by name, display name or object.</summary>
    public abstract class ServiceLookupCommand : PSCmdlet {
        protected IEnumerable<ServiceController> ByName(string[] names) => Find(names, s => s.ServiceName,
            "NoServiceFoundForGivenName", "Cannot find any service with service name '{0}'.");

        protected IEnumerable<ServiceController> ByDisplayName(string[] names) => Find(names, s => s.DisplayName,
            "NoServiceFoundForGivenDisplayName", "Cannot find any service with display name '{0}'.");

        IEnumerable<ServiceController> Find(
            string[] names, Func<ServiceController, string> key, string id, string message) {
            var all = ServiceController.GetServices();
            foreach (var name in names ?? new[] { "*" }) {
                var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
                var found = all.Where(s => pattern.IsMatch(key(s))).ToArray();
                foreach (var service in found) { yield return service; }
                if (found.Length == 0 && !WildcardPattern.ContainsWildcardCharacters(name)) {
                    WriteError(new ErrorRecord(new ServiceCommandException(string.Format(message, name), name),
                        id, ErrorCategory.ObjectNotFound, name));
                }
            }
        }

        protected void Emit(ServiceController service) {
            var item = new PSObject(service);
            // The engine's type data brings Name and RequiredServices on some platforms only.
            Alias(item, "Name", "ServiceName");
            Alias(item, "RequiredServices", "ServicesDependedOn");
            if (World.Current.PSVersion.Major >= 5) {
                // .NET before 4.6.1 has no StartType; there scripts must look into the registry.
                item.Properties.Add(new PSNoteProperty("StartType", service.StartMode));
            }
            WriteObject(item);
        }

        static void Alias(PSObject item, string name, string member) {
            if (item.Properties[name] == null) { item.Properties.Add(new PSAliasProperty(name, member)); }
        }
    }
}
