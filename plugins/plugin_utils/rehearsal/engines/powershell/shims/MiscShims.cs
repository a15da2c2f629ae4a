// SPDX-License-Identifier: GPL-3.0-or-later
// Version resources, drives, the environment class, and the clock behind Get-Date.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text.Json.Nodes;

namespace Rehearsal {
    /// <summary>FileVersionInfo of a file on the simulated host: what the world says, else nothing.</summary>
    public sealed class FileVersionInfoShim {
        readonly JsonObject version;

        FileVersionInfoShim(string path, JsonObject version) {
            FileName = path;
            this.version = version ?? new JsonObject();
        }

        public static FileVersionInfoShim GetVersionInfo(string fileName) {
            var native = PathMap.Native(fileName);
            if (!File.Exists(native)) { throw new FileNotFoundException(fileName, fileName); }
            var shown = PathMap.Windows(native);
            return new FileVersionInfoShim(shown, World.Current.File(shown)?["version"] as JsonObject);
        }

        public string FileName { get; }
        public string FileVersion => version["file"]?.ToString();
        public string ProductVersion => version["product"]?.ToString() ?? FileVersion;
        public string ProductName => version["product_name"]?.ToString();
        public string CompanyName => version["company"]?.ToString();
        public string FileDescription => version["description"]?.ToString();
        public string InternalName => version["internal_name"]?.ToString();
        public string OriginalFilename => version["original_name"]?.ToString();
        public string Comments => null;
        public string Language => FileVersion == null ? null : "English (United States)";
        public int FileMajorPart => Part(FileVersion, 0);
        public int FileMinorPart => Part(FileVersion, 1);
        public int FileBuildPart => Part(FileVersion, 2);
        public int FilePrivatePart => Part(FileVersion, 3);
        public int ProductMajorPart => Part(ProductVersion, 0);
        public int ProductMinorPart => Part(ProductVersion, 1);
        public int ProductBuildPart => Part(ProductVersion, 2);
        public int ProductPrivatePart => Part(ProductVersion, 3);

        /// <summary>The type data of the real class adds these; they come from the numbers, not the text.</summary>
        public Version FileVersionRaw => new Version(FileMajorPart, FileMinorPart, FileBuildPart, FilePrivatePart);
        public Version ProductVersionRaw =>
            new Version(ProductMajorPart, ProductMinorPart, ProductBuildPart, ProductPrivatePart);

        static int Part(string text, int index) {
            var parts = (text ?? "").Split(' ')[0].Split('.');
            return index < parts.Length && int.TryParse(parts[index], out var number) ? number : 0;
        }

        public override string ToString() =>
            $"File:             {FileName}\r\nFileVersion:      {FileVersion}\r\nProductVersion:   {ProductVersion}\r\n";
    }

    /// <summary>DriveInfo over the world's drives.</summary>
    public sealed class DriveInfoShim {
        readonly string letter;

        public DriveInfoShim(string driveName) {
            if (driveName == null) { throw new ArgumentNullException(nameof(driveName)); }
            if (driveName.Length == 0 || !char.IsAsciiLetter(driveName[0])) {
                throw new ArgumentException("Drive name must be a root directory ('C:\\\\') or a drive letter ('C').");
            }
            letter = driveName.Substring(0, 1).ToUpperInvariant();
        }

        public static DriveInfoShim[] GetDrives() => World.Current.Section("drives")
            .Select(d => new DriveInfoShim(d.Key)).OrderBy(d => d.Name).ToArray();

        public string Name => letter + @":\";
        public bool IsReady => World.Current.Section("drives", letter).Count > 0;
        public DriveType DriveType => IsReady ? DriveType.Fixed : DriveType.NoRootDirectory;
        public string DriveFormat => IsReady ? "NTFS" : throw Missing();
        public string VolumeLabel => IsReady ? "" : throw Missing();
        public long TotalSize => Bytes("total_bytes");
        public long TotalFreeSpace => Bytes("free_bytes");
        public long AvailableFreeSpace => Bytes("free_bytes");
        public DirectoryInfo RootDirectory => new DirectoryInfo(PathMap.Native(Name));

        long Bytes(string name) => (long)(World.Current.Number("drives", letter, name) ?? throw Missing());
        Exception Missing() => new System.IO.DriveNotFoundException($"Could not find the drive '{Name}'.");
        public override string ToString() => Name;
    }

    /// <summary>[Environment] as on the simulated host.</summary>
    public static class EnvironmentShim {
        static World World => World.Current;

        public static string MachineName => World.ComputerName;
        public static string UserName => World.Environment["USERNAME"];
        public static string UserDomainName => World.Environment["USERDOMAIN"];
        public static string NewLine => "\r\n";
        public static bool Is64BitOperatingSystem => true;
        public static bool Is64BitProcess => World.Flag(true, "session", "process_64bit");
        public static int ProcessorCount => 4;
        public static int TickCount => System.Environment.TickCount;
        public static bool HasShutdownStarted => false;
        public static bool UserInteractive => false;
        public static int ExitCode { get; set; }
        public static string SystemDirectory => World.Environment["SystemRoot"] + @"\system32";
        public static Version Version => Version.Parse(World.Text("powershell", "clr") ?? "4.0.30319.42000");
        public static string CurrentDirectory {
            get => PathMap.Windows(System.Environment.CurrentDirectory);
            set => System.Environment.CurrentDirectory = PathMap.Native(value);
        }

        public static OperatingSystem OSVersion {
            get {
                var key = World.Registry.Find(@"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion");
                int.TryParse(key?.Value("CurrentBuildNumber")?.Data as string, out var build);
                var old = build > 0 && build < 10000;
                return new OperatingSystem(PlatformID.Win32NT, old
                    ? new Version(6, build < 9200 ? 1 : build < 9600 ? 2 : 3, build, 0) : new Version(10, 0, build, 0));
            }
        }

        public static string GetEnvironmentVariable(string variable) =>
            System.Environment.GetEnvironmentVariable(EnvironmentDrive.Spelled(variable) ?? variable);
        public static string GetEnvironmentVariable(string variable, EnvironmentVariableTarget target) =>
            target == EnvironmentVariableTarget.Process ? GetEnvironmentVariable(variable)
            : World.Registry.Find(@"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment")
                ?.Value(variable)?.Data as string;
        public static void SetEnvironmentVariable(string variable, string value) =>
            System.Environment.SetEnvironmentVariable(EnvironmentDrive.Spelled(variable) ?? variable, value);
        public static IDictionary GetEnvironmentVariables() => System.Environment.GetEnvironmentVariables();
        public static string ExpandEnvironmentVariables(string name) => WorldEnvironment.Expand(name);
        public static void Exit(int exitCode) => throw new PSInvalidOperationException(
            "The simulated host does not end its process from within a script; use exit.");

        public static string GetFolderPath(Environment.SpecialFolder folder) {
            var variables = World.Environment;
            switch (folder) {
                case Environment.SpecialFolder.CommonApplicationData: return variables["ProgramData"];
                case Environment.SpecialFolder.System: return SystemDirectory;
                case Environment.SpecialFolder.Windows: return variables["SystemRoot"];
                case Environment.SpecialFolder.ProgramFiles: return variables["ProgramFiles"];
                case Environment.SpecialFolder.ProgramFilesX86: return variables["ProgramFiles(x86)"];
                case Environment.SpecialFolder.UserProfile: return variables["USERPROFILE"];
                default: return "";
            }
        }
    }
}

namespace Microsoft.PowerShell.Commands {
    [Cmdlet(VerbsCommon.Get, "Culture")]
    public sealed class GetHostCultureCommand : PSCmdlet {
        protected override void BeginProcessing() => WriteObject(Rehearsal.Locale.Of(Rehearsal.World.Current));
    }

    [Cmdlet(VerbsCommon.Get, "UICulture")]
    public sealed class GetHostUICultureCommand : PSCmdlet {
        protected override void BeginProcessing() => WriteObject(Rehearsal.Locale.Of(Rehearsal.World.Current));
    }

    /// <summary>Get-PSDrive without the drive of one slash, which no Windows has.</summary>
    [Cmdlet(VerbsCommon.Get, "PSDrive", DefaultParameterSetName = "Name")]
    [OutputType(typeof(PSDriveInfo))]
    public sealed class GetPSDriveCommand : PSCmdlet {
        [Parameter(Position = 0, ParameterSetName = "Name", ValueFromPipelineByPropertyName = true)]
        public string[] Name { get; set; } = { "*" };

        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "LiteralName",
            ValueFromPipelineByPropertyName = true)]
        public string[] LiteralName { get; set; }

        [Parameter(ValueFromPipelineByPropertyName = true)] public string Scope { get; set; }
        [Parameter(ValueFromPipelineByPropertyName = true)] public string[] PSProvider { get; set; }

        protected override void ProcessRecord() {
            var all = SessionState.Drive.GetAll().Where(d => d.Name != "/" && OfProvider(d)).ToArray();
            foreach (var name in LiteralName ?? Name) {
                var pattern = new WildcardPattern(
                    LiteralName == null ? name : WildcardPattern.Escape(name), WildcardOptions.IgnoreCase);
                var found = all.Where(d => pattern.IsMatch(d.Name)).OrderBy(d => d.Name).ToArray();
                WriteObject(found, true);
                if (found.Length == 0 && (LiteralName != null || !WildcardPattern.ContainsWildcardCharacters(name))) {
                    WriteError(new ErrorRecord(new System.Management.Automation.DriveNotFoundException(
                        $"Cannot find drive. A drive with the name '{name}' does not exist."),
                        "GetLocationNoMatchingDrive", ErrorCategory.ObjectNotFound, name));
                }
            }
        }

        bool OfProvider(PSDriveInfo drive) => PSProvider == null || PSProvider.Any(
            p => new WildcardPattern(p, WildcardOptions.IgnoreCase).IsMatch(drive.Provider.Name));
    }
}
