package main

import (
	"os"
	"runtime/debug"
)

// tuneRuntime lets the heap grow further before it is collected: messages are
// short-lived garbage on a small heap, and collecting it hundreds of times a
// second costs a fifth of the throughput (docs/performance.md). GOGC in the
// environment wins.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
