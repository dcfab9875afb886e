package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
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
	case errors.As(err, &usage), errors.As(err, &document), errors.As(err, &setup),
		errors.Is(err, store.ErrURL), errors.Is(err, store.ErrRole), errors.Is(err, export.ErrRequest):
		return exitUsage
	case errors.As(err, &problem):
		if problem.Kind == exchange.ProblemInternal {
			return exitFailed
		}
		return exitRefused
	case errors.Is(err, exchange.ErrUnavailable), errors.Is(err, exchange.ErrOutcomeUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errWaited):
		return exitUnavailable
	case errors.Is(err, exchange.ErrLock), wrongFile(err):
		return exitUsage
	}
	return exitFailed
}

// wrongFile says whether an error is that a file which was named cannot be
// opened: it is not there, not ours, or of another kind.
func wrongFile(err error) bool {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return false
	}
	for _, is := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// adviceFor returns the hint of an error, "" for none.
func adviceFor(err error) string {
	var hinted *hintedError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.Is(err, store.ErrMigrate):
		return "run 'gateway migrate --config FILE'"
	case errors.Is(err, store.ErrNewer):
		return "run the newer program; 'gateway version' says which one this is"
	case errors.Is(err, exchange.ErrForgotten):
		return "put the lock file back; if it is lost, see 'When the lock file is lost' in docs/operating.md"
	case errors.Is(err, exchange.ErrFork), errors.Is(err, exchange.ErrBroken):
		return "see 'When recording has stopped' in docs/operating.md before it is started again"
	}
	return ""
}
