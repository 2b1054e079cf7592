// What programs typically contain. A compiler that waits has compiled it.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;

namespace Typical {
    public interface IShape {
        double Area { get; }
    }

    public struct Point : IEquatable<Point> {
        public readonly int X, Y;

        public Point(int x, int y) {
            X = x;
            Y = y;
        }

        public static Point operator +(Point a, Point b) => new Point(a.X + b.X, a.Y + b.Y);
        public bool Equals(Point other) => X == other.X && Y == other.Y;
        public override bool Equals(object other) => other is Point point && Equals(point);
        public override int GetHashCode() => X * 31 + Y;
        public override string ToString() => $"({X}, {Y})";
    }

    public enum Level { Low, High = 5 }

    public abstract class Animal : IComparable<Animal> {
        public string Name { get; private set; }
        public event EventHandler<string> Heard;
        static int count;

        protected Animal(string name) {
            Name = name ?? throw new ArgumentNullException(nameof(name));
            count++;
        }

        public virtual string Speak() {
            Heard?.Invoke(this, Name);
            return "...";
        }

        public int CompareTo(Animal other) => string.Compare(Name, other.Name, StringComparison.Ordinal);
    }

    public sealed class Dog : Animal {
        public Dog(string name) : base(name) {}
        public override string Speak() => base.Speak() + "woof";
    }

    public class Failure : Exception {
        public Failure(string message, Exception inner) : base(message, inner) {}
    }

    public class Stack<T> : IEnumerable<T> where T : IComparable<T> {
        readonly List<T> items = new List<T>();
        public int Count => items.Count;
        public T this[int index] {
            get { return items[index]; }
            set { items[index] = value; }
        }
        public void Push(T item) => items.Add(item);
        public IEnumerator<T> GetEnumerator() {
            for (int i = items.Count - 1; i >= 0; i--) yield return items[i];
        }
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    public static class Extensions {
        public static string Twice(this string text) => text + text;
    }

    public class Program {
        delegate int Change(int value);

        static (int, string) Pair(int a, string b) => (a, b);

        static async Task<int> Later(int value) {
            await Task.Delay(1);
            return value * 2;
        }

        static long Fibonacci(int n) => n < 2 ? n : Fibonacci(n - 1) + Fibonacci(n - 2);

        static bool TryHalf(int value, out int half, ref int calls, params int[] more) {
            calls++;
            half = value / 2;
            return value % 2 == 0;
        }

        public static void Main(string[] args) {
            string line = Console.ReadLine();
            int number = int.Parse("42"), calls = 0;
            var groups = new Dictionary<string, List<int>>();
            for (int i = 0; i < 10; i++) {
                string key = i % 2 == 0 ? "even" : "odd";
                if (!groups.TryGetValue(key, out var list)) groups[key] = list = new List<int>();
                list.Add(i);
            }
            foreach (var pair in groups) Console.WriteLine("{0}: {1}", pair.Key, string.Join(",", pair.Value));
            int[] values = {3, 1, 2};
            var grid = new int[2, 3];
            Array.Sort(values);
            var squares = from v in values where v > 1 orderby v descending select new { Value = v, Square = v * v };
            foreach (var one in squares) Console.WriteLine($"{one.Value,5} {one.Square:F2}");
            int total = values.Select(v => v + 1).Where(v => v > 2).Sum();
            var byKey = values.GroupBy(v => v % 2).ToDictionary(g => g.Key, g => g.Count());
            var text = new StringBuilder();
            text.AppendFormat("{0:D3}", total).Append('x').AppendLine();
            Change change = v => v + number;
            Func<int, int> twice = v => v * 2;
            Action<string> print = Console.WriteLine;
            print(change(twice(3)).ToString());
            object any = number;
            if (any is string word) print(word.Twice());
            switch (number) {
                case 1:
                    break;
                default:
                    total++;
                    break;
            }
            try {
                checked { total *= number; }
                values[number] = 1;
            } catch (IndexOutOfRangeException error) {
                print(error.Message);
            } catch (Exception error) when (error.InnerException == null) {
                throw new Failure("failed", error);
            } finally {
                total = 0;
            }
            var animals = new List<Animal> {new Dog("Rex"), new Dog("Ada")};
            animals.Sort();
            animals[0].Heard += (sender, name) => print(name);
            var stack = new Stack<string>();
            stack.Push(animals[0].Speak());
            foreach (string item in stack) print(item);
            var (first, second) = Pair(1, "one");
            print($"{first}{second}{new Point(1, 2) + new Point(3, 4)}{(Level)5}{TryHalf(4, out int half, ref calls)}");
            using (var writer = new StringWriter()) {
                writer.Write(grid[0, 1] + half);
                lock (writer) print(writer.ToString());
            }
            do { number -= 10; } while (number > 0);
            int? maybe = line == null ? (int?)null : line.Length;
            print((maybe ?? -1).ToString() + Later(2).Result + Fibonacci(10) + byKey.Count + (char)('a' + 1));
            unsafe {
                int plain = 0;
                int* at = &plain;
                *at = 1;
            }
        }
    }
}
