package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// The console in the demonstration: Viet Nam's, with four invented officers, what
// the stories have left on their desk, and a link that lets whoever started it in,
// once.

// demoConsolePort is the first port that the demo's console tries.
const demoConsolePort = demoPort + 3

// openConsole serves Viet Nam's pages until the gateway stops, and says where.
func (d *demo) openConsole(ctx context.Context) error {
	var vn *demoNode
	for _, n := range d.nodes {
		if n.cfg.Self == "VN" {
			vn = n
		}
	}
	listener, err := freeListen(demoConsolePort)
	if err != nil {
		return err
	}
	// At a name and not an address: browsers bind no passkey to an address.
	cfg := ConsoleConfig{Zone: "Asia/Ho_Chi_Minh", URL: fmt.Sprintf("https://localhost:%d", listener.Addr().(*net.TCPAddr).Port)}
	if chromium, err := exec.LookPath("chromium"); err == nil { // without it, the pages say so
		cfg.Chromium = chromium
	}
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
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := vn.runConsole(serving, listener, cfg, pages); err != nil {
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
	s.line("  Your browser does not know the throw-away authority. The certificate's SHA-256 is")
	s.line("  %s", strings.Join(print, ":"))
	s.line("  A passkey works only where the browser knows that authority: %s", d.world.anchor())
	s.line("  What the stories have left open is yours: a question that is overdue, a fresh one, one to refuse")
	s.line("  and a return to release. What reaches Viet Nam from now on, an invented officer answers.")
	s.line("  To release without a passkey, run the command of the officer that you are (in another terminal,")
	s.line("  from this folder), paste the statement that the page shows, end with Enter and Ctrl-D, and hand")
	s.line("  in the line that begins with eyJ. Then sign in as the other officer, and do it again.")
	for _, o := range d.officers["VN"] {
		s.command("bin/gateway officer sign %s", vn.party.path("officers/"+o.ID+".key"))
	}
}
