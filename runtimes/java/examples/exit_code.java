class ExitCode {
    public static void main(String[] arguments) {
        System.err.println("Something is wrong");
        System.exit(3);
    }
}
