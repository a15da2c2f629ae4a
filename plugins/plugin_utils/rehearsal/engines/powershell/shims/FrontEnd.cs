// SPDX-License-Identifier: GPL-3.0-or-later
// What the host's web server answers to a request from itself: bindings, pools and rewrite rules decide.
// The order is that of IIS: no listener, stopped pool (503), refused configuration (500), rules, application.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Rehearsal {
    /// <summary>A status, or an aborted request (0), or nobody who listens (-1).</summary>
    sealed class FrontEnd {
        internal const int Aborted = 0, Silent = -1;
        const string ModuleKey = @"HKLM\SOFTWARE\Microsoft\IIS Extensions\URL Rewrite";
        const string SetupKey = @"HKLM\SOFTWARE\Microsoft\ExchangeServer\v15\Setup";
        readonly Uri address;
        readonly string cookie;
        XElement root;

        FrontEnd(Uri address, string cookie) {
            this.address = address;
            this.cookie = cookie ?? "";
        }

        internal static int Ask(Uri address, string cookie) {
            try {
                return new FrontEnd(address, cookie).Answer();
            } catch (Exception problem) when (problem is XmlException || problem is InvalidDataException || problem is ArgumentException) {
                return 500;
            }
        }

        static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
        static bool Covers(string parent, string path) =>
            (path.TrimEnd('/') + "/").StartsWith(parent.TrimEnd('/') + "/", StringComparison.OrdinalIgnoreCase);
        static string Text(XElement element, string name, string otherwise = null) =>
            element?.Attribute(name)?.Value ?? otherwise;
        static IEnumerable<XElement> Below(XElement element, string name) =>
            element == null ? Enumerable.Empty<XElement>() : element.Elements().Where(e => e.Name.LocalName == name);
        static IEnumerable<XElement> Path(XElement element, string path) => path.Split('/').Aggregate(
            (IEnumerable<XElement>)new[] { element }, (found, name) => found.SelectMany(e => Below(e, name)));
        static bool On(XElement element, string name, bool otherwise) =>
            Same(Text(element, name, otherwise.ToString()), "true");

        static string State(string kind, string name) => AppCmd.State(kind, name);

        int Answer() {
            if (!File.Exists(AppCmd.Configuration) || World.Current.Text("services", "W3SVC", "status") != "Running") { return Silent; }
            root = XDocument.Load(AppCmd.Configuration).Root;
            var sites = Path(root, "system.applicationHost/sites").ToArray();
            var site = sites.SelectMany(s => Below(s, "site")).FirstOrDefault(Listens);
            if (site == null) { return Silent; }
            var path = address.AbsolutePath;
            var application = Below(site, "application").Where(a => Covers(Text(a, "path", "/"), path))
                .OrderByDescending(a => Text(a, "path", "/").Length).FirstOrDefault();
            if (application == null) { return 404; }
            var shared = Text(sites.SelectMany(s => Below(s, "applicationDefaults")).LastOrDefault(), "applicationPool", "DefaultAppPool");
            if (State("app_pools", Text(application, "applicationPool", shared)) != "Started") { return 503; }
            var rules = new Dictionary<string, List<XElement>> { ["rules"] = new List<XElement>(), ["outboundRules"] = new List<XElement>() };
            foreach (var rewrite in Levels(site, path).SelectMany(l => Path(l, "system.webServer/rewrite"))) {
                if (World.Current.Registry.Find(ModuleKey) == null) { return 500; }
                foreach (var section in rewrite.Elements().Where(e => rules.ContainsKey(e.Name.LocalName))) {
                    if (!Merge(rules[section.Name.LocalName], section)) { return 500; }
                }
            }
            return Decide(rules["rules"], path) ?? Status(Text(application, "path", "/").ToLowerInvariant(), path.ToLowerInvariant());
        }

        bool Listens(XElement site) => State("sites", Text(site, "name")) == "Started"
            && Path(site, "bindings/binding").Any(binding => {
                var parts = Text(binding, "bindingInformation", "").Split(':');
                return Text(binding, "protocol") == address.Scheme && parts.Length > 1
                    && parts[^2] == address.Port.ToString() && parts[^1].Length == 0;
            });

        IEnumerable<XElement> Levels(XElement site, string path) {
            var name = Text(site, "name");
            foreach (var location in Below(root, "location")) {
                var place = Text(location, "path", "").Trim('/');
                if (place.Length > 0 && Covers("/" + place, "/" + name + path)) { yield return location; }
            }
            var folders = from application in Below(site, "application")
                from folder in Below(application, "virtualDirectory")
                let place = "/" + (Text(application, "path", "").TrimEnd('/') + Text(folder, "path", "")).Trim('/')
                where Covers(place, path)
                orderby place.Length
                select WorldEnvironment.Expand(Text(folder, "physicalPath", "")).TrimEnd('\\') + @"\web.config";
            foreach (var file in folders.Select(PathMap.Native).Where(File.Exists)) { yield return XDocument.Load(file).Root; }
        }

        /// <summary>A name may stand once in what is inherited and added; else IIS refuses the configuration.</summary>
        static bool Merge(List<XElement> rules, XElement section) {
            foreach (var entry in section.Elements()) {
                var name = Text(entry, "name", "");
                var kind = entry.Name.LocalName;
                if (kind == "clear") { rules.Clear(); }
                if (kind == "remove") { rules.RemoveAll(r => Same(Text(r, "name", ""), name)); }
                if (kind != "rule") { continue; }
                if (rules.Any(r => Same(Text(r, "name", ""), name))) { return false; }
                rules.Add(entry);
            }
            return true;
        }

        /// <summary>What the rules say; null lets the request through.</summary>
        int? Decide(IEnumerable<XElement> rules, string path) {
            foreach (var rule in rules.Where(r => On(r, "enabled", true) && Matches(r, path))) {
                var action = Below(rule, "action").LastOrDefault();
                switch (Text(action, "type", "None").ToLowerInvariant()) {
                    case "abortrequest": return Aborted;
                    case "customresponse":
                    case "redirect": return int.Parse(Text(action, "statusCode", "302"));
                }
                if (On(rule, "stopProcessing", false)) { break; }
            }
            return null;
        }

        bool Matches(XElement rule, string path) {
            var syntax = Text(rule, "patternSyntax", "ECMAScript");
            var match = Below(rule, "match").LastOrDefault();
            var url = Fits(syntax, Text(match, "url", ""), path.TrimStart('/'), match);
            var conditions = Below(rule, "conditions").LastOrDefault();
            var checks = Below(conditions, "add").Where(c => Same(Text(c, "matchType", "Pattern"), "Pattern"))
                .Select(c => Fits(syntax, Text(c, "pattern", ""), Expand(Text(c, "input", "")), c)).ToArray();
            if (checks.Length == 0) { return url; }
            return url && (Same(Text(conditions, "logicalGrouping", "MatchAll"), "MatchAll") ? checks.All(c => c) : checks.Any(c => c));
        }

        static bool Fits(string syntax, string pattern, string value, XElement options) {
            if (Same(syntax, "Wildcard")) { pattern = "^" + Regex.Escape(pattern).Replace(@"\*", "(.*)") + "$"; }
            if (Same(syntax, "ExactMatch")) { pattern = "^" + Regex.Escape(pattern) + "$"; }
            var style = On(options, "ignoreCase", true) ? RegexOptions.IgnoreCase | RegexOptions.CultureInvariant : RegexOptions.None;
            return Regex.IsMatch(value, pattern, style) != On(options, "negate", false);
        }

        string Expand(string text) => Regex.Replace(text, @"\{(?<function>\w+):\s*(?<inner>\{.*\})\}|\{(?<name>\w+)\}", found => {
            if (found.Groups["function"].Success) {
                var inner = Expand(found.Groups["inner"].Value);
                return Same(found.Groups["function"].Value, "UrlDecode") ? Uri.UnescapeDataString(inner) : inner;
            }
            switch (found.Groups["name"].Value.ToUpperInvariant()) {
                case "HTTP_COOKIE": return cookie;
                case "REQUEST_URI": return address.PathAndQuery;
                case "URL": return address.AbsolutePath;
                case "QUERY_STRING": return address.Query.TrimStart('?');
                default: return "";
            }
        });

        /// <summary>How Exchange answers nobody in particular.</summary>
        static int Status(string application, string path) {
            if (application == "/") { return path == "/" ? 200 : 404; }
            if (path.EndsWith("/healthcheck.htm")) { return World.Current.Registry.Find(SetupKey) == null ? 404 : 200; }
            return application.StartsWith("/owa") || application.StartsWith("/ecp") ? 302 : 401;
        }
    }
}
