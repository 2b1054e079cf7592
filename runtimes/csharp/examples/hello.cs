using System;

class Program {
    static void Main() {
        Console.WriteLine("Hello, World!");
        Console.WriteLine(2 + 2);
    }
}
