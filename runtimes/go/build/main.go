// Command build compiles the Go program in the working directory to `.main`, and with the argument
// `test` runs its tests.
//
// A program whose files all lie in the working directory, as most do, is passed to compiler and linker
// directly, because the go command would take longer than both. Everything else is left to the go
// command: packages in folders, go.mod, build constraints, embedded files, tests.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	root = "/opt/go"
	// Where the go command writes what the program must not find among its files.
	home = ".tmp/.go"
)

// needsGoCommand matches what only the go command understands. A match in a comment or a string costs
// only time.
var needsGoCommand = regexp.MustCompile(`(?m)^[ \t]*//(go:build|go:embed| \+build)`)

var testName = regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)([^a-z]|$)`)

func main() {
	test := len(os.Args) > 1 && os.Args[1] == "test"
	sources := find()
	var err error
	switch {
	case test:
		err = runTests(sources, os.Args[2:])
	case isSimple(sources):
		err = compile(sources)
	default:
		err = build(sources)
	}
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// find returns the Go files below the working directory, without those that the go command ignores.
func find() []string {
	var found []string
	filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		hidden := path != "." && (name[0] == '.' || name[0] == '_')
		switch {
		case err != nil || hidden && entry.IsDir():
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular() && !hidden && strings.HasSuffix(name, ".go"):
			found = append(found, path)
		}
		return nil
	})
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isSimple reports whether compiler and linker alone build the program.
func isSimple(sources []string) bool {
	if exists("go.mod") || exists("go.work") {
		return false
	}
	for _, path := range sources {
		// An underscore may begin _test.go or the name of another platform.
		if strings.ContainsAny(path, "/_") {
			return false
		}
		text, err := os.ReadFile(path)
		if err != nil || needsGoCommand.Match(text) {
			return false
		}
	}
	return true
}

// collectLess makes compiler and linker collect garbage only when they use three quarters of the memory
// limit, which is also that of the stack. It would take longer than what remains of most calls.
func collectLess() {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_STACK, &limit)
	if err == nil && limit.Cur >= 256<<20 && limit.Cur < 1<<60 {
		os.Setenv("GOGC", "off")
		os.Setenv("GOMEMLIMIT", strconv.FormatUint(limit.Cur/4*3, 10))
	}
}

// compile calls compiler and linker. The linker replaces this process.
func compile(sources []string) error {
	directory, err := os.Getwd()
	if err != nil {
		return err
	}
	collectLess()
	args := []string{
		"-p", "main", "-complete", "-pack", "-importcfg", root + "/importcfg",
		"-trimpath", directory, "-o", ".main.a",
	}
	compiler := exec.Command(root+"/tool/compile", append(args, sources...)...)
	compiler.Stdout, compiler.Stderr = os.Stdout, os.Stderr
	if err := compiler.Run(); err != nil {
		return err
	}
	link := []string{
		"link", "-importcfg", root + "/importcfg", "-buildmode=exe", "-s", "-w", "-o", ".main", ".main.a",
	}
	return syscall.Exec(root+"/tool/link", link, os.Environ())
}

// build calls `go build`.
func build(sources []string) error {
	overlay, err := prepare(sources, false)
	if err != nil {
		return err
	}
	command := goCommand(append([]string{"build", "-ldflags=-s -w", "-o", ".main"}, append(overlay, ".")...))
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err = command.Run()
	// The headings `# PACKAGE` are no errors, and the user's names of files have no `./`.
	for _, line := range strings.SplitAfter(output.String(), "\n") {
		if !strings.HasPrefix(line, "# ") {
			fmt.Fprint(os.Stderr, strings.TrimPrefix(line, "./"))
		}
	}
	return err
}

// runTests calls `go test` for all packages, with the arguments of the execution.
func runTests(sources []string, args []string) error {
	overlay, err := prepare(sources, true)
	if err != nil {
		return err
	}
	words := append([]string{"test", "-vet=off"}, overlay...)
	command := goCommand(append(append(words, "./..."), args...))
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	return command.Run()
}

// goCommand returns a call of the go command that uses the compiled standard library and no network.
func goCommand(args []string) *exec.Cmd {
	command := exec.Command("go", args...)
	directory, _ := os.Getwd()
	command.Env = append(os.Environ(),
		"GOCACHE="+root+"/cache", "GOFLAGS=-trimpath -buildvcs=false", "CGO_ENABLED=0",
		"GOPROXY=off", "GOTOOLCHAIN=local", "GOPATH="+filepath.Join(directory, home, "path"),
		"GOENV=off", "XDG_CONFIG_HOME="+filepath.Join(directory, home))
	return command
}

// prepare returns the options that give the program what it lacks, without a change of its files: a
// go.mod, and for tests in main.go a file name that the go command accepts.
func prepare(sources []string, test bool) ([]string, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	directory, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	replaced := map[string]string{}
	if !exists("go.mod") && !exists("go.work") {
		for path, text := range modules(sources) {
			made := filepath.Join(directory, home, strings.ReplaceAll(path, "/", "."))
			if err := os.WriteFile(made, []byte(text), 0o600); err != nil {
				return nil, err
			}
			replaced[filepath.Join(directory, path)] = made
		}
	}
	if test {
		main := filepath.Join(directory, "main.go")
		if text, err := os.ReadFile(main); err == nil && len(bytes.TrimSpace(text)) == 0 {
			replaced[main] = ""
		} else if !exists("main_test.go") && hasTests(main) {
			replaced[main] = ""
			replaced[filepath.Join(directory, "main_test.go")] = main
		}
	}
	if len(replaced) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(directory, home, "overlay.json")
	return []string{"-overlay=" + file}, os.WriteFile(file, text, 0o600)
}

// modules returns the go.mod files that make the imports of the sources work, by their paths.
//
// If `shop/util` is imported and there is a folder `util`, the module is `shop`. If `util` is
// imported, the folder is a module of its own.
func modules(sources []string) map[string]string {
	folders := map[string]bool{}
	for _, path := range sources {
		folders[filepath.ToSlash(filepath.Dir(path))] = true
	}
	standard, _ := os.ReadFile(root + "/importcfg")
	name, own := "", map[string]bool{}
	for _, path := range sources {
		for _, imported := range imports(path) {
			if bytes.Contains(standard, []byte("packagefile "+imported+"=")) {
				continue
			}
			if folders[imported] {
				first, _, _ := strings.Cut(imported, "/")
				own[first] = true
			}
			for rest := imported; name == "" && !folders[imported]; {
				_, after, more := strings.Cut(rest, "/")
				if !more {
					break
				}
				if rest = after; folders[rest] {
					name = strings.TrimSuffix(imported, "/"+rest)
				}
			}
		}
	}
	if name == "" {
		name = "app"
	}
	version := strings.Join(strings.SplitN(strings.TrimPrefix(runtime.Version(), "go"), ".", 3)[:2], ".")
	heading := func(name string) string { return "module " + name + "\n\ngo " + version + "\n" }
	made := map[string]string{}
	main := heading(name)
	for folder := range own {
		main += "require " + folder + " v0.0.0\nreplace " + folder + " => ./" + folder + "\n"
		made[folder+"/go.mod"] = heading(folder)
	}
	made["go.mod"] = main
	return made
}

func imports(path string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return nil
	}
	var found []string
	for _, one := range file.Imports {
		found = append(found, strings.Trim(one.Path.Value, "\"`"))
	}
	return found
}

// hasTests reports whether a file has test functions.
func hasTests(path string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	for _, one := range file.Decls {
		function, ok := one.(*ast.FuncDecl)
		if ok && function.Recv == nil && testName.MatchString(function.Name.Name) {
			return true
		}
	}
	return false
}
