import java.net.URI;
import javax.tools.SimpleJavaFileObject;

/** A text for the compiler that may have any name. */
class Text extends SimpleJavaFileObject {
    final String text;

    Text(URI name, Kind kind, String text) {
        super(name, kind);
        this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
        return text;
    }

    @Override
    public boolean isNameCompatible(String simpleName, Kind kind) {
        return true;
    }
}
