import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * A compiler that has compiled before, and waits for the sources of an execution
 * (docs/design/prestart.md). It neither reads nor writes files of the working directory before.
 */
final class Waiting {
    /** The number of compilations after which further ones gain little. */
    private static final int REHEARSALS = 3;

    /** A source, or the output of a compilation that leaves no files. */
    private static final class Memory extends Text {
        Memory(String name, Kind kind, String text) {
            super(URI.create("memory:///" + name.replace('.', '/') + kind.extension), kind, text);
        }

        @Override
        public OutputStream openOutputStream() {
            return OutputStream.nullOutputStream();
        }
    }

    private static final class NoFiles extends ForwardingJavaFileManager<StandardJavaFileManager> {
        NoFiles(StandardJavaFileManager system) {
            super(system);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
            JavaFileManager.Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
            return new Memory(name, kind, "");
        }
    }

    private Waiting() {}

    /**
     * Compiles a typical program until further compilations gain little or the go message arrives,
     * and returns whether it has arrived. It has nothing for the compiler.
     */
    static boolean hasWork() throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        String text;
        try (var typical = Waiting.class.getResourceAsStream("typical.java")) {
            text = new String(typical.readAllBytes(), StandardCharsets.UTF_8);
        }
        for (int done = 0; done < REHEARSALS && System.in.available() == 0; done++) {
            rehearse(compiler, text);
        }
        var input = new DataInputStream(System.in);
        try {
            input.skipNBytes(input.readInt());
        } catch (EOFException end) {
            return false;
        }
        return true;
    }

    private static void rehearse(JavaCompiler compiler, String text) throws IOException {
        // Without a class path, the compiler would look for classes in the working directory.
        List<String> options = List.of("-proc:none", "-Xlint:none", "-cp", "/opt/java/none");
        try (var files = new NoFiles(compiler.getStandardFileManager(null, null, null))) {
            var source = new Memory("typical", JavaFileObject.Kind.SOURCE, text);
            compiler.getTask(null, files, problem -> { }, options, null, List.of(source)).call();
        }
    }
}
