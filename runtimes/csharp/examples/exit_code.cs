using System;

class Program {
    static int Main() {
        Console.Error.WriteLine("Something is wrong");
        return 3;
    }
}
