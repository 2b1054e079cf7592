import java.nio.file.Files;
import java.nio.file.Path;

public class Reading {
    public static void main(String[] args) throws Exception {
        System.out.print(Files.readString(Path.of("data/numbers.txt")));
    }
}
