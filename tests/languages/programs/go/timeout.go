package main

import (
	"fmt"
	"time"
)

func main() {
	fmt.Println("before")
	for {
		time.Sleep(time.Second)
	}
}
