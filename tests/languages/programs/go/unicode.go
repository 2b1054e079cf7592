package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	fmt.Println("Grüße 🎈")
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Print(line)
}
