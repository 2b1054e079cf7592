public class Failing {
    public static void main(String[] args) throws Exception {
        System.out.println("before");
        int[] numbers = {1, 2, 3};
        System.out.println(numbers[7]);
    }
}
