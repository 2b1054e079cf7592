package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("before")
	numbers := os.Args[:1]
	fmt.Println(numbers[7%len(os.Args)+7])
}
