using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Mono.CSharp;

/// <summary>
/// Compiles the .cs files below the working directory to `.main.exe`, without those in folders whose name
/// begins with a dot.
/// </summary>
static class Compile {
    /// <summary>
    /// Assemblies, each after the namespace for which it is referenced. The compiler reads each referenced
    /// assembly at every compilation, so that only those are referenced whose names occur in the sources.
    /// It references System, System.Core and System.Xml itself.
    /// </summary>
    static readonly string[,] References = {
        {"System.Numerics", "System.Numerics,System.Numerics.Vectors"},
        {"System.Xml.Linq", "System.Xml.Linq"},
        {"System.Xml.XPath", "System.Xml.Linq"},
        {"System.Net.Http", "System.Net.Http"},
        {"System.Runtime.Serialization", "System.Runtime.Serialization"},
        {"System.IO.Compression", "System.IO.Compression,System.IO.Compression.FileSystem"},
        {"System.Json", "System.Json"},
        {"System.Data", "System.Data"},
        {"System.Transactions", "System.Transactions"},
        {"System.Web", "System.Web,System.Web.Extensions"},
        {"System.Threading.Tasks.Dataflow", "System.Threading.Tasks.Dataflow"},
        {"System.ComponentModel.DataAnnotations", "System.ComponentModel.DataAnnotations"},
    };

    static int Main() {
        if (Environment.GetEnvironmentVariable("CLOCHE_PRESTART") != null && !Waiting.HasWork()) return 0;
        var sources = new List<string>();
        Find("", sources);
        sources.Sort(string.CompareOrdinal);
        var words = new List<string> {"-langversion:latest", "-optimize+", "-unsafe+", "-out:.main.exe"};
        words.AddRange(sources);
        words.AddRange(Referenced(sources));
        return CompilerCallableEntryPoint.InvokeCompiler(words.ToArray(), Console.Error) ? 0 : 1;
    }

    static void Find(string folder, List<string> sources) {
        foreach (string path in Directory.GetFiles(folder == "" ? "." : folder, "*.cs")) {
            string name = Path.GetFileName(path);
            if (name[0] != '.') sources.Add(Path.Combine(folder, name));
        }
        foreach (string path in Directory.GetDirectories(folder == "" ? "." : folder)) {
            string name = Path.GetFileName(path);
            bool isLink = (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0;
            if (name[0] != '.' && !isLink) Find(Path.Combine(folder, name), sources);
        }
    }

    static IEnumerable<string> Referenced(List<string> sources) {
        var texts = new List<string>();
        foreach (string path in sources) texts.Add(File.ReadAllText(path, Encoding.UTF8));
        for (int i = 0; i < References.GetLength(0); i++) {
            foreach (string text in texts) {
                if (text.IndexOf(References[i, 0], StringComparison.Ordinal) < 0) continue;
                yield return "-r:" + References[i, 1];
                break;
            }
        }
    }
}
