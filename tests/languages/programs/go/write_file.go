package main

import (
	"os"
)

func main() {
	if err := os.WriteFile("out.txt", []byte("written\n"), 0o600); err != nil {
		panic(err)
	}
}
