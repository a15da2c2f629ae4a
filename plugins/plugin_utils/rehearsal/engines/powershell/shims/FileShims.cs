// SPDX-License-Identifier: GPL-3.0-or-later
// [IO.File], [IO.Directory], [IO.Path] and the stream classes as scripts on Windows use them:
// the same members over the host's folder, with Windows' rules for paths.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

namespace Rehearsal {
    public static class FileShim {
        static string N(string path) => PathMap.Native(path ?? throw new ArgumentNullException(nameof(path)));

        public static bool Exists(string path) => path != null && File.Exists(PathMap.Native(path));
        public static string ReadAllText(string path) => File.ReadAllText(N(path));
        public static string ReadAllText(string path, Encoding encoding) => File.ReadAllText(N(path), encoding);
        public static string[] ReadAllLines(string path) => File.ReadAllLines(N(path));
        public static string[] ReadAllLines(string path, Encoding encoding) => File.ReadAllLines(N(path), encoding);
        public static IEnumerable<string> ReadLines(string path) => File.ReadLines(N(path));
        public static IEnumerable<string> ReadLines(string path, Encoding encoding) => File.ReadLines(N(path), encoding);
        public static byte[] ReadAllBytes(string path) => File.ReadAllBytes(N(path));
        public static void WriteAllText(string path, string contents) => File.WriteAllText(N(path), contents);
        public static void WriteAllText(string path, string contents, Encoding encoding) =>
            File.WriteAllText(N(path), contents, encoding);
        public static void WriteAllLines(string path, IEnumerable<string> contents) =>
            File.WriteAllText(N(path), string.Concat(contents.Select(line => line + "\r\n")));
        public static void WriteAllBytes(string path, byte[] bytes) => File.WriteAllBytes(N(path), bytes);
        public static void AppendAllText(string path, string contents) => File.AppendAllText(N(path), contents);
        public static void AppendAllText(string path, string contents, Encoding encoding) =>
            File.AppendAllText(N(path), contents, encoding);
        public static FileStream Create(string path) => File.Create(N(path));
        public static FileStream Open(string path, FileMode mode) => File.Open(N(path), mode);
        public static FileStream Open(string path, FileMode mode, FileAccess access) =>
            File.Open(N(path), mode, access);
        public static FileStream Open(string path, FileMode mode, FileAccess access, FileShare share) =>
            File.Open(N(path), mode, access, share);
        public static FileStream OpenRead(string path) => File.OpenRead(N(path));
        public static FileStream OpenWrite(string path) => File.OpenWrite(N(path));
        public static StreamReader OpenText(string path) => File.OpenText(N(path));
        public static void Delete(string path) => File.Delete(N(path));
        public static void Copy(string source, string target) => File.Copy(N(source), N(target));
        public static void Copy(string source, string target, bool overwrite) =>
            File.Copy(N(source), N(target), overwrite);
        public static void Move(string source, string target) {
            var (from, to) = (N(source), N(target));
            File.Move(from, to);
            World.Current.Moved(PathMap.Windows(from), PathMap.Windows(to));
        }

        // Windows refuses when the target is missing; so does .NET on every platform.
        public static void Replace(string source, string target, string backup) =>
            File.Replace(N(source), N(target), string.IsNullOrEmpty(backup) ? null : N(backup));
        public static void Replace(string source, string target, string backup, bool ignoreMetadataErrors) =>
            Replace(source, target, backup);
        public static FileAttributes GetAttributes(string path) => File.GetAttributes(N(path));
        public static void SetAttributes(string path, FileAttributes attributes) =>
            File.SetAttributes(N(path), attributes);
        public static DateTime GetLastWriteTime(string path) => File.GetLastWriteTime(N(path));
        public static DateTime GetLastWriteTimeUtc(string path) => File.GetLastWriteTimeUtc(N(path));
        public static DateTime GetCreationTimeUtc(string path) => File.GetCreationTimeUtc(N(path));
        public static void SetLastWriteTimeUtc(string path, DateTime time) => File.SetLastWriteTimeUtc(N(path), time);
        public static FileSecurityShim GetAccessControl(string path) => new FileSecurityShim(N(path), false);
        public static void SetAccessControl(string path, FileSecurityShim security) => security.Apply(N(path));
    }

    public static class DirectoryShim {
        static string N(string path) => PathMap.Native(path ?? throw new ArgumentNullException(nameof(path)));

        static string[] Shown(IEnumerable<string> found) => found.Select(PathMap.Windows).ToArray();

        static EnumerationOptions Like(SearchOption option) => new EnumerationOptions {
            MatchCasing = MatchCasing.CaseInsensitive, MatchType = MatchType.Win32, IgnoreInaccessible = false,
            AttributesToSkip = 0, RecurseSubdirectories = option == SearchOption.AllDirectories,
        };

        public static bool Exists(string path) => path != null && Directory.Exists(PathMap.Native(path));
        public static DirectoryInfo CreateDirectory(string path) => Directory.CreateDirectory(N(path));

        /// <summary>The overload of the .NET Framework: the folder gets its ACL when it is made.</summary>
        public static DirectoryInfo CreateDirectory(string path, FileSecurityShim security) {
            var existed = Directory.Exists(N(path));
            var folder = Directory.CreateDirectory(N(path));
            if (!existed && security != null) { security.Apply(folder.FullName); }
            return folder;
        }

        public static void Delete(string path) => Directory.Delete(N(path));
        public static void Delete(string path, bool recursive) => Directory.Delete(N(path), recursive);
        public static void Move(string source, string target) {
            var (from, to) = (N(source), N(target));
            Directory.Move(from, to);
            World.Current.Moved(PathMap.Windows(from), PathMap.Windows(to));
        }
        public static string[] GetFiles(string path) => GetFiles(path, "*");
        public static string[] GetFiles(string path, string pattern) =>
            GetFiles(path, pattern, SearchOption.TopDirectoryOnly);
        public static string[] GetFiles(string path, string pattern, SearchOption option) =>
            Shown(Directory.EnumerateFiles(N(path), pattern, Like(option)));
        public static string[] GetDirectories(string path) => GetDirectories(path, "*");
        public static string[] GetDirectories(string path, string pattern) =>
            Shown(Directory.EnumerateDirectories(N(path), pattern, Like(SearchOption.TopDirectoryOnly)));
        public static IEnumerable<string> EnumerateFiles(string path) => GetFiles(path);
        public static IEnumerable<string> EnumerateFiles(string path, string pattern) => GetFiles(path, pattern);
        public static IEnumerable<string> EnumerateFiles(string path, string pattern, SearchOption option) =>
            GetFiles(path, pattern, option);
        public static IEnumerable<string> EnumerateDirectories(string path) => GetDirectories(path);
        public static DateTime GetLastWriteTimeUtc(string path) => Directory.GetLastWriteTimeUtc(N(path));
        public static FileSecurityShim GetAccessControl(string path) => new FileSecurityShim(N(path), true);
        public static void SetAccessControl(string path, FileSecurityShim security) => security.Apply(N(path));
    }

    /// <summary>Path of Windows: back slash, drive letters, a longer list of forbidden characters.</summary>
    public static class PathShim {
        public static readonly char DirectorySeparatorChar = '\\';
        public static readonly char AltDirectorySeparatorChar = '/';
        public static readonly char PathSeparator = ';';
        public static readonly char VolumeSeparatorChar = ':';
        static readonly char[] Separators = { '\\', '/', ':' };

        public static string Combine(params string[] paths) {
            var result = "";
            foreach (var path in paths) {
                if (path == null) { throw new ArgumentNullException(nameof(paths)); }
                if (path.Length == 0) { continue; }
                var glue = result.Length == 0 || Separators.Contains(result[^1]) ? "" : "\\";
                result = IsPathRooted(path) ? path : result + glue + path;
            }
            return result;
        }

        public static bool IsPathRooted(string path) => !string.IsNullOrEmpty(path)
            && (path[0] == '\\' || path[0] == '/' || PathMap.IsWindows(path));

        public static string GetFileName(string path) =>
            path == null ? null : path.Substring(path.LastIndexOfAny(Separators) + 1);

        public static string GetExtension(string path) => Path.GetExtension(GetFileName(path));
        public static string GetFileNameWithoutExtension(string path) =>
            Path.GetFileNameWithoutExtension(GetFileName(path));

        public static string ChangeExtension(string path, string extension) => path == null ? null
            : path.Substring(0, path.Length - GetExtension(path).Length)
                + (extension == null ? "" : "." + extension.TrimStart('.'));

        public static string GetDirectoryName(string path) {
            if (string.IsNullOrEmpty(path) || path.TrimEnd('\\', '/').Length <= 2) { return null; }
            var cut = path.LastIndexOfAny(new[] { '\\', '/' });
            if (cut < 0) { return ""; }
            return cut == 2 && path[1] == ':' ? path.Substring(0, 3) : path.Substring(0, cut).Replace('/', '\\');
        }

        public static string GetPathRoot(string path) => PathMap.IsWindows(path)
            ? path.Substring(0, 2) + (path.Length > 2 && path[2] != ':' ? "\\" : "") : Path.GetPathRoot(path);

        public static string GetFullPath(string path) => PathMap.Windows(Path.GetFullPath(PathMap.Native(path)));
        public static string GetTempPath() => World.Current.Environment["TEMP"] + "\\";
        public static string GetRandomFileName() => Path.GetRandomFileName();
        public static string GetTempFileName() {
            var path = Combine(GetTempPath(), "tmp" + Path.GetRandomFileName().Substring(0, 4) + ".tmp");
            FileShim.WriteAllBytes(path, Array.Empty<byte>());
            return path;
        }

        public static bool HasExtension(string path) => GetExtension(path).Length > 0;
        public static char[] GetInvalidPathChars() => new[] { '"', '<', '>', '|', '\0' };
        public static char[] GetInvalidFileNameChars() =>
            new[] { '"', '<', '>', '|', '\0', ':', '*', '?', '\\', '/' };
    }

    public class FileStreamShim : FileStream {
        public FileStreamShim(string path, FileMode mode) : base(PathMap.Native(path), mode) { }
        public FileStreamShim(string path, FileMode mode, FileAccess access)
            : base(PathMap.Native(path), mode, access) { }
        public FileStreamShim(string path, FileMode mode, FileAccess access, FileShare share)
            : base(PathMap.Native(path), mode, access, share) { }
        public FileStreamShim(string path, FileMode mode, FileAccess access, FileShare share, int bufferSize)
            : base(PathMap.Native(path), mode, access, share, bufferSize) { }
        public FileStreamShim(string path, FileMode mode, FileAccess access, FileShare share, int bufferSize,
            FileOptions options) : base(PathMap.Native(path), mode, access, share, bufferSize, options) { }
    }

    public class StreamReaderShim : StreamReader {
        public StreamReaderShim(string path) : base(PathMap.Native(path)) { }
        public StreamReaderShim(string path, Encoding encoding) : base(PathMap.Native(path), encoding) { }
        public StreamReaderShim(Stream stream) : base(stream) { }
        public StreamReaderShim(Stream stream, Encoding encoding) : base(stream, encoding) { }
    }

    public class StreamWriterShim : StreamWriter {
        public StreamWriterShim(string path) : base(PathMap.Native(path)) { }
        public StreamWriterShim(string path, bool append) : base(PathMap.Native(path), append) { }
        public StreamWriterShim(string path, bool append, Encoding encoding)
            : base(PathMap.Native(path), append, encoding) { }
        public StreamWriterShim(Stream stream) : base(stream) { }
        public StreamWriterShim(Stream stream, Encoding encoding) : base(stream, encoding) { }
    }
}
