using System;

class Program
{
    static void Main()
    {
        Console.WriteLine("Grüße 🎈");
        Console.WriteLine(Console.ReadLine());
    }
}
