import java.util.Scanner;

public class Greeting {
    public static void main(String[] arguments) {
        System.out.println("Hello, " + new Scanner(System.in).nextLine() + "!");
    }
}
