// SPDX-License-Identifier: GPL-3.0-or-later
// Windows event logs: Get-WinEvent over what the world says of a log (extent, not its text).
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Text.Json.Nodes;
using Rehearsal;

namespace System.Diagnostics.Eventing.Reader {
    public class EventLogException : Exception {
        public EventLogException(string message) : base(message) { }
    }

    public class EventLogConfiguration {
        readonly JsonObject entry;
        internal EventLogConfiguration(string name, JsonObject entry) { LogName = name; this.entry = entry; }

        public string LogName { get; }
        public bool IsEnabled => entry["enabled"]?.GetValue<bool>() ?? true;
        public bool IsClassicLog => !LogName.Contains('/');
        public string LogMode => "Circular";
        public string LogType => "Administrative";
        public long MaximumSizeInBytes => (long?)entry["max_bytes"] ?? 20971520;
        public long? RecordCount => (long?)entry["records"];
        public long? FileSize => RecordCount == null ? (long?)null
            : Math.Min(MaximumSizeInBytes, 69632 + RecordCount.Value * 600);
        public long? OldestRecordNumber => RecordCount > 0 ? 1 : 0;
        public DateTime? LastWriteTime => EventRecords.Moment(entry, "newest")?.ToLocalTime();
        public string LogFilePath => @"%SystemRoot%\System32\Winevt\Logs\" + LogName.Replace("/", "%4") + ".evtx";
        public string SecurityDescriptor => "O:BAG:SYD:(A;;0x2;;;S-1-15-2-1)(A;;0xf0007;;;SY)(A;;0x7;;;BA)";
        public override string ToString() => GetType().FullName;
    }

    public class EventLogRecord {
        public long? RecordId { get; internal set; }
        public DateTime? TimeCreated { get; internal set; }
        public int Id { get; internal set; }
        public string ProviderName { get; internal set; }
        public string LogName { get; internal set; }
        public byte? Level { get; internal set; }
        public string LevelDisplayName { get; internal set; }
        public string MachineName { get; internal set; }
        public string Message { get; internal set; }
        public IList Properties { get; } = new ArrayList();
        public override string ToString() => GetType().FullName;
    }
}

namespace Rehearsal {
    using System.Diagnostics.Eventing.Reader;

    static class EventRecords {
        static readonly string[] Levels = { "Information", "Critical", "Error", "Warning", "Information", "Verbose" };

        public static DateTime? Moment(JsonObject entry, string name) {
            var text = entry[name]?.ToString();
            return text == null ? (DateTime?)null : World.Time(text);
        }

        /// <summary>Events that the world spells out, else plain ones spread over the log's extent.</summary>
        public static IEnumerable<EventLogRecord> Of(string log, JsonObject entry, bool oldestFirst) {
            if (entry["events"] is JsonArray events) {
                var list = events.OfType<JsonObject>().Select((e, i) => Record(log, i + 1, World.Time(e["time"].ToString()),
                    (int?)e["id"] ?? 1, e["provider"]?.ToString() ?? log, (byte?)(int?)e["level"] ?? 4,
                    e["message"]?.ToString() ?? "")).OrderBy(r => r.TimeCreated);
                return oldestFirst ? list : list.Reverse();
            }
            return Spread(log, entry, oldestFirst);
        }

        static IEnumerable<EventLogRecord> Spread(string log, JsonObject entry, bool oldestFirst) {
            var first = Moment(entry, "oldest");
            var last = Moment(entry, "newest") ?? first;
            var count = (long?)entry["records"] ?? (first == null ? 0 : 1);
            if (first == null) { yield break; }
            var step = count > 1 ? (last.Value - first.Value).Ticks / (double)(count - 1) : 0;
            for (long i = 0; i < count; i++) {
                var number = oldestFirst ? i : count - 1 - i;
                // Exact at both ends, whatever the rounding between.
                var time = number == count - 1 ? last.Value : first.Value.AddTicks((long)(step * number));
                yield return Record(log, number + 1, time, 1000, log, 4, "Rehearsal event.");
            }
        }

        static EventLogRecord Record(
            string log, long number, DateTime time, int id, string provider, byte level, string message) {
            return new EventLogRecord {
                RecordId = number, TimeCreated = time.ToLocalTime(), Id = id, ProviderName = provider,
                LogName = log, Level = level, LevelDisplayName = Levels[Math.Min(level, (byte)5)],
                MachineName = World.Current.ComputerName + "." + World.Current.Domain, Message = message,
            };
        }
    }
}

namespace Microsoft.PowerShell.Commands {
    using System.Diagnostics.Eventing.Reader;

    [Cmdlet(VerbsCommon.Get, "WinEvent", DefaultParameterSetName = "GetLogSet")]
    public sealed class GetWinEventCommand : PSCmdlet {
        [Parameter(Mandatory = true, ParameterSetName = "ListLogSet")]
        [AllowEmptyCollection]
        public string[] ListLog { get; set; }

        [Parameter(Position = 0, ParameterSetName = "GetLogSet", ValueFromPipeline = true,
            ValueFromPipelineByPropertyName = true)]
        public string[] LogName { get; set; }

        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "HashQuerySet", ValueFromPipeline = true)]
        public Hashtable[] FilterHashtable { get; set; }

        [Parameter(ParameterSetName = "GetLogSet")]
        [Parameter(ParameterSetName = "HashQuerySet")]
        [ValidateRange(1L, long.MaxValue)]
        public long MaxEvents { get; set; } = -1;

        [Parameter] [Alias("Cn")] public string ComputerName { get; set; }
        [Parameter] public SwitchParameter Force { get; set; }

        [Parameter(ParameterSetName = "GetLogSet")]
        [Parameter(ParameterSetName = "HashQuerySet")]
        public SwitchParameter Oldest { get; set; }

        protected override void ProcessRecord() {
            if (ListLog != null) { foreach (var name in ListLog) { List(name); } return; }
            if (FilterHashtable != null) { foreach (var filter in FilterHashtable) { Read(Names(filter["LogName"]), filter); } return; }
            Read(LogName ?? new[] { "*" }, new Hashtable());
        }

        static string[] Names(object value) => value is string one ? new[] { one }
            : ((IEnumerable)value ?? Array.Empty<object>()).Cast<object>().Select(o => o.ToString()).ToArray();

        IEnumerable<KeyValuePair<string, JsonObject>> Logs(string name) {
            var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
            var found = World.Current.Section("event_logs").Where(l => pattern.IsMatch(l.Key))
                .Select(l => KeyValuePair.Create(l.Key, (JsonObject)l.Value)).ToArray();
            if (found.Length == 0) {
                Fail($"There is not an event log on the localhost computer that matches \"{name}\".",
                    "NoMatchingLogsFound", ErrorCategory.ObjectNotFound, null);
            }
            return found;
        }

        void List(string name) {
            foreach (var log in Logs(name)) {
                if (Denied(log)) {
                    Fail($"To access the '{log.Key}' log start PowerShell by using elevated user rights.  Error: Attempted to perform an unauthorized operation.",
                        "LogInfoUnavailable", ErrorCategory.NotSpecified, null);
                } else {
                    WriteObject(new EventLogConfiguration(log.Key, log.Value));
                }
            }
        }

        static bool Denied(KeyValuePair<string, JsonObject> log) =>
            ((bool?)log.Value["denied"] ?? false)
            || (log.Key == "Security" && !World.Current.Flag(true, "session", "elevated"));

        void Read(string[] names, Hashtable filter) {
            var logs = names.SelectMany(Logs).ToArray();
            if (logs.Length == 0) { return; }
            foreach (var log in logs.Where(l => Denied(l))) {
                WriteError(new ErrorRecord(new UnauthorizedAccessException("Attempted to perform an unauthorized operation."),
                    "Attempted to perform an unauthorized operation.", ErrorCategory.NotSpecified, null));
                return;
            }
            long written = 0;
            var records = logs.Length == 1 ? EventRecords.Of(logs[0].Key, logs[0].Value, Oldest)
                : Sorted(logs.SelectMany(l => EventRecords.Of(l.Key, l.Value, Oldest)));
            foreach (var record in records.Where(r => Matches(r, filter))) {
                if (Stopping || (MaxEvents > 0 && written >= MaxEvents)) { return; }
                WriteObject(record);
                written++;
            }
            if (written == 0) {
                Fail("No events were found that match the specified selection criteria.",
                    "NoMatchingEventsFound", ErrorCategory.ObjectNotFound, null);
            }
        }

        IEnumerable<EventLogRecord> Sorted(IEnumerable<EventLogRecord> records) => Oldest
            ? records.OrderBy(r => r.TimeCreated) : records.OrderByDescending(r => r.TimeCreated);

        static bool Matches(EventLogRecord record, Hashtable filter) {
            bool Among(string key, object value) => filter[key] == null || Names(filter[key] is int n ? n.ToString(CultureInfo.InvariantCulture) : filter[key])
                .Contains(Convert.ToString(value, CultureInfo.InvariantCulture), StringComparer.OrdinalIgnoreCase);
            return Among("Id", record.Id) && Among("Level", record.Level) && Among("ProviderName", record.ProviderName)
                && (filter["StartTime"] == null || record.TimeCreated >= LanguagePrimitives.ConvertTo<DateTime>(filter["StartTime"]))
                && (filter["EndTime"] == null || record.TimeCreated <= LanguagePrimitives.ConvertTo<DateTime>(filter["EndTime"]));
        }

        void Fail(string message, string id, ErrorCategory category, object target) =>
            WriteError(new ErrorRecord(new Exception(message), id, category, target));
    }
}
