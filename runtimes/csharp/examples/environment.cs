using System;

class Program {
    static void Main() {
        Console.WriteLine(Environment.GetEnvironmentVariable("API_URL"));
    }
}
