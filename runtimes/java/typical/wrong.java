// The same for a program that the compiler rejects.
public class Main {
    int size() {
        String text = 5;
        return missing + text.length(1);
    }

    public static void main(String[] args) {
        undefined();
    }
}
