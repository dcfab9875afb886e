package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The manual's first start and its example configuration, as they are printed:
// the gateway starts, is ready, records, and starts again.
func TestFirstStartOfTheManual(t *testing.T) {
	manual := readDoc(t, "../../docs/operating.md")
	_, section, _ := strings.Cut(manual, "\n## First start\n")
	section, _, _ = strings.Cut(section, "\n## Environment\n")
	blocks := regexp.MustCompile("(?s)```(sh|yaml)\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 || blocks[1][1] != "sh" || blocks[2][1] != "yaml" {
		t.Fatalf("the manual has %d blocks there", len(blocks))
	}
	script, serve, _ := strings.Cut(blocks[1][2], "gateway serve\n")
	if serve != "" || !strings.Contains(script, "gateway migrate\n") {
		t.Fatalf("the first start does not end in serve:\n%s", blocks[1][2])
	}
	dir, bin := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "gateway")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), []byte(blocks[2][2]), 0o600); err != nil {
		t.Fatal(err)
	}
	// The first partner, and the agreement with it.
	parties := []*party{{code: "VN", name: "Test", listen: reserve(t), store: "gateway.db"}, {code: "KH", name: "Test", listen: reserve(t), store: "gateway.db"}}
	if _, err := newWorld(filepath.Join(bin, "world"), false, parties); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "registry"), os.DirFS(parties[0].path("registry"))); err != nil {
		t.Fatal(err)
	}
	// Only the ports are others: the manual's may be taken here.
	admin := reserve(t)
	environment := append(os.Environ(), asGateway+"=1", "PATH="+bin+":"+os.Getenv("PATH"), "GATEWAY_LISTEN="+reserve(t), "GATEWAY_ADMIN="+admin)
	run := func(line string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", line)
		cmd.Dir, cmd.Env = dir, environment
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	run(script)
	for i := range 2 {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(bin, "gateway"), "serve")
		log := &logBuffer{}
		cmd.Dir, cmd.Env, cmd.Stderr = dir, environment, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			resp, err := http.Get("http://" + admin + "/readyz")
			if err == nil {
				_ = resp.Body.Close() // its status is all that counts
				if resp.StatusCode == http.StatusOK {
					break
				}
			}
			if time.Now().After(deadline) || len(ended) > 0 {
				t.Fatalf("start %d: it is never ready (%v):\n%s", i+1, err, log)
			}
		}
		for _, made := range []string{"state/checkpoint", "data/record.sqlite"} {
			if info, err := os.Stat(filepath.Join(dir, made)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("start %d: %s: %v %v", i+1, made, info, err)
			}
		}
		// Something is recorded while it runs, by the verb that needs no partner.
		run("gateway export --output evidence.zip --force --reason 'the first start'")
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("start %d: it ended with %v:\n%s", i+1, err, log)
		}
	}
	if out := run("gateway check"); !strings.Contains(out, "the record holds") || !strings.Contains(out, "entries     2 ") {
		t.Errorf("check: %s", out)
	}
}
