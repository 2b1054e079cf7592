public class Wrong {
    public static void main(String[] args) throws Exception {
        System.out.println("never")
    }
}
