/* java OPTION… @FILE ARGUMENT…: what the JDK's `java` does with the same words, but it waits for the program
 * between the start of the virtual machine and the main class, whose name is in FILE
 * (docs/design/prestart.md). The virtual machine runs on a thread with the stack of -Xss, and its own
 * LauncherHelper loads the class.
 *
 * A process that waits finds this program before the JDK's, because its folder comes first in PATH.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <jni.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JAVA "/usr/bin/java"
#define LIBRARY "/../lib/server/libjvm.so"
#define CLASSES ".classes"
#define FAILED ((void *)1L)

enum { NAME_BYTES = 4096, CLASS = 1 /* LauncherHelper.LM_CLASS */, DEFAULT_STACK_KIB = 1024 };

typedef jint (*Create)(JavaVM **, void **, void *);

static JavaVMOption *options;
static int option_count;
static const char *file;
static size_t stack_kib = DEFAULT_STACK_KIB;

static void take(unsigned char *to, size_t count) {
    while (count > 0) {
        ssize_t got = read(STDIN_FILENO, to, count);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) _exit(0); /* there is no program for this process */
        to += got;
        count -= (size_t)got;
    }
}

/* Return the go message without its length, and set `end` to its end. */
static char *message(char **end) {
    unsigned char head[4];
    take(head, sizeof head);
    size_t length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    char *text = malloc(length + 1);
    if (text == NULL) _exit(1);
    take((unsigned char *)text, length);
    text[length] = 0;
    *end = text + length;
    return text;
}

static char *next(const char *text) { return (char *)text + strlen(text) + 1; }

static jstring string_of(JNIEnv *env, jclass helper, const char *text) {
    jmethodID make =
        (*env)->GetStaticMethodID(env, helper, "makePlatformString", "(Z[B)Ljava/lang/String;");
    jsize length = (jsize)strlen(text);
    jbyteArray bytes = (*env)->NewByteArray(env, length);
    (*env)->SetByteArrayRegion(env, bytes, 0, length, (const jbyte *)text);
    return (*env)->CallStaticObjectMethod(env, helper, make, JNI_TRUE, bytes);
}

/* `java` sets this property to the main class and the arguments. */
static void set_command(JNIEnv *env, jclass helper, const char *name, int count, const char *words) {
    size_t size = strlen(name) + 1;
    const char *word = words;
    for (int i = 0; i < count; i++, word = next(word)) size += strlen(word) + 1;
    char *command = malloc(size);
    if (command == NULL) return;
    char *to = stpcpy(command, name);
    for (int i = 0; i < count; i++, words = next(words)) {
        *to++ = ' ';
        to = stpcpy(to, words);
    }
    jclass system = (*env)->FindClass(env, "java/lang/System");
    jmethodID set = (*env)->GetStaticMethodID(
        env, system, "setProperty", "(Ljava/lang/String;Ljava/lang/String;)Ljava/lang/String;");
    (*env)->CallStaticObjectMethod(
        env, system, set, string_of(env, helper, "sun.java.command"), string_of(env, helper, command));
    free(command);
}

/* Wait, set the environment and return the main class, or NULL. Set `words` to its arguments. */
static jclass main_class(JNIEnv *env, jobjectArray *words) {
    jclass helper = (*env)->FindClass(env, "sun/launcher/LauncherHelper");
    jmethodID load = (*env)->GetStaticMethodID(
        env, helper, "checkAndLoadMain", "(ZILjava/lang/String;)Ljava/lang/Class;");
    jclass strings = (*env)->FindClass(env, "java/lang/String");
    char *end, *text = message(&end), name[NAME_BYTES] = "";
    const char *path = strchr(getenv("PATH"), ':'); /* after this program's folder */
    if (path != NULL) setenv("PATH", path + 1, 1);
    int count = atoi(text);
    char *first = text = next(text);
    *words = (*env)->NewObjectArray(env, count, strings, NULL);
    for (int i = 0; i < count; i++, text = next(text)) {
        jstring word = string_of(env, helper, text);
        (*env)->SetObjectArrayElement(env, *words, i, word);
        (*env)->DeleteLocalRef(env, word);
    }
    for (; text < end; text = next(text)) putenv(text);
    FILE *stream = fopen(file, "r");
    if (stream != NULL) {
        if (fgets(name, sizeof name, stream) == NULL) name[0] = 0;
        fclose(stream);
    }
    set_command(env, helper, name, count, first);
    return (*env)->CallStaticObjectMethod(
        env, helper, load, JNI_TRUE, CLASS, string_of(env, helper, name));
}

static Create library(void) {
    char path[PATH_MAX + sizeof LIBRARY];
    if (realpath(JAVA, path) == NULL) return NULL;
    strcpy(strrchr(path, '/'), LIBRARY);
    void *found = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    return found == NULL ? NULL : (Create)dlsym(found, "JNI_CreateJavaVM");
}

static void *run(void *unused) {
    (void)unused;
    JavaVM *machine;
    JNIEnv *env;
    JavaVMInitArgs given = {JNI_VERSION_10, option_count, options, JNI_FALSE};
    Create create = library();
    if (create == NULL || create(&machine, (void **)&env, &given) != JNI_OK) return FAILED;
    jobjectArray words;
    jclass program = main_class(env, &words);
    jmethodID method = NULL;
    if (program != NULL)
        method = (*env)->GetStaticMethodID(env, program, "main", "([Ljava/lang/String;)V");
    if (method != NULL) (*env)->CallStaticVoidMethod(env, program, method, words);
    void *status = method == NULL || (*env)->ExceptionCheck(env) ? FAILED : NULL;
    (*machine)->DetachCurrentThread(machine); /* it prints the exception */
    (*machine)->DestroyJavaVM(machine);
    return status;
}

static void add(const char *text) { options[option_count++].optionString = (char *)text; }

static int is_jar(const char *name) {
    const char *end = strrchr(name, '.');
    return end != NULL && (strcmp(end, ".jar") == 0 || strcmp(end, ".JAR") == 0);
}

/* Write one element of a class path. For DIRECTORY/ followed by `*`, write its jars, as `java` does. */
static void expand(FILE *to, const char *element, size_t length) {
    char folder[PATH_MAX];
    DIR *found = NULL;
    if (length > 2 && length <= sizeof folder && memcmp(element + length - 2, "/*", 2) == 0) {
        memcpy(folder, element, length - 2);
        folder[length - 2] = 0;
        found = opendir(folder);
    }
    if (found == NULL) {
        fprintf(to, ":%.*s", (int)length, element);
        return;
    }
    for (struct dirent *one; (one = readdir(found)) != NULL;)
        if (is_jar(one->d_name)) fprintf(to, ":%s/%s", folder, one->d_name);
    closedir(found);
}

static const char *class_path(const char *given) {
    char *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL) exit(1);
    for (size_t length; *given != 0; given += length + (given[length] == ':')) {
        length = strcspn(given, ":");
        expand(to, given, length);
    }
    fclose(to);
    char *option = malloc(size + sizeof "-Djava.class.path=");
    if (option == NULL) exit(1);
    stpcpy(stpcpy(option, "-Djava.class.path="), text + (size > 0)); /* without the first `:` */
    return option;
}

static void read_words(int count, char **words) {
    options = calloc((size_t)count + 1, sizeof *options);
    if (options == NULL) exit(1);
    add("-Dsun.java.launcher=SUN_STANDARD");
    for (int i = 1; i < count && file == NULL; i++) {
        if (strcmp(words[i], "-cp") == 0 && i + 1 < count) {
            add(class_path(words[++i]));
        } else if (words[i][0] == '@') {
            file = words[i] + 1;
        } else {
            /* in MiB, as -Xss32m */
            if (strncmp(words[i], "-Xss", 4) == 0) stack_kib = strtoul(words[i] + 4, NULL, 10) << 10;
            add(words[i]);
        }
    }
}

int main(int count, char **words) {
    read_words(count, words);
    mkdir(CLASSES, 0777); /* what does not exist now would be taken for an archive */
    pthread_t thread;
    pthread_attr_t attributes;
    void *status;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_kib << 10);
    pthread_attr_setguardsize(&attributes, 0);
    if (file == NULL || pthread_create(&thread, &attributes, run, NULL) != 0) return 1;
    pthread_join(thread, &status);
    return status == NULL ? 0 : 1;
}
