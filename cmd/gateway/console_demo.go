package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"os/exec"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange/console"
)

// The console in the demonstration: Viet Nam's, with four invented officers, what
// the stories have left on their desk, and a link that lets whoever started it in,
// once.

// demoConsolePort is the first port that the demo's console tries.
const demoConsolePort = demoPort + 3

// pagesAt is what a gateway's configuration says of its officers' pages.
func pagesAt(address string) (*ConsoleConfig, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("read the address of the officers' pages: %w", err)
	}
	// At a name and not an address: browsers bind no passkey to an address. And with
	// passwords: they bind none where they do not know the authority either.
	cfg := &ConsoleConfig{Listen: address, Zone: demoZone, URL: "https://localhost:" + port, Passwords: true}
	if chromium, err := exec.LookPath("chromium"); err == nil { // without it, the pages say so
		cfg.Chromium = chromium
	}
	return cfg, nil
}

// signs is the command with which an officer of the demo signs; "" for one who has no key.
func (n *demoNode) signs(officer string) string {
	for _, o := range inventedOfficers[n.party.code] {
		if o.id == officer {
			return "bin/gateway officer sign " + n.party.path("officers/"+officer+".key")
		}
	}
	return ""
}

// tasks are what the stories have left on the desk of Viet Nam's officers, and where
// each begins.
func (d *demo) tasks() (out []console.Task) {
	to := map[string]string{"find": "/find"}
	for task, told := range d.left {
		to[task] = "/cases/" + told.Partner + "/" + told.Case
	}
	if draft, ok := d.waits["VN"]; ok {
		to["release"] = "/drafts/" + draft.Row.ID
	}
	for _, name := range console.TaskNames() {
		if to[name] != "" {
			out = append(out, console.Task{Name: name, To: to[name]})
		}
	}
	return out
}

// openConsole serves Viet Nam's pages until the gateway stops, and says where.
func (d *demo) openConsole(ctx context.Context) error {
	var vn *demoNode
	for _, n := range d.nodes {
		if n.cfg.Self == "VN" {
			vn = n
		}
	}
	cfg := *vn.cfg.Console
	pages, err := vn.newConsole(cfg)
	if err != nil {
		return err
	}
	var officers []string
	for _, o := range d.officers["VN"] {
		officers = append(officers, o.ID)
	}
	for _, o := range watching {
		if err := vn.roster.Put(ctx, "", o); err != nil {
			return err
		}
		officers = append(officers, o.ID)
	}
	link := pages.OpenDoor("/", officers...)
	pages.Furnish(console.Demonstration{
		Next:  func(link string) { d.say.followed(cfg.URL + link) },
		Sign:  vn.signs,
		Tasks: d.tasks(),
	})
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := vn.runConsole(serving, d.pages, cfg, pages); err != nil {
			vn.log.Error("the console ended", "error", err)
		}
	}()
	halt := vn.halt
	vn.halt = func() { stop(); <-done; halt() }
	d.say.console(d, cfg.URL+link, vn)
	return nil
}

// console says how to open the pages. The browser will not know the throw-away
// authority, so it says what the certificate has to look like.
func (s *narrator) console(d *demo, link string, vn *demoNode) {
	sum := sha256.Sum256(vn.identity.Leaf().Raw)
	var print []string
	for _, b := range sum {
		print = append(print, fmt.Sprintf("%02X", b))
	}
	s.step("The officers' pages of Viet Nam", "open this link; it works once, and leads to what waits for you")
	s.line("  %s", link)
	s.line("  Once it was followed, the next one is printed below: a browser that is closed needs it.")
	s.line("  Your browser does not know the throw-away authority. The certificate's SHA-256 is")
	s.line("  %s", strings.Join(print, ":"))
	s.line("  A passkey works only where the browser knows that authority: %s", d.world.anchor())
	s.line("  What the stories have left open is yours: a question that is overdue, a fresh one, one to refuse")
	s.line("  and a return to release. Identity checks that reach Viet Nam from now on, an invented officer answers.")
	s.line("  To release without a passkey, run the command of the officer that you are (in another terminal,")
	s.line("  from this folder), paste the statement that the page shows, end with Enter and Ctrl-D, and hand")
	s.line("  in the line that begins with eyJ. Then sign in as the other officer, and do it again.")
	for _, o := range d.officers["VN"] {
		s.command("%s", vn.signs(o.ID))
	}
}

// followed tells the link after one that was followed. It is said in one piece, for
// others write meanwhile.
func (s *narrator) followed(next string) {
	s.line("  The link was followed. The next one works once, too:\n  %s", next)
}

// kept says how to go on with what --dir keeps.
func (s *narrator) kept(d *demo) {
	vn := d.world.party("VN")
	s.line("Everything is in %s. Check Viet Nam's record, or go on with its gateway", d.dir)
	s.line("and let an officer in to its pages, by a link at which they choose a password:")
	s.command("bin/gateway check --config %s", vn.config)
	s.command("bin/gateway serve --config %s", vn.config)
	s.command("bin/gateway officer invite %s --config %s", d.officers["VN"][0].ID, vn.config)
}
