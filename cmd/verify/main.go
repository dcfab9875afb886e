// Command verify judges an evidence bundle offline: that nothing in it was
// altered, removed, inserted or reordered since the log's key signed it.
//
//	verify BUNDLE.zip [--key FILE] [--json]
//
// It exits with 0 when everything holds, with 1 when something does not (each
// finding names the file, the entry and what is wrong), and with 2 when the
// file cannot be judged at all. It never prints what a message says.
//
// It shares no code with the gateway on purpose: an auditor's tool that shared
// the gateway's code would share its mistakes. It needs the standard library
// and golang.org/x/mod, so that a reader can check all of it in an afternoon.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// The exit codes. Scripts of auditors rely on them.
const (
	exitHolds    = 0
	exitAltered  = 1
	exitUnusable = 2
)

const usage = `usage: verify BUNDLE.zip [--key FILE] [--json]

  --key FILE  the log's public key (a note verifier key a line), as you were
              given it by another way than the bundle
  --json      the last line of the output is one JSON object
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line, read.
type options struct {
	bundle string
	key    string
	json   bool
	help   bool
}

// errUsage asks for the usage text.
var errUsage = errors.New("the command line is not understood")

// parseArgs reads the command line by hand: package flag stops at the first
// argument that is no flag, and people write the file first.
func parseArgs(args []string) (options, error) {
	var o options
	rest := false // after --
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, hasValue := strings.Cut(arg, "=")
		if strings.HasPrefix(name, "--") && name != "--" {
			name = name[1:]
		}
		switch {
		case rest || arg == "" || arg[0] != '-':
			if o.bundle != "" || arg == "" {
				return o, fmt.Errorf("%w: exactly one bundle is wanted", errUsage)
			}
			o.bundle = arg
		case arg == "--":
			rest = true
		case arg == "-h" || arg == "--help" || arg == "-help":
			o.help = true
		case name == "-json" && !hasValue:
			o.json = true
		case name == "-key":
			if !hasValue {
				if i++; i == len(args) {
					return o, fmt.Errorf("%w: --key wants a file", errUsage)
				}
				value = args[i]
			}
			if value == "" || o.key != "" {
				return o, fmt.Errorf("%w: --key wants one file, once", errUsage)
			}
			o.key = value
		default:
			return o, fmt.Errorf("%w: unknown flag", errUsage)
		}
	}
	if o.bundle == "" && !o.help {
		return o, fmt.Errorf("%w: which bundle?", errUsage)
	}
	return o, nil
}

// run is main without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseArgs(args)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "verify: %v\n%s", err, usage)
		return exitUnusable
	}
	if o.help {
		_, _ = io.WriteString(stdout, usage)
		return exitHolds
	}
	r := newReport(o)
	if err := r.judge(o); err != nil {
		r.unusable = err.Error()
	}
	// Without a way to say it, "it holds" must not be the exit code.
	if err := r.print(stdout, stderr, o.json); err != nil {
		return exitUnusable
	}
	return r.exit()
}
