package main

import (
	"os"
)

func main() {
	data, err := os.ReadFile("data/numbers.txt")
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(data)
}
