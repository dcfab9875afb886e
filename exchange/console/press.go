package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The limits of a press.
const (
	pressQueue = 15 * time.Second // how long a page waits for its turn
	pressTime  = 30 * time.Second // how long one may take
	sweepAfter = 5 * time.Second
	maxPDF     = 32 << 20
)

var errPressBusy = errors.New("the press is busy")

// A Press turns pages into PDF, one at a time, with a Chromium that lives for
// one page: in its own sandbox, inside a network namespace that has no network,
// with a profile, an input and an output in memory that nobody else may open.
// It shapes all five scripts as the screen does. The policy inside the page
// allows no script.
type Press struct {
	chromium string
	turn     chan struct{}
}

// NewPress returns a press that runs the Chromium at a path.
func NewPress(chromium string) (*Press, error) {
	path, err := exec.LookPath(chromium)
	if err != nil {
		return nil, fmt.Errorf("find Chromium for printing: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("find Chromium for printing: %w", err)
	}
	p := &Press{path, make(chan struct{}, 1)}
	sweep()
	time.AfterFunc(2*sweepAfter, sweep) // what was left just before this process began
	return p, nil
}

const pressFolder = "gateway-press-"

// memory is a file system that no disk keeps, where there is one.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// hold locks a folder for as long as it is open: the lock ends with its process,
// however that ends.
func hold(folder string) (*os.File, error) {
	f, err := os.OpenFile(folder, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0) // #nosec G304 -- a press made it, or it is none
	if err != nil {
		return nil, fmt.Errorf("hold a folder for printing: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // #nosec G115 -- a file's number
		return nil, errors.Join(fmt.Errorf("hold a folder for printing: %w", err), f.Close())
	}
	return f, nil
}

// sweep takes away what a process that was killed in the middle has left: nobody holds
// it any more. A moment passes between the making of a folder and the holding.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(memory(), pressFolder+"*")) // the pattern is right
	for _, folder := range left {
		if info, err := os.Lstat(folder); err != nil || !info.IsDir() || time.Since(info.ModTime()) < sweepAfter {
			continue
		}
		if held, err := hold(folder); err == nil {
			_ = os.RemoveAll(folder) // another user's stays, and is theirs to take away
			_ = held.Close()
		}
	}
}

// PDF prints an HTML page that refers to nothing outside of itself.
func (p *Press) PDF(ctx context.Context, page []byte) (pdf []byte, err error) {
	queue, cancel := context.WithTimeout(ctx, pressQueue)
	defer cancel()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-queue.Done():
		return nil, errPressBusy
	}
	sweep()
	folder, err := os.MkdirTemp(memory(), pressFolder)
	if err != nil {
		return nil, fmt.Errorf("make a folder for printing: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	held, err := hold(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close() }() // it was only held
	in, out := filepath.Join(folder, "page.html"), filepath.Join(folder, "page.pdf")
	if err := os.WriteFile(in, page, 0o600); err != nil {
		return nil, fmt.Errorf("write a page to print: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, pressTime)
	defer stop()
	if err := p.run(ctx, folder, in, out); err != nil {
		return nil, err
	}
	return readPDF(out)
}

// limits are what the shell sets before it becomes Chromium: no core file,
// seconds of the processor, blocks of 512 bytes in a file, kilobytes of memory
// of its own in each process.
const limits = `ulimit -c 0 && ulimit -t 60 && ulimit -f 131072 && ulimit -d 2097152 && exec "$0" "$@"`

func (p *Press) run(ctx context.Context, folder, in, out string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", limits, p.chromium, // #nosec G204 -- the path is the operator's, the rest is ours
		"--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-sync", "--disable-breakpad",
		"--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir="+filepath.Join(folder, "profile"), "--no-pdf-header-footer", "--generate-pdf-document-outline",
		"--virtual-time-budget=10000", // it prints when nothing is left to do, such as reading a font
		"--print-to-pdf="+out, "file://"+in)
	cmd.Dir, cmd.Env = folder, []string{"PATH=/usr/bin:/bin", "HOME=" + folder, "TMPDIR=" + folder, "XDG_RUNTIME_DIR=" + folder, "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}}, // not root, or its sandbox would not start
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
		Setpgid:     true, Pdeathsig: syscall.SIGKILL,
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	var said tail
	cmd.Stderr = &said
	runtime.LockOSThread() // it would be killed with the thread that started it
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	_ = cmd.Cancel() // whatever it left behind; nothing, when all went well
	if err != nil {
		return fmt.Errorf("print a page: %w: %s", err, said.last())
	}
	return nil
}

// A tail keeps the end of what Chromium says: of its own state, never of the
// page, which has no script that could say anything.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	n, err := t.Buffer.Write(p)
	if over := t.Len() - 2000; over > 0 {
		t.Next(over)
	}
	return n, err
}

func (t *tail) last() string { return strings.Join(strings.Fields(t.String()), " ") }

func readPDF(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a printed page: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	pdf, err := io.ReadAll(io.LimitReader(file, maxPDF+1))
	if err != nil {
		return nil, fmt.Errorf("read a printed page: %w", err)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) > maxPDF {
		return nil, errors.New("what was printed is no PDF, or too large")
	}
	return pdf, nil
}
