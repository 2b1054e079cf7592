using System;

class Program
{
    static void Main()
    {
        Console.WriteLine("before");
        int[] numbers = { 1, 2, 3 };
        Console.WriteLine(numbers[7]);
    }
}
