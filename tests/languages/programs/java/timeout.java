public class Waiting {
    public static void main(String[] args) throws Exception {
        System.out.println("before");
        while (true) {
            Thread.sleep(1000);
        }
    }
}
