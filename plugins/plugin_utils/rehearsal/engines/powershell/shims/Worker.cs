// SPDX-License-Identifier: GPL-3.0-or-later
// The loop of a worker: one framed JSON request in, one framed JSON answer out, until stdin ends.
using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rehearsal {
    public static class Worker {
        static readonly Dictionary<string, (long Generation, JsonObject Data)> Worlds =
            new Dictionary<string, (long, JsonObject)>();
        static readonly JsonSerializerOptions Plain = new JsonSerializerOptions { MaxDepth = 256 };

        /// <summary>Frame: four bytes length, big-endian, then UTF-8 JSON.</summary>
        public static void Run(int parent) {
            // stdin's end is noticed between commands, this also during one.
            using (new System.Threading.Timer(_ => {
                if (Directory.Exists("/proc/self") && !Directory.Exists("/proc/" + parent)) {
                    System.Environment.Exit(2);
                }
            }, null, 2000, 2000))
            using (var input = System.Console.OpenStandardInput())
            using (var output = System.Console.OpenStandardOutput()) {
                Send(output, new JsonObject { ["ready"] = true });
                for (var request = Receive(input); request != null; request = Receive(input)) {
                    var answer = Answer(request);
                    Send(output, answer);
                    if (answer["stuck"] != null) { System.Environment.Exit(3); }
                }
            }
            System.Environment.Exit(0);
        }

        static JsonObject Answer(JsonObject request) {
            var answer = new JsonObject { ["id"] = request["id"]?.DeepClone() };
            try {
                if (request["op"]?.ToString() == "ping") {
                    answer["pong"] = true;
                } else {
                    Command(request, answer);
                }
            } catch (Exception problem) {
                answer["failure"] = problem.ToString();
            }
            return answer;
        }

        static void Command(JsonObject request, JsonObject answer) {
            var name = request["host"].ToString();
            var generation = request["generation"].GetValue<long>();
            if (request["world"] is JsonObject sent) {
                request.Remove("world");
                Worlds[name] = (generation, sent);
            }
            if (!Worlds.TryGetValue(name, out var known) || known.Generation != generation) {
                answer["need_world"] = true;
                return;
            }
            var world = new World(known.Data, request["root"].ToString(),
                request["process_id"].GetValue<int>());
            var outcome = Runner.Run(world, new CommandRequest {
                Script = request["script"].ToString(),
                Lines = request["lines"].AsArray().Select(line => line.ToString()).ToArray(),
                Console = request["console"].GetValue<bool>(),
                Clixml = request["clixml"].GetValue<bool>(),
                VirtualTime = request["virtual_time"]?.GetValue<bool>() ?? false,
                TimeoutMs = request["timeout_ms"].GetValue<int>(),
            });
            world.Finish();
            answer["stdout"] = Escaped(outcome.Stdout);
            answer["stderr"] = Escaped(outcome.Stderr);
            answer["exit_code"] = outcome.ExitCode;
            answer["memory_mb"] = System.Environment.WorkingSet >> 20;
            if (outcome.Stuck) { answer["stuck"] = true; }
            answer["mutations"] = new JsonArray(world.Mutations.ToArray<JsonNode>());
        }

        /// <summary>Lone surrogates become U+FFFD, as the console's UTF-8 encoder makes them.</summary>
        static string Escaped(string text) =>
            Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? ""));

        static void Send(Stream stream, JsonObject answer) {
            var body = Encoding.UTF8.GetBytes(answer.ToJsonString(Plain));
            var head = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(head, body.Length);
            stream.Write(head, 0, 4);
            stream.Write(body, 0, body.Length);
            stream.Flush();
        }

        static JsonObject Receive(Stream stream) {
            var head = new byte[4];
            if (!Fill(stream, head)) { return null; }
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head)];
            if (!Fill(stream, body)) { return null; }
            return (JsonObject)JsonNode.Parse(body, null, new JsonDocumentOptions { MaxDepth = 256 });
        }

        static bool Fill(Stream stream, byte[] buffer) {
            var done = 0;
            while (done < buffer.Length) {
                var count = stream.Read(buffer, done, buffer.Length - done);
                if (count == 0) { return false; }
                done += count;
            }
            return true;
        }
    }
}
