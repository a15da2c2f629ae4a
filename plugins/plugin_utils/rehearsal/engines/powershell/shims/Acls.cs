// SPDX-License-Identifier: GPL-3.0-or-later
// Owner and access list of files and folders, kept in the world: the folder on disk has none.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Security.AccessControl;
using System.Text.RegularExpressions;

namespace Rehearsal {
    public sealed class FileSystemAccessRuleShim {
        public FileSystemAccessRuleShim(string identity, FileSystemRights rights, AccessControlType type)
            : this(new NTAccountShim(identity), rights, InheritanceFlags.None, PropagationFlags.None, type) { }
        public FileSystemAccessRuleShim(IdentityReferenceShim identity, FileSystemRights rights, AccessControlType type)
            : this(identity, rights, InheritanceFlags.None, PropagationFlags.None, type) { }
        public FileSystemAccessRuleShim(string identity, FileSystemRights rights, InheritanceFlags inheritance,
            PropagationFlags propagation, AccessControlType type)
            : this(new NTAccountShim(identity), rights, inheritance, propagation, type) { }
        public FileSystemAccessRuleShim(IdentityReferenceShim identity, FileSystemRights rights,
            InheritanceFlags inheritance, PropagationFlags propagation, AccessControlType type) {
            IdentityReference = identity;
            FileSystemRights = rights;
            InheritanceFlags = inheritance;
            PropagationFlags = propagation;
            AccessControlType = type;
        }

        public IdentityReferenceShim IdentityReference { get; }
        public FileSystemRights FileSystemRights { get; }
        public InheritanceFlags InheritanceFlags { get; }
        public PropagationFlags PropagationFlags { get; }
        public AccessControlType AccessControlType { get; }
        public bool IsInherited { get; internal set; }

        internal string Sddl {
            get {
                var flags = (InheritanceFlags.HasFlag(InheritanceFlags.ObjectInherit) ? "OI" : "")
                    + (InheritanceFlags.HasFlag(InheritanceFlags.ContainerInherit) ? "CI" : "")
                    + (PropagationFlags.HasFlag(PropagationFlags.InheritOnly) ? "IO" : "") + (IsInherited ? "ID" : "");
                var rights = FileSystemRights == FileSystemRights.FullControl ? "FA" : $"0x{(int)FileSystemRights:x}";
                var sid = IdentityReference.Translate(typeof(SecurityIdentifierShim)).Value;
                return $"({(AccessControlType == AccessControlType.Allow ? "A" : "D")};{flags};{rights};;;{Accounts.Abbreviation(sid) ?? sid})";
            }
        }

        internal static FileSystemAccessRuleShim Parse(string ace) {
            var part = ace.Split(';');
            var rights = part[2].StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? (FileSystemRights)Convert.ToInt32(part[2], 16)
                : part[2].Contains("FA") || part[2].Contains("GA") ? FileSystemRights.FullControl
                : FileSystemRights.ReadAndExecute;
            var inheritance = (part[1].Contains("OI") ? InheritanceFlags.ObjectInherit : 0)
                | (part[1].Contains("CI") ? InheritanceFlags.ContainerInherit : 0);
            return new FileSystemAccessRuleShim(new SecurityIdentifierShim(part[5]), rights, inheritance,
                part[1].Contains("IO") ? PropagationFlags.InheritOnly : PropagationFlags.None,
                part[0] == "D" ? AccessControlType.Deny : AccessControlType.Allow) {
                IsInherited = part[1].Contains("ID"),
            };
        }
    }

    /// <summary>FileSecurity and DirectorySecurity: what scripts read and write of them.</summary>
    public class FileSecurityShim {
        const string Inherited = "(A;OICIID;FA;;;S-1-5-18)(A;OICIID;FA;;;S-1-5-32-544)(A;OICIID;0x1200a9;;;S-1-5-32-545)";
        readonly List<FileSystemAccessRuleShim> rules = new List<FileSystemAccessRuleShim>();
        string owner, group = "S-1-5-18";

        public FileSecurityShim() { }

        internal FileSecurityShim(string native, bool directory) {
            if (!File.Exists(native) && !Directory.Exists(native)) {
                throw new FileNotFoundException($"Could not find file '{PathMap.Windows(native)}'.");
            }
            NativePath = native;
            var entry = World.Current.File(PathMap.Windows(native));
            // What this command has made belongs to Administrators when elevated, as Windows does it.
            var fresh = entry == null && File.GetCreationTimeUtc(native) >= World.Current.Began;
            owner = entry?["owner"]?.ToString()
                ?? (fresh ? WindowsIdentityShim.GetCurrent().Owner.Value : "S-1-5-18");
            Load(entry?["sddl"]?.ToString() ?? "D:AI" + Inherited);
        }

        internal string NativePath { get; }
        public string Path => NativePath == null ? null
            : @"Microsoft.PowerShell.Core\FileSystem::" + PathMap.Windows(NativePath);
        public string Owner => Shown(owner);
        public string Group => Shown(group);
        public bool AreAccessRulesProtected { get; private set; }
        public bool AreAccessRulesCanonical => true;
        public string Sddl => GetSecurityDescriptorSddlForm(AccessControlSections.All);
        public FileSystemAccessRuleShim[] Access => GetAccessRules(true, true, typeof(NTAccountShim));
        public string AccessToString => string.Join("\n", Access.Select(
            r => $"{r.IdentityReference} {r.AccessControlType}  {r.FileSystemRights}"));

        static string Shown(string sid) => sid == null ? null : Accounts.NameOf(sid) ?? "O:" + sid;

        public IdentityReferenceShim GetOwner(Type targetType) =>
            owner == null ? null : new SecurityIdentifierShim(owner).Translate(targetType);
        public IdentityReferenceShim GetGroup(Type targetType) =>
            new SecurityIdentifierShim(group).Translate(targetType);
        public void SetOwner(IdentityReferenceShim identity) =>
            owner = identity.Translate(typeof(SecurityIdentifierShim)).Value;
        public void SetGroup(IdentityReferenceShim identity) =>
            group = identity.Translate(typeof(SecurityIdentifierShim)).Value;

        public FileSystemAccessRuleShim[] GetAccessRules(bool includeExplicit, bool includeInherited, Type targetType) =>
            rules.Where(r => r.IsInherited ? includeInherited : includeExplicit).Select(r => Named(r, targetType)).ToArray();

        static FileSystemAccessRuleShim Named(FileSystemAccessRuleShim rule, Type type) {
            var identity = rule.IdentityReference;
            try { identity = identity.Translate(type); } catch (System.Security.Principal.IdentityNotMappedException) { }
            return new FileSystemAccessRuleShim(identity, rule.FileSystemRights, rule.InheritanceFlags,
                rule.PropagationFlags, rule.AccessControlType) { IsInherited = rule.IsInherited };
        }

        public void SetAccessRuleProtection(bool isProtected, bool preserveInheritance) {
            AreAccessRulesProtected = isProtected;
            if (!isProtected) { return; }
            if (!preserveInheritance) { rules.RemoveAll(r => r.IsInherited); }
            foreach (var rule in rules) { rule.IsInherited = false; }
        }

        public void AddAccessRule(FileSystemAccessRuleShim rule) => rules.Add(rule);
        public void ResetAccessRule(FileSystemAccessRuleShim rule) => SetAccessRule(rule);

        public void SetAccessRule(FileSystemAccessRuleShim rule) {
            PurgeAccessRules(rule.IdentityReference);
            rules.Add(rule);
        }

        public bool RemoveAccessRule(FileSystemAccessRuleShim rule) => rules.RemoveAll(r => r.Sddl == rule.Sddl) > 0;

        public void PurgeAccessRules(IdentityReferenceShim identity) {
            var sid = identity.Translate(typeof(SecurityIdentifierShim)).Value;
            rules.RemoveAll(r => r.IdentityReference.Translate(typeof(SecurityIdentifierShim)).Value == sid);
        }

        public string GetSecurityDescriptorSddlForm(AccessControlSections includeSections) {
            var access = "D:" + (AreAccessRulesProtected ? "P" : "AI") + string.Concat(rules.Select(r => r.Sddl));
            return (includeSections.HasFlag(AccessControlSections.Owner) && owner != null ? "O:" + Short(owner) : "")
                + (includeSections.HasFlag(AccessControlSections.Group) ? "G:" + Short(group) : "")
                + (includeSections.HasFlag(AccessControlSections.Access) ? access : "");
        }

        static string Short(string sid) => Accounts.Abbreviation(sid) ?? sid;

        public void SetSecurityDescriptorSddlForm(string sddlForm) => Load(sddlForm);
        public void SetSecurityDescriptorSddlForm(string sddlForm, AccessControlSections sections) => Load(sddlForm);

        void Load(string sddl) {
            var found = Regex.Match(sddl, @"^(O:(?<o>[^:]+?))?(G:(?<g>[^:]+?))?(D:(?<f>[A-Z]*)(?<a>(\([^)]*\))*))?(S:.*)?$");
            if (!found.Success) { throw new ArgumentException("The SDDL form of a security descriptor object is invalid."); }
            if (found.Groups["o"].Success) { owner = new SecurityIdentifierShim(found.Groups["o"].Value).Value; }
            if (found.Groups["g"].Success) { group = new SecurityIdentifierShim(found.Groups["g"].Value).Value; }
            AreAccessRulesProtected = found.Groups["f"].Value.Contains('P');
            rules.Clear();
            rules.AddRange(Regex.Matches(found.Groups["a"].Value, @"\(([^)]*)\)").Select(
                m => FileSystemAccessRuleShim.Parse(m.Groups[1].Value)));
        }

        internal void Apply(string native) {
            var path = PathMap.Windows(native);
            if (owner != null) { World.Current.RecordFile(path, "owner", owner); }
            World.Current.RecordFile(path, "sddl", GetSecurityDescriptorSddlForm(AccessControlSections.Access));
        }
    }
}

namespace Microsoft.PowerShell.Commands {
    using Rehearsal;

    [Cmdlet(VerbsCommon.Get, "Acl", DefaultParameterSetName = "ByPath")]
    public sealed class GetAclCommand : PSCmdlet {
        [Parameter(Position = 0, ParameterSetName = "ByPath", ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
        public string[] Path { get; set; } = { "." };

        [Parameter(ParameterSetName = "ByLiteralPath", ValueFromPipelineByPropertyName = true)]
        [Alias("PSPath")]
        public string[] LiteralPath { get; set; }

        [Parameter] public SwitchParameter Audit { get; set; }

        protected override void ProcessRecord() {
            foreach (var path in LiteralPath ?? Path) {
                foreach (var native in AclPaths.Resolve(this, path, LiteralPath != null)) {
                    var acl = new PSObject(new FileSecurityShim(native, Directory.Exists(native)));
                    acl.TypeNames.Insert(0, "System.Security.AccessControl."
                        + (Directory.Exists(native) ? "DirectorySecurity" : "FileSecurity"));
                    WriteObject(acl);
                }
            }
        }
    }

    [Cmdlet(VerbsCommon.Set, "Acl", DefaultParameterSetName = "ByPath", SupportsShouldProcess = true)]
    public sealed class SetAclCommand : PSCmdlet {
        [Parameter(Mandatory = true, Position = 0, ParameterSetName = "ByPath", ValueFromPipelineByPropertyName = true)]
        public string[] Path { get; set; }

        [Parameter(Mandatory = true, ParameterSetName = "ByLiteralPath", ValueFromPipelineByPropertyName = true)]
        [Alias("PSPath")]
        public string[] LiteralPath { get; set; }

        [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
        public object AclObject { get; set; }

        [Parameter] public SwitchParameter Passthru { get; set; }

        protected override void ProcessRecord() {
            var acl = (AclObject as PSObject)?.BaseObject as FileSecurityShim ?? AclObject as FileSecurityShim
                ?? throw new PSArgumentException("AclObject");
            foreach (var path in LiteralPath ?? Path) {
                foreach (var native in AclPaths.Resolve(this, path, LiteralPath != null)) {
                    if (!ShouldProcess(PathMap.Windows(native))) { continue; }
                    acl.Apply(native);
                    if (Passthru) { WriteObject(AclObject); }
                }
            }
        }
    }

    static class AclPaths {
        public static IEnumerable<string> Resolve(PSCmdlet command, string path, bool literal) {
            ProviderInfo provider = null;
            PSDriveInfo drive;
            var found = new List<string>();
            try {
                found.AddRange(literal
                    ? new[] { command.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out drive) }
                    : command.SessionState.Path.GetResolvedProviderPathFromPSPath(path, out provider).ToArray());
            } catch (SessionStateException problem) {
                command.WriteError(problem.ErrorRecord);
            }
            if (provider != null && provider.Name != "FileSystem") {
                command.WriteError(new ErrorRecord(new NotSupportedException(
                    "The simulated host keeps access lists of files and folders only."),
                    "NotSupported", ErrorCategory.NotImplemented, path));
                yield break;
            }
            foreach (var native in found.Select(PathMap.Native)) {
                if (File.Exists(native) || Directory.Exists(native)) { yield return native; continue; }
                command.WriteError(new ErrorRecord(new ItemNotFoundException(
                    $"Cannot find path '{path}' because it does not exist."), "GetAcl_PathNotFound_Exception",
                    ErrorCategory.ObjectNotFound, path));
            }
        }
    }
}
