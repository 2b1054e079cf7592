// A program with what most programs use. The image's archives contain the classes that the compiler and
// the virtual machine load for it.
import java.io.*;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.*;
import java.util.regex.*;
import java.util.stream.*;

sealed interface Shape permits Circle, Square {
    double area();
}

record Circle(double radius) implements Shape {
    public double area() {
        return Math.PI * radius * radius;
    }
}

record Square(double side) implements Shape {
    public double area() {
        return side * side;
    }
}

enum Colour {
    RED, GREEN;

    Colour other() {
        return this == RED ? GREEN : RED;
    }
}

abstract class Account<T extends Comparable<T>> implements Comparable<Account<T>> {
    private static int count;
    protected final T key;
    private final List<Integer> entries = new ArrayList<>();

    Account(T key) {
        this.key = Objects.requireNonNull(key);
        count++;
    }

    abstract String kind();

    void add(int amount) throws IllegalArgumentException {
        if (amount == 0) {
            throw new IllegalArgumentException("amount must not be 0");
        }
        entries.add(amount);
    }

    int balance() {
        return entries.stream().mapToInt(Integer::intValue).sum();
    }

    @Override
    public int compareTo(Account<T> other) {
        return key.compareTo(other.key);
    }

    static int count() {
        return count;
    }
}

public class Main {
    static class Failure extends Exception {
        Failure(String message, Throwable cause) {
            super(message, cause);
        }
    }

    interface Visitor<R> {
        R visit(int value);
    }

    private static final Map<Integer, Long> SEEN = new HashMap<>();

    static long fibonacci(int n) {
        return n < 2 ? n : SEEN.computeIfAbsent(n, key -> 0L) != 0 ? SEEN.get(n) : store(n);
    }

    private static long store(int n) {
        long value = fibonacci(n - 1) + fibonacci(n - 2);
        SEEN.put(n, value);
        return value;
    }

    static String describe(Object value) {
        return switch (value) {
            case Circle(double radius) when radius > 1 -> "large " + radius;
            case Circle circle -> "circle " + circle;
            case Integer number -> "number " + number;
            case null -> "null";
            default -> value.getClass().getSimpleName() + " " + value;
        };
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        String line = in.readLine();
        StringTokenizer words = new StringTokenizer(line == null ? "3 1 2" : line);
        int[] numbers = new int[words.countTokens()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Integer.parseInt(words.nextToken());
        }
        Arrays.sort(numbers);
        System.out.println(Arrays.toString(numbers));
        try (Scanner scanner = new Scanner("7 eight\n2.5")) {
            System.out.println(scanner.nextInt() + scanner.next() + scanner.nextDouble());
        }

        Account<String> account = new Account<>("a") {
            String kind() {
                return "anonymous";
            }
        };
        account.add(5);
        try {
            account.add(0);
        } catch (IllegalArgumentException error) {
            System.out.println(new Failure("refused", error).getMessage() + ": " + error.getMessage());
        } finally {
            System.out.printf("%s %d %.2f %5s|%-5s|%05d%n", account.kind(), account.balance(), 2.5, "a", "b", 42);
        }

        List<Shape> shapes = new ArrayList<>(List.of(new Circle(2), new Square(3), new Circle(1)));
        shapes.sort(Comparator.comparingDouble(Shape::area).reversed());
        for (Shape shape : shapes) {
            System.out.println(describe(shape) + String.format(" %.1f", shape.area()));
        }
        Map<String, List<String>> groups = Stream.of("one", "two", "three", "four")
            .filter(word -> !word.isEmpty())
            .sorted()
            .collect(Collectors.groupingBy(word -> word.substring(0, 1), TreeMap::new, Collectors.toList()));
        groups.forEach((key, values) -> System.out.println(key + "=" + String.join(",", values)));
        System.out.println(IntStream.rangeClosed(1, 5).mapToObj(Integer::toString).collect(Collectors.joining("+")));
        System.out.println(Stream.of(1, 2, 3).map(n -> n * n).reduce(0, Integer::sum));
        System.out.println(Stream.of("b", "a").collect(Collectors.toMap(Function.identity(), String::length)));
        Optional<Integer> most = Arrays.stream(numbers).boxed().max(Integer::compare);
        System.out.println(most.map(n -> "most " + n).orElse("none"));

        Deque<Integer> queue = new ArrayDeque<>();
        queue.push(1);
        PriorityQueue<int[]> heap = new PriorityQueue<>((a, b) -> a[0] - b[0]);
        heap.add(new int[] {queue.pop(), 2});
        Set<Integer> distinct = new LinkedHashSet<>(Arrays.asList(3, 1, 3));
        Iterator<Integer> each = new TreeSet<>(distinct).descendingIterator();
        StringBuilder text = new StringBuilder();
        while (each.hasNext()) {
            text.append(each.next()).append(' ');
        }
        System.out.println(text.reverse().toString().trim() + " " + heap.peek()[0] + " " + new LinkedList<>(distinct));
        System.out.println(EnumSet.allOf(Colour.class) + " " + Colour.valueOf("RED").other() + " " + fibonacci(20));
        System.out.println(new BigInteger("123456789").pow(5).mod(BigInteger.TEN) + " " + new BigDecimal("1.10").add(BigDecimal.ONE));
        Matcher matcher = Pattern.compile("(\\w+)@(\\w+)").matcher("me@home");
        System.out.println(matcher.find() ? matcher.group(2) : "");
        System.out.println("a,b".split(",").length + " " + "x".repeat(3) + " " + """
            text block""".strip());
        System.out.println(Duration.ofMinutes(90).toHours() + " " + LocalDate.of(2024, 2, 29).plusYears(1));

        ExecutorService pool = Executors.newFixedThreadPool(2);
        Future<Integer> future = pool.submit(() -> 6 * 7);
        AtomicInteger counter = new AtomicInteger();
        Thread thread = new Thread(counter::incrementAndGet);
        thread.start();
        thread.join();
        System.out.println(future.get() + counter.get() + CompletableFuture.supplyAsync(() -> 1).join());
        pool.shutdown();
        Map<String, Integer> shared = new ConcurrentHashMap<>();
        shared.merge("a", 1, Integer::sum);
        Visitor<String> visitor = value -> "visited " + value;
        System.out.println(visitor.visit(1) + shared);
        Path file = Files.createTempFile("typical", ".txt");
        Files.writeString(file, "one\ntwo\n");
        for (String one : Files.readAllLines(file, StandardCharsets.UTF_8)) {
            System.out.println(one);
        }
        try (PrintWriter out = new PrintWriter(new BufferedWriter(new FileWriter(file.toFile())))) {
            out.println(new Random(1).nextInt(10));
        }
        Files.delete(file);
        int[][] grid = new int[2][3];
        outer:
        for (int[] row : grid) {
            for (int cell : row) {
                if (cell != 0) {
                    continue outer;
                }
            }
        }
        System.out.println(Arrays.deepToString(grid) + System.currentTimeMillis() / Long.MAX_VALUE);
        Object broken = null;
        try {
            broken.toString();
        } catch (NullPointerException error) {
            error.printStackTrace();
        }
        throw new IllegalStateException("as programs end that fail");
    }
}
