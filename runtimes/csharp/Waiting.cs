using System;
using System.IO;
using Mono.CSharp;

/// <summary>
/// A compiler that has compiled before, and waits for the sources of an execution
/// (docs/design/prestart.md). It neither reads nor writes files of the working directory before.
/// </summary>
static class Waiting {
    const int LengthBytes = 4;
    const string Typical = "/opt/csharp/typical.cs";
    const string Folder = "/dev/shm";

    /// <summary>
    /// Compiles a typical program, and returns whether the go message arrives. It has nothing for the
    /// compiler.
    /// </summary>
    internal static bool HasWork() {
        string made = Path.Combine(Folder, "typical.exe");
        CompilerCallableEntryPoint.InvokeCompiler(
            new[] {"-langversion:latest", "-optimize+", "-unsafe+", "-out:" + made, Typical}, TextWriter.Null);
        File.Delete(made);
        using (Stream input = Console.OpenStandardInput()) {
            byte[] length = Taken(input, LengthBytes);
            return length != null
                && Taken(input, length[0] << 24 | length[1] << 16 | length[2] << 8 | length[3]) != null;
        }
    }

    /// <summary>Returns this number of bytes, or null if the input ends before.</summary>
    static byte[] Taken(Stream input, int count) {
        var data = new byte[count];
        for (int taken = 0; taken < count;) {
            int got = input.Read(data, taken, count - taken);
            if (got == 0) return null;
            taken += got;
        }
        return data;
    }
}
