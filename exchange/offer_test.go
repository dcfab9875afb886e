package exchange

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// offered writes what a case allows now: the types by their codes, and what
// is not offered by the rule that forbids it.
func (s *script) offered() string {
	var out []string
	for _, r := range catalogue {
		for _, o := range s.book.toSend().offers(r, s.drafts) {
			line := r.Code
			if o.Refused != nil {
				line += "!" + o.Refused.Rule
			}
			for _, part := range [][]string{{" ", strings.Join(o.Persons, ",")}, {" re ", strings.TrimPrefix(o.InReplyTo, "message-")}, {" to ", strings.TrimPrefix(o.Target, "message-")}} {
				if part[1] != "" {
					line += part[0] + part[1]
				}
			}
			if o.Again {
				line += " again"
			}
			if len(o.Drafts) > 0 {
				line += strings.ReplaceAll(fmt.Sprintf(" by %v %t", o.Drafts, o.Drafted), "message-", "")
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}

func (s *script) offers(want string) {
	s.t.Helper()
	// The ends of every case are in every list; they are left out of what is compared.
	var got []string
	for _, o := range strings.Split(s.offered(), "; ") {
		if !strings.HasPrefix(o, "WDR") && !strings.HasPrefix(o, "ERN") && o != "COR" {
			got = append(got, o)
		}
	}
	if text := strings.Join(got, "; "); text != want {
		s.t.Fatalf("after message %d the case offers\n%s, want\n%s", s.n, text, want)
	}
}

// corrects compares which messages of ours a correction is offered for.
func (s *script) corrects(want string) {
	s.t.Helper()
	var got []string
	for _, r := range catalogue {
		for _, o := range s.book.toSend().offers(r, s.drafts) {
			if o.Type == TypeCorrection {
				got = append(got, o.Targets...)
			}
		}
	}
	if text := strings.ReplaceAll(strings.Join(got, " "), "message-", ""); text != want {
		s.t.Errorf("after message %d what can be corrected is %q, want %q", s.n, text, want)
	}
}

// What is offered is what the case admits, and each refusal is the case's own.
func TestOffers(t *testing.T) {
	s := newScript(t)
	s.offers("VIN; IVQ; SRV; CIQ")
	s.ok("host", "IVQ S-1 S-2") // 01
	s.offers("VIN S-1,S-2; IVQ S-1,S-2 again; FTQ S-1,S-2; RPQ!nationality-not-confirmed; HON!return-not-agreed; HOR!handover-not-announced")
	s.ok("origin", "NCF S-1=confirmed") // 02
	s.ok("origin", "NCF S-2=confirmed") // 03
	s.ok("origin", "FTQ S-1")           // 04
	s.offers("VIN S-1,S-2; IVQ S-1,S-2 again; FTQ S-1,S-2; FTR S-1 re 04; RPQ S-1 to 02; RPQ S-2 to 03; HON!return-not-agreed; HOR!handover-not-announced")
	s.ok("host", "RPQ S-1 to 02")                // 05
	s.ok("origin", "RPR S-1=accept re 05")       // 06
	s.ok("host", "HON S-1=document_held")        // 07
	s.ok("host", "HOR S-1=handed_over digest=d") // 08
	s.offers("VIN S-1,S-2; IVQ S-1,S-2 again; FTQ S-1,S-2; FTR S-1 re 04; RPQ S-1 to 02 again; RPQ S-2 to 03; HON S-1 again; HOR S-1 again")

	o := newScript(t)
	o.host = false // the same life, seen by the origin
	o.ok("host", "IVQ S-1 S-2")
	o.offers("IVR S-1,S-2 re 01; NCF S-1,S-2 re 01; FTQ S-1,S-2; TDN!return-not-agreed; RCC!not-handed-over; SUP!not-received")
	o.ok("origin", "IVR S-1=match re 01")
	o.offers("IVR S-1,S-2 re 01; NCF S-1,S-2 re 01; FTQ S-1,S-2; TDN!return-not-agreed; RCC!not-handed-over; SUP!not-received")
	o.ok("origin", "IVR S-2=match re 01")
	o.ok("host", "WDR S-2=duplicate to 01")
	o.offers("IVR S-1 re 01 again; NCF S-1 re 01; FTQ S-1; TDN!return-not-agreed; RCC!not-handed-over; SUP!not-received")
	o.ok("origin", "NCF S-1=confirmed re 01")
	o.ok("host", "RPQ S-1 to 05")
	o.ok("origin", "RPR S-1=accept re 06")
	o.ok("host", "HON S-1=document_held")
	o.ok("host", "HOR S-1=handed_over digest=d")
	if got := o.offered(); !strings.Contains(got, "HOR S-1 re 09 to 09;") {
		t.Errorf("no countersignature is offered: %s", got)
	}

	p := newScript(t)
	p.host = false
	p.ok("host", "CIQ all")
	p.offers("CIQ; CIR re 01")

	// Each offer holds: what it names is admitted.
	for _, life := range []*script{s, o, p} {
		for _, r := range catalogue {
			for _, offer := range life.book.toSend().offers(r, nil) {
				if (offer.InReplyTo+offer.Target == "") != (offer.Of == "" && offer.At.IsZero()) {
					t.Errorf("%s answers %s, which is said to be a %q of %v", r.Code, offer.InReplyTo, offer.Of, offer.At)
				}
				if offer.Refused != nil || offer.Targets != nil || r.Type == TypeErasureNotice {
					continue
				}
				reading := life.book.read(life.book.Opened())
				for _, ref := range append(slices.Clone(offer.Persons), map[bool][]string{true: {whole}}[offer.Persons == nil]...) {
					n := reading.trial(r.Type, ref, life.book.find(offer.InReplyTo, false))
					if r.Type == TypeHandoverNotice {
						n.Subjects[0].Value = documentHeld
					}
					n.ID = fmt.Sprintf("trial-%s", ref)
					if refused := life.book.refuses(&n); refused != nil {
						t.Errorf("%s of %q is offered and refused: %v", r.Code, ref, refused)
					}
				}
			}
		}
	}
}

// A question that a draft answers is not one that nobody has answered; of whom the
// draft does not speak still is.
func TestOffersKnowDrafts(t *testing.T) {
	s := newScript(t)
	s.host = false
	s.ok("host", "IVQ S-1 S-2") // 01
	draft := func(line string) { s.drafts = append(s.drafts, s.note("origin", line)) }
	const rest = "; FTQ S-1,S-2; TDN!return-not-agreed; RCC!not-handed-over; SUP!not-received"
	draft("IVR S-1=match re 01") // 02
	s.offers("IVR S-1,S-2 re 01 by [02] false; NCF S-1,S-2 re 01" + rest)
	draft("IVR S-2=match re 01") // 03
	s.offers("IVR S-1,S-2 re 01 by [02 03] true; NCF S-1,S-2 re 01" + rest)
	s.drafts = s.drafts[:1]
	s.ok("origin", "IVR S-2=match re 01") // 04: what was said counts with what is drafted
	s.offers("IVR S-1,S-2 re 01 by [02] true; NCF S-1,S-2 re 01" + rest)
	s.ok("host", "IVQ S-1") // 05 is another question
	s.offers("IVR S-1 re 05; IVR S-1,S-2 re 01 by [02] true; NCF S-1 re 05; NCF S-1,S-2 re 01" + rest)

	s = newScript(t)
	s.ok("host", "IVQ S-1")        // 01
	s.ok("origin", "ERN all=case") // 02
	draft("ERC all=done re 02")    // 03
	if got := s.offered(); !strings.Contains(got, "ERC re 02 by [03] true") {
		t.Errorf("the notice has an answer: %s", got)
	}
}
