// SPDX-License-Identifier: GPL-3.0-or-later
// Who the session is: SecurityIdentifier, NTAccount, WindowsIdentity, WindowsPrincipal.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Claims;
using System.Security.Principal;
using System.Text.RegularExpressions;

namespace System.Security.Principal {
    /// <summary>The platform's own one cannot even be constructed where this engine runs.</summary>
    public sealed class IdentityNotMappedException : SystemException {
        public IdentityNotMappedException(string message) : base(message) { }
    }
}

namespace Rehearsal {
    public abstract class IdentityReferenceShim {
        public abstract string Value { get; }
        public abstract IdentityReferenceShim Translate(Type targetType);
        public bool IsValidTargetType(Type targetType) =>
            targetType == typeof(SecurityIdentifierShim) || targetType == typeof(NTAccountShim);
        public override string ToString() => Value;
        public override bool Equals(object other) => other is IdentityReferenceShim reference
            && reference.GetType() == GetType() && reference.Value.Equals(Value, StringComparison.OrdinalIgnoreCase);
        public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(Value);
        public static bool operator ==(IdentityReferenceShim one, IdentityReferenceShim other) => Equals(one, other);
        public static bool operator !=(IdentityReferenceShim one, IdentityReferenceShim other) => !Equals(one, other);
    }

    public sealed class SecurityIdentifierShim : IdentityReferenceShim {
        static readonly Dictionary<WellKnownSidType, string> WellKnown = new Dictionary<WellKnownSidType, string> {
            [WellKnownSidType.WorldSid] = "S-1-1-0",
            [WellKnownSidType.AuthenticatedUserSid] = "S-1-5-11",
            [WellKnownSidType.LocalSystemSid] = "S-1-5-18",
            [WellKnownSidType.LocalServiceSid] = "S-1-5-19",
            [WellKnownSidType.NetworkServiceSid] = "S-1-5-20",
            [WellKnownSidType.BuiltinAdministratorsSid] = "S-1-5-32-544",
            [WellKnownSidType.BuiltinUsersSid] = "S-1-5-32-545",
        };

        public SecurityIdentifierShim(string sddlForm) {
            var value = Accounts.Abbreviated(sddlForm) ?? sddlForm ?? throw new ArgumentNullException(nameof(sddlForm));
            if (!Regex.IsMatch(value, @"^S-1-\d+(-\d+)+$", RegexOptions.IgnoreCase)) {
                throw new ArgumentException("Value was invalid.", nameof(sddlForm));
            }
            Value = value.ToUpperInvariant();
        }

        public SecurityIdentifierShim(WellKnownSidType sidType, SecurityIdentifierShim domainSid)
            : this(WellKnown.TryGetValue(sidType, out var value) ? value
                : throw new ArgumentException($"The simulated host does not know {sidType}.", nameof(sidType))) { }

        public override string Value { get; }

        public SecurityIdentifierShim AccountDomainSid => Value.StartsWith("S-1-5-21-", StringComparison.Ordinal)
            ? new SecurityIdentifierShim(Value.Substring(0, Value.LastIndexOf('-'))) : null;

        public bool IsWellKnown(WellKnownSidType type) => WellKnown.TryGetValue(type, out var value) && value == Value;

        public override IdentityReferenceShim Translate(Type targetType) {
            if (targetType == typeof(SecurityIdentifierShim)) { return this; }
            var name = Accounts.NameOf(Value) ?? throw new IdentityNotMappedException(
                "Some or all identity references could not be translated.");
            return new NTAccountShim(name);
        }
    }

    public sealed class NTAccountShim : IdentityReferenceShim {
        public NTAccountShim(string name) { Value = name; }
        public NTAccountShim(string domainName, string accountName) : this(domainName + "\\" + accountName) { }
        public override string Value { get; }

        public override IdentityReferenceShim Translate(Type targetType) {
            if (targetType == typeof(NTAccountShim)) { return this; }
            var sid = Accounts.SidOf(Value) ?? throw new IdentityNotMappedException(
                "Some or all identity references could not be translated.");
            return new SecurityIdentifierShim(sid);
        }
    }

    /// <summary>The few accounts that a host knows, with names in English and, where locale says so, German.</summary>
    static class Accounts {
        static readonly (string Short, string Sid, string English, string German)[] Table = {
            ("SY", "S-1-5-18", @"NT AUTHORITY\SYSTEM", @"NT-AUTORITÄT\SYSTEM"),
            ("LS", "S-1-5-19", @"NT AUTHORITY\LOCAL SERVICE", @"NT-AUTORITÄT\LOKALER DIENST"),
            ("NS", "S-1-5-20", @"NT AUTHORITY\NETWORK SERVICE", @"NT-AUTORITÄT\NETZWERKDIENST"),
            ("BA", "S-1-5-32-544", @"BUILTIN\Administrators", @"VORDEFINIERT\Administratoren"),
            ("BU", "S-1-5-32-545", @"BUILTIN\Users", @"VORDEFINIERT\Benutzer"),
            ("AU", "S-1-5-11", @"NT AUTHORITY\Authenticated Users", @"NT-AUTORITÄT\Authentifizierte Benutzer"),
            ("WD", "S-1-1-0", "Everyone", "Jeder"),
            ("CO", "S-1-3-0", "CREATOR OWNER", "ERSTELLER-BESITZER"),
        };

        static string Name((string, string, string English, string German) row) =>
            Locale.Of(World.Current).TwoLetterISOLanguageName == "de" ? row.German : row.English;

        public static string Abbreviated(string text) => Table.FirstOrDefault(
            r => r.Short.Equals(text, StringComparison.OrdinalIgnoreCase)).Sid;

        public static string Abbreviation(string sid) => Table.FirstOrDefault(r => r.Sid == sid).Short;

        public static string NameOf(string sid) {
            foreach (var row in Table) { if (row.Sid == sid) { return Name(row); } }
            return sid == World.Current.Text("session", "user_sid") ? WindowsIdentityShim.GetCurrent().Name : null;
        }

        public static string SidOf(string name) {
            foreach (var row in Table) {
                var full = Name(row);
                if (name.Equals(full, StringComparison.OrdinalIgnoreCase) || name.Equals(
                    full.Substring(full.IndexOf('\\') + 1), StringComparison.OrdinalIgnoreCase)) { return row.Sid; }
            }
            return name.Equals(WindowsIdentityShim.GetCurrent().Name, StringComparison.OrdinalIgnoreCase)
                ? World.Current.Text("session", "user_sid") : null;
        }
    }

    public sealed class WindowsIdentityShim : IDisposable {
        const string Administrators = "S-1-5-32-544";

        public static WindowsIdentityShim GetCurrent() => new WindowsIdentityShim();

        public SecurityIdentifierShim User { get; } =
            new SecurityIdentifierShim(World.Current.Text("session", "user_sid") ?? "S-1-5-18");
        public SecurityIdentifierShim Owner => Elevated ? new SecurityIdentifierShim(Administrators) : User;
        public string Name => User.Value == "S-1-5-18" ? @"NT AUTHORITY\SYSTEM"
            : World.Current.Environment["USERDOMAIN"] + "\\" + World.Current.Environment["USERNAME"];
        public string AuthenticationType => "Kerberos";
        public bool IsAuthenticated => true;
        public bool IsSystem => User.Value == "S-1-5-18";
        public bool IsGuest => false;
        public bool IsAnonymous => false;
        public TokenImpersonationLevel ImpersonationLevel => TokenImpersonationLevel.None;
        static bool Elevated => World.Current.Flag(true, "session", "elevated");

        /// <summary>What the token grants: Administrators only when elevated.</summary>
        public IEnumerable<SecurityIdentifierShim> Groups {
            get {
                var groups = new List<string> { "S-1-1-0", "S-1-5-32-545", "S-1-5-2", "S-1-5-11", "S-1-5-15" };
                if (Elevated) { groups.Add(Administrators); }
                return groups.Select(g => new SecurityIdentifierShim(g)).ToArray();
            }
        }

        /// <summary>An administrator without elevation carries the group for denying only.</summary>
        public IEnumerable<Claim> Claims {
            get {
                yield return new Claim(ClaimTypes.PrimarySid, User.Value);
                foreach (var group in Groups) { yield return new Claim(ClaimTypes.GroupSid, group.Value); }
                if (!Elevated && World.Current.Flag(false, "session", "administrator")) {
                    yield return new Claim(ClaimTypes.DenyOnlySid, Administrators);
                }
            }
        }

        public void Dispose() { }
        public override string ToString() => Name;
    }

    public sealed class WindowsPrincipalShim {
        public WindowsPrincipalShim(WindowsIdentityShim ntIdentity) { Identity = ntIdentity; }
        public WindowsIdentityShim Identity { get; }

        public bool IsInRole(WindowsBuiltInRole role) => IsInRole((int)role);
        public bool IsInRole(int rid) => Has("S-1-5-32-" + rid);
        public bool IsInRole(SecurityIdentifierShim sid) => Has(sid.Value);
        public bool IsInRole(string role) => Has(Accounts.SidOf(role));
        bool Has(string sid) => Identity.Groups.Any(group => group.Value == sid);
    }
}
