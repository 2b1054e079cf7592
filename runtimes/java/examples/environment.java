class Environment {
    public static void main(String[] arguments) {
        System.out.println(System.getenv("API_URL"));
    }
}
