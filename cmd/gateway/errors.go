package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
	"github.com/repatriation-exchange/gateway/schemas"
)

// Exit codes of every verb (docs/operating.md, "Exit codes").
const (
	exitOK          = 0
	exitFailed      = 1 // it was tried and failed, or a check found something wrong
	exitUsage       = 2 // the command line or a file it names is wrong
	exitUnavailable = 3 // the store or a partner cannot be reached now; try again
	exitRefused     = 4 // the message is refused by schema, agreement or case
)

// errWaited means that what was waited for has not happened yet.
var errWaited = errors.New("the time to wait is over")

// A hintedError tells the person at the terminal what to do.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// hint adds one sentence of advice to an error.
func hint(err error, advice string) error { return &hintedError{err, advice} }

// usageError marks a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode maps an error to the program's exit code, in one place.
func exitCode(err error) int {
	var usage usageError
	var document *schemas.DocumentError
	var setup *certs.SetupError
	var problem *exchange.Problem
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), errors.As(err, &document), errors.As(err, &setup):
		return exitUsage
	case errors.As(err, &problem):
		if problem.Kind == exchange.ProblemInternal {
			return exitFailed
		}
		return exitRefused
	case errors.Is(err, exchange.ErrUnavailable), errors.Is(err, exchange.ErrOutcomeUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errWaited):
		return exitUnavailable
	}
	return exitFailed
}

// adviceFor returns the hint of an error, "" for none.
func adviceFor(err error) string {
	var hinted *hintedError
	var setup *certs.SetupError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &setup):
		return setup.Hint
	case errors.Is(err, store.ErrMigrate):
		return "run 'gateway migrate --config FILE'"
	}
	return ""
}
