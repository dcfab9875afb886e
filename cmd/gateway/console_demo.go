package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// The console in the demonstration: Viet Nam's, with four invented officers, a
// draft that waits for two of them, and a link that lets whoever started it in,
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
	to, err := d.leaveToDecide(ctx, vn.node)
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
	link := pages.OpenDoor(to, officers...)
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
	d.say.console(cfg.URL+link, vn)
	return nil
}

// leaveToDecide leaves a message that two officers have to release, and returns
// its page; that of all work when no case allows one.
func (d *demo) leaveToDecide(ctx context.Context, vn *node) (string, error) {
	author := d.officers["VN"][0].Officer
	cases, _, err := vn.files.List(ctx, author, exchange.CaseFilter{Kinds: []exchange.Conversation{exchange.Return}, Limit: 50})
	if err != nil {
		return "", err
	}
	for _, c := range cases {
		view, err := vn.desk.Submit(ctx, author, exchange.Draft{
			To: c.Partner, Type: exchange.TypeErasureNotice, Case: c.Case, Body: json.RawMessage(`{"scope":"case","basis":"purpose_fulfilled"}`),
		}, nil)
		if err == nil && view.Row.State == exchange.DraftWaiting {
			return "/drafts/" + view.Row.ID, nil
		}
	}
	return "/", nil
}

// console says how to open the pages. The browser will not know the throw-away
// authority, so it says what the certificate has to look like.
func (s *narrator) console(link string, vn *demoNode) {
	sum := sha256.Sum256(vn.identity.Leaf().Raw)
	var print []string
	for _, b := range sum {
		print = append(print, fmt.Sprintf("%02X", b))
	}
	s.step("The officers' pages of Viet Nam", "open this link; it works once, and leads to a draft that waits for you")
	s.line("  %s", link)
	s.line("  Your browser does not know the throw-away authority. The certificate's SHA-256 is")
	s.line("  %s", strings.Join(print, ":"))
	s.line("  The invented officers' signing keys are in %s.", vn.party.path("officers"))
}
