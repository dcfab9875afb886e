package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// demoPurpose is the purpose that the template agreements know.
const demoPurpose = "identity_verification"

// writeRegistry writes what a party knows of the others: in the demo Viet Nam
// knows four partners, and each of them knows Viet Nam.
func (p *party) writeRegistry() error {
	registry := p.path("registry")
	for _, folder := range []string{"partners", "agreements", "calendars"} {
		if err := os.MkdirAll(filepath.Join(registry, folder), 0o700); err != nil {
			return fmt.Errorf("make the registry: %w", err)
		}
	}
	if err := p.writeSelf(registry); err != nil {
		return err
	}
	if err := p.writeCalendars(registry); err != nil {
		return err
	}
	for _, other := range p.world.parties {
		if other == p || p.code != "VN" && other.code != "VN" {
			continue
		}
		if err := p.writePartner(registry, other); err != nil {
			return err
		}
		if err := p.writeAgreement(registry, other); err != nil {
			return err
		}
	}
	return nil
}

// writeSelf writes what p's own gateway has to know of p.
func (p *party) writeSelf(registry string) error {
	file, err := partners.TemplatePartner(p.code)
	if err != nil {
		return err
	}
	file.Calendar = calendars[p.code]
	return partners.WriteFile(filepath.Join(registry, partners.SelfFile), "Made by the demonstration: synthetic data only.", file.AsSelf())
}

// calendars are the public holidays that are shipped with their source.
var calendars = map[string]string{"CN": "cn-2026", "GB": "gb-england-wales"}

// writeCalendars copies the calendars that p's files name, with the comments
// that say where they come from.
func (p *party) writeCalendars(registry string) error {
	for _, side := range p.world.parties {
		name := calendars[side.code]
		if name == "" || side != p && p.code != "VN" && side.code != "VN" {
			continue
		}
		text, err := partners.Examples.ReadFile("examples/calendars/" + name + ".yaml")
		if err != nil {
			return fmt.Errorf("there is no calendar %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(registry, "calendars", name+".yaml"), text, 0o600); err != nil {
			return fmt.Errorf("write a calendar: %w", err)
		}
	}
	return nil
}

// writePartner writes what p knows of another party.
func (p *party) writePartner(registry string, other *party) error {
	file, err := partners.TemplatePartner(other.code)
	if err != nil {
		return err
	}
	known, err := other.public()
	if err != nil {
		return err
	}
	file.Endpoint, file.Calendar = "https://"+other.listen, calendars[other.code]
	file.TLS = partners.TLS{Anchors: p.world.anchor(), Pins: []string{known.pin}}
	var jwk partners.JWK
	if err := json.Unmarshal(known.jwk, &jwk); err != nil {
		return fmt.Errorf("read a public key: %w", err)
	}
	file.SigningKeys = []partners.SigningKey{{JWK: jwk}}
	file.Log = &partners.Log{Origin: other.origin(), VKey: known.vkey, Witness: known.witness}
	if p.world.unlimited {
		// The bench measures what a message costs, not the limit that stands
		// before it.
		rate, many := 100000.0, 10000
		file.RawLimits = partners.RawLimits{RatePerSecond: &rate, Burst: &many, MaxInFlight: &many}
	}
	path := filepath.Join(registry, "partners", other.folder()+".yaml")
	return partners.WriteFile(path, "Made by the demonstration: synthetic data only.", file)
}

// writeAgreement writes the agreement between p and another party as p sees it.
func (p *party) writeAgreement(registry string, other *party) error {
	foreign := other.code
	if foreign == "VN" {
		foreign = p.code
	}
	agreement, err := partners.TemplateAgreement(p.world.agreement(foreign))
	if err != nil {
		return err
	}
	if p.code != "VN" {
		agreement = agreement.SeenBy("VN")
	}
	comment := "Made by the demonstration from a template; see partners/examples/agreements."
	if p.world.stories && foreign == "KH" {
		comment += "\n# support_follow_up is off in the template, until both sides have agreed on it.\n# In the demonstration's story they have: here it is on."
		for i := range agreement.Permits {
			if agreement.Permits[i].Type == exchange.TypeSupport {
				agreement.Permits[i].Off = false
			}
		}
	}
	path := filepath.Join(registry, "agreements", agreement.Code+".yaml")
	return partners.WriteFile(path, comment, agreement)
}

// newBenchWorld makes the two parties of the bench.
func newBenchWorld(dir string) (*world, error) {
	return newWorld(filepath.Join(dir, "world"), true, []*party{
		{code: "VN", name: "Viet Nam (bench)", listen: "127.0.0.1:0", store: "gateway.db"},
		{code: "KH", name: "Cambodia (bench)", listen: "127.0.0.1:1", store: "gateway.db"},
	})
}
