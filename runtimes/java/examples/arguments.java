import java.util.List;

class Arguments {
    public static void main(String[] arguments) {
        System.out.println(List.of(arguments));
    }
}
