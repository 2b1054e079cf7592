import java.util.ArrayList;
import java.util.List;

public class Filling {
    public static void main(String[] args) throws Exception {
        List<byte[]> blocks = new ArrayList<>();
        while (true) {
            blocks.add(new byte[16 * 1024 * 1024]);
        }
    }
}
