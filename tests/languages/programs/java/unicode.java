import java.io.BufferedReader;
import java.io.InputStreamReader;

public class Letters {
    public static void main(String[] args) throws Exception {
        System.out.println("Grüße 🎈");
        System.out.println(new BufferedReader(new InputStreamReader(System.in)).readLine());
    }
}
