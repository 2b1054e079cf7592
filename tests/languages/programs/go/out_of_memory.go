package main

import (
	"bytes"
	"fmt"
	"os"
)

func main() {
	var blocks [][]byte
	for {
		blocks = append(blocks, bytes.Repeat([]byte("x"), 16*1024*1024))
		fmt.Fprint(os.Stderr, "")
	}
}
