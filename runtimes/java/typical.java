// What programs typically contain. The image is built with it, and a compiler that waits has compiled it.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.util.*;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Main {
    sealed interface Shape permits Circle, Square {}

    record Circle(double radius) implements Shape {}

    record Square(double side) implements Shape {}

    enum Level { LOW, HIGH }

    interface Named {
        String name();

        default String greeting() {
            return "Hello, " + name() + "!";
        }
    }

    static abstract class Animal implements Named, Comparable<Animal> {
        protected final String name;
        private static int count = 0;

        Animal(String name) {
            this.name = name;
            count++;
        }

        @Override
        public String name() {
            return name;
        }

        abstract String sound();

        @Override
        public int compareTo(Animal other) {
            return name.compareTo(other.name);
        }
    }

    static class Dog extends Animal {
        Dog(String name) {
            super(name);
        }

        @Override
        String sound() {
            return "woof";
        }
    }

    static class Failure extends RuntimeException {
        Failure(String message, Throwable cause) {
            super(message, cause);
        }
    }

    static class Node<T extends Comparable<T>> {
        T value;
        Node<T> left, right;

        Node(T value) {
            this.value = value;
        }

        void add(T other) {
            if (other.compareTo(value) < 0) {
                if (left == null) left = new Node<>(other);
                else left.add(other);
            } else if (right == null) {
                right = new Node<>(other);
            } else {
                right.add(other);
            }
        }
    }

    static double area(Shape shape) {
        return switch (shape) {
            case Circle circle -> Math.PI * circle.radius() * circle.radius();
            case Square(double side) -> side * side;
        };
    }

    static int fibonacci(int n) {
        return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
    }

    static <A, B> List<B> map(List<A> items, Function<? super A, ? extends B> change) {
        List<B> found = new ArrayList<>();
        for (A item : items) found.add(change.apply(item));
        return found;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        BufferedReader reader = new BufferedReader(new InputStreamReader(System.in));
        Scanner scanner = new Scanner("3 4.5 word");
        int number = scanner.nextInt();
        String line = reader.readLine();
        Map<String, List<Integer>> groups = new HashMap<>();
        for (int i = 0; i < 10; i++) {
            groups.computeIfAbsent(i % 2 == 0 ? "even" : "odd", key -> new ArrayList<>()).add(i);
        }
        StringBuilder text = new StringBuilder();
        int[][] grid = new int[3][4];
        long total = 0L;
        outer:
        for (int[] row : grid) {
            for (int cell : row) {
                if (cell > 100) break outer;
                total += cell;
                text.append(cell).append(' ');
            }
        }
        var squares = IntStream.rangeClosed(1, 5).mapToObj(i -> i * i).collect(Collectors.toList());
        String joined = squares.stream().filter(i -> i > 3).map(String::valueOf)
            .collect(Collectors.joining(", ", "[", "]"));
        Map<Boolean, Long> parts =
            squares.stream().collect(Collectors.partitioningBy(i -> i % 2 == 0, Collectors.counting()));
        List<Animal> animals = new ArrayList<>(List.of(new Dog("Rex"), new Dog("Ada")));
        Collections.sort(animals);
        animals.sort(Comparator.comparing(Animal::name).reversed());
        Optional<Animal> first = animals.stream().findFirst();
        Object any = number > 2 ? "text" : Integer.valueOf(number);
        if (any instanceof String word && !word.isEmpty()) System.out.println(word.toUpperCase());
        try {
            Object[] few = new Object[2];
            few[number] = Integer.parseInt("x1");
        } catch (ArrayIndexOutOfBoundsException | NumberFormatException error) {
            System.out.println("error: " + error.getMessage());
        } finally {
            total ^= 1 << 3;
        }
        Deque<Integer> queue = new ArrayDeque<>();
        PriorityQueue<int[]> heap = new PriorityQueue<>((a, b) -> Integer.compare(a[0], b[0]));
        do {
            queue.push(number--);
            heap.offer(new int[] {number, 1});
        } while (number > 0);
        Thread thread = new Thread(() -> {
            synchronized (groups) {
                groups.clear();
            }
        });
        thread.start();
        thread.join();
        Node<String> tree = new Node<>("m");
        tree.add("a");
        Level level = Level.valueOf("HIGH");
        switch (level) {
            case LOW:
                total = 1;
                break;
            default:
                total++;
        }
        String block = """
            some
              lines
            """;
        System.out.printf("%d %.2f %s %5s|%-5s|%n", total, area(new Circle(1.5)), joined, "a", level);
        System.out.println(String.format("%s %s %s", parts, map(squares, i -> i + 1), first.isPresent()));
        System.out.println(block + text.reverse() + new BigInteger("2").pow(64) + fibonacci(10) + (char) ('a' + 1));
        System.out.println(animals.get(0).greeting() + Arrays.toString(args) + new Square(2) + new TreeMap<>(groups));
        for (Map.Entry<String, List<Integer>> entry : groups.entrySet()) {
            System.out.println(entry.getKey() + " -> " + entry.getValue());
        }
        if (line != null && line.equals("fail")) throw new Failure("failed", new IllegalStateException());
    }
}
