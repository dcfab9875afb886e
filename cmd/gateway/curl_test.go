package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// The chapter of docs/wire.md for those who have curl and openssl alone, run as
// it is printed: it ends in a receipt that holds.
func TestBeAPartnerWithCurl(t *testing.T) {
	for _, tool := range []string{"curl", "openssl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed (make setup installs it): %v", tool, err)
		}
	}
	_, chapter, _ := strings.Cut(readDoc(t, "../../docs/wire.md"), "\n## Be a partner with curl\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(chapter, -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != 9 {
		t.Fatalf("the chapter has %d blocks of commands", len(blocks))
	}
	p := newPair(t, "")
	dir, authority := t.TempDir(), filepath.Join(p.vn.world.dir, "ca")
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(i int) []string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", blocks[0]+blocks[i])
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s\n%v", blocks[i], err)
		}
		return strings.Fields(string(out))
	}
	// What the page's reader has, and a name server would do.
	ca, err := os.ReadFile(filepath.Join(authority, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write("vn-ca.pem", string(ca))
	write("body.json", string(schemas.Example(benchType)))
	write(".curlrc", "connect-to = vn.gateway.example:8443:"+p.vn.listen+"\n")

	run(1)
	if out, errs, code := runGateway(t, "cert", "issue", "--csr", path("tls.csr"), "--ca", authority, "--out", path("tls.pem")); code != exitOK {
		t.Fatalf("%s%s", out, errs)
	}
	pin := run(2)
	run(3)
	jwk, err := os.ReadFile(path("signing.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) {
		k.TLS.Pins = pin
		k.SigningKeys = []partners.SigningKey{{}}
		if err := json.Unmarshal(jwk, &k.SigningKeys[0].JWK); err != nil {
			t.Fatal(err)
		}
	})
	p.vn.reload()
	run(4)
	run(5)
	if got := strings.Join(run(6), " "); got != "202 application/receipt+jwt" {
		answer, _ := os.ReadFile(path("receipt.jws"))
		t.Fatalf("%s\n%s", got, answer)
	}
	for _, block := range []int{7, 8} {
		if lines := run(block); len(lines) != 2 || lines[0] != lines[1] {
			t.Errorf("the two lines are not equal: %q", lines)
		}
	}
	rows := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage})
	if len(rows) != 1 {
		t.Fatalf("%d messages are recorded", len(rows))
	}
	message, err1 := os.ReadFile(path("message.jws"))
	receipt, err2 := os.ReadFile(path("receipt.jws"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if _, err := p.kh.openReceipt(p.vn, receipt, rows[0].ID, message); err != nil {
		t.Errorf("the receipt: %v", err)
	}
}
