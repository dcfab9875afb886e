package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What a person reads: no colour into a file, no long line, and the words that
// nobody may miss.
func TestDemoReads(t *testing.T) {
	out, errs, code := runGateway(t, "demo", "--once")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	folder := regexp.MustCompile(`(?m)^  folder +(\S+)$`).FindStringSubmatch(out)
	if folder == nil {
		t.Fatal(out)
	}
	if _, err := os.Stat(folder[1]); err == nil {
		t.Errorf("%s was kept", folder[1])
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) > sayWidth {
			t.Errorf("a line is too long: %s", line)
		}
		if strings.ContainsRune(line, '\x1b') {
			t.Errorf("colour where there is no terminal: %q", line)
		}
		if strings.Contains(line, "clock: ") && !strings.Contains(line, "; Viet Nam internal, Law ") {
			t.Errorf("a clock without its label and its citation: %s", line)
		}
	}
	for _, words := range []string{"SYNTHETIC DATA ONLY", "invented", "refused with 400", "held: the first draft had no non_refoulement", "whose signed statements are entries", "late: the answer"} {
		if !strings.Contains(out, words) {
			t.Errorf("it does not say %q", words)
		}
	}
	if coloured := (&narrator{out: io.Discard, colour: true}).paint(inkGood, "ok"); coloured != "\x1b[32mok\x1b[0m" {
		t.Errorf("%q", coloured)
	}
}

// The README's transcript is a run of the program: what differs from run to run
// is taken out, and the rest is the same.
func TestReadmeTranscript(t *testing.T) {
	const path = "../../README.md"
	out, errs, code := runGateway(t, "demo", "--once")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	readme := readDoc(t, path)
	const begin, end = "<!-- transcript -->\n```text\n", "```\n<!-- /transcript -->"
	if *update {
		before, rest, _ := strings.Cut(readme, begin)
		_, after, _ := strings.Cut(rest, end)
		if err := os.WriteFile(path, []byte(before+begin+out+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, got := settled(between(t, readme, begin, end)), settled(out)
	if want != got {
		t.Errorf("the README's transcript is not what the demo prints; run the test with -update.\n%s", firstDifference(want, got))
	}
	if !regexp.MustCompile(`verified, in ([01]\.\d|2\.[0-4]) s\.`).MatchString(readme) || !strings.Contains(readme, "in a second or two") {
		t.Error("the README's transcript takes longer than the README says; run the test with -update on a machine that has nothing else to do")
	}
}

// settled takes out of a transcript what differs from run to run.
func settled(out string) string {
	for _, volatile := range []struct{ pattern, with string }{
		{`/tmp/demo-\d+`, "DIR"}, {`[0-9A-F]{64}`, "FINGERPRINT"}, {`127\.0\.0\.1:\d+`, "ADDRESS"},
		{`\d{4}-\d\d-\d\d`, "DATE"}, {`\d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`, "DAY"}, {`TLS [A-Za-z0-9+/]{6}…`, "TLS"},
		{`entr(y|ies) \d+( of \d+| and \d+)?`, "ENTRY"}, {`\d+ entries, +\d+ checkpoints, root \S+`, "ROOT"}, {`in \d+\.\d s`, "in SECONDS"},
		{` +`, " "},
	} {
		out = regexp.MustCompile(volatile.pattern).ReplaceAllString(out, volatile.with)
	}
	return out
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "README: " + w[i] + "\ndemo:   " + g[i]
		}
	}
	return "one has more lines than the other"
}

// A demo that is not kept leaves nothing behind in PostgreSQL, so that one
// database takes as many as one likes; what --dir keeps, every verb works on.
func TestDemoOnPostgreSQL(t *testing.T) {
	url, dir := newPostgres(t), filepath.Join(t.TempDir(), "world")
	for _, run := range []struct {
		args []string
		left int
	}{
		{[]string{}, 0}, {[]string{"--dir", dir}, 5}, {[]string{}, 5},
	} {
		out, errs, code := runGateway(t, append([]string{"demo", "--once", "--json", "--store", url}, run.args...)...)
		if code != exitOK {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		demoHolds(t, out)
		if n := demoSchemas(t, url); n != run.left {
			t.Errorf("after %v there are %d schemas, expected %d", run.args, n, run.left)
		}
	}
	for _, country := range []string{"vn", "la", "kh", "cn", "gb"} {
		if out, errs, code := runGateway(t, "check", "--config", filepath.Join(dir, country, "gateway.yaml")); code != exitOK || !strings.Contains(out, "the record holds") {
			t.Errorf("%s: %d %s %s", country, code, out, errs)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.db"))
	if err != nil || len(files) > 0 {
		t.Errorf("SQLite files were made: %v %v", files, err)
	}
}

// What --dir keeps goes on by the commands that are printed: the record holds, and the
// gateway serves its officers' pages and lets them in, by invitation and no other way.
func TestKeptDemoGoesOn(t *testing.T) {
	out, errs, code := runGateway(t, "demo", "--once", "--dir", filepath.Join(t.TempDir(), "world"))
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	printed := regexp.MustCompile(`(?m)^    bin/gateway (check|serve|officer invite)( .*)? --config (\S+/vn/gateway\.yaml)$`).FindAllStringSubmatch(out, -1)
	if len(printed) != 3 {
		t.Fatalf("it ends with %v:\n%s", printed, out)
	}
	cfg, err := LoadConfig(printed[1][3], nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &testGateway{t: t, party: &party{listen: cfg.Listen, config: printed[1][3]}}
	serving := g.serveProcess()
	defer serving.kill()
	for _, command := range []int{0, 2} {
		if out, errs, code = runGateway(t, strings.Fields(strings.TrimPrefix(printed[command][0], "    bin/gateway "))...); code != exitOK {
			t.Fatalf("%s: %d %s %s", printed[command][0], code, out, errs)
		}
	}
	link := regexp.MustCompile(`^(https://localhost:\d+)(/join/\S+)\n$`).FindStringSubmatch(out)
	if link == nil {
		t.Fatalf("the invitation is %q", out)
	}
	v := newVisitor(t, link[1])
	if p := v.get(link[2]); p.status != http.StatusOK || !strings.Contains(p.body, "Trần Văn Mẫu") || !strings.Contains(p.body, `name="password"`) {
		t.Errorf("the invitation leads to %d %s", p.status, p.body)
	}
	if p := v.post("/sign-in/demonstration", url.Values{"officer": {"tran.van.mau"}}); p.status != http.StatusNotFound {
		t.Errorf("one click is a way in: %d", p.status)
	}
}

// A demo that fails drops its schemas too.
func TestAFailedDemoDropsItsSchemas(t *testing.T) {
	store, err := newDemoStore(newPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{dir: t.TempDir(), say: newNarrator(io.Discard), store: store, chapters: stories(t)[:1], officers: map[string][]demoOfficer{}}
	d.chapters[0].Stories[0].Steps[1].Then["S-1"] = "CLOSED"
	if err := d.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.play(t.Context()); err == nil {
		t.Error("nothing was noticed")
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if n := demoSchemas(t, store.url); n != 0 {
		t.Errorf("%d schemas are left", n)
	}
}

// A busy port is no obstacle, and an address beyond this machine is refused.
func TestDemoPlaces(t *testing.T) {
	if busy, err := net.Listen("tcp", "127.0.0.1:8440"); err == nil { // it may be busy already
		defer busy.Close()
	}
	l, err := openListeners(demoPort)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.exchange.Close(); _ = l.admin.Close() }()
	if strings.HasSuffix(l.exchange.Addr().String(), ":8440") || l.exchange.Addr().String() == l.admin.Addr().String() {
		t.Errorf("%s %s", l.exchange.Addr(), l.admin.Addr())
	}
	for _, url := range []string{"postgres://db.example/x", "mysql://localhost/x", "nonsense", "postgres://%"} {
		if _, err := newDemoStore(url); exitCode(err) != exitUsage {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// An interactive demo is a process that stays up.
type runningDemo struct {
	cmd    *exec.Cmd
	dir    string // where its commands are tried
	lines  chan string
	exited chan struct{}
}

// startDemo starts one and reads on until it waits for its person.
func startDemo(t *testing.T, flags ...string) (*runningDemo, []string) {
	t.Helper()
	verify, err := verifier()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &runningDemo{dir: t.TempDir(), lines: make(chan string, 4096), exited: make(chan struct{})}
	if err := os.Mkdir(filepath.Join(d.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"gateway": self, "verify": verify} {
		if err := os.Symlink(program, filepath.Join(d.dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	if d.cmd, err = command(context.Background(), nil, append([]string{"demo", "--json"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = os.Stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.exited)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			d.lines <- scanner.Text()
		}
		_ = d.cmd.Wait() // the test looks at its state
		close(d.lines)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL) // it has ended by itself, or the test failed
		<-d.exited
	})
	return d, d.until(t, "Now ")
}

// until returns the lines up to one that begins so.
func (d *runningDemo) until(t *testing.T, begin string) []string {
	t.Helper()
	var read []string
	for deadline := time.After(time.Minute); ; {
		select {
		case line, ok := <-d.lines:
			if read = append(read, line); strings.HasPrefix(line, begin) {
				return read
			}
			if !ok {
				t.Fatalf("the demo has ended:\n%s", strings.Join(read, "\n"))
			}
		case <-deadline:
			t.Fatalf("the demo never says %q", begin)
		}
	}
}

// shell runs a line as it was printed.
func (d *runningDemo) shell(t *testing.T, line string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = d.dir, append(os.Environ(), asGateway+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Every next step works as it is printed, and ends well: what is sent by hand is
// answered, the answer reaches somebody who waits for it, and nothing is left
// that cannot be delivered.
func TestNextStepsWork(t *testing.T) {
	for _, tool := range []string{"curl", "sed", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed (make setup installs it): %v", tool, err)
		}
	}
	d, said := startDemo(t)
	var commands []string
	for _, line := range said {
		if command, ok := strings.CutPrefix(line, "    "); ok && regexp.MustCompile(`^(bin/|curl |cp )`).MatchString(command) && !strings.HasPrefix(command, signsAt) {
			commands = append(commands, command)
		}
	}
	expect := []struct {
		begins, says string
		code         int
	}{
		{"bin/gateway case list", "NATIONALITY_CONFIRMED", 0},
		{"bin/gateway case timeline", "handover_record", 0},
		{"bin/gateway send", `answered   identity_verification_response`, 0},
		{"bin/gateway send", `answered   self_return_verification_response`, 0},
		{"bin/gateway draft show", "tan-son-nhat", 0},
		{"bin/gateway draft approve", "waiting", 0},
		{"bin/gateway draft approve", "released", 0},
		{"curl --cacert", `"FOLLOW_UP"`, 0},
		{"curl --cacert", `eyJ`, 0},
		{"bin/gateway export", "EVERYTHING HOLDS", 0},
		{"cp -r", "differs from its leaf in type", 1},
		{"curl http", `"ready":true`, 0},
	}
	if len(commands) != len(expect) {
		t.Fatalf("it prints %d commands:\n%s", len(commands), strings.Join(commands, "\n"))
	}
	var receipt string
	for i, e := range expect {
		out, code := d.shell(t, commands[i])
		if !strings.HasPrefix(commands[i], e.begins) || code != e.code || !strings.Contains(out, e.says) {
			t.Errorf("%s\nends with %d and says\n%s", commands[i], code, out)
		}
		if e.says == "eyJ" {
			receipt = out[strings.Index(out, "eyJ"):]
			if again, _ := d.shell(t, commands[i]); !strings.HasSuffix(again, receipt) {
				t.Errorf("a second delivery gets another receipt: %s", again)
			}
		}
	}
	d.until(t, "") // it shows what happens
	d.worksAtTheDesk(t, said)
	vn := regexp.MustCompile(`\S+/vn/gateway\.yaml`).FindString(strings.Join(commands, "\n"))
	d.answeredInCambodia(t, strings.Replace(vn, "/vn/", "/kh/", 1))
	for _, country := range []string{"vn", "la", "kh", "cn", "gb"} {
		config := strings.Replace(vn, "/vn/", "/"+country+"/", 1)
		if out, code := d.shell(t, "bin/gateway check --config "+config); code != 0 {
			t.Errorf("check of %s: %d %s", country, code, out)
		}
		if out, _ := d.shell(t, "bin/gateway partner list --json --config "+config); strings.Contains(strings.ReplaceAll(out, `"dead":0`, ""), `"dead"`) {
			t.Errorf("%s has what cannot be delivered: %s", country, out)
		}
	}
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest := d.until(t, "{")
	<-d.exited
	if code := d.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	demoHolds(t, rest[len(rest)-1])
}

// On PostgreSQL too a person is Cambodia, and when the demo ends nothing is left
// in the database.
func TestBeCambodiaOnPostgreSQL(t *testing.T) {
	url := newPostgres(t)
	d, said := startDemo(t, "--store", url)
	curl := regexp.MustCompile(`(?m)^    (curl .*message\.jwt .*)$`).FindStringSubmatch(strings.Join(said, "\n"))
	if curl == nil {
		t.Fatal(strings.Join(said, "\n"))
	}
	if out, code := d.shell(t, curl[1]); code != 0 || !strings.Contains(out, "eyJ") {
		t.Fatalf("%d %s", code, out)
	}
	d.answeredInCambodia(t, regexp.MustCompile(`\S+/kh/`).FindString(strings.TrimPrefix(curl[1], "curl"))+"gateway.yaml")
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest := d.until(t, "{")
	<-d.exited
	demoHolds(t, rest[len(rest)-1])
	if n := demoSchemas(t, url); n != 0 || d.cmd.ProcessState.ExitCode() != exitOK {
		t.Errorf("%d schemas are left, exit code %d", n, d.cmd.ProcessState.ExitCode())
	}
}

// demoSchemas counts what demos have left in a database.
func demoSchemas(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }() // it has served
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'demo%'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// answeredInCambodia waits until the answer to the message that a person has
// delivered stands in the record of Cambodia's own gateway.
func (d *runningDemo) answeredInCambodia(t *testing.T, config string) {
	t.Helper()
	cfg, err := LoadConfig(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	from := nodeFlag{config}
	n, err := from.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	message, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(config)), "message.jwt"))
	if err != nil {
		t.Fatal(err)
	}
	claims := claimsIn(t, message)
	eventually(t, "the answer reaches "+cfg.Name, func() bool {
		c, err := n.db.Case(t.Context(), exchange.CaseKey{Partner: "VN", Case: claims.Case})
		return err == nil && c.State == exchange.StateVerifying
	})
}
