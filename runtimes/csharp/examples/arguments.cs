using System;

class Program {
    static void Main(string[] arguments) {
        Console.WriteLine("[" + string.Join("][", arguments) + "]");
    }
}
