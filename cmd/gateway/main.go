// Command gateway is the whole exchange gateway: one binary, one verb a file.
// It is the only place that wires the parts together (node.go); every verb
// returns an error, and main turns it into a message, a hint and an exit code.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gateway: "+err.Error())
		if advice := adviceFor(err); advice != "" {
			fmt.Fprintln(os.Stderr, "hint: "+advice)
		}
	}
	return exitCode(err)
}
