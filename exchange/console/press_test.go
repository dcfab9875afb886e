package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func newTestPress(t *testing.T) *Press {
	t.Helper()
	p, err := NewPress("chromium")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A page that asks for something outside of itself, of this machine or of a
// network, does not get it, whatever its own policy says; and is printed.
func TestPressIsAlone(t *testing.T) {
	p := newTestPress(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	called := make(chan struct{}, 1)
	go func() {
		if c, err := listener.Accept(); err == nil {
			called <- struct{}{}
			_ = c.Close()
		}
	}()
	pdf, err := p.PDF(t.Context(), []byte(`<!doctype html><title>a</title><p>Nguyễn</p><img src="http://`+listener.Addr().String()+`/a.png">`))
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Fatalf("%d bytes, %v", len(pdf), err)
	}
	select {
	case <-called:
		t.Error("the press has called somebody")
	default:
	}
}

// One at a time, and not for ever: who asks and goes is let go, a Chromium that
// hangs is ended with all that it started, and nothing of either is left.
func TestPressIsBounded(t *testing.T) {
	folder := t.TempDir()
	hang := filepath.Join(folder, "hang")
	if err := os.WriteFile(hang, []byte("#!/bin/sh\necho $$ >"+filepath.Join(folder, "pid")+"\nsleep 600 & wait\n"), 0o700); err != nil { // #nosec G306 -- a program
		t.Fatal(err)
	}
	p, err := NewPress(hang)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.PDF(ctx, []byte("secret"))
		ended <- err
	}()
	for len(p.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	waiting, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := p.PDF(waiting, nil); !errors.Is(err, errPressBusy) {
		t.Errorf("the second: %v", err)
	}
	for {
		if pid, err := os.ReadFile(filepath.Join(folder, "pid")); err == nil && len(pid) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("it has printed something")
	}
	left, err := filepath.Glob(filepath.Join(memory(), pressFolder+"*"))
	if err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

// What a process left that was killed while it printed is taken away, and what another
// one is printing stays.
func TestPressSweeps(t *testing.T) {
	long := time.Now().Add(-2 * sweepAfter)
	made := func() string {
		t.Helper()
		folder, err := os.MkdirTemp(memory(), pressFolder)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(folder) })
		if err := os.WriteFile(filepath.Join(folder, "page.html"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(folder, long, long); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	left, printing := made(), made()
	held, err := hold(printing)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	pipe := filepath.Join(memory(), pressFolder+"pipe") // nobody writes into it
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(pipe)
	if err := os.Chtimes(pipe, long, long); err != nil {
		t.Fatal(err)
	}
	newTestPress(t)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(printing, "page.html")); err != nil {
		t.Errorf("what is being printed: %v", err)
	}
}

// What goes on paper has the letters that its text needs, and no others.
func TestLettersOf(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Nguyễn", []string{"Noto Sans", "Noto Sans"}}, // Latin, and Vietnamese
		{"ຄຳ", []string{"Noto Sans Lao"}},
		{"សុខ", []string{"Noto Sans Khmer"}},
		{"㛃", []string{"Noto Sans SC"}},
		{"送", []string{"Noto Sans SC"}}, // one slice, though two rules name it
		{"送龘", []string{"Noto Sans SC", "Noto Sans SC"}},
		{"\U0010FFFD", nil},
	} {
		css, err := lettersOf(c.text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rule := range strings.Lines(css) {
			_, rest, _ := strings.Cut(rule, `font-family:"`)
			family, _, _ := strings.Cut(rest, `"`)
			got = append(got, family)
			if !strings.Contains(rule, "url(data:font/woff2;base64,") || strings.Contains(rule, "url(fonts/") {
				t.Errorf("%s: %.200s", c.text, rule)
			}
		}
		if strings.Join(got, ",") != strings.Join(c.want, ",") {
			t.Errorf("%s: %v, want %v", c.text, got, c.want)
		}
	}
}

// The head of a table stands on the sheet of its first row, wherever a sheet ends, and on
// every sheet of a long one.
func TestPressKeepsHeadsWithRows(t *testing.T) {
	style, err := assets.ReadFile("assets/console.css")
	if err != nil {
		t.Fatal(err)
	}
	page := `<!doctype html><title>a</title><style>` + string(style) + `</style><article class="paper"><div class="paper__run"><p class="paper__by">run</p></div><div class="paper__body">`
	for n := range 40 {
		page += fmt.Sprintf(`<div style="break-before: page; height: %dmm"></div><h3 class="paper__part">part%d</h3><table class="list"><thead><tr><th>head%d</th></tr></thead><tbody><tr><td>first%d</td></tr><tr><td>second</td></tr></tbody></table>`, 210+n, n, n, n)
	}
	long := `<table class="list"><thead><tr><th>longhead</th></tr></thead><tbody>` + strings.Repeat(`<tr><td>row</td></tr>`, 150) + `</tbody></table>`
	pdf, err := newTestPress(t).PDF(t.Context(), []byte(page+long+`</div></article>`))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "heads.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("pdftotext", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, sheet := range strings.Split(string(text), "\f") {
		words := strings.Fields(sheet)
		for n := range 40 {
			has := func(what string) bool { return slices.Contains(words, fmt.Sprintf("%s%d", what, n)) }
			if has("head") != has("first") || has("part") != has("head") {
				t.Errorf("the head of table %d stands alone", n)
			}
		}
	}
	if n := strings.Count(string(text), "longhead"); n < 3 {
		t.Errorf("the head of a long table stands on %d sheets", n)
	}
}
