using System;
using System.Threading;

class Program
{
    static void Main()
    {
        Console.WriteLine("before");
        while (true) Thread.Sleep(1000);
    }
}
