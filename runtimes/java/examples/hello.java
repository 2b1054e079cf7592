public class Greeting {
    public static void main(String[] arguments) {
        System.out.println("Hello, World!");
        System.out.println(2 + 2);
    }
}
