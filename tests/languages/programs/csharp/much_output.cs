using System;

class Program
{
    static void Main()
    {
        Console.WriteLine(new string('x', 1048575));
    }
}
