package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// inventedOfficers are the two officers of each gateway. Nobody has these
// names: they say specimen, example or trial in their languages.
var inventedOfficers = map[string][2]struct{ id, name string }{
	"VN": {{"tran.van.mau", "Trần Văn Mẫu"}, {"le.thi.vi-du", "Lê Thị Ví Dụ"}},
	"LA": {{"khamla.tuayang", "Khamla Tuayang"}, {"bounmy.tuayang", "Bounmy Tuayang"}},
	"KH": {{"sok.kumru", "Sok Kumru"}, {"chan.kumru", "Chan Kumru"}},
	"CN": {{"li.shili", "Li Shili"}, {"wang.shili", "Wang Shili"}},
	"GB": {{"sam.specimen", "Sam Specimen"}, {"alex.sample", "Alex Sample"}},
}

// watching are the officers that Viet Nam's console has beside the two who
// release messages; they sign nothing.
var watching = []exchange.Officer{
	{ID: "ho.thi.thi-du", Name: "Hồ Thị Thí Dụ", Roles: []exchange.Role{exchange.RoleCompliance}, Partners: []string{exchange.EveryPartner}, Status: exchange.OfficerActive},
	{ID: "vu.van.thu", Name: "Vũ Văn Thử", Roles: []exchange.Role{exchange.RoleAdministrator}, Status: exchange.OfficerActive},
}

// A demoOfficer is an invented officer who signs with a key of their own.
type demoOfficer struct {
	*exchange.Officer
	signer *seal.Signer
}

// appoint makes the officers of a gateway: the keys that they sign and call with,
// in the gateway's folder, and their entries in its roster.
func appoint(ctx context.Context, n *node, p *party) ([]demoOfficer, error) {
	folder := p.path("officers")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the officers' folder: %w", err)
	}
	var out []demoOfficer
	for i, invented := range inventedOfficers[p.code] {
		officer := &exchange.Officer{
			ID: invented.id, Name: invented.name, Roles: []exchange.Role{exchange.RoleOfficer},
			Partners: []string{exchange.EveryPartner}, Status: exchange.OfficerActive,
		}
		if i == 1 { // the second one of each is told of what is out of the ordinary
			officer.Roles = []exchange.Role{exchange.RoleSupervisor}
		}
		path := filepath.Join(folder, invented.id+".key")
		if err := addKey(officer, path, false); err != nil {
			return nil, err
		}
		signer, err := officerSigner(path)
		if err != nil {
			return nil, err
		}
		pin, err := p.issueTo(officer)
		if err != nil {
			return nil, err
		}
		officer.Pins = []string{pin}
		if err := n.roster.Put(ctx, "", *officer); err != nil {
			return nil, err
		}
		out = append(out, demoOfficer{officer, signer})
	}
	return out, nil
}

// issueTo gives an officer the certificate that the operator API knows them by,
// and returns its pin.
func (p *party) issueTo(o *exchange.Officer) (string, error) {
	key, err := certs.GenerateKey(certs.ES256)
	if err != nil {
		return "", err
	}
	if err := certs.WritePrivateKey(p.path("officers/"+o.ID+".tls.key"), key); err != nil {
		return "", err
	}
	leaf, err := p.world.authority.Issue(certs.IssueRequest{
		PublicKey: key.Public(), CommonName: o.Name, Lifetime: time.Since(p.world.began) + 30*24*time.Hour,
	})
	if err != nil {
		return "", err
	}
	return certs.Pin(leaf), certs.WriteCertificates(p.path("officers/"+o.ID+".pem"), leaf)
}

// release lets the officers of a gateway sign a draft, one after the other,
// until it has left. Each reads it first, and says why.
func (d *demo) release(ctx context.Context, n *node, view exchange.DraftView) (exchange.DraftView, error) {
	var err error
	for _, officer := range d.officers[n.cfg.Self] {
		if view.Row.State != exchange.DraftWaiting {
			return view, nil
		}
		if view, err = n.desk.Read(ctx, officer.Officer, view.Row.ID, "to decide whether it may leave"); err != nil {
			return view, err
		}
		statement := exchange.Statement{
			Officer: officer.ID, Audience: n.cfg.Self, ID: exchange.NewID(), IssuedAt: n.now().Unix(),
			Draft: view.Row.ID, Version: view.Row.Version, SHA256: view.SHA256, Decision: exchange.DecisionRelease,
		}
		signed, err := statement.Sign(officer.signer)
		if err != nil {
			return view, err
		}
		if view, err = n.desk.Decide(ctx, officer.Officer, view.Row.ID, signed); err != nil {
			return view, err
		}
	}
	return view, nil
}

// An approved is what the record holds of one officer's release.
type approved struct {
	officer string
	index   int64
}

// approvals reads from a gateway's record who released a message, and verifies
// each statement once more with the officer's key.
func (d *demo) approvals(ctx context.Context, n *node, partner, id string) ([]approved, error) {
	var out []approved
	head, err := n.db.Head(ctx)
	if err != nil {
		return nil, err
	}
	filter := exchange.Filter{Partner: partner, Kind: exchange.KindEvent, Type: "draft_" + exchange.DecisionRelease, ID: id}
	err = n.db.Entries(ctx, 0, head.Size, filter, func(row exchange.Row) error {
		opened, err := n.opener.Open(ctx, row)
		if err != nil {
			return err
		}
		var a exchange.Approval
		if err := json.Unmarshal(opened.Data, &a); err != nil {
			return fmt.Errorf("read an approval: %w", err)
		}
		if err := d.statementHolds(n, a, id); err != nil {
			return fmt.Errorf("the approval of %s: %w", a.Officer, err)
		}
		out = append(out, approved{a.Officer, row.Index})
		return nil
	})
	return out, err
}

// statementHolds verifies an officer's statement about a draft.
func (d *demo) statementHolds(n *node, a exchange.Approval, draft string) error {
	for _, officer := range d.officers[n.cfg.Self] {
		if officer.ID != a.Officer {
			continue
		}
		keys, err := seal.NewKeySet(officer.signer.Public())
		if err != nil {
			return err
		}
		unverified, err := seal.Parse([]byte(a.Signed), exchange.TypApproval, 1<<16)
		if err != nil {
			return err
		}
		verified, err := unverified.Verify(keys)
		if err != nil {
			return err
		}
		var s exchange.Statement
		if err := json.Unmarshal(verified.Payload(), &s); err != nil {
			return fmt.Errorf("read a statement: %w", err)
		}
		if s.Officer != a.Officer || s.Draft != draft || s.Decision != exchange.DecisionRelease {
			return errors.New("it is about something else")
		}
		return nil
	}
	return errors.New("no officer of this gateway signed it")
}
