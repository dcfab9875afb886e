package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Every verb, as an operator types it (testdata/script).
func TestScripts(t *testing.T) {
	path, err := verifier()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	params := testscript.Params{
		Setup: func(env *testscript.Env) error {
			env.Setenv(asGateway, "1")
			env.Setenv("PATH", env.WorkDir+"/bin:"+env.Getenv("PATH"))
			if err := os.Mkdir(env.WorkDir+"/bin", 0o700); err != nil {
				return err
			}
			if err := os.Symlink(self, env.WorkDir+"/bin/gateway"); err != nil {
				return err
			}
			return os.Symlink(path, env.WorkDir+"/bin/verify")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"gateway":     func(ts *testscript.TestScript, neg bool, args []string) { run1(ts, neg, "gateway", args) },
			"verify":      func(ts *testscript.TestScript, neg bool, args []string) { run1(ts, neg, "verify", args) },
			"world":       makeWorld,
			"exits":       exits,
			"modes":       modes,
			"demo-result": demoResultHolds(t),
			"delivered":   delivered,
			"keep":        keep,
		},
	}
	// The demo's gateways have ports of their own, and a script that serves what
	// a demo left behind needs them: those run one after the other.
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("\ngateway demo --once")) {
			params.Files = append(params.Files, file)
			continue
		}
		alone := params
		alone.Files = []string{file}
		t.Run("demo", func(t *testing.T) { testscript.Run(t, alone) })
	}
	testscript.Run(t, params)
}

// run1 runs a program; a last argument & leaves it running until stop.
func run1(ts *testscript.TestScript, neg bool, name string, args []string) {
	err := ts.Exec(name, args...)
	if neg == (err == nil) {
		ts.Fatalf("%s %v: %v", name, args, err)
	}
}

// makeWorld makes the folders of two gateways, on ports that nobody has: the
// demo's own are taken when two scripts run at once.
func makeWorld(ts *testscript.TestScript, _ bool, args []string) {
	var parties []*party
	for _, code := range []string{"VN", "KH"} {
		address, err := freeAddress()
		ts.Check(err)
		parties = append(parties, &party{code: code, name: "Test " + code, listen: address, store: "gateway.db"})
	}
	_, err := newWorld(ts.MkAbs(args[0]), false, parties)
	ts.Check(err)
}

// exits runs a command that must end with an exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var got string
	if err == nil {
		got = "0"
	} else {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func modes(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if info.Mode().Perm() != os.FileMode(want) {
			ts.Fatalf("%s has mode %o", name, info.Mode().Perm())
		}
	}
}

// keep puts what a pattern's group matches in the last output into a variable.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("nothing matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// demoResultHolds reads the last line of demo --json.
func demoResultHolds(t testing.TB) func(*testscript.TestScript, bool, []string) {
	want := demoExpected(t)
	return func(ts *testscript.TestScript, _ bool, args []string) {
		lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
		var r demoResult
		ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &r))
		if wrong := r.differs(want); wrong != "" {
			ts.Fatalf("%s", wrong)
		}
	}
}

// delivered waits until nothing is due to a partner any more.
func delivered(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		ts.Check(ts.Exec("gateway", "partner", "list", "--config", args[0], "--json"))
		var list []partnerLine
		if json.Unmarshal([]byte(ts.ReadFile("stdout")), &list) != nil {
			continue
		}
		for _, p := range list {
			if p.Code == args[1] && p.Due == 0 && p.Dead == 0 {
				return
			}
		}
	}
	ts.Fatalf("something is still due: %s", fmt.Sprint(ts.ReadFile("stdout")))
}
