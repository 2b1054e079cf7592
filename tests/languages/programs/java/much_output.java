public class Flood {
    public static void main(String[] args) throws Exception {
        System.out.println("x".repeat(1048575));
    }
}
