import java.nio.file.Files;
import java.nio.file.Path;

public class Writing {
    public static void main(String[] args) throws Exception {
        Files.writeString(Path.of("out.txt"), "written\n");
    }
}
