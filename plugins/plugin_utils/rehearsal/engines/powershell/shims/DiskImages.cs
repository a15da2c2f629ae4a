// SPDX-License-Identifier: GPL-3.0-or-later
// Disk images: Mount-DiskImage, Get-DiskImage, Dismount-DiskImage and Get-Volume of the Storage module
// (Windows Server 2012 and later). What is on an image, and what is wrong with it, is said by the world.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text.Json.Nodes;
using Rehearsal;

namespace Rehearsal {
    /// <summary>The same as disk_images.py: rules, letters, and the one file that an image of setup has.</summary>
    public static class DiskImages {
        const int DisabledStart = 4;

        public static bool Offered(World world) {
            var key = world.Registry.Find(@"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion");
            return !int.TryParse(key?.Value("CurrentBuildNumber")?.Data as string, out var build) || build >= 9200;
        }

        static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

        /// <summary>The module works through WMI; a service that is disabled is not started on demand.</summary>
        public static bool WmiIsGone {
            get {
                if (World.Current.Left.Any(e => Same(e["name"]?.ToString(), "WinMgmt") && e["kind"]?.ToString() == "service"
                    && e["status"]?.ToString() == "Stopped" && Programs.Number(e, "start", 0) == DisabledStart)) { return true; }
                var service = World.Current.Section("services").FirstOrDefault(s => Same(s.Key, "WinMgmt"));
                var start = World.Current.Registry.Find(@"HKLM\SYSTEM\CurrentControlSet\Services\WinMgmt")?.Value("Start")?.Data;
                return service.Value?["status"]?.ToString() == "Stopped" && start is int number && number == DisabledStart;
            }
        }

        static JsonObject Table {
            get {
                if (!(World.Current.Data["attached_images"] is JsonObject)) { World.Current.Data["attached_images"] = new JsonObject(); }
                return (JsonObject)World.Current.Data["attached_images"];
            }
        }

        public static IEnumerable<DiskImage> Attached() => Table.Select(e => new DiskImage(e.Key, e.Value?.ToString()));

        public static DiskImage Find(string path) => Attached().FirstOrDefault(i => Same(i.ImagePath, path))
            ?? new DiskImage(path, null);

        static JsonObject Rule(string path) {
            foreach (var rule in (World.Current.Data["images"] as JsonArray ?? new JsonArray()).OfType<JsonObject>()) {
                if (rule["times"] != null && Programs.Number(rule, "used", 0) >= Programs.Number(rule, "times", 0)) { continue; }
                if (path.IndexOf(rule["match"].ToString(), StringComparison.OrdinalIgnoreCase) >= 0) { return rule; }
            }
            return null;
        }

        /// <summary>What is wrong with this attempt: corrupt, no-letter, no-setup, stays; null for nothing.</summary>
        public static string Problem(string path) {
            var rule = Rule(path);
            if (rule != null) { rule["used"] = Programs.Number(rule, "used", 0) + 1; }
            return rule?["problem"]?.ToString();
        }

        public static bool Stays(string path) => Rule(path)?["problem"]?.ToString() == "stays";

        public static void Attach(string path, string problem) {
            var taken = Attached().Select(i => i.Letter).Concat(World.Current.Section("drives").Select(d => d.Key.ToUpperInvariant()));
            var letter = problem == "no-letter" ? "" : "DEFGHIJKLMNOPQRSTUVWXYZ".Select(c => c.ToString()).First(c => !taken.Contains(c));
            Table[path] = letter;
            if (letter.Length > 0) { Directory.CreateDirectory(PathMap.Native(letter + @":\")); }
            if (letter.Length > 0 && problem != "no-setup") {
                File.WriteAllText(PathMap.Native(letter + @":\setup.exe"), "setup");
            }
            World.Current.Tell("image.attach", path, ("letter", letter), ("problem", problem));
        }

        public static void Detach(DiskImage image) {
            Table.Remove(image.ImagePath);
            if (image.Letter.Length > 0) { File.Delete(PathMap.Native(image.Letter + @":\setup.exe")); }
            World.Current.Tell("image.detach", image.ImagePath);
        }
    }

    /// <summary>MSFT_DiskImage, as far as scripts look at it; an image that is not attached has no device.</summary>
    public sealed class DiskImage {
        internal readonly string Letter;

        internal DiskImage(string path, string letter) {
            ImagePath = path;
            Attached = letter != null;
            Letter = letter ?? "";
        }

        public bool Attached { get; }
        public uint BlockSize => 0;
        public string DevicePath => Attached ? @"\\.\CDROM" + Number : null;
        public ulong FileSize => (ulong)new FileInfo(PathMap.Native(ImagePath)).Length;
        public string ImagePath { get; }
        public ulong LogicalSectorSize => 2048;
        public uint? Number => Attached ? (uint?)Math.Max(1, DiskImages.Attached().ToList().FindIndex(i => i.ImagePath == ImagePath) + 1) : null;
        public ulong Size => FileSize;
        public uint StorageType => 1;
        public string PSComputerName => null;
    }

    /// <summary>MSFT_Volume of an image; without a letter the letter is the null character.</summary>
    public sealed class DiskVolume {
        internal DiskVolume(string letter) { DriveLetter = letter.Length > 0 ? letter[0] : '\0'; }
        public char DriveLetter { get; }
        public string DriveType => "CD-ROM";
        public string FileSystem => "UDF";
        public string FileSystemLabel => "EXCHANGESERVER";
        public string HealthStatus => "Healthy";
        public string OperationalStatus => "OK";
        public ulong SizeRemaining => 0;
    }

    public abstract class StorageCommand : PSCmdlet {
        [Parameter] public string[] CimSession { get; set; }
        [Parameter] public int ThrottleLimit { get; set; }
        [Parameter] public SwitchParameter AsJob { get; set; }

        protected void Fail(uint code, string message) => WriteError(new ErrorRecord(
            new InvalidOperationException(message), $"HRESULT 0x{code:x8}", ErrorCategory.NotSpecified, null));

        /// <summary>Refused for everybody: WMI gone, not elevated. The words are those of the codes.</summary>
        protected bool Refused() {
            if (DiskImages.WmiIsGone) {
                Fail(0x80070422, "The service cannot be started, either because it is disabled or because it has no enabled devices associated with it. ");
                return true;
            }
            if (!World.Current.Flag(true, "session", "elevated")) {
                Fail(0x80070005, "Access is denied. ");
                return true;
            }
            return false;
        }

        protected bool Missing(string path) {
            if (PathMap.IsWindows(path) && File.Exists(PathMap.Native(path))) { return false; }
            Fail(0x80070002, "The system cannot find the file specified. ");
            return true;
        }
    }
}

namespace Microsoft.PowerShell.Commands {
    [Cmdlet(VerbsCommon.Get, "DiskImage", DefaultParameterSetName = "ByImagePath")]
    [OutputType(typeof(DiskImage))]
    public sealed class GetDiskImageCommand : StorageCommand {
        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "ByImagePath", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
        public string[] ImagePath { get; set; }
        [Parameter(Mandatory = true, ParameterSetName = "ByDevicePath", ValueFromPipelineByPropertyName = true)]
        public string[] DevicePath { get; set; }
        [Parameter] [ValidateSet("Unknown", "ISO", "VHD", "VHDX", "VHDSet")] public string StorageType { get; set; }

        protected override void ProcessRecord() {
            if (Refused()) { return; }
            foreach (var path in ImagePath ?? new string[0]) {
                if (!Missing(path)) { WriteObject(DiskImages.Find(path)); }
            }
            WriteObject(DiskImages.Attached().Where(i => (DevicePath ?? new string[0]).Contains(i.DevicePath)), true);
        }
    }

    [Cmdlet(VerbsData.Mount, "DiskImage", DefaultParameterSetName = "ByImagePath", SupportsShouldProcess = true)]
    [OutputType(typeof(DiskImage))]
    public sealed class MountDiskImageCommand : StorageCommand {
        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "ByImagePath", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
        public string[] ImagePath { get; set; }
        [Parameter(ParameterSetName = "ByImagePath")] [ValidateSet("Unknown", "ISO", "VHD", "VHDX", "VHDSet")] public string StorageType { get; set; }
        [Parameter] [ValidateSet("Unknown", "ReadWrite", "ReadOnly")] public string Access { get; set; }
        [Parameter] public SwitchParameter NoDriveLetter { get; set; }
        [Parameter] public SwitchParameter PassThru { get; set; }

        protected override void ProcessRecord() {
            foreach (var path in ImagePath.Where(p => ShouldProcess(p, "Mount"))) {
                if (Refused() || Missing(path)) { continue; }
                if (DiskImages.Find(path).Attached) {
                    Fail(0x80070020, "The process cannot access the file because it is being used by another process. ");
                    continue;
                }
                var problem = DiskImages.Problem(path);
                if (problem == "corrupt") {
                    World.Current.Tell("image.refused", path);
                    Fail(0x80070570, "The file or directory is corrupted and unreadable. ");
                    continue;
                }
                DiskImages.Attach(path, NoDriveLetter ? "no-letter" : problem);
                if (PassThru) { WriteObject(DiskImages.Find(path)); }
            }
        }
    }

    [Cmdlet(VerbsData.Dismount, "DiskImage", DefaultParameterSetName = "ByImagePath", SupportsShouldProcess = true)]
    [OutputType(typeof(DiskImage))]
    public sealed class DismountDiskImageCommand : StorageCommand {
        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "ByImagePath", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
        public string[] ImagePath { get; set; }
        [Parameter(ParameterSetName = "ByImagePath")] [ValidateSet("Unknown", "ISO", "VHD", "VHDX", "VHDSet")] public string StorageType { get; set; }
        [Parameter] public SwitchParameter PassThru { get; set; }

        protected override void ProcessRecord() {
            foreach (var path in ImagePath.Where(p => ShouldProcess(p, "Dismount"))) {
                if (Refused() || Missing(path)) { continue; }
                var image = DiskImages.Find(path);
                if (!image.Attached) {
                    Fail(0x80070490, "Element not found. ");
                    continue;
                }
                // An open handle, of whomever, keeps the volume: no error, and it is still there.
                if (!DiskImages.Stays(path)) { DiskImages.Detach(image); }
                if (PassThru) { WriteObject(DiskImages.Find(path)); }
            }
        }
    }

    [Cmdlet(VerbsCommon.Get, "Volume", DefaultParameterSetName = "ByDriveLetters")]
    [OutputType(typeof(DiskVolume))]
    public sealed class GetVolumeCommand : StorageCommand {
        [Parameter(Position = 0, ParameterSetName = "ByDriveLetters")] public char[] DriveLetter { get; set; }
        [Parameter(Mandatory = true, ParameterSetName = "ByDiskImage", ValueFromPipeline = true)] public DiskImage DiskImage { get; set; }

        protected override void ProcessRecord() {
            if (Refused()) { return; }
            var found = DiskImage == null ? DiskImages.Attached().ToArray() : new[] { DiskImages.Find(DiskImage.ImagePath) };
            foreach (var image in found.Where(i => i.Attached)) {
                if (DriveLetter == null || DriveLetter.Any(l => image.Letter.Equals(l.ToString(), StringComparison.OrdinalIgnoreCase))) {
                    WriteObject(new DiskVolume(image.Letter));
                }
            }
        }
    }
}
